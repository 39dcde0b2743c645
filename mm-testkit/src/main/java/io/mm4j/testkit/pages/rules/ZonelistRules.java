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
import java.util.Collections;
import java.util.Comparator;
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

  private static final int[] OTHERS = {
    Gfp.__GFP_HIGH,
    Gfp.__GFP_IO,
    Gfp.__GFP_FS,
    Gfp.__GFP_ZERO,
    Gfp.__GFP_DIRECT_RECLAIM,
    Gfp.__GFP_KSWAPD_RECLAIM,
    Gfp.__GFP_WRITE,
    Gfp.__GFP_NOWARN,
    Gfp.__GFP_RETRY_MAYFAIL,
    Gfp.__GFP_NORETRY,
    Gfp.__GFP_MEMALLOC,
    Gfp.__GFP_NOMEMALLOC,
    Gfp.__GFP_COMP,
    Gfp.__GFP_HARDWALL,
    Gfp.__GFP_ACCOUNT
  };

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
            (s, random) -> empties(s, random, false, order(s.drawn))),
        new DrawnRule(
            new RuleInfo(
                "PA-96",
                "first-zone-of-plenty",
                "Where nothing is short every request is served by the first zone of its list, or"
                    + " by nobody if it has none, whatever flags it has beside those of a place.",
                "A flag that is taken for another sends memory far away.",
                "mm/page_alloc.c get_page_from_freelist; include/linux/gfp.h gfp_zonelist",
                "a mask has one bit too many, or the wrong one"),
            Needs.NOTHING,
            true,
            ZonelistRules::far,
            ZonelistRules::plenty),
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
            (s, random) -> empties(s, random, true, order(s.drawn))),
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

  /** All nodes as far from each other. */
  static Drawn alike(Seeded random) {
    int nodes = random.between(2, 4);
    List<List<Integer>> distances = new ArrayList<>();
    for (int from = 0; from < nodes; from++) {
      List<Integer> row = new ArrayList<>(Collections.nCopies(nodes, 20));
      row.set(from, 10);
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

  /** The order of an allocator that looks at distances and numbers only. */
  static NodeOrder byNumber(Drawn drawn) {
    return new NodeOrder(
        drawn.plan().kinds(),
        drawn.layout().zones(),
        drawn.layout().nodes().stream().map(n -> n.distances()).toList()) {
      @Override
      protected Comparator<Integer> better(int own, List<Integer> distance, int[] load) {
        Comparator<Integer> near = Comparator.comparingInt(distance::get);
        return near.thenComparingInt(n -> n);
      }
    };
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
   * @param order in which it is to be emptied
   */
  static void empties(DrawnSubject s, Seeded random, boolean standsIn, NodeOrder order) {
    int gfp = PLACES.get(random.below(PLACES.size()));
    if (!standsIn && !s.drawn.plan().kinds().contains(ZoneType.DMA32)) {
      gfp &= ~Gfp.__GFP_DMA32;
    }
    Cpu cpu = s.machine.cpus().get(random.below(s.drawn.cpus()));
    int node = random.oneIn(2) ? -1 : random.below(s.drawn.layout().nodes().size());
    List<Zone> expected = order.zones(gfp, node < 0 ? cpu.nodeId() : node);
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

  /** Flags of a place that the machine has, and any others. */
  static int flags(Drawn drawn, Seeded random) {
    int gfp = PLACES.get(random.below(PLACES.size())) & ~Gfp.__GFP_RECLAIM;
    if (!drawn.plan().kinds().contains(ZoneType.DMA32)) {
      gfp &= ~Gfp.__GFP_DMA32;
    }
    for (int other : OTHERS) {
      gfp |= random.oneIn(4) ? other : 0;
    }
    return gfp;
  }

  private static void plenty(DrawnSubject s, Seeded random) {
    NodeOrder order = order(s.drawn);
    for (int i = 0; i < 60; i++) {
      int gfp = flags(s.drawn, random);
      Cpu cpu = s.machine.cpus().get(random.below(s.drawn.cpus()));
      int node = random.oneIn(2) ? -1 : random.below(s.drawn.layout().nodes().size());
      List<Zone> zones = order.zones(gfp, node < 0 ? cpu.nodeId() : node);
      int blockOrder = random.below(4);
      long pfn = s.pages.allocPages(cpu, gfp, blockOrder, node);
      String what =
          Gfp.format(gfp) + " of order " + blockOrder + " on " + cpu + " for node " + node;
      if (zones.isEmpty()) {
        check(pfn == PageAllocator.NO_PAGE, what + " served by nobody", "frame " + pfn);
        continue;
      }
      check(pfn != PageAllocator.NO_PAGE, what + " served", "no page");
      Zone zone = zoneOf(s, pfn);
      check(zone.equals(zones.getFirst()), what + " from " + zones.getFirst(), "" + zone);
      s.pages.freePages(cpu, pfn, blockOrder);
    }
  }

  /** The zone of a block that was handed out. */
  static Zone zoneOf(DrawnSubject s, long pfn) {
    return s.drawn.layout().zones().stream()
        .filter(z -> z.contains(pfn))
        .findFirst()
        .orElseThrow(() -> new RuleViolation("a frame of a zone", "frame " + pfn));
  }
}
