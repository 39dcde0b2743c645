// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What the model counts, and how {@code /proc} shows it. */
final class Counters implements PageStats {
  private final State state;
  private final long minFreeKbytes;
  private final Map<String, Long> vm = new LinkedHashMap<>();
  private final Map<String, Long> other = new LinkedHashMap<>();
  private final Map<List<Object>, ZoneStats> empty = new HashMap<>();

  Counters(State state, long minFreeKbytes) {
    this.state = state;
    this.minFreeKbytes = minFreeKbytes;
    for (String prefix : List.of("pgalloc_", "allocstall_")) {
      for (ZoneType kind : state.settings.plan().kinds()) {
        vm.put(prefix + name(kind), 0L);
      }
    }
    for (String event :
        List.of("pgfree", "pgsteal_kswapd", "pgsteal_direct", "pageoutrun", "oom_kill")) {
      vm.put(event, 0L);
    }
    for (String event :
        List.of(
            "extfrag_claim",
            "extfrag_steal",
            "pcp_refill",
            "pcp_drain",
            "drain_all_pages",
            "page_alloc_failure")) {
      other.put(event, 0L);
    }
  }

  private static String name(ZoneType kind) {
    return kind.procName().toLowerCase(Locale.ROOT);
  }

  /** Counts an event of {@code /proc/vmstat}. */
  void vm(String event, long more) {
    add(vm, event, more);
  }

  /** Counts an event of a kind of zone. */
  void vm(String prefix, ZoneType kind, long more) {
    add(vm, prefix + "_" + name(kind), more);
  }

  /** Counts an event that only mm4j shows. */
  void other(String event, long more) {
    add(other, event, more);
  }

  private static void add(Map<String, Long> counts, String event, long more) {
    if (counts.computeIfPresent(event, (name, count) -> count + more) == null) {
      throw new IllegalArgumentException("nobody counts " + event);
    }
  }

  /**
   * {@code zone_statistics()}: a block was served.
   *
   * @param preferred the zone that was asked first
   */
  void served(Cpu cpu, ModelZone preferred, ModelZone zone, int order) {
    vm("pgalloc", zone.zone.type(), state.choices.countedPages(order));
    if (zone.zone.nodeId() == preferred.zone.nodeId()) {
      zone.numaHit++;
    } else {
      zone.numaMiss++;
      preferred.numaForeign++;
    }
    if (zone.zone.nodeId() == cpu.nodeId()) {
      zone.numaLocal++;
    } else {
      zone.numaOther++;
    }
  }

  @Override
  public List<ZoneStats> zones() {
    List<ZoneStats> list = new ArrayList<>();
    for (int node = 0; node < state.settings.nodes(); node++) {
      for (ZoneType kind : state.settings.plan().kinds()) {
        int id = node;
        list.add(
            state.zones.stream()
                .filter(z -> z.zone.nodeId() == id && z.zone.type() == kind)
                .findFirst()
                .map(Counters::full)
                .orElseGet(() -> empty(id, kind)));
      }
    }
    return list;
  }

  private static ZoneStats full(ModelZone z) {
    Zone zone = z.zone;
    List<ZoneStats.PcpStats> cpus = new ArrayList<>();
    for (CpuLists lists : z.cpus) {
      PcpTuning t = lists.tuning;
      // A high that crossing limits put above its maximum is the maximum at the next look at it.
      int high = Math.min(t.high, t.highMax);
      cpus.add(new ZoneStats.PcpStats(lists.cpu, t.count, high, t.batch, t.highMin, t.highMax));
    }
    return new ZoneStats(
        zone.nodeId(),
        zone.type(),
        z.free(),
        z.freeInBlocks(),
        z.boost,
        z.mark(Mark.MIN),
        z.mark(Mark.LOW),
        z.mark(Mark.HIGH),
        z.numbers.promo() + z.boost,
        zone.startPfn(),
        zone.spannedPages(),
        zone.presentPages(),
        zone.managedPages(),
        z.numbers.protection(),
        z.reservedHighatomic,
        z.numaHit,
        z.numaMiss,
        z.numaForeign,
        z.numaLocal,
        z.numaOther,
        z.numbers.statThreshold(),
        cpus);
  }

  private ZoneStats empty(int node, ZoneType kind) {
    return empty.computeIfAbsent(
        List.<Object>of(node, kind),
        key ->
            empty(node, kind, new Marks(state.settings.plan()).of(new Marks.Size(node, kind, 0))));
  }

  private static ZoneStats empty(int node, ZoneType kind, Marks.Numbers n) {
    return new ZoneStats(
        node,
        kind,
        0,
        0,
        0,
        n.min(),
        n.low(),
        n.high(),
        n.promo(),
        0,
        0,
        0,
        0,
        n.protection(),
        0,
        0,
        0,
        0,
        0,
        0,
        n.statThreshold(),
        List.of());
  }

  @Override
  public Map<String, Long> vmEvents() {
    return Collections.unmodifiableMap(vm);
  }

  @Override
  public Map<String, Long> otherEvents() {
    return Collections.unmodifiableMap(other);
  }

  @Override
  public long minFreeKbytes() {
    return minFreeKbytes;
  }
}
