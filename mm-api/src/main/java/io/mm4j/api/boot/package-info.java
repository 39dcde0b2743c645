// SPDX-License-Identifier: Apache-2.0

/** The kernel command line, the settings that floors read, and the zones that boot makes. */
@NullMarked
package io.mm4j.api.boot;

import org.jspecify.annotations.NullMarked;
