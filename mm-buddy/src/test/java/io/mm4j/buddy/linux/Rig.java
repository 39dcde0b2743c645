// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import java.util.ArrayList;
import java.util.List;

/** A booted machine with {@code page-allocator=linux}, for tests. */
final class Rig implements AutoCloseable {
  final Machine machine;
  final PageAllocator pages;
  final Cpu cpu0;

  Rig(MachineConfig config) {
    machine = config.plugin("page-allocator=linux").contents(false).boot();
    pages = machine.pages();
    cpu0 = machine.cpus().get(0);
  }

  static MachineConfig memory(long mib) {
    return new MachineConfig().memory(mib << 20);
  }

  PageStats stats() {
    return pages.stats().orElseThrow();
  }

  ZoneStats zone(ZoneType type) {
    return zone(0, type);
  }

  ZoneStats zone(int node, ZoneType type) {
    return stats().zones().stream()
        .filter(z -> z.nodeId() == node && z.type() == type)
        .findFirst()
        .orElseThrow();
  }

  long other(String event) {
    return stats().otherEvents().getOrDefault(event, -1L);
  }

  /** Takes blocks until a request fails. */
  List<Long> takeAll(int gfp, int order) {
    List<Long> taken = new ArrayList<>();
    for (long pfn = pages.allocPages(cpu0, gfp, order);
        pfn != PageAllocator.NO_PAGE;
        pfn = pages.allocPages(cpu0, gfp, order)) {
      taken.add(pfn);
    }
    return taken;
  }

  void freeAll(List<Long> blocks, int order) {
    for (long pfn : blocks) {
      pages.freePages(cpu0, pfn, order);
    }
  }

  long allFree() {
    return pages.freePages() + pages.pcpPages();
  }

  @Override
  public void close() {
    machine.validate();
    machine.close();
  }

  /** Remembers what was told, one line each. */
  static final class Log implements PageEvents {
    final List<String> steps = new ArrayList<>();
    final List<String> events = new ArrayList<>();

    @Override
    public boolean explains() {
      return true;
    }

    @Override
    public void step(Cpu cpu, String text) {
      steps.add(text);
    }

    @Override
    public void allocZoneLocked(
        Cpu cpu,
        io.mm4j.api.memory.Zone zone,
        long pfn,
        int order,
        int migratetype,
        boolean percpuRefill) {
      events.add("z " + order + " " + migratetype + (percpuRefill ? " refill" : ""));
    }

    @Override
    public void pcpuDrain(
        Cpu cpu, io.mm4j.api.memory.Zone zone, long pfn, int order, int migratetype) {
      events.add("d " + order + " " + migratetype);
    }

    @Override
    public void allocExtfrag(
        Cpu cpu,
        io.mm4j.api.memory.Zone zone,
        long pfn,
        int allocOrder,
        int fallbackOrder,
        int allocMigratetype,
        int fallbackMigratetype,
        boolean changeOwnership) {
      events.add(
          String.format(
              "e %d %d %d %d %d",
              allocOrder,
              fallbackOrder,
              allocMigratetype,
              fallbackMigratetype,
              changeOwnership ? 1 : 0));
    }

    long count(String prefix) {
      return events.stream().filter(e -> e.startsWith(prefix)).count();
    }
  }
}
