// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.naive;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;

/**
 * A byte for every frame, first fit, without migratetypes, nothing but loops: the one naive frame
 * allocator that makes no objects and knows how large its table is.
 */
public class ByteFrames implements FrameAllocator {
  private static final int MAX = Pages.MAX_PAGE_ORDER;

  private final Zone zone;
  private final byte[] free;
  private long pages;

  /** Creates it with nothing free. */
  public ByteFrames(Zone zone) {
    this.zone = zone;
    this.free = new byte[Math.toIntExact(zone.spannedPages())];
  }

  @Override
  public long allocate(int order, int migratetype) {
    for (long pfn = up(zone.startPfn(), order);
        order <= MAX && pfn + (1L << order) <= zone.endPfn();
        pfn += 1L << order) {
      if (count(pfn, order) == 1 << order) {
        fill(pfn, order, 0);
        return pfn;
      }
    }
    return NONE;
  }

  @Override
  public long allocateFrom(int fromOrder, int fromMigratetype, int order, int restMigratetype) {
    long pfn = order > fromOrder ? NONE : head(fromOrder, fromMigratetype);
    if (pfn != NONE) {
      fill(pfn, order, 0);
    }
    return pfn;
  }

  @Override
  public void free(long pfn, int order, int migratetype) {
    check(pfn, order);
    if (count(pfn, order) != 0) {
      throw new MisuseException("free already: pfn=" + pfn + " order=" + order);
    }
    fill(pfn, order, 1);
  }

  @Override
  public boolean take(long pfn, int order) {
    check(pfn, order);
    boolean whole = count(pfn, order) == 1 << order;
    if (whole) {
      fill(pfn, order, 0);
    }
    return whole;
  }

  @Override
  public int freePagesIn(long pfn, int order) {
    check(pfn, order);
    return count(pfn, order);
  }

  @Override
  public int freeOrderAt(long pfn) {
    if (count(pfn, 0) == 0) {
      return -1;
    }
    int order = 0;
    while (order < MAX && count(pfn & -(2L << order), order + 1) == 2 << order) {
      order++;
    }
    return (pfn & ((1L << order) - 1)) == 0 ? order : -1;
  }

  @Override
  public long head(int order, int migratetype) {
    for (long pfn = zone.startPfn(); migratetype == Migratetype.MOVABLE && pfn < zone.endPfn(); ) {
      int at = freeOrderAt(pfn);
      if (at == order) {
        return pfn;
      }
      pfn += at < 0 ? 1 : 1L << at;
    }
    return NONE;
  }

  @Override
  public int movePageblock(long pfn, int migratetype) {
    zone.pageblocks().set(pfn, migratetype);
    return count(zone.pageblocks().start(pfn), zone.pageblocks().order());
  }

  @Override
  public long freePages() {
    return pages;
  }

  @Override
  public long freeBlocks(int order) {
    long blocks = 0;
    for (long pfn = zone.startPfn(); pfn < zone.endPfn(); ) {
      int at = freeOrderAt(pfn);
      blocks += at == order ? 1 : 0;
      pfn += at < 0 ? 1 : 1L << at;
    }
    return blocks;
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    return migratetype == Migratetype.MOVABLE ? freeBlocks(order) : 0;
  }

  @Override
  public void forEachFree(FreeBlockVisitor visitor) {
    for (long pfn = zone.startPfn(); pfn < zone.endPfn(); ) {
      int order = freeOrderAt(pfn);
      if (order >= 0) {
        visitor.block(pfn, order, Migratetype.MOVABLE);
      }
      pfn += order < 0 ? 1 : 1L << order;
    }
  }

  @Override
  public long metadataBytes() {
    return free.length;
  }

  @Override
  public void validate() {
    long counted = 0;
    for (byte b : free) {
      counted += b;
    }
    CorruptStateError.check(counted == pages, "free frames");
  }

  private static long up(long pfn, int order) {
    return (pfn + (1L << order) - 1) & -(1L << order);
  }

  private int count(long pfn, int order) {
    long end = Math.min(pfn + (1L << order), zone.endPfn());
    int count = 0;
    for (long p = Math.max(pfn, zone.startPfn()); p < end; p++) {
      count += free[(int) (p - zone.startPfn())];
    }
    return count;
  }

  private void fill(long pfn, int order, int value) {
    int at = (int) (pfn - zone.startPfn());
    for (int i = at; i < at + (1 << order); i++) {
      free[i] = (byte) value;
    }
    pages += value == 0 ? -(1L << order) : 1L << order;
  }

  private void check(long pfn, int order) {
    if (order < 0
        || order > MAX
        || (pfn & ((1L << order) - 1)) != 0
        || pfn < zone.startPfn()
        || pfn + (1L << order) > zone.endPfn()) {
      throw new MisuseException("not a block of " + zone + ": pfn=" + pfn + " order=" + order);
    }
  }
}
