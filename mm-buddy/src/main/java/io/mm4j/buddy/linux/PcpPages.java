// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PcpCounts;
import io.mm4j.api.page.PcpList;
import io.mm4j.api.page.PcpZone;

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
  /** {@code HPAGE_PMD_ORDER}: 2 MiB. */
  private static final int HUGE_ORDER = 9;

  /** The largest order of the small lists: {@code PAGE_ALLOC_COSTLY_ORDER}. */
  static final int COSTLY_ORDER = 3;

  /** Lists of the small orders; their blocks take the fast paths. */
  static final int SMALL_LISTS = (COSTLY_ORDER + 1) * Migratetype.PCPTYPES;

  /** Lists in all. */
  static final int LISTS = (COSTLY_ORDER + 1) * Migratetype.PCPTYPES + 2;

  /** A refill or drain is at most {@code batch << BATCH_SCALE_MAX} pages. */
  static final int BATCH_SCALE_MAX = 5;

  final PcpList[] lists = new PcpList[LISTS];
  final int batch;
  final int highMin;
  final int highMax;

  /** More frees in a row than this make no difference. */
  private final int freeCountMax;

  /** What the fast paths count. */
  final PcpCounts counts = new PcpCounts();

  /** Where blocks of the zone come back to. */
  final PcpZone returns;

  /** Drained above it; 0 until first used. */
  int high;

  int allocFactor;

  /** Pages and blocks that slow paths put on the lists, less those that they took off. */
  private long slowlyAdded;

  private long slowlyAddedBlocks;

  /** Blocks that had come back through the fast path when the last refill was due. */
  private long freesAtRefill;

  /** Blocks and pages of all other paths. */
  long slowAllocs;

  long slowAllocPages;
  long slowFreePages;
  long numaMiss;
  long numaForeign;
  long refills;
  long drains;

  /** The number of the zone is as in {@link PcpZone}. */
  PcpPages(Zone zone, int number, int batch, int highMin, int highMax) {
    this.batch = batch;
    this.highMin = highMin;
    this.highMax = highMax;
    this.freeCountMax = batch << BATCH_SCALE_MAX;
    this.returns = new PcpZone(zone, number);
    for (int i = 0; i < LISTS; i++) {
      int order = orderOf(i);
      int rowLimit = order == 0 ? freeCountMax : Math.min(earlyDrainAt(), freeCountMax);
      lists[i] = new PcpList(order, counts, rowLimit);
      if (order < CpuPages.ORDERS) {
        returns.set(i % Migratetype.PCPTYPES, lists[i]);
      }
    }
  }

  /**
   * {@code pcp_allowed_order()}. Where pageblocks are as large as a huge page that processes can
   * map there are lists of these, too; x86-32 without PAE has none.
   */
  static boolean allows(int order, int pageblockOrder) {
    return order <= COSTLY_ORDER || (order == HUGE_ORDER && order == pageblockOrder);
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
    return index >= LISTS - 2 ? HUGE_ORDER : index / Migratetype.PCPTYPES;
  }

  /**
   * How many blocks a refill takes from the zone.
   *
   * @param mayGrow whether the zone has enough free pages for longer lists
   */
  int refillSize(int order, boolean mayGrow) {
    allocFactor >>= (int) Math.min(counts.frees() - freesAtRefill, Integer.SIZE - 1);
    freesAtRefill = counts.frees();
    high = limited(high);
    if (high < batch) {
      return 1;
    }
    int size = order == 0 ? batch << allocFactor : batch;
    if (highMin != highMax && mayGrow) {
      high = Math.min(high + size, highMax);
    }
    if (order == 0) {
      int room = Math.max(high - count() - batch, batch);
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
    counts.noteAlloc();
  }

  /** Counts blocks that a slow path puts on a list, or takes off if negative. */
  void add(int blocks, int order) {
    slowlyAdded += (long) blocks << order;
    slowlyAddedBlocks += blocks;
  }

  /** Pages on all lists. */
  int count() {
    int pages = 0;
    for (int i = 0; i < LISTS; i++) {
      pages += lists[i].size() << orderOf(i);
    }
    return pages;
  }

  /** Pages that came back through the fast path. */
  long fastFrees() {
    long pages = counts.frees();
    for (int i = Migratetype.PCPTYPES; i < SMALL_LISTS; i++) {
      pages += lists[i].frees() * ((1L << orderOf(i)) - 1);
    }
    return pages;
  }

  /** Pages that the fast path gave out: what came and is not there. */
  long fastAllocPages() {
    return fastFrees() + slowlyAdded - count();
  }

  /** Blocks that the fast path gave out; it prefers the zone always. */
  long fastAllocs() {
    long blocks = counts.frees() + slowlyAddedBlocks;
    for (PcpList list : lists) {
      blocks -= list.size();
    }
    return blocks;
  }

  /** A row of larger blocks from so many pages on is drained early. */
  private int earlyDrainAt() {
    return batch + highMin / 2;
  }

  /**
   * The bookkeeping of a block that a slow path has just added to a list.
   *
   * <p>A row of larger blocks coming back is drained early, as they could grow together in the
   * zone; this is the kernel's rule for CPUs whose share of the cache is larger than three batches.
   *
   * @return whether such a row is coming back
   */
  boolean noteFree(int order) {
    allocFactor >>= 1;
    add(1, order);
    int freeCount = counts.freeCount();
    boolean large = order > 0 && order <= COSTLY_ORDER;
    boolean freeHigh =
        large && counts.freedLarge() && freeCount >= earlyDrainAt() && count() >= batch;
    counts.setFreed(freeCount < freeCountMax ? freeCount + (1 << order) : freeCount, large);
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
    int row = Math.max(counts.freeCount(), batch);
    if (reclaimActive) {
      high = Math.max(at - row, highMin);
      return Math.min(batch << 2, high);
    }
    if (highMin == highMax) {
      return at;
    }
    if (belowHigh) {
      high = Math.max(at - row, highMin);
      return Math.max(count(), highMin);
    }
    if (count() >= at) {
      int need = counts.freeCount() + batch;
      if (high < need) {
        high = limited(need);
      }
    }
    return at;
  }

  /** How many pages a drain gives back. */
  int drainSize(int drainAt, boolean freeHigh) {
    if (freeHigh) {
      return Math.min(count(), batch << BATCH_SCALE_MAX);
    }
    if (drainAt < batch) {
      return 1;
    }
    // As the kernel's clamp(): with batch > drainAt - batch the upper bound wins.
    return Math.min(Math.max(counts.freeCount(), batch), Math.max(drainAt - batch, 1));
  }

  /** Lets the fast path hand out blocks of orders below. */
  void openFronts(int orders) {
    for (int i = 0; i < orders * Migratetype.PCPTYPES; i++) {
      lists[i].openFront();
    }
  }

  /** Sends allocations of this order and up the slow way; anybody may. */
  void closeFronts(int fromOrder) {
    for (int i = fromOrder * Migratetype.PCPTYPES; i < SMALL_LISTS; i++) {
      lists[i].closeFront();
    }
  }

  /** Sends frees the slow way; anybody may. */
  void closeBacks() {
    for (int i = 0; i < SMALL_LISTS; i++) {
      lists[i].closeBack();
    }
  }

  /**
   * Lets the fast path put blocks on the lists, as long as no drain is due: the room is dealt out
   * to the lists, half of what is left to the one that is in use.
   *
   * @param index the list in use
   */
  void openBacks(int index) {
    int room = high - 1 - count();
    if (room < 0) {
      closeBacks();
      return;
    }
    int left = room;
    for (int i = 0; i < SMALL_LISTS; i++) {
      left -= lists[i].room() << orderOf(i);
    }
    if (left < Math.min(room, batch)) {
      for (int i = 0; i < SMALL_LISTS; i++) {
        lists[i].openBack(lists[i].size());
      }
      left = room;
    }
    if (index < SMALL_LISTS) {
      PcpList list = lists[index];
      int more = (left > 4 * batch ? left / 2 : left) >> list.order();
      list.openBack(list.size() + list.room() + more);
    }
  }

  /** Compares what is kept with what follows from the lists, and the room with its limit. */
  void validate(ZoneState zone) {
    if (fastAllocs() < 0 || fastAllocPages() < fastAllocs()) {
      throw new CorruptStateError(
          zone + ": per-cpu lists: pages=" + count() + " put by slow paths=" + slowlyAdded);
    }
    int pages = count();
    int most = pages;
    for (int i = 0; i < SMALL_LISTS; i++) {
      most += lists[i].room() << orderOf(i);
    }
    if (most > pages && most >= high) {
      throw new CorruptStateError(
          zone + ": per-cpu lists: pages=" + pages + " with room=" + most + " high=" + high);
    }
  }
}
