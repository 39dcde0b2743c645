// SPDX-License-Identifier: Apache-2.0

/**
 * The slab allocator {@code slab}: Bonwick's, as mm/slab.c of Linux 2.4 and 2.6 has it. Slabs are
 * full, partial or free; each has a descriptor, and objects of it begin at another colour.
 */
@NullMarked
package io.mm4j.slab.bonwick;

import org.jspecify.annotations.NullMarked;
