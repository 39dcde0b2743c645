// SPDX-License-Identifier: Apache-2.0

/** The suite of the SPI {@code page-allocator}. */
@NullMarked
package io.mm4j.testkit.pages;

import org.jspecify.annotations.NullMarked;
