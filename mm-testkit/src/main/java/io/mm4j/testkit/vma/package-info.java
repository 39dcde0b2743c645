// SPDX-License-Identifier: Apache-2.0

/** The suite of the SPI {@code vma-index}. */
@NullMarked
package io.mm4j.testkit.vma;

import org.jspecify.annotations.NullMarked;
