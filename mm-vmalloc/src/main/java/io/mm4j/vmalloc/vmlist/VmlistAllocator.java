// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.vmlist;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.api.vmalloc.VmallocStats;
import java.util.Arrays;

/**
 * The allocator {@code vmlist}: the areas in a list by address, walked from its beginning for every
 * request, every look-up and every free. Models {@code __get_vm_area_node()} and {@code
 * __remove_vm_area()} of mm/vmalloc.c, Linux 2.6.18. A freed area is free at once: the caller
 * flushes before.
 */
final class VmlistAllocator implements VmallocAllocator {
  private static final int NONE = -1;

  private final KernelLock lock = new KernelLock(LockClass.VMAP, "vmlist");
  private final long first;
  private final long top;
  private long[] starts = new long[64];
  private long[] ends = new long[64];
  private int[] after = new int[64];
  private int head = NONE;
  private int spare = NONE;
  private int used;
  private int areas;

  VmlistAllocator(VmallocAllocatorProvider.Floors floors) {
    first = floors.start();
    top = floors.top();
  }

  @Override
  public long alloc(Cpu cpu, long bytes, long align, long from, long to) {
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
    long step = Math.max(align, Pages.PAGE_SIZE);
    lock.lock();
    try {
      long last = Math.min(to, top);
      long address = alignUp(Math.max(from, first), step);
      int before = NONE;
      for (int n = head; n != NONE; n = after[n]) {
        if (starts[n] >= address && bytes <= starts[n] - address) {
          break;
        }
        if (ends[n] > address) {
          address = alignUp(ends[n], step);
        }
        before = n;
      }
      if (address > last || last - address < bytes) {
        return NO_ADDRESS;
      }
      int area = make();
      starts[area] = address;
      ends[area] = address + bytes;
      after[area] = before == NONE ? head : after[before];
      if (before == NONE) {
        head = area;
      } else {
        after[before] = area;
      }
      areas++;
      return address;
    } finally {
      lock.unlock();
    }
  }

  private static long alignUp(long address, long align) {
    return (address + align - 1) & -align;
  }

  private int make() {
    int area = spare;
    if (area != NONE) {
      spare = after[area];
      return area;
    }
    if (used == starts.length) {
      starts = Arrays.copyOf(starts, 2 * used);
      ends = Arrays.copyOf(ends, 2 * used);
      after = Arrays.copyOf(after, 2 * used);
    }
    return used++;
  }

  @Override
  public void free(Cpu cpu, long address) {
    lock.lock();
    try {
      int before = NONE;
      int n = head;
      while (n != NONE && starts[n] != address) {
        before = n;
        n = after[n];
      }
      if (n == NONE) {
        throw new MisuseException(
            String.format("no area in use begins here: address=0x%x", address));
      }
      if (before == NONE) {
        head = after[n];
      } else {
        after[before] = after[n];
      }
      after[n] = spare;
      spare = n;
      areas--;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long bytes(long address) {
    lock.lock();
    try {
      int n = head;
      while (n != NONE && starts[n] != address) {
        n = after[n];
      }
      return n == NONE ? 0 : ends[n] - starts[n];
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long find(long address) {
    lock.lock();
    try {
      int n = head;
      while (n != NONE && (address < starts[n] || address >= ends[n])) {
        n = after[n];
      }
      return n == NONE ? NO_ADDRESS : starts[n];
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void forEach(AreaVisitor visitor) {
    for (int n = head; n != NONE; n = after[n]) {
      visitor.range(starts[n], ends[n]);
    }
  }

  @Override
  public void forEachFree(AreaVisitor visitor) {
    long from = first;
    for (int n = head; n != NONE; n = after[n]) {
      if (from < starts[n]) {
        visitor.range(from, starts[n]);
      }
      from = ends[n];
    }
    if (from < top) {
      visitor.range(from, top);
    }
  }

  @Override
  public long lazyPages() {
    return 0;
  }

  @Override
  public long lazyMax() {
    return 0;
  }

  @Override
  public int purge(AreaVisitor flush) {
    return 0;
  }

  @Override
  public int shrink() {
    return 0;
  }

  @Override
  public int pooled() {
    return 0;
  }

  @Override
  public VmallocStats stats() {
    lock.lock();
    try {
      long[] sums = new long[3];
      forEach((from, to) -> sums[0] += (to - from) >>> Pages.PAGE_SHIFT);
      forEachFree(
          (from, to) -> {
            sums[1]++;
            sums[2] = Math.max(sums[2], (to - from) >>> Pages.PAGE_SHIFT);
          });
      return new VmallocStats(areas, sums[0], 0, 0, 0, sums[1], sums[2], 0, 0);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void validate() {
    lock.lock();
    try {
      int count = 0;
      long from = first;
      for (int n = head; n != NONE; n = after[n]) {
        CorruptStateError.check(
            from <= starts[n] && starts[n] < ends[n] && ends[n] <= top,
            String.format("the list is out of order at start=0x%x end=0x%x", starts[n], ends[n]));
        from = ends[n];
        count++;
      }
      CorruptStateError.check(count == areas, "areas: walked=" + count + " counted=" + areas);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public String toString() {
    return "vmlist areas=" + areas;
  }
}
