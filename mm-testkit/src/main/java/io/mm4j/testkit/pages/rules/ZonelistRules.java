// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Rules about which zone is asked first, on machines with up to five nodes at any distances. */
public final class ZonelistRules {
  private static final List<Integer> PLACES =
      List.of(
          Gfp.GFP_HIGHUSER_MOVABLE,
          Gfp.GFP_HIGHUSER_MOVABLE,
          Gfp.GFP_HIGHUSER,
          Gfp.GFP_KERNEL,
          Gfp.GFP_KERNEL | Gfp.__GFP_MOVABLE,
          Gfp.GFP_KERNEL | Gfp.GFP_DMA,
          Gfp.GFP_KERNEL | Gfp.GFP_DMA32,
          Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_THISNODE);

  private ZonelistRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        new DrawnRule(
            new RuleInfo(
                "PA-51",
                "zone-order",
                "A task that may use everything empties the zones one after the other: the nearest"
                    + " node first, and from the highest zone of a node to the lowest.",
                "Memory of a far node is slow, and low zones are all that some devices can use.",
                "mm/page_alloc.c build_zonelists, build_zonerefs_node",
                "distances are not looked at, or the order of zones on a node"),
            Needs.NOTHING,
            true,
            ZonelistRules::far,
            (s, random) -> empties(s, random, false)),
        new DrawnRule(
            new RuleInfo(
                "PA-53",
                "node-order",
                "Of nodes at nearly one distance, a lower number than one's own makes a node one"
                    + " step further, and then one is asked first that heads fewer lists. That a"
                    + " node has CPUs says nothing: at boot none of them is on line.",
                "All nodes would fall back to the same one.",
                "mm/page_alloc.c find_next_best_node",
                "the preference for the next node, a preference for nodes without CPUs, or the"
                    + " load"),
            Needs.STATISTICS,
            true,
            ZonelistRules::draw,
            (s, random) -> empties(s, random, true)),
        new DrawnRule(
            new RuleInfo(
                "PA-52",
                "reserves",
                "Every request stops in every zone at its own mark: low at first, then min, half of"
                    + " it for __GFP_HIGH, an eighth less for those who cannot wait, nothing for"
                    + " __GFP_MEMALLOC and PF_MEMALLOC; always above what is protected for lower"
                    + " requests.",
                "Reserves that are used up early are missing when reclaim needs them.",
                "mm/page_alloc.c gfp_to_alloc_flags, __zone_watermark_ok, __alloc_pages_slowpath",
                "a flag does not change the mark, or the block itself is not counted"),
            Needs.STATISTICS,
            true,
            ZonelistRules::draw,
            ReserveCase::run));
  }

  /** Distances that leave no doubt. */
  private static Drawn far(Seeded random) {
    int nodes = random.between(1, 4);
    List<List<Integer>> distances = new ArrayList<>();
    for (int from = 0; from < nodes; from++) {
      List<Integer> row = new ArrayList<>();
      for (int to = 0; to < nodes; to++) {
        row.add(from == to ? 10 : 20 + 10 * to);
      }
      for (int to = nodes - 1; to > 0; to--) {
        int other = random.below(to + 1);
        if (to != from && other != from) {
          row.set(to, row.set(other, row.get(to)));
        }
      }
      distances.add(row);
    }
    return Drawn.small(random, distances);
  }

  static Drawn draw(Seeded random) {
    int nodes = random.weighted(0, 1, 2, 3, 3, 3);
    List<List<Integer>> distances = new ArrayList<>();
    for (int from = 0; from < nodes; from++) {
      List<Integer> row = new ArrayList<>();
      for (int to = 0; to < nodes; to++) {
        row.add(from == to ? 10 : 18 + random.below(4));
      }
      distances.add(row);
    }
    return Drawn.small(random, distances);
  }

  /** The order of a machine's nodes and zones. */
  static NodeOrder order(Drawn drawn) {
    return new NodeOrder(
        drawn.plan().kinds(),
        drawn.layout().zones(),
        drawn.layout().nodes().stream().map(n -> n.distances()).toList());
  }

  /**
   * Empties a machine.
   *
   * @param standsIn whether Normal stands in for a zone that the kernel does not know
   */
  private static void empties(DrawnSubject s, Seeded random, boolean standsIn) {
    int gfp = PLACES.get(random.below(PLACES.size()));
    if (!standsIn && !s.drawn.plan().kinds().contains(ZoneType.DMA32)) {
      gfp &= ~Gfp.__GFP_DMA32;
    }
    Cpu cpu = s.machine.cpus().get(random.below(s.drawn.cpus()));
    int node = random.oneIn(2) ? -1 : random.below(s.drawn.layout().nodes().size());
    List<Zone> expected = order(s.drawn).zones(gfp, node < 0 ? cpu.nodeId() : node);
    Set<Zone> seen = new LinkedHashSet<>();
    int saved = cpu.exchangeFlags(Cpu.PF_MEMALLOC);
    for (long pfn; (pfn = s.pages.allocPages(cpu, gfp, 3, node)) != PageAllocator.NO_PAGE; ) {
      Zone zone = zoneOf(s, pfn);
      // What counts is when a zone gave its last block: before that, marks may have sent us on.
      seen.remove(zone);
      seen.add(zone);
    }
    cpu.exchangeFlags(saved);
    check(
        List.copyOf(seen).equals(expected),
        Gfp.format(gfp) + " on " + cpu + " for node " + node + " empties " + expected,
        "" + seen);
  }

  /** The zone of a block that was handed out. */
  static Zone zoneOf(DrawnSubject s, long pfn) {
    return s.drawn.layout().zones().stream()
        .filter(z -> z.contains(pfn))
        .findFirst()
        .orElseThrow(() -> new RuleViolation("a frame of a zone", "frame " + pfn));
  }
}
