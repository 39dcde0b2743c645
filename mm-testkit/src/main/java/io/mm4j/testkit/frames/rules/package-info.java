// SPDX-License-Identifier: Apache-2.0

/** The rules of the SPI {@code frame-allocator}: operations, model, checks. */
@NullMarked
package io.mm4j.testkit.frames.rules;

import org.jspecify.annotations.NullMarked;
