// SPDX-License-Identifier: Apache-2.0

/**
 * The page allocator {@code linux}: what Linux decides above the free blocks of a zone - zonelists,
 * watermarks, per-cpu lists, migratetype fallback and the slow path.
 */
@NullMarked
package io.mm4j.buddy.linux;

import org.jspecify.annotations.NullMarked;
