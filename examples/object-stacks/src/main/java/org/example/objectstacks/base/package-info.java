// SPDX-License-Identifier: Apache-2.0

/** What slab allocators have in common: which object is whose, large blocks, krealloc. */
@NullMarked
package org.example.objectstacks.base;

import org.jspecify.annotations.NullMarked;
