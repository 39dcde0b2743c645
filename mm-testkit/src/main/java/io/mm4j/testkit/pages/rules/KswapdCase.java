// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.model.NodeOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeSet;

/** A machine whose kswapd is watched: who wakes it, and what it does when it runs. */
final class KswapdCase implements PageEvents {
  /**
   * A wakeup.
   *
   * @param node whose kswapd
   * @param order the order that is wanted
   * @param gfp the request's flags
   */
  record Wake(int node, int order, int gfp) {}

  final DrawnSubject s;
  final Seeded random;
  final PageAllocator pages;
  final NodeOrder nodes;
  final List<Wake> wakes = new ArrayList<>();

  /**
   * What is wanted of a node.
   *
   * @param order the largest order
   * @param highest the highest kind of zone
   */
  record Wanted(int order, ZoneType highest) {}

  /** What was wanted of nodes, woken or not, since they last ran. */
  final Map<Integer, Wanted> wanted = new HashMap<>();

  /** The nodes that are awake. */
  final SortedSet<Integer> awake = new TreeSet<>();

  /** How many runs of a node got nothing. */
  final Map<Integer, Integer> failures = new HashMap<>();

  final List<Long> held = new ArrayList<>();
  private final Map<Marks.Size, Marks.Numbers> numbers = new HashMap<>();

  KswapdCase(DrawnSubject s, Seeded random) {
    this.s = s;
    this.random = random;
    this.pages = s.pages;
    this.nodes = ZonelistRules.order(s.drawn);
    check(pages.watch(this), "events to watch", "none");
  }

  @Override
  public void wakeupKswapd(Cpu cpu, Zone zone, int order, int gfp) {
    wakes.add(new Wake(zone.nodeId(), order, gfp));
  }

  Cpu cpu() {
    return s.machine.cpus().get(random.below(s.drawn.cpus()));
  }

  /** The numbers of a zone. */
  Marks.Numbers numbers(Zone zone) {
    Marks.Size size = new Marks.Size(zone.nodeId(), zone.type(), zone.managedPages());
    return numbers.computeIfAbsent(size, new Marks(s.drawn.plan())::of);
  }

  ManagedZone managed(Zone zone) {
    return pages.zones().stream().filter(z -> z.zone() == zone).findFirst().orElseThrow();
  }

  /** Whether a zone has a block and stays above a mark. */
  boolean enough(Zone zone, int order, long mark, ZoneType highest) {
    var frames = managed(zone).frames();
    boolean block = false;
    for (int o = order; o <= 10; o++) {
      for (int type = 0; type < Migratetype.PCPTYPES; type++) {
        block |= frames.freeBlocks(o, type) > 0;
      }
    }
    long left = frames.freePages() - (1L << order) + 1;
    return block && left > mark + protection(zone, highest);
  }

  /** What requests up to a kind of zone leave alone. */
  long protection(Zone zone, ZoneType highest) {
    return numbers(zone).protection().get(s.drawn.plan().kinds().indexOf(highest));
  }

  /** What is wanted of a node that is awake. */
  Wanted of(int node) {
    return Objects.requireNonNull(wanted.get(node), "a node that was woken");
  }

  /** {@code pgdat_balanced()}. */
  boolean balanced(int node, int order, ZoneType highest) {
    return zones(node, highest).stream()
        .anyMatch(z -> enough(z, order, numbers(z).high(), highest));
  }

  /** The zones of a node up to a kind. */
  List<Zone> zones(int node, ZoneType highest) {
    return s.drawn.layout().zones().stream()
        .filter(z -> z.nodeId() == node && z.type().compareTo(highest) <= 0)
        .toList();
  }

  /** Whether nobody wakes a node any more. */
  boolean isHopeless(int node) {
    return failures.getOrDefault(node, 0) >= 16;
  }

  /** One request; checks who was woken by it. */
  long request(Cpu cpu, int gfp, int order) {
    ZoneType highest = NodeOrder.highest(gfp, s.drawn.plan().kinds());
    List<Zone> zonelist = nodes.zones(gfp, cpu.nodeId());
    List<Wake> expected = new ArrayList<>();
    boolean first = zonelist.stream().anyMatch(z -> enough(z, order, numbers(z).low(), highest));
    if (!first && (gfp & Gfp.__GFP_KSWAPD_RECLAIM) != 0) {
      for (int node : zonelist.stream().map(Zone::nodeId).distinct().toList()) {
        wanted.merge(
            node,
            new Wanted(order, highest),
            (a, b) ->
                new Wanted(
                    Math.max(a.order, b.order),
                    a.highest.compareTo(b.highest) > 0 ? a.highest : b.highest));
        if (!awake.contains(node) && !isHopeless(node) && !balanced(node, order, highest)) {
          expected.add(new Wake(node, order, gfp));
          awake.add(node);
        }
      }
    }
    wakes.clear();
    long pfn = pages.allocPages(cpu, gfp, order);
    check(wakes.equals(expected), "kswapd woken: " + expected, "" + wakes);
    if (pfn != PageAllocator.NO_PAGE) {
      held.add(pfn);
    }
    return pfn;
  }

  /** Lets kswapd run; checks what it promises when a reclaimer has enough. */
  void run(Giver giver) {
    long given = giver.given();
    long stolen = event("pgsteal_kswapd");
    long runs = event("pageoutrun");
    long direct = event("pgsteal_direct");
    int asked = giver.asked().size();
    long freed = pages.runKswapd(cpu());
    checkEqual(giver.given() - given, freed, "pages that kswapd freed");
    checkEqual(stolen + freed, event("pgsteal_kswapd"), "pgsteal_kswapd");
    checkEqual(direct, event("pgsteal_direct"), "pgsteal_direct");
    long least = runs + awake.size();
    check(event("pageoutrun") >= least, "pageoutrun of " + least, "" + event("pageoutrun"));
    for (int i = asked; i < giver.asked().size(); i++) {
      checkEqual(Cpu.PF_MEMALLOC, giver.flags().get(i) & Cpu.PF_MEMALLOC, "PF_MEMALLOC of kswapd");
    }
    if (awake.isEmpty()) {
      checkEqual(asked, giver.asked().size(), "calls of the reclaimer with nobody awake");
    }
    awake.clear();
  }

  /**
   * Lets kswapd run while nobody has anything to give: 12 calls in each run, until the node is in
   * balance for single pages, or hopeless.
   */
  void runForNothing(Giver giver) {
    int runs = 0;
    int calls = 0;
    for (int node : awake) {
      Wanted want = of(node);
      wanted.remove(node);
      int order = want.order;
      do {
        runs++;
        if (!balanced(node, order, want.highest)) {
          calls += 12;
          failures.merge(node, 1, Integer::sum);
        }
        order = 0;
      } while (!isHopeless(node) && !balanced(node, 0, want.highest));
    }
    long before = event("pageoutrun");
    int asked = giver.asked().size();
    run(giver);
    checkEqual(before + runs, event("pageoutrun"), "pageoutrun");
    checkEqual(asked + calls, giver.asked().size(), "calls of a reclaimer that has nothing");
  }

  long event(String name) {
    return s.stats().vmEvents().getOrDefault(name, -1L);
  }

  /** Gives what is held to a reclaimer, mixed, so that it frees pages of every zone. */
  void handOver(Giver giver, int order) {
    Collections.shuffle(held, new java.util.Random(random.next()));
    for (long pfn : held) {
      if (order > 0) {
        pages.splitPage(pfn, order);
      }
      for (long p = pfn; p < pfn + (1L << order); p++) {
        giver.hold(p);
      }
    }
    held.clear();
  }
}
