// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.rbtree;

import static io.mm4j.vmalloc.rbtree.Areas.NONE;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.vmalloc.VmallocAllocator;

/**
 * What is nobody's and not free yet, by node: areas that were freed and wait for a purge, and
 * purged ones that are kept for the CPU that had asked. Models the {@code lazy} trees and pools of
 * {@code struct vmap_node}. The allocator's lock is held.
 */
final class Waiting {
  private static final int NO_NODE = VmallocAllocator.NO_NODE;

  /** {@code vmap_zone_size} in pages, as a shift: whose lazy tree an area of no node goes to. */
  private static final int ZONE_SHIFT = 4;

  private final Areas a;
  private final AreaTree free;
  private final AreaTree decayed;
  private final AreaTree[] lazy;
  private final Pools[] pools;
  private long lazyPages;

  Waiting(Areas areas, AreaTree free, int nodes) {
    this.a = areas;
    this.free = free;
    decayed = new AreaTree(a, false);
    lazy = new AreaTree[nodes];
    pools = new Pools[nodes];
    for (int i = 0; i < nodes; i++) {
      lazy[i] = new AreaTree(a, false);
      pools[i] = new Pools(a);
    }
  }

  int nodes() {
    return pools.length;
  }

  Pools pools(int node) {
    return pools[node];
  }

  long lazyPages() {
    return lazyPages;
  }

  /** An area is no longer in use. */
  void add(int area) {
    lazyPages += a.bytes(area) >>> Pages.PAGE_SHIFT;
    lazy[nodeOf(area)].insert(area);
  }

  private int nodeOf(int area) {
    return a.node[area] != NO_NODE
        ? a.node[area]
        : (int)
            Long.remainderUnsigned(a.start[area] >>> (Pages.PAGE_SHIFT + ZONE_SHIFT), lazy.length);
  }

  /**
   * A purge begins: pools lose a quarter, and what waits is taken out of the trees.
   *
   * @param firsts receives the first area of each node
   */
  void take(int[] firsts) {
    for (int i = 0; i < lazy.length; i++) {
      int _ = decay(pools[i], false);
      firsts[i] = lazy[i].first();
      lazy[i].clear();
    }
  }

  /**
   * {@code purge_vmap_node()}: small areas to their pools, the others to the tree, from the top.
   *
   * @return how many
   */
  int purge(int first) {
    int count = 0;
    int toTree = NONE;
    for (int n = first; n != NONE; ) {
      int next = a.after[n];
      long pages = a.bytes(n) >>> Pages.PAGE_SHIFT;
      count++;
      lazyPages -= pages;
      if (a.node[n] != NO_NODE && pages <= Pools.MAX_PAGES) {
        pools[a.node[n]].push(n, (int) pages);
      } else {
        a.after[n] = toTree;
        toTree = n;
      }
      n = next;
    }
    while (toTree != NONE) {
      int next = a.after[toTree];
      a.node[toTree] = NO_NODE;
      free.merge(toTree);
      toTree = next;
    }
    return count;
  }

  /** {@code decay_va_pool_node()}: a quarter of each pool, or all of it, goes back to the tree. */
  private int decay(Pools pool, boolean all) {
    if (pool.all() == 0) {
      return 0;
    }
    int count = 0;
    for (int pages = 1; pages <= Pools.MAX_PAGES; pages++) {
      int length = pool.length(pages);
      for (int i = all ? length : length / 4; i > 0; i--) {
        int area = pool.pop(pages);
        a.node[area] = NO_NODE;
        decayed.merge(area);
        count++;
      }
    }
    int next;
    for (int n = decayed.first(); n != NONE; n = next) {
      next = a.after[n];
      free.merge(n);
    }
    decayed.clear();
    return count;
  }

  /** Empties all pools; returns how many areas were in them. */
  int shrink() {
    int count = 0;
    for (Pools pool : pools) {
      count += decay(pool, true);
    }
    return count;
  }

  int pooled() {
    int count = 0;
    for (Pools pool : pools) {
      count += pool.all();
    }
    return count;
  }

  int lazyAreas() {
    int count = 0;
    for (AreaTree tree : lazy) {
      count += tree.size();
    }
    return count;
  }

  void forEachLazy(VmallocAllocator.AreaVisitor visitor) {
    for (AreaTree tree : lazy) {
      for (int n = tree.first(); n != NONE; n = a.after[n]) {
        visitor.range(a.start[n], a.end[n]);
      }
    }
  }

  void clear() {
    for (int i = 0; i < lazy.length; i++) {
      lazy[i].clear();
      pools[i].clear();
    }
    lazyPages = 0;
  }

  /** The area of a pool that is exactly this range, or NONE. */
  int pooled(long address, long bytes) {
    long pages = bytes >>> Pages.PAGE_SHIFT;
    for (Pools pool : pools) {
      int n = pool.all() == 0 || pages > Pools.MAX_PAGES ? NONE : pool.head((int) pages);
      for (; n != NONE; n = a.after[n]) {
        if (a.start[n] == address) {
          return n;
        }
      }
    }
    return NONE;
  }

  /** Whether a part of a range is lazy or in a pool. */
  boolean has(long from, long to) {
    for (AreaTree tree : lazy) {
      if (tree.touches(from, to)) {
        return true;
      }
    }
    for (Pools pool : pools) {
      for (int pages = 1; pool.all() > 0 && pages <= Pools.MAX_PAGES; pages++) {
        for (int n = pool.head(pages); n != NONE; n = a.after[n]) {
          if (a.start[n] < to && a.end[n] > from) {
            return true;
          }
        }
      }
    }
    return false;
  }

  void validate() {
    long pages = 0;
    for (AreaTree tree : lazy) {
      tree.validate("lazy");
      for (int n = tree.first(); n != NONE; n = a.after[n]) {
        pages += a.bytes(n) >>> Pages.PAGE_SHIFT;
      }
    }
    CorruptStateError.check(
        pages == lazyPages, "lazy pages: walked=" + pages + " counted=" + lazyPages);
  }
}
