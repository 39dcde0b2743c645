// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.naive;

import io.mm4j.api.InputException;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.testkit.memory.naive.NaiveRanges.Clearer;
import java.util.Arrays;

/**
 * bootmem as Linux 2.4 has it, page by page: each candidate is looked at from the goal upwards,
 * then from the beginning. Models mm/bootmem.c for the rules of the kit.
 */
public class NaiveBootmem implements BootAllocator {
  private static final long MANY = 1 << 24;

  private final boolean[] free;
  private final long lowmemEnd;
  private final Clearer clearer;

  /** Where the last allocation ended; 0 before the first. */
  private long lastEnd;

  /** Creates it with the whole usable pages of the layout free. */
  public NaiveBootmem(MemoryLayout layout, Clearer clearer) {
    this.clearer = clearer;
    if (layout.endPfn() > MANY) {
      throw new InputException(
          layout.endPfn() + " frames",
          "boot=bootmem",
          "memory up to " + Sizes.format(MANY << Pages.PAGE_SHIFT));
    }
    free = new boolean[(int) layout.endPfn()];
    for (MemoryMap.Range range : layout.map().ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        free(range.start(), range.end() - range.start());
      }
    }
    long end = layout.endPfn();
    for (Zone zone : layout.zones()) {
      end = zone.type() == ZoneType.HIGHMEM ? Math.min(end, zone.startPfn()) : end;
    }
    lowmemEnd = end;
  }

  private static long roundUp(long value, long unit) {
    return (value + unit - 1) / unit * unit;
  }

  private void mark(long first, long end, boolean isFree) {
    long stop = Math.min(end, free.length);
    if (first < stop) {
      Arrays.fill(free, (int) first, (int) stop, isFree);
    }
  }

  @Override
  public final void reserve(long start, long bytes) {
    mark(start / Pages.PAGE_SIZE, pagesUp(start + bytes), false);
  }

  @Override
  public final void free(long start, long bytes) {
    mark(pagesUp(start), (start + bytes) / Pages.PAGE_SIZE, true);
  }

  private static long pagesUp(long bytes) {
    return (bytes + Pages.PAGE_SIZE - 1) / Pages.PAGE_SIZE;
  }

  @Override
  public long alloc(long bytes, long align, long min, long max, int nodeId) {
    long unit = Math.max(1, align);
    long limit = max == 0 ? lowmemEnd : Math.min(lowmemEnd, max / Pages.PAGE_SIZE);
    long pages = pagesUp(bytes);
    long step = Math.max(1, unit / Pages.PAGE_SIZE);
    long page = firstFit(roundUp(min, unit) / Pages.PAGE_SIZE, step, pages, limit);
    if (page < 0) {
      page = firstFit(0, step, pages, limit);
    }
    if (page < 0) {
      return NONE;
    }
    long start = page * Pages.PAGE_SIZE;
    long behind = roundUp(lastEnd, unit);
    boolean next = lastEnd % Pages.PAGE_SIZE != 0 && lastEnd / Pages.PAGE_SIZE + 1 == page;
    if (next && behind < start && unit <= Pages.PAGE_SIZE) {
      start = behind;
    }
    reserve(start, bytes);
    lastEnd = start + bytes;
    clearer.clear(start, bytes);
    return start;
  }

  /** The first page from here on with so many free ones, frame 0 left out; -1 if there is none. */
  protected long firstFit(long from, long step, long pages, long limit) {
    for (long page = from; page + pages <= limit; page += step) {
      long used = lastUsed(page, page + pages);
      if (page > 0 && used < 0) {
        return page;
      }
      while (page + step <= used) { // what begins there has it inside, too
        page += step;
      }
    }
    return -1;
  }

  /** The last page of these that is not free, or -1. */
  private long lastUsed(long page, long end) {
    for (long at = end - 1; at >= page; at--) {
      if (!free[(int) at]) {
        return at;
      }
    }
    return -1;
  }

  @Override
  public void handOver(RangeVisitor visitor) {
    int page = 0;
    while (page < free.length) {
      int end = page;
      while (end < free.length && free[end]) {
        end++;
      }
      if (page < end) {
        visitor.range(page, end);
      }
      page = end + 1;
    }
  }
}
