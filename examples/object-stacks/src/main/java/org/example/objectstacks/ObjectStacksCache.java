// SPDX-License-Identifier: Apache-2.0

package org.example.objectstacks;

import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabFlags;
import java.util.Arrays;
import org.example.objectstacks.base.BaseCache;
import org.jspecify.annotations.Nullable;

/**
 * A cache whose objects lie in slots of a power of two bytes, and a stack of free objects for each
 * node. A slab is a page, or a block of its own for an object of a page or more.
 */
final class ObjectStacksCache extends BaseCache {
  private final KmemCacheArgs args;
  private final int size;
  private final int order;
  final int allocFlags;

  /** Guards what follows. */
  final KernelLock lock;

  private final long[][] stacks;
  private final int[] tops;
  private long slabs;

  ObjectStacksCache(int id, KmemCacheArgs args, int kmallocIndex, int nodes) {
    super(id, args.name(), slot(args), kmallocIndex);
    this.args = args;
    this.size = slot(args);
    this.order = size <= Pages.PAGE_SIZE ? 0 : Pages.orderOf(size);
    int flags = args.flags();
    this.allocFlags =
        Gfp.__GFP_COMP
            | ((flags & SlabFlags.SLAB_CACHE_DMA) != 0 ? Gfp.__GFP_DMA : 0)
            | ((flags & SlabFlags.SLAB_CACHE_DMA32) != 0 ? Gfp.__GFP_DMA32 : 0)
            | ((flags & SlabFlags.SLAB_RECLAIM_ACCOUNT) != 0 ? Gfp.__GFP_RECLAIMABLE : 0);
    this.lock = new KernelLock(LockClass.SLAB_NODE, args.name());
    this.stacks = new long[nodes][16];
    this.tops = new int[nodes];
  }

  /** The next power of two; every object is aligned to it. */
  private static int slot(KmemCacheArgs args) {
    int least = Math.max(8, Math.max(args.objectBytes(), args.align()));
    if (least > Pages.PAGE_SIZE << Pages.MAX_PAGE_ORDER) {
      throw new MisuseException("no block is so large: " + args);
    }
    return Integer.highestOneBit(least - 1) << 1;
  }

  /** Takes the object that was freed last on a node, or 0. Under the lock. */
  long pop(int node) {
    return tops[node] == 0 ? 0 : stacks[node][--tops[node]];
  }

  /** Puts an object on the stack of its node. Under the lock. */
  void push(int node, long paddr) {
    if (tops[node] == stacks[node].length) {
      stacks[node] = Arrays.copyOf(stacks[node], 2 * tops[node]);
    }
    stacks[node][tops[node]++] = paddr;
  }

  /** A slab comes, or goes. Under the lock. */
  void slab(int sign) {
    slabs += sign;
  }

  long slabs() {
    return slabs;
  }

  long[] freeOf(int node) {
    return Arrays.copyOf(stacks[node], tops[node]);
  }

  /** Keeps only these free objects of a node. Under the lock. */
  void keep(int node, long[] objects) {
    stacks[node] = Arrays.copyOf(objects, Math.max(16, objects.length));
    tops[node] = objects.length;
  }

  private long free() {
    return Arrays.stream(tops).asLongStream().sum();
  }

  /** Objects that somebody holds. Under the lock. */
  long live() {
    return slabs * objectsPerSlab() - free();
  }

  @Override
  public int objectBytes() {
    return args.objectBytes();
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public int align() {
    return size;
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
    return (int) ((Pages.PAGE_SIZE << order) / size);
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
    lock.lock();
    try {
      long all = slabs * objectsPerSlab();
      return new CacheStats(live(), all, live(), slabs, slabs, slabs << order, 0, 0, 0, 0);
    } finally {
      lock.unlock();
    }
  }
}
