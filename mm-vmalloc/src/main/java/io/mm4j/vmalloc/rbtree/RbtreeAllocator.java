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

  private final KernelLock lock = new KernelLock(LockClass.VMAP, "vmap areas");
  private final Areas a = new Areas();
  private final AreaTree free = new AreaTree(a, true);
  private final Holes holes = new Holes(a, free);
  private final AreaTree busy = new AreaTree(a, false);
  private final Waiting waiting;
  private final long start;
  private final long end;
  private final long lazyMax;
  private long purges;
  private long purgedAreas;

  /** The area of the last allocation, for undo, and whether a pool had it. */
  private int lastArea = NONE;

  private boolean lastFromPool;

  RbtreeAllocator(VmallocAllocatorProvider.Floors floors) {
    int nodes = floors.is64Bit() ? Math.clamp(floors.cpus(), 1, MAX_NODES) : 1;
    waiting = new Waiting(a, free, nodes);
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
      if (from == start && to == end && waiting.nodes() > 1) {
        node = cpu.id() % waiting.nodes();
        long pages = bytes >>> Pages.PAGE_SHIFT;
        area = pages <= Pools.MAX_PAGES ? waiting.pools(node).take((int) pages, aligned) : NONE;
      }
      lastFromPool = area != NONE;
      if (area == NONE) {
        long address = holes.carve(bytes, aligned, from, to);
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
      waiting.add(area);
      lastArea = NONE;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int purge(AreaVisitor flush) {
    int[] firsts = new int[waiting.nodes()];
    long from = Long.MAX_VALUE;
    long to = Long.MIN_VALUE;
    lock.lock();
    try {
      lastArea = NONE;
      waiting.take(firsts);
      for (int first : firsts) {
        for (int n = first; n != NONE; n = a.after[n]) {
          from = Math.min(from, a.start[n]);
          to = Math.max(to, a.end[n]);
        }
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
        count += waiting.purge(first);
      }
      purges += count > 0 ? 1 : 0;
      purgedAreas += count;
      return count;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int shrink() {
    lock.lock();
    try {
      lastArea = NONE;
      return waiting.shrink();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int pooled() {
    return waiting.pooled();
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
  public void forEachLazy(AreaVisitor visitor) {
    waiting.forEachLazy(visitor);
  }

  @Override
  public long lazyPages() {
    return waiting.lazyPages();
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
      waiting.clear();
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
      waiting
          .pools(node)
          .append(a.make(address, address + bytes, node), (int) (bytes >>> Pages.PAGE_SHIFT));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long takeExactly(int node, long address, long bytes) {
    lock.lock();
    try {
      long to = address + bytes;
      int pooled = waiting.pooled(address, bytes);
      if (pooled != NONE) {
        waiting.pools(a.node[pooled]).remove(pooled, (int) (bytes >>> Pages.PAGE_SHIFT));
        busy.insert(pooled);
        lastArea = NONE;
        return bytes >>> Pages.PAGE_SHIFT;
      }
      if (busy.touches(address, to) || waiting.has(address, to)) {
        return -1;
      }
      long known = 0;
      for (int hole = free.above(address);
          hole != NONE && a.start[hole] < to;
          hole = free.above(address)) {
        long from = Math.max(address, a.start[hole]);
        long until = Math.min(to, a.end[hole]);
        holes.clip(hole, from, until - from);
        known += until - from;
      }
      busy.insert(a.make(address, to, node));
      lastArea = NONE;
      return known >>> Pages.PAGE_SHIFT;
    } finally {
      lock.unlock();
    }
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
        waiting.pools(a.node[area]).push(area, (int) (a.bytes(area) >>> Pages.PAGE_SHIFT));
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
      return new VmallocStats(
          busy.size(),
          used[0],
          waiting.lazyAreas(),
          waiting.lazyPages(),
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
      waiting.validate();
      for (int n = free.first(); n != NONE; n = a.after[n]) {
        int next = a.after[n];
        CorruptStateError.check(
            next == NONE || a.end[n] < a.start[next],
            String.format("free ranges touch: end=0x%x", a.end[n]));
        boolean taken = busy.touches(a.start[n], a.end[n]) || waiting.has(a.start[n], a.end[n]);
        CorruptStateError.check(
            !taken, String.format("a free range is somebody's: start=0x%x", a.start[n]));
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public String toString() {
    return "rbtree areas=" + busy.size() + " lazyPages=" + lazyPages() + " pooled=" + pooled();
  }
}
