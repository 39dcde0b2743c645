// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.ZoneType;
import java.util.ArrayList;
import java.util.List;

/**
 * What boot works out for one zone; see {@link Watermarks} for the words.
 *
 * @param protection one entry for each kind of zone of the machine, lowest first
 */
record ZoneMarks(
    int nodeId,
    ZoneType type,
    long managed,
    long min,
    long low,
    long high,
    long promo,
    List<Long> protection,
    int batch,
    int highMin,
    int highMax,
    int statThreshold) {
  ZoneMarks {
    protection = List.copyOf(protection);
  }

  /** A node as boot found it: managed pages of each kind of zone, and how many CPUs it has. */
  record NodeSize(int nodeId, List<Long> managed, int cpus) {
    NodeSize {
      managed = List.copyOf(managed);
    }
  }

  /** A smaller machine has no transparent huge pages: {@code hugepage_init()}, 512 MiB. */
  private static final long HUGE_PAGES_FROM = 512L << 20 >> Pages.PAGE_SHIFT;

  /** The kinds of zone of a 64-bit machine, lowest first. */
  static final List<ZoneType> X86_64 =
      List.of(ZoneType.DMA, ZoneType.DMA32, ZoneType.NORMAL, ZoneType.MOVABLE, ZoneType.DEVICE);

  /** The kinds of zone of a 32-bit machine, lowest first. */
  static final List<ZoneType> X86_32 =
      List.of(ZoneType.DMA, ZoneType.NORMAL, ZoneType.HIGHMEM, ZoneType.MOVABLE);

  /**
   * Works out every zone of a machine, also those without memory.
   *
   * @param kinds the kinds of zone, lowest first
   * @param nodes the nodes; {@code managed} has an entry for each kind
   * @return node by node, lowest zone first
   */
  static List<ZoneMarks> of(List<ZoneType> kinds, List<NodeSize> nodes, Sysctls sysctls) {
    long minFree = sysctls.minFreeKbytes();
    if (minFree < 0) {
      minFree = bootMinFreeKbytes(kinds, nodes, sysctls);
    }
    return with(minFree, kinds, nodes, sysctls);
  }

  /**
   * {@code min_free_kbytes} as boot leaves it: the size rule, then what {@code
   * set_recommended_min_free_kbytes()} of mm/khugepaged.c (Linux 6.18) makes of it: huge pages'
   * wish, or, if they are never wanted, the size rule anew for what is above the high marks.
   */
  static long bootMinFreeKbytes(List<ZoneType> kinds, List<NodeSize> nodes, Sysctls sysctls) {
    long direct = 0;
    long all = 0;
    int populated = 0;
    for (NodeSize node : nodes) {
      for (int k = 0; k < kinds.size(); k++) {
        all += node.managed().get(k);
        if (kinds.get(k).compareTo(ZoneType.NORMAL) <= 0) {
          direct += node.managed().get(k);
          populated += node.managed().get(k) > 0 ? 1 : 0;
        }
      }
    }
    long minFree = Watermarks.minFreeKbytes(direct);
    if (kinds.contains(ZoneType.HIGHMEM) || all < HUGE_PAGES_FROM) {
      return minFree;
    }
    long aboveHigh = 0;
    // Settings are made when boot is over: khugepaged sees the marks that the defaults give.
    for (ZoneMarks marks : with(minFree, kinds, nodes, Sysctls.DEFAULTS)) {
      if (marks.type().compareTo(ZoneType.NORMAL) <= 0) {
        aboveHigh += Math.max(0, marks.managed() - marks.high());
      }
    }
    return sysctls.hugePages()
        ? Math.max(minFree, Watermarks.recommendedMinFreeKbytes(populated, aboveHigh))
        : Watermarks.minFreeKbytes(aboveHigh);
  }

  private static List<ZoneMarks> with(
      long minFreeKbytes, List<ZoneType> kinds, List<NodeSize> nodes, Sysctls sysctls) {
    List<Integer> ratios = sysctls.reserveRatios();
    if (ratios.isEmpty()) {
      ratios = kinds.stream().map(Watermarks::defaultRatio).toList();
    }
    long lowmem = 0;
    int allCpus = 0;
    for (NodeSize node : nodes) {
      allCpus += node.cpus();
      for (int k = 0; k < kinds.size(); k++) {
        lowmem += Watermarks.isLowmem(kinds.get(k)) ? node.managed().get(k) : 0;
      }
    }
    List<ZoneMarks> all = new ArrayList<>();
    for (NodeSize node : nodes) {
      long[] managed = node.managed().stream().mapToLong(Long::longValue).toArray();
      int cpus = node.cpus() > 0 ? node.cpus() : allCpus;
      for (int k = 0; k < managed.length; k++) {
        ZoneType type = kinds.get(k);
        long share = Watermarks.share(managed[k], minFreeKbytes, lowmem);
        long min = Watermarks.min(type, managed[k], share);
        long step = Watermarks.step(managed[k], share, sysctls.watermarkScaleFactor());
        int batch = Watermarks.batch(managed[k]);
        int fraction = sysctls.highFraction();
        int highMin = Watermarks.high(managed[k], min + step, batch, fraction, cpus);
        int highMax =
            fraction != 0
                ? highMin
                : Watermarks.high(
                    managed[k], min + step, batch, Watermarks.MIN_HIGH_FRACTION, cpus);
        List<Long> protection = new ArrayList<>();
        for (long pages : Watermarks.protection(managed, k, ratios)) {
          protection.add(pages);
        }
        long low = min + step;
        long mark = min + 2 * step;
        RecordedMarks.Marks recorded = sysctls.recorded().find(node.nodeId(), type);
        if (recorded != null) {
          min = recorded.min();
          low = recorded.low();
          mark = recorded.high();
          if (!recorded.protection().isEmpty()) {
            protection = recorded.protection();
          }
        }
        all.add(
            new ZoneMarks(
                node.nodeId(),
                type,
                managed[k],
                min,
                low,
                mark,
                mark + (mark - low),
                protection,
                batch,
                highMin,
                highMax,
                Watermarks.statThreshold(managed[k], allCpus)));
      }
    }
    return all;
  }
}
