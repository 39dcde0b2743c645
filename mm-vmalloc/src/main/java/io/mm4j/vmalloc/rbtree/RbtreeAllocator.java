// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.rbtree;

import static io.mm4j.vmalloc.rbtree.Areas.NONE;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.api.vmalloc.VmallocStats;

/**
 * The allocator {@code rbtree}. Models {@code alloc_vmap_area()}, {@code free_vmap_area_noflush()}
 * and {@code __purge_vmap_area_lazy()} of mm/vmalloc.c, Linux 6.18.
 *
 * <p>An area is in exactly one place:
 *
 * <pre>
 *   free     one tree of the holes, each node knows the largest hole below it
 *   busy     one tree
 *   lazy     one tree for each node: freed, and waiting for a purge
 *   pools    lists for each node and number of pages: purged, and kept for the CPU that had asked
 * </pre>
 *
 * <p>Differences: Linux divides the busy areas among nodes for its locks; here one lock is held
 * over every call, and no helpers purge nodes side by side.
 */
final class RbtreeAllocator implements VmallocAllocator {
  /** {@code lazy_max_pages()}: so many pages for each binary digit of the number of CPUs. */
  private static final long LAZY_UNIT = (32L << 20) >> Pages.PAGE_SHIFT;

  private static final int MAX_NODES = 128;

  /** {@code vmap_zone_size} in pages, as a shift: whose lazy tree an area of no node goes to. */
  private static final int ZONE_SHIFT = 4;

  private final KernelLock lock = new KernelLock(LockClass.VMAP, "vmap areas");
  private final Areas a = new Areas();
  private final AreaTree free = new AreaTree(a, true);
  private final AreaTree busy = new AreaTree(a, false);
  private final AreaTree decayed = new AreaTree(a, false);
  private final AreaTree[] lazy;
  private final Pools[] pools;
  private final long start;
  private final long end;
  private final long lazyMax;
  private long lazyPages;
  private long purges;
  private long purgedAreas;

  /** The area of the last allocation, for undo, and whether a pool had it. */
  private int lastArea = NONE;

  private boolean lastFromPool;

  RbtreeAllocator(VmallocAllocatorProvider.Floors floors) {
    int nodes = floors.is64Bit() ? Math.clamp(floors.cpus(), 1, MAX_NODES) : 1;
    lazy = new AreaTree[nodes];
    pools = new Pools[nodes];
    for (int i = 0; i < nodes; i++) {
      lazy[i] = new AreaTree(a, false);
      pools[i] = new Pools(a);
    }
    start = floors.start();
    end = floors.end();
    lazyMax = (32 - Integer.numberOfLeadingZeros(floors.cpus())) * LAZY_UNIT;
    free.insert(a.make(start, floors.top(), NO_NODE));
  }

  @Override
  public long alloc(Cpu cpu, long bytes, long align, long from, long to) {
    long aligned = Math.max(align, Pages.PAGE_SIZE);
    if (bytes <= 0
        || (bytes & (Pages.PAGE_SIZE - 1)) != 0
        || align <= 0
        || (align & (align - 1)) != 0
        || from >= to) {
      throw new MisuseException(
          String.format(
              "no request for an area: bytes=%d align=0x%x start=0x%x end=0x%x",
              bytes, align, from, to));
    }
    lock.lock();
    try {
      int node = NO_NODE;
      int area = NONE;
      if (from == start && to == end && pools.length > 1) {
        node = cpu.id() % pools.length;
        long pages = bytes >>> Pages.PAGE_SHIFT;
        area = pages <= Pools.MAX_PAGES ? pools[node].take((int) pages, aligned) : NONE;
      }
      lastFromPool = area != NONE;
      if (area == NONE) {
        long address = carve(bytes, aligned, from, to);
        if (address == NO_ADDRESS) {
          lastArea = NONE;
          return NO_ADDRESS;
        }
        area = a.make(address, address + bytes, node);
      }
      busy.insert(area);
      lastArea = area;
      return a.start[area];
    } finally {
      lock.unlock();
    }
  }

  /** {@code __alloc_vmap_area()}. */
  private long carve(long bytes, long align, long from, long to) {
    boolean exact = align <= Pages.PAGE_SIZE || to - from == bytes;
    int hole = lowestMatch(bytes, align, from, exact ? bytes : bytes + align - 1);
    if (hole == NONE) {
      return NO_ADDRESS;
    }
    long address = alignUp(Math.max(a.start[hole], from), align);
    if (address + bytes > to || address + bytes < address) {
      return NO_ADDRESS;
    }
    clip(hole, address, bytes);
    return address;
  }

