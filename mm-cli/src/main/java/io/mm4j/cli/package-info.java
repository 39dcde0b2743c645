// SPDX-License-Identifier: Apache-2.0

/** The mm command. */
@NullMarked
package io.mm4j.cli;

import org.jspecify.annotations.NullMarked;
