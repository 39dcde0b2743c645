// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import java.util.ArrayList;
import java.util.List;

/** Writes down the inner steps of an allocator; words are made of them only where they differ. */
final class Recorder implements PageEvents {
  /** A step. */
  private sealed interface Step {}

  private record Alloc(int cpu, long pfn, int order, int gfp, int type) implements Step {
    @Override
    public String toString() {
      return on(cpu) + "alloc " + block(pfn, order) + ' ' + Gfp.format(gfp) + ' ' + name(type);
    }
  }

  private record Free(int cpu, long pfn, int order) implements Step {
    @Override
    public String toString() {
      return on(cpu) + "free " + block(pfn, order);
    }
  }

  private record Locked(int cpu, Place zone, long pfn, int order, int type, boolean refill)
      implements Step {
    @Override
    public String toString() {
      String what = on(cpu) + "zone_locked " + zone + ' ' + block(pfn, order) + ' ' + name(type);
      return refill ? what + " refill" : what;
    }
  }

  private record Drain(int cpu, Place zone, long pfn, int order, int type) implements Step {
    @Override
    public String toString() {
      return on(cpu) + "pcpu_drain " + zone + ' ' + block(pfn, order) + ' ' + name(type);
    }
  }

  private record Extfrag(
      int cpu, Place zone, long pfn, int order, int from, int type, int other, boolean own)
      implements Step {
    @Override
    public String toString() {
      String what = on(cpu) + "extfrag " + zone + ' ' + block(pfn, order) + " from order " + from;
      return what + ' ' + name(type) + " <- " + name(other) + (own ? " own" : "");
    }
  }

  private record Wakeup(int cpu, Place zone, int order, int gfp) implements Step {
    @Override
    public String toString() {
      return on(cpu) + "wakeup_kswapd " + zone + " order " + order + ' ' + Gfp.format(gfp);
    }
  }

  private record Place(int node, ZoneType type) {
    static Place of(Zone zone) {
      return new Place(zone.nodeId(), zone.type());
    }

    @Override
    public String toString() {
      return "node " + node + ' ' + type.procName();
    }
  }

  private final List<Object> steps = new ArrayList<>();

  /** What came since the last call. */
  List<Object> take() {
    List<Object> taken = List.copyOf(steps);
    steps.clear();
    return taken;
  }

  private static String on(int id) {
    return "cpu" + id + ' ';
  }

  private static String block(long pfn, int order) {
    return pfn < 0 ? "none/" + order : "0x" + Long.toHexString(pfn) + "/" + order;
  }

  private static String name(int migratetype) {
    return Migratetype.name(migratetype);
  }

  @Override
  public void alloc(Cpu cpu, long pfn, int order, int gfp, int migratetype) {
    steps.add(new Alloc(cpu.id(), pfn < 0 ? -1 : pfn, order, gfp, migratetype));
  }

  @Override
  public void free(Cpu cpu, long pfn, int order) {
    steps.add(new Free(cpu.id(), pfn, order));
  }

  @Override
  public void allocZoneLocked(
      Cpu cpu, Zone zone, long pfn, int order, int migratetype, boolean percpuRefill) {
    steps.add(new Locked(cpu.id(), Place.of(zone), pfn, order, migratetype, percpuRefill));
  }

  @Override
  public void pcpuDrain(Cpu cpu, Zone zone, long pfn, int order, int migratetype) {
    steps.add(new Drain(cpu.id(), Place.of(zone), pfn, order, migratetype));
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
    steps.add(
        new Extfrag(
            cpu.id(),
            Place.of(zone),
            pfn,
            allocOrder,
            fallbackOrder,
            allocMigratetype,
            fallbackMigratetype,
            changeOwnership));
  }

  @Override
  public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
    steps.add(new Wakeup(cpu.id(), Place.of(zone), order, gfp));
  }
}
