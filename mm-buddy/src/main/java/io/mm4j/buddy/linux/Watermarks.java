// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.ZoneType;
import java.util.List;

/**
 * How much of a zone stays free, and how much a CPU may keep on its lists: pure functions of the
 * managed pages and the sysctls, nothing else.
 *
 * <p>Vocabulary, all in pages unless said:
 *
 * <ul>
 *   <li><b>managed</b>: what the zone was given at boot.
 *   <li><b>lowmem</b>: managed pages of all zones but HIGHMEM and MOVABLE; they share the minimum.
 *   <li><b>share</b>: the zone's part of {@code min_free_kbytes}, by size.
 *   <li><b>min</b>: the share; HIGHMEM and MOVABLE, which only user pages live in, keep a small
 *       number of their own. Low, high and promo follow, each one step above the last; a step is a
 *       quarter of the share or the scale factor's part of the zone, whichever is larger.
 *   <li><b>protection</b>: what a request that could have been served by a higher zone must leave
 *       in this one.
 *   <li><b>batch, high_min, high_max</b>: of a per-cpu list.
 * </ul>
 *
 * <p>Models {@code setup_per_zone_wmarks()}, {@code setup_per_zone_lowmem_reserve()}, {@code
 * zone_batchsize()}, {@code zone_highsize()} and {@code calculate_min_free_kbytes()} of
 * mm/page_alloc.c, {@code set_recommended_min_free_kbytes()} of mm/khugepaged.c, and {@code
 * calculate_normal_threshold()} of mm/vmstat.c (Linux 6.18).
 */
final class Watermarks {
  /** A list's largest share of a zone when it is left to tune itself: one eighth. */
  static final int MIN_HIGH_FRACTION = 8;

  private static final int PAGE_KB_SHIFT = Pages.PAGE_SHIFT - 10;

  private Watermarks() {}

  /** Whether the zone shares in {@code min_free_kbytes}. */
  static boolean isLowmem(ZoneType type) {
    return type != ZoneType.HIGHMEM && type != ZoneType.MOVABLE;
  }

  /** The zone's share of {@code min_free_kbytes}. */
  static long share(long managed, long minFreeKbytes, long lowmem) {
    return lowmem == 0
        ? 0
        : Math.multiplyHigh(minFreeKbytes >>> PAGE_KB_SHIFT, managed) == 0
            ? (minFreeKbytes >>> PAGE_KB_SHIFT) * managed / lowmem
            : Long.MAX_VALUE;
  }

  /** The min watermark. */
  static long min(ZoneType type, long managed, long share) {
    return isLowmem(type) ? share : Math.clamp(managed / 1024, 32, 128);
  }

  /** The distance from min to low, low to high, and high to promo. */
  static long step(long managed, long share, int scaleFactor) {
    return Math.max(
        share / 4, managed / 10000 * scaleFactor + managed % 10000 * scaleFactor / 10000);
  }

  /**
   * The protection array of one zone of a node.
   *
   * @param managed managed pages of the node's zones, one for each kind of zone, lowest first
   * @param zone which of them
   * @param ratios {@code lowmem_reserve_ratio}
   */
  static long[] protection(long[] managed, int zone, List<Integer> ratios) {
    long[] protection = new long[managed.length];
    int ratio = zone < ratios.size() ? ratios.get(zone) : 0;
    if (ratio < 1 || managed[zone] == 0) {
      return protection;
    }
    long above = 0;
    for (int upper = zone + 1; upper < managed.length; upper++) {
      above += managed[upper];
      protection[upper] = above / ratio;
    }
    return protection;
  }

  /** {@code lowmem_reserve_ratio} when it is not set. */
  static int defaultRatio(ZoneType kind) {
    return switch (kind) {
      case DMA, DMA32 -> 256;
      case NORMAL -> 32;
      case HIGHMEM, MOVABLE, DEVICE -> 0;
    };
  }

  /** The unit in which a per-cpu list is filled and drained. */
  static int batch(long managed) {
    long quarter = Math.max(1, Math.min(managed / 1024, (1 << 20) / Pages.PAGE_SIZE) / 4);
    return (int) Math.max(1, Long.highestOneBit(quarter + quarter / 2) - 1);
  }

  /**
   * How many pages a list may hold.
   *
   * @param low the low watermark
   * @param fraction 0 to divide the low watermark among the CPUs, else the zone's part to divide
   * @param cpus CPUs of the zone's node, or all CPUs if the node has none
   */
  static int high(long managed, long low, int batch, int fraction, int cpus) {
    long pages = fraction == 0 ? low : managed / fraction;
    return (int) Math.max(Math.min(pages / cpus, Integer.MAX_VALUE), (long) batch << 2);
  }

  /** {@code vm stats threshold} of {@code /proc/zoneinfo}. */
  static int statThreshold(long managed, int cpus) {
    long units = managed >>> (27 - Pages.PAGE_SHIFT);
    return Math.min(125, 2 * fls(cpus) * (1 + fls(units)));
  }

  /**
   * {@code min_free_kbytes} as boot computes it from the lowmem pages: four times the root of the
   * size in KiB.
   */
  static long minFreeKbytes(long lowmem) {
    return Math.clamp((long) Math.sqrt((double) (lowmem << PAGE_KB_SHIFT) * 16), 128, 262_144);
  }

  /**
   * {@code min_free_kbytes} that huge pages recommend: two pageblocks in each zone for each pair of
   * types to keep apart, at most a twentieth of the free lowmem.
   *
   * @param zones populated zones that kernel pages may come from
   * @param aboveHigh managed lowmem pages above the high watermarks
   */
  static long recommendedMinFreeKbytes(int zones, long aboveHigh) {
    long pages = (long) Pages.PAGEBLOCK_NR_PAGES * zones * (2 + 3 * 3);
    return Math.min(pages, aboveHigh / 20) << PAGE_KB_SHIFT;
  }

  private static int fls(long value) {
    return 64 - Long.numberOfLeadingZeros(value);
  }
}
