// SPDX-License-Identifier: Apache-2.0

/** Page allocation: the free blocks of a zone, alloc_pages above them, GFP flags, pressure. */
@NullMarked
package io.mm4j.api.page;

import org.jspecify.annotations.NullMarked;
