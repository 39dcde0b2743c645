// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.Pressure;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** What the parts of the allocator share: the floors below, the settings, the watcher, counters. */
final class Core {
  /** Rare events that {@code /proc/vmstat} counts, or that are worth counting. */
  enum Event {
    KSWAPD_STEAL,
    DIRECT_STEAL,
    PAGEOUTRUN,
    DRAIN_ALL,
    EXTFRAG_CLAIM,
    EXTFRAG_STEAL,
    FAIL
  }

  final PhysicalMemory memory;
  final MemMap memMap;
  final Cpus cpus;
  final Pressure pressure;
  final Sysctls sysctls;
  final FallbackRule rule;
  final List<ZoneType> kinds;

  /** Lowest node and zone first. */
  final List<ZoneState> zones;

  volatile @Nullable PageEvents events;

  private final Map<Event, LongAdder> counters = new EnumMap<>(Event.class);

  /** Direct reclaims by the highest kind of zone that would have served. */
  private final Map<ZoneType, LongAdder> stalls = new EnumMap<>(ZoneType.class);

  Core(
      PhysicalMemory memory,
      Cpus cpus,
      Pressure pressure,
      Sysctls sysctls,
      FallbackRule rule,
      List<ZoneType> kinds,
      List<ZoneState> zones) {
    this.memory = memory;
    this.memMap = memory.memMap();
    this.cpus = cpus;
    this.pressure = pressure;
    this.sysctls = sysctls;
    this.rule = rule;
    this.kinds = kinds;
    this.zones = zones;
    for (Event event : Event.values()) {
      counters.put(event, new LongAdder());
    }
    for (ZoneType kind : kinds) {
      stalls.put(kind, new LongAdder());
    }
  }

  void count(Event event, long by) {
    LongAdder counter = counters.get(event);
    if (counter != null) {
      counter.add(by);
    }
  }

  void countStall(ZoneType kind) {
    LongAdder counter = stalls.get(kind);
    if (counter != null) {
      counter.increment();
    }
  }

  long counted(Event event) {
    LongAdder counter = counters.get(event);
    return counter == null ? 0 : counter.sum();
  }

  long stalls(ZoneType kind) {
    LongAdder counter = stalls.get(kind);
    return counter == null ? 0 : counter.sum();
  }

  /** Whether somebody wants reasons; ask before composing one. */
  boolean explains() {
    PageEvents watcher = events;
    return watcher != null && watcher.explains();
  }

  void step(Cpu cpu, String text) {
    PageEvents watcher = events;
    if (watcher != null) {
      watcher.step(cpu, text);
    }
  }
}
