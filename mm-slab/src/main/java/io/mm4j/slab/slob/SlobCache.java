// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slob;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectFrames;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.slab.base.ArgsCache;
import java.util.Arrays;
import java.util.concurrent.atomic.LongAdder;

/**
 * A cache of a slob: no more than a size and an alignment, as its objects lie between those of
 * others; or, from a page on, blocks of pages.
 */
final class SlobCache extends ArgsCache {
  /** {@code struct slob_rcu}: what an object of an RCU cache has behind it. */
  private static final int RCU_FOOTER = 16;

  private static final int LINE = 64;

  private final int align;

  /** What a block of it takes. */
  final int blockBytes;

  /** Its objects are blocks of pages. */
  final boolean inPages;

  private final int order;
  final int allocFlags;
  final LongAdder live = new LongAdder();

  /** Pages of the heap, of which the first cache of kmalloc tells. */
  final LongAdder heapPages = new LongAdder();

  /** Freed objects that readers under RCU may still see; with the heap's lock. */
  private long[] waiting = new long[0];

  private int waitingCount;

  SlobCache(int id, KmemCacheArgs args, int kmallocIndex) {
    super(id, shift(args, kmallocIndex), args, kmallocIndex);
    this.align = align(args);
    this.blockBytes = blockBytes(args);
    this.inPages = kmallocIndex < 0 && inPages(args);
    this.order = inPages ? Pages.orderOf(Math.max(blockBytes, align)) : 0;
    if (order > Pages.MAX_PAGE_ORDER) {
      throw new MisuseException("no block is so large: " + args);
    }
    this.allocFlags = zoneFlags(args.flags()) | (order > 0 ? Gfp.__GFP_COMP : 0);
  }

  private static int align(KmemCacheArgs args) {
    return alignment(args.flags(), args.align(), args.objectBytes(), LINE, Long.BYTES);
  }

  private static int blockBytes(KmemCacheArgs args) {
    boolean rcu = (args.flags() & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0;
    return args.objectBytes() + (rcu ? RCU_FOOTER : 0);
  }

  private static boolean inPages(KmemCacheArgs args) {
    return Math.max(blockBytes(args), align(args)) >= Pages.PAGE_SIZE;
  }

  private static int shift(KmemCacheArgs args, int kmallocIndex) {
    return kmallocIndex < 0 && inPages(args)
        ? ObjectFrames.shiftOf((int) Pages.PAGE_SIZE)
        : ObjectFrames.MIN_SHIFT;
  }

  boolean isRcu() {
    return (args.flags() & SlabFlags.SLAB_TYPESAFE_BY_RCU) != 0;
  }

  void addWaiting(long paddr) {
    if (waitingCount == waiting.length) {
      waiting = Arrays.copyOf(waiting, Math.max(16, waitingCount * 2));
    }
    waiting[waitingCount] = paddr;
    waitingCount++;
  }

  /** Takes a freed object whose bytes are still as they were; {@link SlabAllocator#NO_OBJECT}. */
  long takeWaiting() {
    if (waitingCount == 0) {
      return SlabAllocator.NO_OBJECT;
    }
    waitingCount--;
    return waiting[waitingCount];
  }

  int waitingCount() {
    return waitingCount;
  }

  boolean isWaiting(long paddr) {
    for (int i = 0; i < waitingCount; i++) {
      if (waiting[i] == paddr) {
        return true;
      }
    }
    return false;
  }

  @Override
  public int size() {
    return inPages ? (int) Pages.PAGE_SIZE << order : up(blockBytes, SlobHeap.UNIT);
  }

  @Override
  public int align() {
    return inPages ? (int) Pages.PAGE_SIZE << order : align;
  }

  @Override
  public int order() {
    return order;
  }

  @Override
  public int objectsPerSlab() {
    return inPages ? 1 : (int) Pages.PAGE_SIZE / size();
  }

  /**
   * Objects and blocks of its own; pages that all caches share are told of by the first cache of
   * kmalloc.
   */
  @Override
  public CacheStats stats() {
    long count = live.sum();
    long all = count + waitingCount;
    long slabs = inPages ? all : heapPages.sum();
    return new CacheStats(all, all, count, slabs, slabs, slabs << order, 0, 0, 0, waitingCount);
  }
}
