// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.NodeFallback;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FallbackRule;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import io.mm4j.buddy.linux.ZoneMarks.NodeSize;
import io.mm4j.buddy.linux.Zonelists.Zonelist;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Provides the page allocator {@code linux}. */
public final class LinuxProvider implements PageAllocatorProvider {
  private static final Capabilities CAPABILITIES = new Capabilities(true, true, true);
  private static final long FOUR_GIB_PFN = 1L << 20;

  private final FallbackRule rule;

  /** For the service loader. */
  public LinuxProvider() {
    this(new LinuxFallback());
  }

  /** With another fallback rule, to see what that would do. */
  LinuxProvider(FallbackRule rule) {
    this.rule = rule;
  }

  @Override
  public String name() {
    return "linux";
  }

  @Override
  public String summary() {
    return "as Linux 6.18: watermarks, per-cpu lists, migratetype fallback, slow path";
  }

  @Override
  public Capabilities capabilities() {
    return CAPABILITIES;
  }

  @Override
  public List<Setting> settings() {
    return List.of(
        Setting.sysctl("min_free_kbytes", "what stays free in all, in KiB"),
        Setting.sysctl("watermark_scale_factor", "between two watermarks, in 1/10000 of a zone"),
        Setting.sysctl("watermark_boost_factor", "largest boost, in 1/10000 of the high watermark"),
        Setting.sysctl("percpu_pagelist_high_fraction", "0, or a per-cpu list's share of a zone"),
        Setting.sysctl("defrag_mode", "1: types are mixed only after reclaim and compaction"),
        new Setting(
            Setting.Kind.SYSCTL,
            "lowmem_reserve_ratio",
            OptionSpec.Type.TEXT,
            "a number for each kind of zone, lowest first"),
        new Setting(
            Setting.Kind.SYSCTL,
            "recorded_watermarks",
            OptionSpec.Type.TEXT,
            "marks that a report shows, to the page; no sysctl of Linux"),
        Setting.parameter(
            "transparent_hugepage", OptionSpec.Type.TEXT, "never: less must stay free"));
  }

  @Override
  public Optional<FallbackRule> fallbackRule() {
    return Optional.of(rule);
  }

  @Override
  public PageAllocator create(Floors floors, Options options) {
    Sysctls sysctls = Sysctls.of(floors.sysctls());
    List<Node> nodes = floors.memory().nodes();
    List<ZoneType> kinds = kinds(floors.zones());
    List<NodeSize> sizes = new ArrayList<>();
    int[] cpus = new int[nodes.size()];
    for (Cpu cpu : floors.cpus().all()) {
      cpus[cpu.nodeId()]++;
    }
    for (Node node : nodes) {
      sizes.add(new NodeSize(node.id(), managed(node, kinds), cpus[node.id()]));
    }
    List<ZoneMarks> marks = ZoneMarks.of(kinds, sizes, sysctls);
    List<ZoneState> zones = new ArrayList<>();
    for (ManagedZone managed : floors.zones()) {
      Zone zone = managed.zone();
      zone.pageblocks().keepTags(floors.memory().memMap().states());
      zones.add(new ZoneState(managed, zones.size(), marks(marks, zone), floors.cpus().count()));
    }
    FallbackRule own = zones.isEmpty() ? rule : rule.forPageblocks(zones.getFirst().pageblockOrder);
    Core core =
        new Core(floors.memory(), floors.cpus(), floors.pressure(), sysctls, own, kinds, zones);
    long minFree =
        sysctls.minFreeKbytes() >= 0
            ? sysctls.minFreeKbytes()
            : ZoneMarks.bootMinFreeKbytes(kinds, sizes, sysctls);
    return new LinuxPageAllocator(
        core,
        floors.zones(),
        zonelists(nodes, zones, kinds),
        new LinuxPageStats(core, marks, minFree));
  }

  /**
   * A 64-bit machine's zone Normal begins at 4 GiB, below which DMA32 lies; a 32-bit one's does
   * not.
   */
  private static List<ZoneType> kinds(List<ManagedZone> zones) {
    for (ManagedZone managed : zones) {
      Zone zone = managed.zone();
      if (zone.type() == ZoneType.HIGHMEM
          || (zone.type() == ZoneType.NORMAL && zone.startPfn() < FOUR_GIB_PFN)) {
        return ZoneMarks.X86_32;
      }
    }
    return ZoneMarks.X86_64;
  }

  private static List<Long> managed(Node node, List<ZoneType> kinds) {
    List<Long> managed = new ArrayList<>();
    for (ZoneType kind : kinds) {
      managed.add(
          node.zones().stream().filter(z -> z.type() == kind).mapToLong(Zone::managedPages).sum());
    }
    return managed;
  }

  private static ZoneMarks marks(List<ZoneMarks> all, Zone zone) {
    for (ZoneMarks marks : all) {
      if (marks.nodeId() == zone.nodeId() && marks.type() == zone.type()) {
        return marks;
      }
    }
    throw new IllegalStateException("a zone of no known kind: " + zone);
  }

  private static Zonelist[] zonelists(
      List<Node> nodes, List<ZoneState> zones, List<ZoneType> kinds) {
    Zonelist[] lists = new Zonelist[nodes.size() << 4];
    List<List<Integer>> orders = NodeFallback.orders(nodes);
    for (Node node : nodes) {
      for (int bits = 0; bits < 16; bits++) {
        ZoneType highest = Gfp.highestZone(bits);
        if (highest == ZoneType.DMA32 && !kinds.contains(ZoneType.DMA32)) {
          highest = ZoneType.NORMAL;
        }
        lists[node.id() << 4 | bits] =
            Zonelists.build(zones, node.id(), orders.get(node.id()), kinds, highest);
      }
    }
    return lists;
  }
}
