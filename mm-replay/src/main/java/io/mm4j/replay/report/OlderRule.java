// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How kernels before 4.4 judged a zone for a request of more than one page ({@code
 * __zone_watermark_ok()}, mm/page_alloc.c of 2.6.32 to 4.3): of the free pages those in smaller
 * blocks do not count, and for each order below the request's half of the watermark is enough.
 * Since 4.4 one block that is large enough will do. So such a kernel refused what today's serves.
 */
final class OlderRule {
  private OlderRule() {}

  /** Why each zone was refused under that rule; empty if one of them was not. */
  static List<String> refusals(List<ReportedZone> zones, int order, int gfp) {
    List<String> refusals = new ArrayList<>();
    boolean highMem = zones.stream().anyMatch(zone -> zone.type == ZoneType.HIGHMEM);
    ZoneType highest = Gfp.highestZone(gfp);
    for (ReportedZone zone : zones) {
      if (zone.type.compareTo(highest) > 0 || zone.min < 0 || !zone.blocksKnown) {
        continue;
      }
      String refusal = refusal(zone, order, gfp, reserve(zone, highest, highMem));
      if (refusal == null) {
        return List.of();
      }
      refusals.add(refusal);
    }
    return refusals;
  }

  /** What the zone keeps back from requests that higher zones could serve. */
  private static long reserve(ReportedZone zone, ZoneType highest, boolean highMem) {
    // The lists have no column for a zone that the architecture does not have.
    int column =
        switch (highest) {
          case DMA -> 0;
          case DMA32 -> 1;
          case NORMAL -> highMem ? 1 : 2;
          case HIGHMEM -> 2;
          default -> 3;
        };
    return column < zone.protection.size() ? zone.protection.get(column) : 0;
  }

  private static @org.jspecify.annotations.Nullable String refusal(
      ReportedZone zone, int order, int gfp, long reserve) {
    long min = zone.min;
    min -= (gfp & Gfp.__GFP_HIGH) != 0 ? min / 2 : 0;
    min -= (gfp & Gfp.__GFP_DIRECT_RECLAIM) == 0 ? min / 4 : 0;
    long free = Math.max(zone.free, zone.blockPages()) - (1L << order) + 1;
    if (free <= min + reserve) {
      return String.format(
          Locale.ROOT,
          "%s: %d free pages, %d must stay and %d as lowmem reserve",
          zone,
          free + (1L << order) - 1,
          min,
          reserve);
    }
    for (int o = 0; o < order; o++) {
      long blocks = 0;
      for (long[] row : zone.blocks) {
        blocks += o < row.length ? row[o] : 0;
      }
      free -= blocks << o;
      min >>= 1;
      if (free <= min) {
        return String.format(
            Locale.ROOT,
            "%s: %d pages are in blocks of order %d or more, more than %d must be",
            zone,
            Math.max(0, free + (1L << order) - 1),
            o + 1,
            min);
      }
    }
    return null;
  }
}
