// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.page;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.slab.base.BaseCache;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** A cache whose objects have pages of their own. */
final class PageCache extends BaseCache {
  private final KmemCacheArgs args;
  private final int order;
  final int allocFlags;
  final LongAdder live = new LongAdder();

  PageCache(int id, KmemCacheArgs args, int kmallocIndex) {
    super(id, args.name(), size(args), kmallocIndex);
    this.args = args;
    this.order = Pages.orderOf(size(args));
    int flags = args.flags();
    this.allocFlags =
        Gfp.__GFP_COMP
            | ((flags & SlabFlags.SLAB_CACHE_DMA) != 0 ? Gfp.__GFP_DMA : 0)
            | ((flags & SlabFlags.SLAB_CACHE_DMA32) != 0 ? Gfp.__GFP_DMA32 : 0)
            | ((flags & SlabFlags.SLAB_RECLAIM_ACCOUNT) != 0 ? Gfp.__GFP_RECLAIMABLE : 0);
  }

  /** A block is aligned to its size, which serves every alignment. */
  private static int size(KmemCacheArgs args) {
    int order = Pages.orderOf(Math.max(args.objectBytes(), args.align()));
    if (order > Pages.MAX_PAGE_ORDER) {
      throw new MisuseException("no block is so large: " + args);
    }
    return (int) (Pages.PAGE_SIZE << order);
  }

  @Override
  public int objectBytes() {
    return args.objectBytes();
  }

  @Override
  public int size() {
    return (int) (Pages.PAGE_SIZE << order);
  }

  @Override
  public int align() {
    return (int) Pages.PAGE_SIZE << order;
  }

  @Override
  public int flags() {
    return args.flags();
  }

  @Override
  public int order() {
    return order;
  }

  @Override
  public int objectsPerSlab() {
    return 1;
  }

  @Override
  public int minPartial() {
    return 0;
  }

  @Override
  public int cpuPartial() {
    return 0;
  }

  @Override
  public int aliases() {
    return 0;
  }

  @Override
  public @Nullable ObjectConstructor ctor() {
    return args.ctor();
  }

  @Override
  public int usersize() {
    return args.usersize();
  }

  @Override
  public CacheStats stats() {
    long count = live.sum();
    return new CacheStats(count, count, count, count, count, count << order, 0, 0, 0, 0);
  }
}
