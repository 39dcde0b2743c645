// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FreeCounts;
import io.mm4j.api.page.Migratetype;
import java.util.Arrays;

/**
 * The recorded kernel's free blocks with their migratetypes, followed event by event. It gives the
 * counts that a fallback was decided by; it decides nothing.
 *
 * <p>Vocabulary: a block is on the list of its pageblock's type; a block of order 10 on that of its
 * first pageblock. A pageblock is <i>short</i> if so few of its pages are free that a claim of it
 * can have failed; which number that is, the rule under test says.
 *
 * <p>Layout: a byte per frame, the order of the free block that begins there plus 1, in sections
 * that are made when first written; per pageblock a type, the number of free pages and of free
 * blocks by order; per zone, type and order the number of blocks, and of those in short pageblocks.
 */
final class TypedBlocks implements FreeCounts {
  private static final int TYPES = Migratetype.TYPES;
  private static final int SECTION_SHIFT = 15;
  private static final int SECTION = 1 << SECTION_SHIFT;
  private static final byte[] NONE = {};
  private static final int PB = Pages.PAGEBLOCK_ORDER;

  private final RecordedZones zones;
  private final byte[][] heads;
  private final byte[] types;
  private final short[] free;
  private final short[] blocks;
  private final boolean[] fits;
  private final long[][][] counts;
  private final long[][][] shorts;
  private final long[][][] bias;
  private int asked;
  private long foundHead;
  private int foundOrder;

  /**
   * Starts with nothing free.
   *
   * @param types the type of every pageblock at the start; changed from then on
   * @param fits by number of free pages: whether a pageblock can be claimed for certain
   * @param bias what to add to the counts, by zone, type and order
   */
  TypedBlocks(RecordedZones zones, byte[] types, boolean[] fits, long[][][] bias) {
    this.zones = zones;
    this.types = types;
    this.fits = fits;
    this.bias = bias;
    this.heads = new byte[Math.toIntExact((zones.endPfn() >>> SECTION_SHIFT) + 1)][];
    Arrays.fill(heads, NONE);
    this.free = new short[types.length];
    this.blocks = new short[types.length * PB];
    this.counts = table(zones);
    this.shorts = table(zones);
  }

  /** A table of zeros by zone, type and order. */
  static long[][][] table(RecordedZones zones) {
    return new long[zones.count()][TYPES][Counts.ORDERS];
  }

  /** How many pageblocks there are. */
  static int pageblocks(RecordedZones zones) {
    return Math.toIntExact((zones.endPfn() >>> PB) + 2);
  }

  /** Which zone {@link #freeBlocks} answers for. */
  void ask(int zone) {
    asked = zone;
  }

  /** Blocks of the zone that was last asked about, the correction included. */
  @Override
  public long freeBlocks(int order, int migratetype) {
    return counts[asked][migratetype][order] + bias[asked][migratetype][order];
  }

  /** Blocks as tracked, without the correction. */
  long tracked(int zone, int type, int order) {
    return counts[zone][type][order];
  }

  /** Whether a list may hold a block whose pageblock could not be claimed. */
  boolean mayBeShort(int type, int order) {
    return order < PB && (shorts[asked][type][order] > 0 || bias[asked][type][order] > 0);
  }

  /** The type of the pageblock that holds a frame. */
  int type(long pfn) {
    return types[(int) (pfn >>> PB)];
  }

  /** Free pages of a pageblock in blocks below its order. */
  int freeIn(long pfn) {
    return free[(int) (pfn >>> PB)];
  }

  /** Free blocks of this order in a pageblock. */
  int blocksIn(long pfn, int order) {
    return order < PB ? blocks[(int) (pfn >>> PB) * PB + order] : 0;
  }

