// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.memory.FrameList;
import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.api.slab.SlabAllocator;
import org.jspecify.annotations.Nullable;

/**
 * What one CPU keeps of one cache: {@code struct kmem_cache_cpu} and {@code struct
 * slub_percpu_sheaves}. The owner's.
 */
final class CpuCache {
  final SlubCache cache;

  /** The slab that objects come from, or -1; its freelist, which nobody else knows. */
  long slab = FrameList.NONE;

  long freelist = SlabAllocator.NO_OBJECT;

  /** Slabs with free objects that are nobody else's. */
  final FrameList partial;

  /** The sheaf that fast paths work on, and the one behind it; null without sheaves. */
  final @Nullable ObjectSheaf main;

  final @Nullable ObjectSheaf spare;

  /**
   * How many objects of slabs fill the sheaf next. One after what the CPU kept was taken away, as
   * that may happen again soon; then twice as many each time, up to half a sheaf.
   */
  int batch;

  CpuCache(SlubCache cache, FrameList partial) {
    this.cache = cache;
    this.partial = partial;
    int capacity = cache.sheafCapacity;
    batch = most();
    main = capacity == 0 ? null : sheaf(cache, capacity);
    spare = capacity == 0 ? null : sheaf(cache, capacity);
  }

  private int most() {
    return Math.max(1, cache.sheafCapacity / 2);
  }

  /** The sheaf was filled. */
  void grow() {
    batch = Math.min(batch * 2, most());
  }

  private static ObjectSheaf sheaf(SlubCache cache, int capacity) {
    // Another cache may come to share this one, with larger objects.
    int bytes = cache.isUnmergeable() ? cache.objectBytes() : cache.size();
    return new ObjectSheaf(cache.id(), bytes, cache.shift, capacity);
  }

  /** Whether anything can go back to the slabs. */
  boolean keepsAny() {
    return slab != FrameList.NONE || sheafObjects() > 0 || partial.size() > 0;
  }

  /** Free objects in both sheaves. */
  int sheafObjects() {
    return main == null || spare == null ? 0 : main.size() + spare.size();
  }
}
