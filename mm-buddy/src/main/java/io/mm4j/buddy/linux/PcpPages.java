// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Migratetype;

/**
 * The pages that one CPU keeps of one zone, and how many they may be: {@code struct per_cpu_pages}
 * of include/linux/mmzone.h, tuned as {@code nr_pcp_alloc()}, {@code nr_pcp_high()} and {@code
 * nr_pcp_free()} of mm/page_alloc.c do (Linux 6.18).
 *
 * <p>Lists: orders 0 to 3 for each of the three types, then two for blocks of huge-page size, one
 * of them for Movable.
 *
 * <p>Tuning: {@code high} moves between {@code highMin} and {@code highMax}. It rises when a refill
 * or a row of frees would not fit, and falls when the zone runs short. Refills of order 0 double
 * with each refill that no free interrupts; drains grow with the number of frees that no allocation
 * interrupts.
 */
final class PcpPages {
  /** The largest order of the small lists: {@code PAGE_ALLOC_COSTLY_ORDER}. */
  static final int COSTLY_ORDER = 3;

  /** Lists in all. */
  static final int LISTS = (COSTLY_ORDER + 1) * Migratetype.PCPTYPES + 2;

  /** A refill or drain is at most {@code batch << BATCH_SCALE_MAX} pages. */
  static final int BATCH_SCALE_MAX = 5;

  /** The last block that was freed was larger than a page. */
  private static final int PREV_FREE_HIGH_ORDER = 1;

  final PcpList[] lists = new PcpList[LISTS];
  final int batch;
  final int highMin;
  final int highMax;

  /** More frees in a row than this make no difference. */
  private final int freeCountMax;

  /** Pages on all lists. */
  int count;

  /** Drained above it; 0 until first used. */
  int high;

  int allocFactor;

  /** Pages freed since the last allocation, as far as it matters; halved by each allocation. */
  int freeCount;

  private int flags;

  /** Pages that the fast path gave out; it prefers the zone always. */
  long fastAllocs;

  /** Pages that slow paths put on the lists, less those that they took off. */
  private long slowlyAdded;

  /** Blocks and pages of all other paths. */
  long slowAllocs;

  long slowAllocPages;
  long slowFreePages;
  long numaMiss;
  long numaForeign;
  long refills;
  long drains;

  PcpPages(int batch, int highMin, int highMax) {
    this.batch = batch;
    this.highMin = highMin;
    this.highMax = highMax;
    this.freeCountMax = batch << BATCH_SCALE_MAX;
    for (int i = 0; i < LISTS; i++) {
      lists[i] = new PcpList();
    }
  }

  /** {@code pcp_allowed_order()}. */
  static boolean allows(int order) {
    return order <= COSTLY_ORDER || order == Pages.PAGEBLOCK_ORDER;
  }

  /** {@code order_to_pindex()}. */
  static int index(int order, int migratetype) {
    if (order > COSTLY_ORDER) {
      return LISTS - 2 + (migratetype == Migratetype.MOVABLE ? 1 : 0);
    }
    return order * Migratetype.PCPTYPES + migratetype;
  }

  /** {@code pindex_to_order()}. */
  static int orderOf(int index) {
    return index >= LISTS - 2 ? Pages.PAGEBLOCK_ORDER : index / Migratetype.PCPTYPES;
  }

  /**
   * How many blocks a refill takes from the zone.
   *
   * @param mayGrow whether the zone has enough free pages for longer lists
   */
  int refillSize(int order, boolean mayGrow) {
    high = limited(high);
    if (high < batch) {
      return 1;
    }
    int size = order == 0 ? batch << allocFactor : batch;
    if (highMin != highMax && mayGrow) {
      high = Math.min(high + size, highMax);
    }
    if (order == 0) {
      int room = Math.max(high - count - batch, batch);
      if (size <= room && allocFactor < BATCH_SCALE_MAX) {
        allocFactor++;
      }
      size = Math.min(size, room);
    }
    settle();
    return size > 1 ? Math.max(size >> order, 2) : size;
  }

  /**
   * The kernel's {@code clamp()} to the limits, which asks for the upper one first: where sysctls
   * leave a minimum above the maximum (a low watermark larger than an eighth of the zone), a value
   * below the maximum becomes the minimum, and any other the maximum.
   */
  private int limited(int value) {
    return value >= highMax ? highMax : Math.max(value, highMin);
  }

