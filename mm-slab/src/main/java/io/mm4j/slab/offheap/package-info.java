// SPDX-License-Identifier: Apache-2.0

/**
 * The slab allocator as off-heap memory of JVM programs, by the types of {@code java.lang.foreign}.
 *
 * <pre>{@code
 * try (OffHeap heap = OffHeap.ofBytes(64 << 20); Arena arena = heap.confinedArena()) {
 *   MemorySegment text = arena.allocateFrom("hello");
 * }
 * }</pre>
 *
 * <p>Which type can free what:
 *
 * <ul>
 *   <li>An {@link java.lang.foreign.Arena} frees everything at once, when it is closed; it has no
 *       method for one segment. {@link io.mm4j.slab.offheap.OffHeap#confinedArena} and {@link
 *       io.mm4j.slab.offheap.OffHeap#sharedArena} are arenas. A segment of a closed arena throws at
 *       each access, as any other.
 *   <li>A {@link java.lang.foreign.SegmentAllocator} only allocates. {@link
 *       io.mm4j.slab.offheap.OffHeap} is one, and adds {@link
 *       io.mm4j.slab.offheap.OffHeap#free(java.lang.foreign.MemorySegment)} for single segments:
 *       they live until they are freed or the heap is closed. The JDK cannot end the life of one
 *       segment of a scope, so that one that was freed can still be read, as with {@code malloc()};
 *       freeing it twice, or freeing what was not allocated here, is refused.
 *   <li>{@link io.mm4j.slab.offheap.OffHeap#malloc} and {@link
 *       io.mm4j.slab.offheap.OffHeap#free(long)} deal in offsets into {@link
 *       io.mm4j.slab.offheap.OffHeap#memory()} and make no Java object at all.
 * </ul>
 */
@NullMarked
package io.mm4j.slab.offheap;

import org.jspecify.annotations.NullMarked;
