// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.page;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.slab.base.ArgsCache;
import java.util.concurrent.atomic.LongAdder;

/** A cache whose objects have pages of their own. */
final class PageCache extends ArgsCache {
  private final int order;
  final int allocFlags;
  final LongAdder live = new LongAdder();

  PageCache(int id, KmemCacheArgs args, int kmallocIndex) {
    super(id, args, size(args), kmallocIndex);
    this.order = Pages.orderOf(size(args));
    this.allocFlags = pageFlags(args.flags());
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
  public int size() {
    return (int) (Pages.PAGE_SIZE << order);
  }

  @Override
  public int align() {
    return (int) Pages.PAGE_SIZE << order;
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
  public CacheStats stats() {
    long count = live.sum();
    return new CacheStats(count, count, count, count, count, count << order, 0, 0, 0, 0);
  }
}