  /**
   * Keeps {@link #high} where the next free finds it: above the maximum, which only limits that
   * cross allow, the kernel's next clamp() makes it the maximum. The fast path compares without
   * one.
   */
  void settle() {
    high = Math.min(high, highMax);
  }

  /** An allocation interrupts a row of frees. */
  void noteAlloc() {
    freeCount >>= 1;
  }

  /** Counts pages that a slow path puts on the lists, or takes off if negative. */
  void add(int pages) {
    count += pages;
    slowlyAdded += pages;
  }

  /** Pages that came back one by one through the fast path. */
  long fastFrees() {
    return count - slowlyAdded + fastAllocs;
  }

  /** The bookkeeping of a page that the fast path has just taken off a list. */
  void noteFastAlloc() {
    freeCount >>= 1;
    count--;
    fastAllocs++;
  }

  /**
   * The bookkeeping of a page that the fast path has just added to a list; as {@link #noteFree} of
   * order 0.
   */
  void noteFastFree() {
    allocFactor >>= 1;
    count++;
    flags = 0;
    if (freeCount < freeCountMax) {
      freeCount++;
    }
  }

  /**
   * The bookkeeping of a block that has just been added to a list.
   *
   * <p>A row of larger blocks coming back is drained early, as they could grow together in the
   * zone; this is the kernel's rule for CPUs whose share of the cache is larger than three batches.
   *
   * @return whether such a row is coming back
   */
  boolean noteFree(int order) {
    allocFactor >>= 1;
    add(1 << order);
    boolean freeHigh = false;
    if (order > 0 && order <= COSTLY_ORDER) {
      freeHigh =
          freeCount >= batch + highMin / 2 && (flags & PREV_FREE_HIGH_ORDER) != 0 && count >= batch;
      flags |= PREV_FREE_HIGH_ORDER;
    } else {
      flags &= ~PREV_FREE_HIGH_ORDER;
    }
    if (freeCount < freeCountMax) {
      freeCount += 1 << order;
    }
    return freeHigh;
  }

  /**
   * The count from which a free drains.
   *
   * @param freeHigh many larger blocks come back in a row
   * @param reclaimActive kswapd is at work in the zone
   * @param belowHigh the zone has been seen below its high watermark
   */
  int drainAt(boolean freeHigh, boolean reclaimActive, boolean belowHigh) {
    high = limited(high);
    int at = high;
    if (at == 0) {
      return 0;
    }
    if (freeHigh) {
      high = Math.max(at - (batch << BATCH_SCALE_MAX), highMin);
      return 0;
    }
    int row = Math.max(freeCount, batch);
    if (reclaimActive) {
      high = Math.max(at - row, highMin);
      return Math.min(batch << 2, high);
    }
    if (highMin == highMax) {
      return at;
    }
    if (belowHigh) {
      high = Math.max(at - row, highMin);
      return Math.max(count, highMin);
    }
    if (count >= at) {
      int need = freeCount + batch;
      if (high < need) {
        high = limited(need);
      }
    }
    return at;
  }

  /** How many pages a drain gives back. */
  int drainSize(int drainAt, boolean freeHigh) {
    if (freeHigh) {
      return Math.min(count, batch << BATCH_SCALE_MAX);
    }
    if (drainAt < batch) {
      return 1;
    }
    // As the kernel's clamp(): with batch > drainAt - batch the upper bound wins.
    return Math.min(Math.max(freeCount, batch), Math.max(drainAt - batch, 1));
  }

  /**
   * {@code decay_pcp_high()}: the limit of an idle CPU's lists falls by an eighth at a time, down
   * to the minimum.
   *
   * @return how many pages to drain
   */
  int decay() {
    int target = high;
    if (high > highMin) {
      target = Math.max(Math.max(count - (batch << BATCH_SCALE_MAX), high - (high >> 3)), highMin);
      high = target;
    }
    return Math.max(0, count - target);
  }

  /** Pages on the lists, counted. */
  int walkedPages() {
    int pages = 0;
    for (int i = 0; i < LISTS; i++) {
      pages += lists[i].size() << orderOf(i);
    }
    return pages;
  }
}
