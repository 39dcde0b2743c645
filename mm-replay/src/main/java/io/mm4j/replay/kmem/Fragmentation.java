// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;

/**
 * Figures of external fragmentation from the free blocks per order, as mm/vmstat.c of Linux 6.18
 * computes them ({@code fill_contig_page_info()} and what follows). In thousandths, as the kernel
 * computes; it prints them with a point, 0.364.
 */
public final class Fragmentation {
  private Fragmentation() {}

  /** Free pages in these blocks. */
  public static long freePages(long[] blocks) {
    long pages = 0;
    for (int o = 0; o < blocks.length; o++) {
      pages += blocks[o] << o;
    }
    return pages;
  }

  /**
   * The part of the free pages that no request of this order can use: {@code
   * unusable_free_index()}.
   *
   * @param blocks free blocks by order
   * @return 0 (all can be used) to 1000 (none)
   */
  public static int unusableIndex(long[] blocks, int order) {
    long pages = freePages(blocks);
    if (pages == 0) {
      return 1000;
    }
    long suitable = 0;
    for (int o = order; o < blocks.length; o++) {
      suitable += blocks[o] << o;
    }
    return (int) ((pages - suitable) * 1000 / pages);
  }

  /**
   * Why a request of this order would fail: towards 0 for lack of memory, towards 1000 because of
   * fragmentation. {@code __fragmentation_index()}.
   *
   * @param blocks free blocks by order
   * @return -1000 if it would not fail
   */
  public static int extfragIndex(long[] blocks, int order) {
    if (order > Pages.MAX_PAGE_ORDER) {
      return 0;
    }
    long total = 0;
    for (int o = 0; o < blocks.length; o++) {
      total += blocks[o];
      if (o >= order && blocks[o] > 0) {
        return -1000;
      }
    }
    if (total == 0) {
      return 0;
    }
    long requested = 1L << order;
    return (int) (1000 - (1000 + freePages(blocks) * 1000 / requested) / total);
  }
}
