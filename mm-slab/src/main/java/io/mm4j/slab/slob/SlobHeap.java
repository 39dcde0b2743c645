// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slob;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.memory.FrameList;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.ObjectFrames;
import io.mm4j.api.slab.SlabAllocator;
import java.lang.foreign.MemorySegment;

/**
 * Blocks of any size below a page, in pages that all share: {@code slob_alloc()}, {@code
 * slob_page_alloc()} and {@code slob_free()} of mm/slob.c (Linux 6.1).
 *
 * <pre>
 *   a page:  | used | free: units, next | used ... | free: -next | ... |
 * </pre>
 *
 * <p>Memory is counted in units of 2 bytes. A free block says its size and where the next one of
 * the page begins, both in units from the page's beginning; one of a single unit has room for the
 * second only, and says it negative. The next one of the last block is the page's end.
 *
 * <p>Pages with free units are on one of three lists, by the size of what is asked for: below 256
 * bytes, below 1024, and the rest. A request looks for the first page of its list with so many free
 * units, and in it for the first block that is large enough once it is aligned. The list then
 * begins with that page: the next search starts where this one has ended.
 *
 * <p>In {@code mem_map}: <i>private</i> is the first free block, or 0; <i>index</i> the number of
 * free units; <i>mapping</i> which list it was put on last, <i>lru</i> its place there.
 *
 * <p>Difference: the kernel takes any page of the list for {@code GFP_DMA}, too, wherever it lies;
 * here only one of the zone.
 */
final class SlobHeap {
  /** {@code SLOB_UNIT}. */
  static final int UNIT = 2;

  private static final int PAGE_UNITS = (int) Pages.PAGE_SIZE / UNIT;

  /** {@code SLOB_BREAK1} and {@code SLOB_BREAK2}. */
  private static final int SMALL = 256;

  private static final int MEDIUM = 1024;
  private static final long NONE = FrameList.NONE;

  private final SlobAllocator slabs;
  private final MemMap map;
  private final MemorySegment ram;
  final KernelLock lock = new KernelLock(LockClass.SLAB_NODE, "slob_lock");
  private final FrameList[] lists;
  private final long dmaEnd;
  private final long dma32End;

  SlobHeap(SlobAllocator slabs) {
    this.slabs = slabs;
    this.map = slabs.memMap;
    this.ram = slabs.ram;
    lists = new FrameList[] {new FrameList(map), new FrameList(map), new FrameList(map)};
    dmaEnd = endOf(ZoneType.DMA);
    dma32End = Math.max(dmaEnd, endOf(ZoneType.DMA32));
  }

  private long endOf(ZoneType type) {
    long end = 0;
    for (Node node : slabs.memory.nodes()) {
      for (Zone zone : node.zones()) {
        if (zone.type() == type) {
          end = Math.max(end, zone.endPfn());
        }
      }
    }
    return end;
  }

  static int units(int bytes) {
    return (bytes + UNIT - 1) / UNIT;
  }

  private FrameList listOf(int bytes) {
    return lists[bytes < SMALL ? 0 : bytes < MEDIUM ? 1 : 2];
  }

  private int sizeOf(long block) {
    short units = ram.get(JAVA_SHORT, block);
    return units > 0 ? units : 1;
  }

  private long nextOf(long block) {
    short units = ram.get(JAVA_SHORT, block);
    int next = units < 0 ? -units : ram.get(JAVA_SHORT, block + UNIT);
    return (block & -Pages.PAGE_SIZE) + (long) next * UNIT;
  }

  /** {@code set_slob()}. */
  private void set(long block, int units, long next) {
    int offset = (int) (next - (block & -Pages.PAGE_SIZE)) / UNIT;
    if (units > 1) {
      ram.set(JAVA_SHORT, block, (short) units);
      ram.set(JAVA_SHORT, block + UNIT, (short) offset);
    } else {
      ram.set(JAVA_SHORT, block, (short) -offset);
    }
  }

  private static boolean isEnd(long next) {
    return (next & (Pages.PAGE_SIZE - 1)) == 0;
  }

  /**
   * A block, none of whose bytes is known, or none.
   *
   * @param bytes below a page
   * @param offset so many bytes behind its beginning it is aligned
   */
  long alloc(CpuPages cpuPages, int bytes, int gfp, int align, int nodeId, int offset) {
    FrameList list = listOf(bytes);
    long block = SlabAllocator.NO_OBJECT;
    lock.lock();
    try {
      for (long pfn = list.first(); pfn != NONE; pfn = list.next(pfn)) {
        if (map.index(pfn) >= units(bytes) && fits(pfn, gfp, nodeId)) {
          block = fromPage(pfn, list, bytes, align, offset);
          if (block != SlabAllocator.NO_OBJECT) {
            if (map.index(pfn) != 0) {
              list.rotateToFront(pfn);
            }
            return block;
          }
        }
      }
    } finally {
      lock.unlock();
    }
    long pfn = cpuPages.alloc(gfp, 0, nodeId);
    if (pfn == PageAllocator.NO_PAGE) {
      return SlabAllocator.NO_OBJECT;
    }
    map.hold(pfn, 0, FrameOwner.SLAB, 0, number(list), 0);
    slabs.owners.clear(pfn);
    slabs.frames.add(pfn, 0, slabs.heapTag(pfn), ObjectFrames.MIN_SHIFT);
    slabs.pageComes(cpuPages.cpu(), pfn);
    long base = pfn << Pages.PAGE_SHIFT;
    lock.lock();
    try {
      set(base, PAGE_UNITS, base + Pages.PAGE_SIZE);
      map.setPrivateData(pfn, base);
      map.setIndex(pfn, PAGE_UNITS);
      list.addFirst(pfn);
      return fromPage(pfn, list, bytes, align, offset);
    } finally {
      lock.unlock();
    }
  }

