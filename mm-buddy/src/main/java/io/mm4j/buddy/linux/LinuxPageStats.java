// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import io.mm4j.api.page.ZoneStats.PcpStats;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Gathers what the parts have counted. */
final class LinuxPageStats implements PageStats {
  private final Core core;

  /** Every kind of zone of every node. */
  private final List<ZoneMarks> marks;

  private final long minFreeKbytes;

  LinuxPageStats(Core core, List<ZoneMarks> marks, long minFreeKbytes) {
    this.core = core;
    this.marks = List.copyOf(marks);
    this.minFreeKbytes = minFreeKbytes;
  }

  @Override
  public long minFreeKbytes() {
    return minFreeKbytes;
  }

  @Override
  public List<ZoneStats> zones() {
    List<ZoneStats> all = new ArrayList<>();
    for (ZoneMarks m : marks) {
      all.add(of(m, zone(m)));
    }
    return all;
  }

  private @Nullable ZoneState zone(ZoneMarks m) {
    for (ZoneState zone : core.zones) {
      if (zone.zone.nodeId() == m.nodeId() && zone.zone.type() == m.type()) {
        return zone;
      }
    }
    return null;
  }

  private ZoneStats of(ZoneMarks m, @Nullable ZoneState zone) {
    long[] numa = new long[5];
    List<PcpStats> cpus = new ArrayList<>();
    if (zone != null) {
      for (int cpu = 0; cpu < core.cpus.count(); cpu++) {
        cpus.add(pcp(m, cpu, zone.pcps[cpu]));
        addNuma(numa, zone, cpu, zone.pcps[cpu]);
      }
    }
    long boost = zone == null ? 0 : zone.boost;
    return new ZoneStats(
        m.nodeId(),
        m.type(),
        zone == null ? 0 : zone.freePages(),
        zone == null ? 0 : zone.freeInBlocks(),
        boost,
        m.min() + boost,
        m.low() + boost,
        m.high() + boost,
        m.promo() + boost,
        zone == null ? 0 : zone.startPfn,
        zone == null ? 0 : zone.zone.spannedPages(),
        zone == null ? 0 : zone.zone.presentPages(),
        m.managed(),
        m.protection(),
        zone == null ? 0 : zone.reservedHighatomic,
        numa[0],
        numa[1],
        numa[2],
        numa[3],
        numa[4],
        m.statThreshold(),
        cpus);
  }

  private static PcpStats pcp(ZoneMarks m, int cpu, @Nullable PcpPages pcp) {
    return new PcpStats(
        cpu,
        pcp == null ? 0 : pcp.count(),
        pcp == null ? 0 : pcp.high,
        m.batch(),
        m.highMin(),
        m.highMax());
  }

  private void addNuma(long[] numa, ZoneState zone, int cpu, @Nullable PcpPages pcp) {
    if (pcp == null) {
      return;
    }
    long all = pcp.fastAllocs() + pcp.slowAllocs;
    boolean local = core.cpus.get(cpu).nodeId() == zone.zone.nodeId();
    numa[0] += all - pcp.numaMiss;
    numa[1] += pcp.numaMiss;
    numa[2] += pcp.numaForeign;
    numa[local ? 3 : 4] += all;
  }

  @Override
  public Map<String, Long> vmEvents() {
    Map<String, Long> events = new LinkedHashMap<>();
    for (ZoneType kind : core.kinds) {
      events.put("pgalloc_" + name(kind), allocated(kind));
    }
    for (ZoneType kind : core.kinds) {
      events.put("allocstall_" + name(kind), core.stalls(kind));
    }
    events.put("pgfree", freed());
    events.put("pgsteal_kswapd", core.counted(Core.Event.KSWAPD_STEAL));
    events.put("pgsteal_direct", core.counted(Core.Event.DIRECT_STEAL));
    events.put("pageoutrun", core.counted(Core.Event.PAGEOUTRUN));
    events.put("oom_kill", core.pressure.kills());
    return events;
  }

  @Override
  public Map<String, Long> otherEvents() {
    Map<String, Long> events = new LinkedHashMap<>();
    events.put("extfrag_claim", core.counted(Core.Event.EXTFRAG_CLAIM));
    events.put("extfrag_steal", core.counted(Core.Event.EXTFRAG_STEAL));
    events.put("pcp_refill", pcpEvents(true));
    events.put("pcp_drain", pcpEvents(false));
    events.put("drain_all_pages", core.counted(Core.Event.DRAIN_ALL));
    events.put("page_alloc_failure", core.counted(Core.Event.FAIL));
    return events;
  }

  private static String name(ZoneType kind) {
    return kind.procName().toLowerCase(Locale.ROOT);
  }

  private long allocated(ZoneType kind) {
    long pages = 0;
    for (ZoneState zone : core.zones) {
      for (PcpPages pcp : zone.pcps) {
        if (pcp != null && zone.zone.type() == kind) {
          pages += pcp.fastAllocPages() + pcp.slowAllocPages;
        }
      }
    }
    return pages;
  }

  private long freed() {
    long pages = 0;
    for (ZoneState zone : core.zones) {
      for (PcpPages pcp : zone.pcps) {
        pages += pcp == null ? 0 : pcp.fastFrees() + pcp.slowFreePages;
      }
    }
    return pages;
  }

  private long pcpEvents(boolean refills) {
    long events = 0;
    for (ZoneState zone : core.zones) {
      for (PcpPages pcp : zone.pcps) {
        if (pcp != null) {
          events += refills ? pcp.refills : pcp.drains;
        }
      }
    }
    return events;
  }
}
