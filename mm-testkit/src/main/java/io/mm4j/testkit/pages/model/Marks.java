// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.ZoneType;
import java.util.ArrayList;
import java.util.List;

/**
 * What each zone keeps back, and how many pages a CPU may keep of it: the numbers that {@code
 * /proc/zoneinfo} shows of an idle machine, from the managed pages of its zones alone.
 *
 * <p>Written from {@code calculate_min_free_kbytes}, {@code __setup_per_zone_wmarks}, {@code
 * setup_per_zone_lowmem_reserve}, {@code zone_batchsize} and {@code zone_highsize} of
 * mm/page_alloc.c, {@code set_recommended_min_free_kbytes} of mm/khugepaged.c and {@code
 * calculate_normal_threshold} of mm/vmstat.c (Linux 6.18), and judged by recorded zoneinfo.
 */
public class Marks {
  /** The kinds of zone of x86-64, also those without memory. */
  public static final List<ZoneType> KINDS_64 =
      List.of(ZoneType.DMA, ZoneType.DMA32, ZoneType.NORMAL, ZoneType.MOVABLE, ZoneType.DEVICE);

  /** The kinds of zone of x86-32. */
  public static final List<ZoneType> KINDS_32 =
      List.of(ZoneType.DMA, ZoneType.NORMAL, ZoneType.HIGHMEM, ZoneType.MOVABLE);

  /** The least {@code percpu_pagelist_high_fraction}, and what bounds automatic tuning. */
  private static final int HIGH_FRACTION = 8;

  private static final int BOOT_SCALE = 10;

  /** Pages from which on a machine has transparent huge pages: {@code hugepage_init}, 512 MiB. */
  private static final int HUGE_PAGES_FROM = 512 << 20 >> Pages.PAGE_SHIFT;

  private final Plan plan;

  /** The numbers of a machine. */
  public Marks(Plan plan) {
    this.plan = plan;
  }

  /**
   * A zone, as far as its size matters.
   *
   * @param nodeId its node
   * @param type its kind
   * @param managed pages that the allocator was given
   */
  public record Size(int nodeId, ZoneType type, long managed) {}

  /**
   * A machine and its {@code vm} settings.
   *
   * @param kinds the kinds of zone that its architecture has
   * @param zones those that have memory
   * @param cpusOfNode how many CPUs each node has, by number
   * @param minFreeKbytes as set, or -1 to let it be computed
   * @param hugePages whether transparent huge pages are on
   * @param scaleFactor {@code watermark_scale_factor}
   * @param ratios {@code lowmem_reserve_ratio}, one for each kind
   * @param highFraction {@code percpu_pagelist_high_fraction}
   */
  public record Plan(
      List<ZoneType> kinds,
      List<Size> zones,
      List<Integer> cpusOfNode,
      long minFreeKbytes,
      boolean hugePages,
      int scaleFactor,
      List<Integer> ratios,
      int highFraction) {
    /** Copies the lists. */
    public Plan {
      kinds = List.copyOf(kinds);
      zones = List.copyOf(zones);
      cpusOfNode = List.copyOf(cpusOfNode);
      ratios = List.copyOf(ratios);
    }

    int cpus() {
      return cpusOfNode.stream().mapToInt(Integer::intValue).sum();
    }
  }

  /**
   * The numbers of one zone, named as {@code /proc/zoneinfo} names them.
   *
   * @param min {@code min}
   * @param low {@code low}
   * @param high {@code high}
   * @param promo {@code promo}
   * @param protection {@code protection}, one for each kind of zone
   * @param batch {@code batch}
   * @param highMin {@code high_min}
   * @param highMax {@code high_max}
   * @param statThreshold {@code vm stats threshold}
   */
  public record Numbers(
      long min,
      long low,
      long high,
      long promo,
      List<Long> protection,
      int batch,
      int highMin,
      int highMax,
      int statThreshold) {}

  /** Pages of a kind that only some requests can use keep no share of {@code min_free_kbytes}. */
  private static boolean apart(ZoneType type) {
    return type == ZoneType.HIGHMEM || type == ZoneType.MOVABLE;
  }

  /** {@code vm.min_free_kbytes}. */
  public long minFreeKbytes() {
    long all = plan.zones.stream().mapToLong(Size::managed).sum();
    if (plan.minFreeKbytes >= 0) {
      return plan.minFreeKbytes;
    }
    long computed = bySize(lowmem());
    if (all < HUGE_PAGES_FROM || plan.kinds.contains(ZoneType.HIGHMEM)) {
      return computed;
    }
    return plan.hugePages ? Math.max(computed, recommended(computed)) : anew(computed);
  }

