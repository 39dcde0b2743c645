// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import java.util.ArrayList;
import java.util.List;

/** Writes down the inner steps of an allocator, a line each. */
final class Recorder implements PageEvents {
  private final List<String> lines = new ArrayList<>();

  /** What came since the last call. */
  List<String> take() {
    List<String> taken = List.copyOf(lines);
    lines.clear();
    return taken;
  }

  private static String block(long pfn, int order) {
    return pfn < 0 ? "none/" + order : "0x" + Long.toHexString(pfn) + "/" + order;
  }

  @Override
  public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
    lines.add(
        cpu + " alloc " + block(pfn, order) + ' ' + Gfp.format(gfp) + ' ' + type(migratetype));
  }

  @Override
  public void free(Cpu cpu, long pfn, int order) {
    lines.add(cpu + " free " + block(pfn, order));
  }

  @Override
  public void allocZoneLocked(
      Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
    lines.add(
        cpu
            + " zone_locked "
            + zone
            + ' '
            + block(pfn, order)
            + ' '
            + type(migratetype)
            + (percpuRefill ? " refill" : ""));
  }

  @Override
  public void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {
    lines.add(cpu + " pcpu_drain " + zone + ' ' + block(pfn, order) + ' ' + type(migratetype));
  }

  @Override
  public void allocExtfrag(
      Cpu cpu,
      Zone zone,
      long pfn,
      int allocOrder,
      int fallbackOrder,
      int allocMigratetype,
      int fallbackMigratetype,
      boolean changeOwnership) {
    lines.add(
        cpu
            + " extfrag "
            + zone
            + ' '
            + block(pfn, allocOrder)
            + " from order "
            + fallbackOrder
            + ' '
            + type(allocMigratetype)
            + " <- "
            + type(fallbackMigratetype)
            + (changeOwnership ? " own" : ""));
  }

  @Override
  public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
    lines.add(cpu + " wakeup_kswapd " + zone + " order " + order + ' ' + Gfp.format(gfp));
  }

  private static String type(int migratetype) {
    return Migratetype.name(migratetype);
  }
}
