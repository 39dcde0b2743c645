// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.boot;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.BootEvents;
import io.mm4j.api.memory.Pages;
import java.util.BitSet;
import java.util.Locale;

/**
 * The boot allocator of Linux 2.4: one bit for every page, set if it is in use, first fit from a
 * goal upwards. An allocation that is smaller than a page goes on in the last page of the one
 * before, if it ends next to it.
 *
 * <p>Models mm/bootmem.c: {@code init_bootmem_core()}, {@code __alloc_bootmem_core()}, {@code
 * free_all_bootmem_core()}. Nodes are not told apart. One thread; O(pages).
 */
public final class Bootmem implements BootAllocator {
  private final BitSet used = new BitSet();
  private final long endPfn;
  private final long allocEndPfn;
  private final Memblock.Clearer clearer;
  private long lastPfn = -1;
  private long lastEnd;
  private BootEvents events = BootEvents.NONE;

  /**
   * Creates it with every page in use.
   *
   * @param endPfn one past the last page
   * @param allocEndPfn one past the last page that may be allocated: the end of lowmem
   */
  public Bootmem(long endPfn, long allocEndPfn, Memblock.Clearer clearer) {
    this.endPfn = endPfn;
    this.allocEndPfn = allocEndPfn;
    this.clearer = clearer;
    used.set(0, Math.toIntExact(endPfn));
  }

  @Override
  public boolean watch(BootEvents watcher) {
    events = watcher;
    return true;
  }

  @SuppressWarnings("AnnotateFormatMethod") // a shorthand for this file
  private void tell(String form, Object... values) {
    if (!events.equals(BootEvents.NONE)) {
      events.step(String.format(Locale.ROOT, form, values));
    }
  }

  /** {@code reserve_bootmem()}: every page that the range touches. */
  @Override
  public void reserve(long start, long bytes) {
    long end = Math.min(Pages.pfnUp(start + bytes), endPfn);
    tell("reserve_bootmem: pages %d to %d are in use", start >>> Pages.PAGE_SHIFT, end - 1);
    if (start >>> Pages.PAGE_SHIFT < end) {
      used.set((int) (start >>> Pages.PAGE_SHIFT), (int) end);
    }
  }

  /** {@code free_bootmem()}: every page that lies in the range as a whole. */
  @Override
  public void free(long start, long bytes) {
    long first = Pages.pfnUp(start);
    long end = Math.min(Pages.pfnDown(start + bytes), endPfn);
    tell("free_bootmem: pages %d to %d, those that lie in it as a whole", first, end - 1);
    if (first < end) {
      used.clear((int) first, (int) end);
    }
  }

  @Override
  public long alloc(long bytes, long align, long min, long max, int nodeId) {
    long alignment = Math.max(1, align);
    tell(
        "alloc_bootmem: 0x%x bytes, aligned to 0x%x, goal 0x%x: first fit from there upwards",
        bytes, alignment, min);
    long found = search(bytes, alignment, min, max);
    if (found == NONE && min > 0) {
      tell("nothing is free from the goal on: from the beginning");
      found = search(bytes, alignment, 0, max);
    }
    tell(found == NONE ? "no place" : "found: 0x%x", found);
    if (found != NONE) {
      reserve(found, bytes);
      lastEnd = found + bytes;
      lastPfn = Pages.pfnDown(lastEnd - 1);
      clearer.clear(found, bytes);
    }
    return found;
  }

  private long search(long bytes, long align, long goal, long max) {
    long min = Pages.alignUp(goal, align);
    long end = max == 0 ? allocEndPfn : Math.min(allocEndPfn, max >>> Pages.PAGE_SHIFT);
    long step = Math.max(1, align >>> Pages.PAGE_SHIFT);
    long pages = Pages.pfnUp(bytes);
    long pfn = Pages.alignUp(Math.max(1, min >>> Pages.PAGE_SHIFT), step);
    while (pfn + pages <= end) {
      int next = used.nextSetBit((int) pfn);
      if (next < 0 || next >= pfn + pages) {
        return inLastPage(bytes, align, pfn, end);
      }
      pfn = Pages.alignUp(used.nextClearBit(next), step);
    }
    return NONE;
  }

  /** The place found, or the rest of the page before it. */
  private long inLastPage(long bytes, long align, long pfn, long end) {
    long paddr = pfn << Pages.PAGE_SHIFT;
    if (align < Pages.PAGE_SIZE && lastPfn + 1 == pfn) {
      long start = Pages.alignUp(lastEnd, align);
      if (start < paddr && start + bytes <= end << Pages.PAGE_SHIFT) {
        tell("it goes on in the last page of the allocation before, from 0x%x", start);
        return start;
      }
    }
    return paddr;
  }

  @Override
  public void handOver(RangeVisitor visitor) {
    int pfn = used.nextClearBit(0);
    while (pfn < endPfn) {
      int stop = used.nextSetBit(pfn);
      long end = stop < 0 ? endPfn : Math.min(stop, endPfn);
      visitor.range(pfn, end);
      pfn = used.nextClearBit((int) end);
    }
  }
}
