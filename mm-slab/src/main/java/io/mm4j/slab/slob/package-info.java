// SPDX-License-Identifier: Apache-2.0

/**
 * The slab allocator {@code slob}: free blocks of all sizes in shared pages, first fit, as in
 * mm/slob.c until Linux 6.3.
 */
@NullMarked
package io.mm4j.slab.slob;

import org.jspecify.annotations.NullMarked;
