// SPDX-License-Identifier: Apache-2.0

/** Where the VMAs of one address space are kept: the SPI {@code vma-index}. */
@NullMarked
package io.mm4j.api.vma;

import org.jspecify.annotations.NullMarked;
