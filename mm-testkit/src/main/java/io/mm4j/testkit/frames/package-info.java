// SPDX-License-Identifier: Apache-2.0

/** The suite of the SPI {@code frame-allocator}. */
@NullMarked
package io.mm4j.testkit.frames;

import org.jspecify.annotations.NullMarked;