  /**
   * Finds the free block that holds a whole block.
   *
   * @return false if there is none; otherwise {@link #foundHead} and {@link #foundOrder} tell
   */
  boolean find(int zone, long pfn, int order) {
    for (int o = order; o < Counts.ORDERS; o++) {
      long head = pfn & -(1L << o);
      if (head < zones.startPfn(zone)) {
        return false;
      }
      if (orderAt(head) == o) {
        foundHead = head;
        foundOrder = o;
        return true;
      }
    }
    return false;
  }

  /** Whether a frame of this block is free. */
  boolean anyFree(int zone, long pfn, int order) {
    if (find(zone, pfn, order)) {
      return true;
    }
    for (long p = pfn; p < pfn + (1L << order); p++) {
      if (orderAt(p) >= 0) {
        return true;
      }
    }
    return false;
  }

  long foundHead() {
    return foundHead;
  }

  int foundOrder() {
    return foundOrder;
  }

  private int orderAt(long pfn) {
    byte[] section = heads[(int) (pfn >>> SECTION_SHIFT)];
    return section.length == 0 ? -1 : section[(int) pfn & (SECTION - 1)] - 1;
  }

  private void setOrderAt(long pfn, int order) {
    int at = (int) (pfn >>> SECTION_SHIFT);
    if (heads[at].length == 0) {
      heads[at] = new byte[SECTION];
    }
    heads[at][(int) pfn & (SECTION - 1)] = (byte) (order + 1);
  }

  /** Takes a block out of the free block that {@link #find} found; the rest keeps its type. */
  void take(int zone, long pfn, int order) {
    long head = foundHead;
    int from = foundOrder;
    remove(zone, head, from);
    while (from > order) {
      from--;
      long half = 1L << from;
      if (pfn >= head + half) {
        add(zone, head, from);
        head += half;
      } else {
        add(zone, head + half, from);
      }
    }
  }

  /** Puts a block in and merges it; pageblocks that it merges with take its type. */
  void insert(int zone, long pfn, int order) {
    int type = type(pfn);
    long head = pfn;
    int o = order;
    while (o < Pages.MAX_PAGE_ORDER) {
      long buddy = head ^ (1L << o);
      long merged = Math.min(head, buddy);
      if (buddy < zones.startPfn(zone)
          || !zones.holdsBlock(zone, merged, o + 1)
          || orderAt(buddy) != o) {
        break;
      }
      remove(zone, buddy, o);
      if (o >= PB) {
        types[(int) (buddy >>> PB)] = (byte) type;
      }
      head = merged;
      o++;
    }
    add(zone, head, o);
  }

  private void add(int zone, long head, int order) {
    setOrderAt(head, order);
    change(zone, head, order, 1);
  }

  private void remove(int zone, long head, int order) {
    setOrderAt(head, -1);
    change(zone, head, order, -1);
  }

  private void change(int zone, long head, int order, int sign) {
    int block = (int) (head >>> PB);
    counts[zone][types[block]][order] += sign;
    if (order >= PB) {
      return;
    }
    addShorts(zone, block, -1);
    free[block] += (short) (sign << order);
    blocks[block * PB + order] += (short) sign;
    addShorts(zone, block, 1);
  }

  private void addShorts(int zone, int block, int sign) {
    if (fits[free[block]]) {
      return;
    }
    long[] row = shorts[zone][types[block]];
    for (int o = 0; o < PB; o++) {
      row[o] += (long) sign * blocks[block * PB + o];
    }
  }

  /** Gives the pageblock that holds a frame another type; its free blocks change lists. */
  void retype(int zone, long pfn, int type) {
    int block = (int) (pfn >>> PB);
    int old = types[block];
    if (old == type) {
      return;
    }
    long start = (long) block << PB;
    int whole = orderAt(start);
    addShorts(zone, block, -1);
    if (whole >= PB) {
      counts[zone][old][whole]--;
      counts[zone][type][whole]++;
    }
    for (int o = 0; o < PB; o++) {
      int count = blocks[block * PB + o];
      counts[zone][old][o] -= count;
      counts[zone][type][o] += count;
    }
    types[block] = (byte) type;
    addShorts(zone, block, 1);
  }
}
