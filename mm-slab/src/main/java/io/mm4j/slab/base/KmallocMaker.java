// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCacheArgs;

/**
 * Makes one of the caches of {@code kmalloc()}.
 *
 * @param <C> the design's caches
 */
@FunctionalInterface
public interface KmallocMaker<C> {
  /** Makes it. */
  C make(int type, int index, int bytes);

  /** The arguments that designs give to these caches: name, size, natural alignment. */
  static KmemCacheArgs args(int type, int bytes, int flags) {
    String prefix =
        switch (type) {
          case CpuSlabs.KMALLOC_DMA -> "dma-kmalloc-";
          case CpuSlabs.KMALLOC_RECLAIM -> "kmalloc-rcl-";
          case CpuSlabs.KMALLOC_CGROUP -> "kmalloc-cg-";
          default -> "kmalloc-";
        };
    return KmemCacheArgs.of(prefix + KmallocSizes.shortName(bytes), bytes)
        .withAlign(Math.max(8, Integer.lowestOneBit(bytes)))
        .withFlags(flags)
        .withUser(0, bytes);
  }
}