  /** {@code find_vmap_lowest_match()}: its way through the tree, step by step. */
  private int lowestMatch(long bytes, long align, long from, long length) {
    long low = from;
    int n = free.root();
    while (n != NONE) {
      if (free.max(a.left[n]) >= length && low < a.start[n]) {
        n = a.left[n];
        continue;
      }
      if (fits(n, bytes, align, low)) {
        return n;
      }
      if (free.max(a.right[n]) >= length) {
        n = a.right[n];
        continue;
      }
      // Back to the first ancestor with something to its right that was not looked at.
      n = a.parent[n];
      while (n != NONE) {
        if (fits(n, bytes, align, low)) {
          return n;
        }
        if (free.max(a.right[n]) >= length && low <= a.start[n]) {
          low = a.start[n] + 1;
          n = a.right[n];
          break;
        }
        n = a.parent[n];
      }
    }
    return NONE;
  }

  /** {@code is_within_this_va()}. */
  private boolean fits(int n, long bytes, long align, long from) {
    long address = alignUp(Math.max(a.start[n], from), align);
    return address >= from && address + bytes >= address && address + bytes <= a.end[n];
  }

  private static long alignUp(long address, long align) {
    return (address + align - 1) & -align;
  }

  /** {@code va_clip()}: what is left below is a new range, what is left above is the old one. */
  private void clip(int hole, long address, long bytes) {
    long to = address + bytes;
    boolean below = a.start[hole] < address;
    boolean above = to < a.end[hole];
    if (!below && !above) {
      free.remove(hole);
      a.drop(hole);
    } else if (!below) {
      a.start[hole] = to;
      free.grown(hole);
    } else if (!above) {
      a.end[hole] = address;
      free.grown(hole);
    } else {
      int rest = a.make(a.start[hole], address, NO_NODE);
      a.start[hole] = to;
      free.grown(hole);
      free.insert(rest);
    }
  }

  private int inUse(long address) {
    int area = busy.find(address);
    if (area == NONE || a.start[area] != address) {
      throw new MisuseException(
          String.format(
              "no area in use begins here: address=0x%x%s",
              address,
              area == NONE
                  ? ""
                  : String.format(", it lies in 0x%x-0x%x", a.start[area], a.end[area])));
    }
    return area;
  }

  @Override
  public void free(Cpu cpu, long address) {
    lock.lock();
    try {
      int area = inUse(address);
      busy.remove(area);
      lazyPages += a.bytes(area) >>> Pages.PAGE_SHIFT;
      lazy[nodeOf(area)].insert(area);
      lastArea = NONE;
    } finally {
      lock.unlock();
    }
  }

  private int nodeOf(int area) {
    return a.node[area] != NO_NODE
        ? a.node[area]
        : (int)
            Long.remainderUnsigned(a.start[area] >>> (Pages.PAGE_SHIFT + ZONE_SHIFT), lazy.length);
  }

  @Override
  public int purge(AreaVisitor flush) {
    int[] firsts = new int[lazy.length];
    long from = Long.MAX_VALUE;
    long to = Long.MIN_VALUE;
    lock.lock();
    try {
      lastArea = NONE;
      for (int i = 0; i < lazy.length; i++) {
        decay(pools[i], false);
        firsts[i] = lazy[i].first();
        for (int n = firsts[i]; n != NONE; n = a.after[n]) {
          from = Math.min(from, a.start[n]);
          to = Math.max(to, a.end[n]);
        }
        lazy[i].clear();
      }
    } finally {
      lock.unlock();
    }
    if (from < to) {
      flush.range(from, to);
    }
    lock.lock();
    try {
      int count = 0;
      for (int first : firsts) {
        count += purge(first);
      }
      purges += count > 0 ? 1 : 0;
      purgedAreas += count;
      return count;
    } finally {
      lock.unlock();
    }
  }

