// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import org.jspecify.annotations.Nullable;

/**
 * Caches of a heap for sizes between those of {@code kmalloc()}, which are powers of two from 256
 * bytes on: there a request of any size wastes more than a quarter of its object, with these about
 * a tenth. What goes into a slab of {@code slub} no more often than the next power of two is not
 * among them.
 */
final class HeapSizes {
  private static final int[] BYTES = {
    320, 384, 448, 640, 768, 896, 1280, 1536, 1792, 2560, 3072, 3584, 5120, 6144, 10240
  };

  private static final int SHIFT = 6;

  private final SlabAllocator slabs;

  /** By {@code (bytes - 1) >>> SHIFT}; null where {@code kmalloc()} serves. */
  private final @Nullable KmemCache[] caches =
      new @Nullable KmemCache[BYTES[BYTES.length - 1] >>> SHIFT];

  /** Makes the caches. */
  HeapSizes(SlabAllocator slabs) {
    this.slabs = slabs;
    for (int bytes : BYTES) {
      KmemCacheArgs args =
          KmemCacheArgs.of("heap-" + bytes, bytes)
              .withAlign(Integer.lowestOneBit(bytes))
              .withFlags(SlabFlags.SLAB_NO_MERGE);
      KmemCache cache = slabs.kmemCacheCreate(args);
      int smaller = Integer.highestOneBit(bytes) >>> SHIFT;
      for (int slot = (bytes >>> SHIFT) - 1; slot >= smaller && caches[slot] == null; slot--) {
        caches[slot] = cache;
      }
    }
  }

  /** The cache for a request of so many bytes, from 1 on; null where {@code kmalloc()} serves. */
  @Nullable KmemCache of(long bytes) {
    long slot = (bytes - 1) >>> SHIFT;
    return slot < caches.length ? caches[(int) slot] : null;
  }

  /** How many bytes the object of a request has. */
  long roundup(long bytes) {
    KmemCache cache = bytes > 0 ? of(bytes) : null;
    return cache == null ? slabs.kmallocSizeRoundup(bytes) : cache.objectBytes();
  }
}
