// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import io.mm4j.api.page.ZoneStats.PcpStats;
import java.util.List;
import java.util.Map;

/** Statistics with one thing changed. */
class WrongStats implements PageStats {
  private final PageStats right;

  WrongStats(PageStats right) {
    this.right = right;
  }

  /** What is shown of a zone. */
  ZoneStats zone(ZoneStats z) {
    return z;
  }

  /** The same with other marks and limits. */
  static ZoneStats with(ZoneStats z, long low, List<Long> protection, List<PcpStats> cpus) {
    return with(z, z.free(), low, protection, cpus);
  }

  /** The same with more free pages. */
  static ZoneStats withFree(ZoneStats z, long free) {
    return with(z, free, z.low(), z.protection(), z.cpus());
  }

  private static ZoneStats with(
      ZoneStats z, long free, long low, List<Long> protection, List<PcpStats> cpus) {
    return new ZoneStats(
        z.nodeId(),
        z.type(),
        free,
        z.freeBlockPages(),
        z.boost(),
        z.min(),
        low,
        z.high(),
        z.promo(),
        z.startPfn(),
        z.spanned(),
        z.present(),
        z.managed(),
        protection,
        z.highatomic(),
        z.numaHit(),
        z.numaMiss(),
        z.numaForeign(),
        z.numaLocal(),
        z.numaOther(),
        z.statThreshold(),
        cpus);
  }

  @Override
  public List<ZoneStats> zones() {
    return right.zones().stream().map(this::zone).toList();
  }

  @Override
  public Map<String, Long> vmEvents() {
    return right.vmEvents();
  }

  @Override
  public Map<String, Long> otherEvents() {
    return right.otherEvents();
  }

  @Override
  public long minFreeKbytes() {
    return right.minFreeKbytes();
  }
}
