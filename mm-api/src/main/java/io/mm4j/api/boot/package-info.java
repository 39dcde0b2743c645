// SPDX-License-Identifier: Apache-2.0

/** The kernel command line, and the settings that the floors of a machine read. */
@NullMarked
package io.mm4j.api.boot;

import org.jspecify.annotations.NullMarked;
