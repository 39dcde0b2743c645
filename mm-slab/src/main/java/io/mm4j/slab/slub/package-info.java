// SPDX-License-Identifier: Apache-2.0

/**
 * The slab allocator {@code slub}: mm/slub.c of Linux 6.18, with sheaves for the caches that Linux
 * gives them to, for all, or for none.
 */
@NullMarked
package io.mm4j.slab.slub;

import org.jspecify.annotations.NullMarked;
