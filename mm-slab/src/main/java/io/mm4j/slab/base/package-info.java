// SPDX-License-Identifier: Apache-2.0

/** What slab allocators have in common: which object is whose, large blocks, krealloc. */
@NullMarked
package io.mm4j.slab.base;

import org.jspecify.annotations.NullMarked;