  /** {@code calculate_min_free_kbytes()} of so many pages. */
  private static long bySize(long pages) {
    return clamp(root(pages * (Pages.PAGE_SIZE / 1024) * 16), 128, 262_144);
  }

  /** Where huge pages are never wanted, the start of khugepaged computes it a second time. */
  protected long anew(long computed) {
    return bySize(aboveHigh(computed));
  }

  /**
   * What khugepaged wants: for each zone two pageblocks for each pair of the three types, and two
   * more; but no more than a twentieth of what is above the high marks of a machine that has just
   * booted.
   */
  protected long recommended(long computed) {
    long zones = plan.zones.stream().filter(z -> !above(z.type)).count();
    long wanted = Pages.PAGEBLOCK_NR_PAGES * zones * (2 + 3 * 3);
    return Math.min(wanted, aboveHigh(computed) / 20) * (Pages.PAGE_SIZE / 1024);
  }

  /** {@code nr_free_buffer_pages()} when boot has set the marks. */
  private long aboveHigh(long computed) {
    long pages = 0;
    for (Size zone : plan.zones) {
      if (!above(zone.type)) {
        long high = marks(zone, computed, BOOT_SCALE)[2];
        pages += Math.max(0, zone.managed - high);
      }
    }
    return pages;
  }

  /** Whether a kind is above what {@code GFP_USER} can use. */
  private static boolean above(ZoneType type) {
    return type.compareTo(ZoneType.NORMAL) > 0;
  }

  private long lowmem() {
    return plan.zones.stream().filter(z -> !apart(z.type)).mapToLong(Size::managed).sum();
  }

  /** Min, low, high and promo. */
  protected long[] marks(Size zone, long minFreeKbytes, int scaleFactor) {
    long share = minFreeKbytes / (Pages.PAGE_SIZE / 1024) * zone.managed / lowmem();
    long min = apart(zone.type) ? clamp(zone.managed / 1024, 32, 128) : share;
    long step = Math.max(share / 4, zone.managed * scaleFactor / 10_000);
    return new long[] {min, min + step, min + 2 * step, min + 3 * step};
  }

  /** What requests for each kind of zone leave alone here. */
  protected List<Long> protection(Size zone) {
    List<Long> result = new ArrayList<>();
    int own = plan.kinds.indexOf(zone.type);
    long above = 0;
    for (int kind = 0; kind < plan.kinds.size(); kind++) {
      if (kind > own) {
        above += managed(zone.nodeId, plan.kinds.get(kind));
      }
      int ratio = plan.ratios.get(own);
      boolean none = kind <= own || ratio < 1 || zone.managed == 0;
      result.add(none ? 0 : above / ratio);
    }
    return result;
  }

  private long managed(int nodeId, ZoneType type) {
    return plan.zones.stream()
        .filter(z -> z.nodeId == nodeId && z.type == type)
        .mapToLong(Size::managed)
        .sum();
  }

  /** The unit of filling and draining a CPU's lists. */
  protected int batch(Size zone) {
    long quarter = Math.min(zone.managed / 4096, 64);
    // The largest power of two that is at most one and a half times that, less one.
    long power = 1;
    while (power * 2 <= quarter + quarter / 2) {
      power *= 2;
    }
    return (int) Math.max(1, power - 1);
  }

  /** A CPU's share of some pages of a zone, at least four batches. */
  protected long share(Size zone, long pages) {
    int own = plan.cpusOfNode.get(zone.nodeId);
    return Math.max(pages / (own == 0 ? plan.cpus() : own), 4L * batch(zone));
  }

  /** Everything about one zone. */
  public Numbers of(Size zone) {
    long[] m = marks(zone, minFreeKbytes(), plan.scaleFactor);
    long least = share(zone, plan.highFraction == 0 ? m[1] : zone.managed / plan.highFraction);
    long most = plan.highFraction == 0 ? share(zone, zone.managed / HIGH_FRACTION) : least;
    return new Numbers(
        m[0],
        m[1],
        m[2],
        m[3],
        protection(zone),
        batch(zone),
        (int) least,
        (int) most,
        threshold(zone));
  }

  /** How far a CPU's counters may run ahead of the zone's. */
  private int threshold(Size zone) {
    int size = bits(zone.managed >> (27 - Pages.PAGE_SHIFT));
    return Math.min(125, 2 * bits(plan.cpus()) * (1 + size));
  }

  private static int bits(long value) {
    return 64 - Long.numberOfLeadingZeros(value);
  }

  private static long clamp(long value, long low, long high) {
    return Math.min(Math.max(value, low), high);
  }

  /** The largest number whose square is not larger. */
  static long root(long square) {
    long low = 0;
    long high = 1L << 31;
    while (low + 1 < high) {
      long middle = (low + high) / 2;
      if (middle * middle <= square) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
