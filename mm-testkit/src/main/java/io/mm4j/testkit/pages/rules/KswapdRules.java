// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.List;
import java.util.Objects;

/** Rules about kswapd. */
public final class KswapdRules {
  private static final List<Integer> KINDS =
      List.of(
          Gfp.GFP_NOWAIT,
          0,
          Gfp.GFP_ATOMIC,
          Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY,
          Gfp.GFP_NOWAIT | Gfp.__GFP_THISNODE,
          Gfp.GFP_NOWAIT | Gfp.GFP_DMA,
          Gfp.GFP_NOWAIT | Gfp.__GFP_HIGHMEM);

  private KswapdRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        new DrawnRule(
            new RuleInfo(
                "PA-57",
                "who-wakes-kswapd",
                "A request that found no zone above low wakes the kswapd of every node that it may"
                    + " use and that is not in balance, before it goes below; one without"
                    + " __GFP_KSWAPD_RECLAIM, or a node that is awake, wakes nobody.",
                "Without it every task reclaims for itself; too much of it, and memory stays"
                    + " unused.",
                "mm/vmscan.c wakeup_kswapd; mm/page_alloc.c wake_all_kswapds",
                "the order of waking and walking, the balance of the node, or who is awake"),
            Needs.STATISTICS,
            true,
            ZonelistRules::draw,
            KswapdRules::wakes),
        new DrawnRule(
            new RuleInfo(
                "PA-58",
                "kswapd-balances",
                "When kswapd has run, and reclaim had enough to give, every zone of its node that"
                    + " is in demand is above its high mark and what it protects, not by more than"
                    + " what reclaim gives at once, and no other node was touched.",
                "kswapd that stops early is woken by every request, one that goes on throws away"
                    + " what is in use.",
                "mm/vmscan.c balance_pgdat, pgdat_balanced",
                "the target: low instead of high, without protection, or off by one page"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            KswapdRules::balances),
        new DrawnRule(
            new RuleInfo(
                "PA-59",
                "kswapd-gives-up",
                "kswapd asks 12 times at most for each zone, stops asking when nothing comes, and"
                    + " sleeps then.",
                "A kernel thread that cannot succeed must not burn a CPU.",
                "mm/vmscan.c balance_pgdat (DEF_PRIORITY)",
                "the number of rounds, or the end without progress"),
            Needs.STATISTICS,
            true,
            ZonelistRules::draw,
            KswapdRules::givesUp),
        new DrawnRule(
            new RuleInfo(
                "PA-60",
                "kswapd-takes-boosts-back",
                "A pageblock that changes its type raises the zone's marks and wakes kswapd, and"
                    + " when that has run the marks are as they were.",
                "A boost that stays is memory that nobody can use.",
                "mm/page_alloc.c boost_watermark; mm/vmscan.c balance_pgdat",
                "the boost is not taken back, or wakes nobody"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            KswapdRules::boosts),
        new DrawnRule(
            new RuleInfo(
                "PA-61",
                "balance-wakes-nobody",
                "A request that had to go the slow way while the node is in balance wakes nobody.",
                "kswapd would run for nothing.",
                "mm/vmscan.c wakeup_kswapd (pgdat_balanced)",
                "whoever comes by the slow path wakes kswapd"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            KswapdRules::plenty),
        new DrawnRule(
            new RuleInfo(
                "PA-84",
                "kswapd-says-where-and-how-hard",
                "kswapd asks for the memory of the node that is short and of no other, with"
                    + " priority 12 at first and one less in every round for the same zone; it"
                    + " holds no lock and acts for no control group.",
                "A reclaimer that does not know the node empties the others; one that does not know"
                    + " the priority looks at everything at once, or never does.",
                "mm/vmscan.c balance_pgdat (sc.priority, pgdat)",
                "the node is left out, or the priority stays as it was"),
            Needs.STATISTICS,
            true,
            ZonelistRules::draw,
            KswapdRules::says));
  }

  private static void wakes(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    Giver none = new Giver(s.pages, 0, false);
    s.machine.pressure().register(none);
    for (int i = 0; i < 25; i++) {
      int gfp = KINDS.get(random.below(KINDS.size())) | Gfp.__GFP_MOVABLE;
      var cpu = c.cpu();
      int order = random.oneIn(3) ? 0 : random.between(4, 8);
      int many = random.oneIn(6) ? Integer.MAX_VALUE : random.below(20);
      for (int n = 0; n < many && c.request(cpu, gfp, order) != PageAllocator.NO_PAGE; n++) {}
      if (random.oneIn(6)) {
        c.run(none);
        c.awake.clear();
      }
    }
  }

  /** Uses a machine up to where kswapd is woken, and lets a reclaimer have it. */
  private static Giver wake(KswapdCase c, int most) {
    int order = 4;
    int gfp = Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE | (c.random.oneIn(2) ? Gfp.__GFP_HIGHMEM : 0);
    var cpu = c.cpu();
    for (var other : c.s.machine.cpus().all()) {
      // Other nodes are short, too, but nobody says so.
      int quiet = Gfp.__GFP_MOVABLE | Gfp.__GFP_HIGHMEM | Gfp.__GFP_THISNODE;
      if (other.nodeId() != cpu.nodeId() && !c.nodes.zones(quiet, other.nodeId()).isEmpty()) {
        while (c.request(other, quiet, order) != PageAllocator.NO_PAGE) {}
      }
    }
    if (!c.nodes.zones(gfp | Gfp.__GFP_THISNODE, cpu.nodeId()).isEmpty()) {
      gfp |= Gfp.__GFP_THISNODE;
    }
    while (c.awake.isEmpty()) {
      c.request(cpu, gfp, order);
    }
    // Somewhere between low and min.
    int more = c.random.below(4);
    for (int i = 0; i < more; i++) {
      c.request(cpu, gfp, order);
    }
    int step = most;
    if (most < 0) {
      // So that a zone is just at its mark before it is above it, after a few rounds.
      ZoneType highest = c.awake.values().iterator().next();
      List<Long> missing =
          c.s.drawn.layout().zones().stream()
              .map(z -> missing(c, z, highest))
              .filter(m -> m > 1)
              .toList();
      long first = missing.isEmpty() ? 1 : missing.getFirst() - 1;
      long parts = c.random.between(1, 8);
      first = first % parts == 0 ? first / parts : first;
      boolean slow = missing.stream().mapToLong(m -> m).max().orElse(0) > 11 * first;
      step = slow ? Integer.MAX_VALUE : Math.toIntExact(first);
    }
    Giver giver = new Giver(c.pages, step, false);
    c.handOver(giver, order);
    c.s.machine.pressure().register(giver);
    return giver;
  }

  private static void balances(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    Giver giver = wake(c, random.oneIn(3) ? Integer.MAX_VALUE : -1);
    ZoneType highest = c.awake.values().iterator().next();
    long missing = 0;
    for (Zone zone : s.drawn.layout().zones()) {
      missing += missing(c, zone, highest);
    }
    c.run(giver);
    // Freed pages may lie on per-cpu lists, or in a zone that is served later.
    check(giver.given() > 0, "pages freed by kswapd", "none");
    for (var request : giver.asked()) {
      Zone zone =
          s.drawn.layout().zones().stream()
              .filter(z -> z.type() == request.highestZone())
              .findFirst()
              .orElseThrow();
      check(zone.type().compareTo(highest) <= 0, "no zone above " + highest, "" + request);
      check(request.pages() <= Math.max(32, missing), "up to " + missing + " pages", "" + request);
    }
    for (Zone zone : s.drawn.layout().zones()) {
      s.pages.drainAllPages(c.cpu());
      checkEqual(0, missing(c, zone, highest), "pages missing in " + zone + " after kswapd");
    }
    c.awake.clear();
    c.run(giver);
  }

  private static long missing(KswapdCase c, Zone zone, ZoneType highest) {
    if (zone.type().compareTo(highest) > 0) {
      return 0;
    }
    long target = c.numbers(zone).high() + c.protection(zone, highest);
    return Math.max(0, target + 1 - c.managed(zone).frames().freePages());
  }

  /** A pageblock, used in part by Movable, is all that is left for Unmovable. */
  private static void boosts(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    var cpu = c.cpu();
    Giver giver = new Giver(s.pages, Integer.MAX_VALUE, false);
    s.machine.pressure().register(giver);
    int gfp = Gfp.__GFP_MOVABLE | (random.oneIn(2) ? Gfp.__GFP_HIGHMEM : 0);
    // Every pageblock is in use in part.
    while (c.request(cpu, gfp, 8) != PageAllocator.NO_PAGE) {}
    for (int i = 1; i < c.held.size(); i += 2) {
      s.pages.freePages(cpu, c.held.get(i), 8);
    }
    c.wakes.clear();
    s.pages.allocPages(cpu, Gfp.GFP_NOWAIT, random.between(4, 7));
    long boosted = s.stats().zones().stream().filter(z -> z.boost() > 0).count();
    check(
        boosted == c.wakes.size(),
        "kswapd of the node of each boosted zone woken: " + boosted,
        "" + c.wakes);
    for (var zone : s.stats().zones()) {
      if (zone.spanned() > 0) {
        Marks.Size size = new Marks.Size(zone.nodeId(), zone.type(), zone.managed());
        long low = new Marks(s.drawn.plan()).of(size).low();
        checkEqual(low + zone.boost(), zone.low(), "low with the boost");
      }
    }
    s.pages.runKswapd(cpu);
    for (var zone : s.stats().zones()) {
      checkEqual(0, zone.boost(), "boost after kswapd has run");
    }
  }

  /** One zone, whose first few allocations fail below although there is plenty. */
  private static void plenty(DrawnSubject s, Seeded random) {
    Drawn one = Drawn.oneZone(random, 0);
    try (DrawnSubject other = s.on(one, new FailNth(new WideFrames(), random.between(1, 4)))) {
      KswapdCase c = new KswapdCase(other, random);
      for (int i = 0; i < 8; i++) {
        other.pages.allocPages(c.cpu(), Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE, random.between(4, 8));
      }
      check(c.wakes.isEmpty(), "nobody woken while there is plenty", "" + c.wakes);
      checkEqual(0, other.pages.runKswapd(c.cpu()), "pages freed by kswapd");
      checkEqual(0, c.event("pageoutrun"), "pageoutrun");
    }
  }

  private static void givesUp(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    int most = random.oneIn(2) ? 0 : 1;
    Giver giver = wake(c, most);
    int least = 0;
    int asked = 0;
    for (Zone zone : s.drawn.layout().zones()) {
      ZoneType highest = c.awake.get(zone.nodeId());
      long missing = highest == null ? 0 : missing(c, zone, highest);
      asked += missing > 0 ? 1 : 0;
      // Pages that were given for another zone may be of this one.
      least += missing > 12L * s.drawn.layout().zones().size() ? 12 : 0;
    }
    c.run(giver);
    int seen = giver.asked().size();
    if (most == 0) {
      checkEqual(asked, seen, "calls of a reclaimer that has nothing");
    } else {
      boolean good = least <= seen && seen <= 12 * asked;
      check(good, least + " to " + 12 * asked + " calls of the reclaimer", "" + seen);
    }
    c.awake.clear();
    c.run(giver);
  }

  private static void says(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    Giver giver = wake(c, 1);
    List<Integer> awake = List.copyOf(c.awake.keySet());
    c.run(giver);
    int round = 0;
    ReclaimRequest before = null;
    for (ReclaimRequest request : giver.asked()) {
      NodeMask nodes = request.nodes();
      check(
          nodes != null && nodes.size() == 1 && awake.contains(nodes.next(0)),
          "requests for one of the nodes " + awake,
          "" + request);
      boolean same =
          before != null
              && before.highestZone() == request.highestZone()
              && Objects.equals(request.nodes(), before.nodes());
      round = same ? round + 1 : 0;
      checkEqual(12 - round, request.priority(), "priority of round " + (round + 1));
      check(request.locksHeld() == 0 && request.memcg() == null, "no lock, no group", "" + request);
      before = request;
    }
    c.awake.clear();
  }
}
