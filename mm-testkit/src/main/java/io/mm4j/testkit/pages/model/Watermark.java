// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FreeCounts;
import io.mm4j.api.page.Migratetype;

/**
 * Whether a zone has enough for a request: {@code zone_watermark_fast()}, {@code
 * __zone_watermark_ok()} and {@code __zone_watermark_unusable_free()} of mm/page_alloc.c (Linux
 * 6.18).
 */
public final class Watermark {
  private Watermark() {}

  /** What the decision is made of. */
  public interface Level extends FreeCounts {
    /** {@code NR_FREE_PAGES}. */
    long free();

    /** Free pages in reserved pageblocks: {@code nr_free_highatomic}. */
    long freeHighatomic();

    /** {@code lowmem_reserve[]}: what requests that could go up to this zone leave alone here. */
    long protection(ZoneType highest);

    /** A watermark without the boost. */
    long base(Mark mark);

    /** {@code watermark_boost}. */
    long boost();

    /** A watermark with the boost. */
    default long mark(Mark mark) {
      return base(mark) + boost();
    }
  }

  /** {@code zone_watermark_fast()} at the mark that the flags name. */
  public static boolean fast(Level zone, int order, AllocFlags flags, ZoneType highest) {
    return fast(zone, order, flags.mark(), flags, highest);
  }

  /**
   * {@code zone_watermark_fast()} at a mark. A single page that passes without its right to
   * reserves passes at once; one of {@code __GFP_HIGH} at the mark min may be looked at without the
   * boost.
   */
  public static boolean fast(Level zone, int order, Mark mark, AllocFlags flags, ZoneType highest) {
    if (order == 0) {
      long usable = zone.free() - Math.min(zone.free(), unusable(zone, 0, flags));
      if (usable > zone.mark(mark) + zone.protection(highest)) {
        return true;
      }
    }
    if (ok(zone, order, zone.mark(mark), flags, highest)) {
      return true;
    }
    boolean boostCanBeIgnored =
        order == 0
            && flags.has(AllocFlag.MIN_RESERVE)
            && zone.boost() > 0
            && flags.mark() == Mark.MIN;
    return boostCanBeIgnored && ok(zone, 0, zone.base(Mark.MIN), flags, highest);
  }

  /** {@code __zone_watermark_ok()}: the pages, and for a larger order a block that serves it. */
  public static boolean ok(Level zone, int order, long mark, AllocFlags flags, ZoneType highest) {
    long left = zone.free() - unusable(zone, order, flags);
    if (left <= floor(mark, flags) + zone.protection(highest)) {
      return false;
    }
    return order == 0 || hasBlock(zone, order, flags);
  }

  /** How much of a mark a request really keeps. */
  public static long floor(long mark, AllocFlags flags) {
    long floor = mark;
    if (flags.has(AllocFlag.MIN_RESERVE)) {
      floor -= floor / 2;
      if (flags.has(AllocFlag.NON_BLOCK)) {
        floor -= floor / 4;
      }
    }
    if (flags.has(AllocFlag.OOM)) {
      floor -= floor / 2;
    }
    return floor;
  }

  /** Free pages that do not count: the rest of the block itself, and what is kept for others. */
  public static long unusable(Level zone, int order, AllocFlags flags) {
    return (1L << order) - 1 + (flags.usesReserves() ? 0 : zone.freeHighatomic());
  }

  /** Whether a block of the order or larger is on a list that the request may use. */
  public static boolean hasBlock(Level zone, int order, AllocFlags flags) {
    boolean reserved = flags.has(AllocFlag.HIGHATOMIC) || flags.has(AllocFlag.OOM);
    for (int o = order; o <= Pages.MAX_PAGE_ORDER; o++) {
      for (int type = 0; type < Migratetype.PCPTYPES; type++) {
        if (zone.freeBlocks(o, type) > 0) {
          return true;
        }
      }
      if (reserved && zone.freeBlocks(o, Migratetype.HIGHATOMIC) > 0) {
        return true;
      }
    }
    return false;
  }
}