  private boolean fits(long pfn, int gfp, int nodeId) {
    return (nodeId < 0 || slabs.nodes == 1 || slabs.nodeOf(pfn) == nodeId)
        && ((gfp & Gfp.__GFP_DMA) == 0 || pfn < dmaEnd)
        && ((gfp & Gfp.__GFP_DMA32) == 0 || pfn < dma32End);
  }

  /** {@code slob_page_alloc()}. */
  private long fromPage(long pfn, FrameList list, int bytes, int align, int offset) {
    int units = units(bytes);
    long previous = 0;
    for (long block = map.privateData(pfn); ; previous = block, block = nextOf(block)) {
      int available = sizeOf(block);
      long aligned = ((block + offset + align - 1) & -align) - offset;
      int delta = (int) (aligned - block) / UNIT;
      if (available >= units + delta) {
        if (delta > 0) { // the bytes before it stay free
          set(aligned, available - delta, nextOf(block));
          set(block, delta, aligned);
          previous = block;
          block = aligned;
          available -= delta;
        }
        long next = nextOf(block);
        if (available > units) {
          long rest = block + (long) units * UNIT;
          set(rest, available - units, next);
          next = rest;
        }
        if (previous != 0) {
          set(previous, sizeOf(previous), next);
        } else {
          map.setPrivateData(pfn, isEnd(next) ? 0 : next);
        }
        long left = map.index(pfn) - units;
        map.setIndex(pfn, left);
        if (left == 0) {
          list.remove(pfn);
        }
        return block;
      }
      if (isEnd(nextOf(block))) {
        return SlabAllocator.NO_OBJECT;
      }
    }
  }

  /** Gives a block back; the page, too, if it was the last one in it. */
  void free(CpuPages cpuPages, long block, int bytes) {
    long pfn = block >>> Pages.PAGE_SHIFT;
    int units = units(bytes);
    boolean empty;
    lock.lock();
    try {
      long before = map.index(pfn);
      empty = before + units == PAGE_UNITS;
      if (empty) {
        if (before > 0) {
          listWith(pfn).remove(pfn);
        }
      } else {
        map.setIndex(pfn, before + units);
        if (before == 0) {
          map.setPrivateData(pfn, block);
          set(block, units, (pfn + 1) << Pages.PAGE_SHIFT);
          FrameList list = listOf(bytes);
          list.addFirst(pfn);
          map.setMapping(pfn, number(list));
        } else {
          insert(pfn, block, units);
        }
      }
    } finally {
      lock.unlock();
    }
    if (empty) {
      slabs.pageGoes(cpuPages.cpu(), pfn);
      slabs.frames.remove(pfn, 0);
      if (map.drop(pfn, 0)) {
        cpuPages.free(pfn, 0);
      }
    }
  }

  private int number(FrameList list) {
    return list == lists[0] ? 0 : list == lists[1] ? 1 : 2;
  }

  /** The list that a page with free units is on. */
  private FrameList listWith(long pfn) {
    return lists[(int) map.mapping(pfn)];
  }

  private void insert(long pfn, long block, int units) {
    long first = map.privateData(pfn);
    long end = block + (long) units * UNIT;
    if (block < first) {
      boolean joins = end == first;
      set(block, joins ? units + sizeOf(first) : units, joins ? nextOf(first) : first);
      map.setPrivateData(pfn, block);
      return;
    }
    long previous = first;
    long next = nextOf(previous);
    while (block > next) {
      previous = next;
      next = nextOf(previous);
    }
    if (!isEnd(next) && end == next) {
      units += sizeOf(next);
      next = nextOf(next);
    }
    if (previous + (long) sizeOf(previous) * UNIT == block) {
      set(previous, sizeOf(previous) + units, next);
    } else {
      set(block, units, next);
      set(previous, sizeOf(previous), block);
    }
  }

  /** Checks the free blocks of a page; how many units are free. */
  int validate(long pfn) {
    long end = (pfn + 1) << Pages.PAGE_SHIFT;
    long at = pfn << Pages.PAGE_SHIFT;
    int free = 0;
    for (long b = map.privateData(pfn); b != 0 && b != end; b = nextOf(b)) {
      long next = nextOf(b);
      CorruptStateError.check(
          b >= at && next > b && next <= end && b + (long) sizeOf(b) * UNIT <= next,
          String.format("slob page=%d: block=0x%x units=%d next=0x%x", pfn, b, sizeOf(b), next));
      slabs.walk.checkFree(b, sizeOf(b) * UNIT);
      free += sizeOf(b);
      at = b + 1;
    }
    CorruptStateError.check(
        free == map.index(pfn), "slob page=" + pfn + " units=" + map.index(pfn) + " found=" + free);
    return free;
  }

  /** How many pages the lists have. */
  long listed() {
    return lists[0].size() + lists[1].size() + lists[2].size();
  }
}
