// SPDX-License-Identifier: Apache-2.0

/**
 * The slab allocator {@code page}: every object has pages of its own. For tests and as a first
 * example.
 */
@NullMarked
package io.mm4j.slab.page;

import org.jspecify.annotations.NullMarked;
