// SPDX-License-Identifier: Apache-2.0

/**
 * The frame allocator {@code buddy}: free lists by order and migratetype, as in Linux. Storage
 * ({@link io.mm4j.buddy.lists.BlockTable}), set ({@link io.mm4j.buddy.lists.FreeLists}) and the
 * rules of splitting and merging ({@link io.mm4j.buddy.lists.BuddyFrameAllocator}) are files of
 * their own.
 */
@NullMarked
package io.mm4j.buddy.lists;

import org.jspecify.annotations.NullMarked;