  /**
   * {@code purge_vmap_node()}: small areas to their pools, the others to the tree, from the top.
   */
  private int purge(int first) {
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

  @Override
  public int shrink() {
    lock.lock();
    try {
      lastArea = NONE;
      int count = 0;
      for (Pools pool : pools) {
        count += decay(pool, true);
      }
      return count;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int pooled() {
    int count = 0;
    for (Pools pool : pools) {
      count += pool.all();
    }
    return count;
  }

  @Override
  public long bytes(long address) {
    lock.lock();
    try {
      int area = busy.find(address);
      return area == NONE || a.start[area] != address ? 0 : a.bytes(area);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long find(long address) {
    lock.lock();
    try {
      int area = busy.find(address);
      return area == NONE ? NO_ADDRESS : a.start[area];
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void forEach(AreaVisitor visitor) {
    for (int n = busy.first(); n != NONE; n = a.after[n]) {
      visitor.range(a.start[n], a.end[n]);
    }
  }

  @Override
  public void forEachFree(AreaVisitor visitor) {
    for (int n = free.first(); n != NONE; n = a.after[n]) {
      visitor.range(a.start[n], a.end[n]);
    }
  }

  @Override
  public long lazyPages() {
    return lazyPages;
  }

  @Override
  public long lazyMax() {
    return lazyMax;
  }

  @Override
  public void clear() {
    lock.lock();
    try {
      a.clear();
      free.clear();
      busy.clear();
      for (int i = 0; i < lazy.length; i++) {
        lazy[i].clear();
        pools[i].clear();
      }
      lazyPages = 0;
      lastArea = NONE;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void addFree(long from, long to) {
    lock.lock();
    try {
      free.merge(a.make(from, to, NO_NODE));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void addPooled(int node, long address, long bytes) {
    lock.lock();
    try {
      pools[node].append(
          a.make(address, address + bytes, node), (int) (bytes >>> Pages.PAGE_SHIFT));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long takeExactly(int node, long address, long bytes) {
    lock.lock();
    try {
      long to = address + bytes;
      int pooled = pooled(address, bytes);
      if (pooled != NONE) {
        pools[a.node[pooled]].remove(pooled, (int) (bytes >>> Pages.PAGE_SHIFT));
        busy.insert(pooled);
        lastArea = NONE;
        return bytes >>> Pages.PAGE_SHIFT;
      }
      if (touches(busy, address, to) || isWaiting(address, to)) {
        return -1;
      }
      long known = 0;
      for (int hole = free.above(address);
          hole != NONE && a.start[hole] < to;
          hole = free.above(address)) {
        long from = Math.max(address, a.start[hole]);
        long until = Math.min(to, a.end[hole]);
        clip(hole, from, until - from);
        known += until - from;
      }
      busy.insert(a.make(address, to, node));
      lastArea = NONE;
      return known >>> Pages.PAGE_SHIFT;
    } finally {
      lock.unlock();
    }
  }

  /** The area of a pool that is exactly this range. */
  private int pooled(long address, long bytes) {
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

  private boolean touches(AreaTree tree, long from, long to) {
    int n = tree.above(from);
    return n != NONE && a.start[n] < to;
  }

  /** Whether a range is lazy or in a pool. */
  private boolean isWaiting(long from, long to) {
    for (AreaTree tree : lazy) {
      if (touches(tree, from, to)) {
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

  @Override
  public void undo(long address) {
    lock.lock();
    try {
      int area = lastArea;
      if (area == NONE || a.start[area] != address) {
        throw new MisuseException(String.format("not the last allocation: address=0x%x", address));
      }
      lastArea = NONE;
      busy.remove(area);
      if (lastFromPool) {
        pools[a.node[area]].push(area, (int) (a.bytes(area) >>> Pages.PAGE_SHIFT));
      } else {
        a.node[area] = NO_NODE;
        free.merge(area);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public VmallocStats stats() {
    lock.lock();
    try {
      long[] used = {0};
      forEach((from, to) -> used[0] += (to - from) >>> Pages.PAGE_SHIFT);
      int lazyAreas = 0;
      for (AreaTree tree : lazy) {
        lazyAreas += tree.size();
      }
      return new VmallocStats(
          busy.size(),
          used[0],
          lazyAreas,
          lazyPages,
          pooled(),
          free.size(),
          free.max(free.root()) >>> Pages.PAGE_SHIFT,
          purges,
          purgedAreas);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void validate() {
    lock.lock();
    try {
      free.validate("free");
      busy.validate("busy");
      long pages = 0;
      for (AreaTree tree : lazy) {
        tree.validate("lazy");
        for (int n = tree.first(); n != NONE; n = a.after[n]) {
          pages += a.bytes(n) >>> Pages.PAGE_SHIFT;
        }
      }
      CorruptStateError.check(
          pages == lazyPages, "lazy pages: walked=" + pages + " counted=" + lazyPages);
      for (int n = free.first(); n != NONE; n = a.after[n]) {
        int next = a.after[n];
        CorruptStateError.check(
            next == NONE || a.end[n] < a.start[next],
            String.format("free ranges touch: end=0x%x", a.end[n]));
        boolean taken = touches(busy, a.start[n], a.end[n]) || isWaiting(a.start[n], a.end[n]);
        CorruptStateError.check(
            !taken, String.format("a free range is somebody's: start=0x%x", a.start[n]));
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public String toString() {
    return "rbtree areas=" + busy.size() + " lazyPages=" + lazyPages + " pooled=" + pooled();
  }
}
