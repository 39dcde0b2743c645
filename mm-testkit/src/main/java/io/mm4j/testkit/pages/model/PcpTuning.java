// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.page.Migratetype;

/**
 * The figures of one CPU's lists of one zone and how they move: {@code struct per_cpu_pages} with
 * {@code nr_pcp_alloc()}, {@code nr_pcp_high()}, {@code nr_pcp_free()} and the head of {@code
 * free_frozen_page_commit()} of mm/page_alloc.c (Linux 6.18). The pages themselves are elsewhere.
 */
public final class PcpTuning {
  /** {@code CONFIG_PCP_BATCH_SCALE_MAX}: batches grow to 2^5 times their size. */
  public static final int SCALE_MAX = 5;

  /** {@code PAGE_ALLOC_COSTLY_ORDER}: the largest of the small orders. */
  public static final int SMALL_ORDER = 3;

  /** {@code HPAGE_PMD_ORDER} of x86. */
  private static final int HUGE = 9;

  /** {@code NR_PCP_LISTS}: three types of four orders, and two of huge pages. */
  public static final int LISTS = Migratetype.PCPTYPES * (SMALL_ORDER + 1) + 2;

  /** {@code pcp->batch}. */
  public final int batch;

  /** {@code pcp->high_min}. */
  public final int highMin;

  /** {@code pcp->high_max}. */
  public final int highMax;

  /** {@code pcp->high}, as tuned now; 0 until the lists are used for the first time. */
  public int high;

  /** {@code pcp->count}: pages on the lists. */
  public int count;

  /** {@code pcp->alloc_factor}: how often the next refill is doubled. */
  public int allocFactor;

  /** {@code pcp->free_count}: pages freed in a row; halved by each allocation. */
  public int freeCount;

  /** {@code PCPF_PREV_FREE_HIGH_ORDER}: the last one freed was of order 1 to 3. */
  public boolean freedLarge;

  /** Empty lists with these limits. */
  public PcpTuning(int batch, int highMin, int highMax) {
    this.batch = batch;
    this.highMin = highMin;
    this.highMax = highMax;
  }

  /** {@code pcp_allowed_order()}: whether blocks of this order rest on per-cpu lists. */
  public static boolean allowed(int order) {
    return order <= SMALL_ORDER || order == HUGE;
  }

  /** The same where pageblocks may be larger: then there are no huge pages for processes. */
  static boolean allowed(int order, int pageblockOrder) {
    return allowed(order) && (order <= SMALL_ORDER || pageblockOrder == HUGE);
  }

  /** {@code order_to_pindex()}: the list of an order and a type. */
  public static int list(int order, int type) {
    if (order > SMALL_ORDER) {
      return LISTS - 2 + (type == Migratetype.MOVABLE ? 1 : 0);
    }
    return Migratetype.PCPTYPES * order + type;
  }

  /** {@code pindex_to_order()}: the order of a list's blocks. */
  public static int orderOf(int list) {
    return list >= LISTS - 2 ? HUGE : list / Migratetype.PCPTYPES;
  }

  /** An allocation begins: a row of frees is at an end. */
  public void allocates() {
    freeCount /= 2;
  }

  /**
   * {@code nr_pcp_alloc()}: how many blocks a refill asks for.
   *
   * @param belowHigh {@code ZONE_BELOW_HIGH}: the zone is short, lists do not grow
   */
  public int refill(int order, boolean belowHigh) {
    high = clamp(high, highMin, highMax);
    if (high < batch) {
      return 1;
    }
    int pages = order == 0 ? batch << allocFactor : batch;
    if (highMin != highMax && !belowHigh) {
      high = Math.min(high + pages, highMax);
    }
    if (order == 0) {
      int most = Math.max(high - count - batch, batch);
      if (pages <= most && allocFactor < SCALE_MAX) {
        allocFactor++;
      }
      pages = Math.min(pages, most);
    }
    return pages > 1 ? Math.max(pages >> order, 2) : pages;
  }

  /**
   * A block has been put on a list: {@code free_frozen_page_commit()}.
   *
   * @param belowHigh {@code ZONE_BELOW_HIGH}
   * @param reclaiming {@code ZONE_RECLAIM_ACTIVE}: kswapd is at work there
   * @return how many pages are drained now; 0 for none
   */
  public int freed(int order, boolean belowHigh, boolean reclaiming) {
    allocFactor /= 2;
    count += 1 << order;
    boolean large = order > 0 && order <= SMALL_ORDER;
    boolean flush = large && freedLarge && freeCount >= batch + highMin / 2 && count >= batch;
    freedLarge = large;
    if (freeCount < batch << SCALE_MAX) {
      freeCount += 1 << order;
    }
    int limit = limit(flush, belowHigh, reclaiming);
    return count >= limit ? drain(limit, flush) : 0;
  }

  /** {@code nr_pcp_high()}: from how many pages on the lists are drained. */
  private int limit(boolean flush, boolean belowHigh, boolean reclaiming) {
    high = clamp(high, highMin, highMax);
    if (high == 0) {
      return 0;
    }
    if (flush) {
      high = Math.max(high - (batch << SCALE_MAX), highMin);
      return 0;
    }
    int now = high;
    if (reclaiming) {
      high = Math.max(now - Math.max(freeCount, batch), highMin);
      return Math.min(4 * batch, high);
    }
    if (highMin == highMax) {
      return now;
    }
    if (belowHigh) {
      high = Math.max(now - Math.max(freeCount, batch), highMin);
      return Math.max(count, highMin);
    }
    if (count >= now && high < freeCount + batch) {
      high = clamp(freeCount + batch, highMin, highMax);
    }
    return now;
  }

  /** {@code nr_pcp_free()}: how many pages a drain takes. */
  private int drain(int limit, boolean flush) {
    if (flush) {
      return Math.min(count, batch << SCALE_MAX);
    }
    if (limit < batch) {
      return 1;
    }
    return Math.min(Math.max(freeCount, batch), limit - batch);
  }

  /** The kernel's {@code clamp()}, which asks for the upper limit first, should the two cross. */
  private static int clamp(int value, int least, int most) {
    return value >= most ? most : Math.max(value, least);
  }
}
