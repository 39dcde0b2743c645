// SPDX-License-Identifier: Apache-2.0

/**
 * The slab allocator {@code object-stacks}: every object has pages of its own. For tests and as a
 * first example.
 */
@NullMarked
package org.example.objectstacks;

import org.jspecify.annotations.NullMarked;
