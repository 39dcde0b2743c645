// SPDX-License-Identifier: Apache-2.0

package org.example.nextfit;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;

/**
 * Next fit on a bitmap: a search for a block goes on where the last one of its order ended, and
 * round the end of the zone.
 *
 * <p>The free blocks are the largest aligned runs of free frames; {@code full[order]} is how many
 * aligned blocks of that order are free as a whole, whether or not a larger one holds them. {@code
 * rover[order]} is where the next search begins: behind the block that was given last.
 *
 * <p>Migratetypes are ignored: all blocks count as Movable. A search may look at every word of the
 * zone; the rest is O(words of a largest block), that is 16.
 */
final class NextFitFrameAllocator implements FrameAllocator {
  private static final int MAX = Pages.MAX_PAGE_ORDER;

  private final Zone zone;
  private final long base;
  private final FreeBits bits;
  private final long[] full = new long[MAX + 2];
  private final long[] rover = new long[MAX + 1];

  NextFitFrameAllocator(Zone zone) {
    this.zone = zone;
    this.base = zone.startPfn() & -(1L << MAX);
    long blocks = (zone.endPfn() - base + (1L << MAX) - 1) >>> MAX;
    this.bits = new FreeBits(Math.toIntExact(blocks << (MAX - 6)));
  }

  @Override
  public long allocate(int order, int migratetype) {
    if (order > MAX) {
      return NONE;
    }
    if (full[order] == 0) {
      return NONE;
    }
    long bit = search(order, rover[order]);
    if (bit == bits.size()) {
      bit = search(order, 0);
    }
    rover[order] = bit + (1L << order);
    clear(bit, order);
    return base + bit;
  }

  /** The lowest full block of this order that begins at or above a bit. */
  private long search(int order, long from) {
    long bit = bits.next((from + (1L << order) - 1) & -(1L << order));
    while (bit < bits.size()) {
      long block = bit & -(1L << order);
      if (bits.isFull(block, order)) {
        return block;
      }
      bit = bits.next(block + (1L << order));
    }
    return bit;
  }

  @Override
  public long allocateFrom(int fromOrder, int fromMigratetype, int order, int restMigratetype) {
    long pfn = head(fromOrder, fromMigratetype);
    if (pfn == NONE || order > fromOrder) {
      return NONE;
    }
    clear(pfn - base, order);
    return pfn;
  }

  @Override
  public void free(long pfn, int order, int migratetype) {
    long bit = bit(pfn, order);
    int free = bits.count(bit, order);
    if (free != 0) {
      throw new MisuseException(
          String.format(
              "%s: freed although free already: pfn=%d order=%d freePages=%d",
              zone, pfn, order, free));
    }
    bits.fill(bit, order, true);
    count(bit, order, 1);
  }

  private void clear(long bit, int order) {
    count(bit, order, -1);
    bits.fill(bit, order, false);
  }

  /** Counts a full block, and every full block around it, in or out. */
  private void count(long bit, int order, int sign) {
    for (int o = 0; o <= order; o++) {
      full[o] += sign * (1L << (order - o));
    }
    for (int o = order; o < MAX && bits.isFull(buddy(bit, o), o); o++) {
      full[o + 1] += sign;
    }
  }

  /** The buddy of the aligned block of this order that holds the bit. */
  private static long buddy(long bit, int order) {
    return (bit & -(1L << order)) ^ (1L << order);
  }

  @Override
  public boolean take(long pfn, int order) {
    long bit = bit(pfn, order);
    if (!bits.isFull(bit, order)) {
      return false;
    }
    clear(bit, order);
    return true;
  }

  @Override
  public int freePagesIn(long pfn, int order) {
    return bits.count(bit(pfn, order), order);
  }

  @Override
  public int freeOrderAt(long pfn) {
    return zone.contains(pfn) ? orderAt(pfn - base) : -1;
  }

  /** The order of the largest full block around this bit if that begins here, else -1. */
  private int orderAt(long bit) {
    if (!bits.get(bit)) {
      return -1;
    }
    int order = 0;
    while (order < MAX && bits.isFull(buddy(bit, order), order)) {
      order++;
    }
    return (bit & ((1L << order) - 1)) == 0 ? order : -1;
  }

  @Override
  public long head(int order, int migratetype) {
    if (order > MAX) {
      return NONE;
    }
    if (freeBlocks(order, migratetype) == 0) {
      return NONE;
    }
    long bit = search(order, 0);
    while (orderAt(bit) != order) {
      bit = bits.next(bit + (1L << orderAt(bit)));
    }
    return base + bit;
  }

  @Override
  public int movePageblock(long pfn, int migratetype) {
    zone.pageblocks().set(pfn, migratetype);
    int order = zone.pageblocks().order();
    return bits.count(pfn - base & -(1L << order), order);
  }

  @Override
  public long freePages() {
    return full[0];
  }

  @Override
  public long freeBlocks(int order) {
    return full[order] - 2 * full[order + 1];
  }

  @Override
  public long freeBlocks(int order, int migratetype) {
    return migratetype == Migratetype.MOVABLE ? freeBlocks(order) : 0;
  }

  @Override
  public void forEachFree(FreeBlockVisitor visitor) {
    for (long bit = bits.next(0); bit < bits.size(); ) {
      int order = orderAt(bit);
      visitor.block(base + bit, order, Migratetype.MOVABLE);
      bit = bits.next(bit + (1L << order));
    }
  }

  @Override
  public long metadataBytes() {
    return (bits.size() >>> 3) + 8L * (full.length + rover.length);
  }

  @Override
  public void validate() {
    long[] walked = new long[MAX + 1];
    forEachFree(
        (pfn, order, type) -> {
          if (pfn < zone.startPfn() || pfn + (1L << order) > zone.endPfn()) {
            throw new CorruptStateError(
                zone + ": free outside the zone: pfn=" + pfn + " order=" + order);
          }
          walked[order]++;
        });
    for (int order = 0; order <= MAX; order++) {
      if (walked[order] != freeBlocks(order)) {
        throw new CorruptStateError(
            String.format(
                "%s: order=%d counted=%d walked=%d",
                zone, order, freeBlocks(order), walked[order]));
      }
    }
  }

  private long bit(long pfn, int order) {
    if (order < 0
        || order > MAX
        || (pfn & ((1L << order) - 1)) != 0
        || pfn < zone.startPfn()
        || pfn + (1L << order) > zone.endPfn()) {
      throw new MisuseException(
          String.format(
              "not a block of %s: pfn=%d order=%d; zone startPfn=%d endPfn=%d maxOrder=%d",
              zone, pfn, order, zone.startPfn(), zone.endPfn(), MAX));
    }
    return pfn - base;
  }
}
