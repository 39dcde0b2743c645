// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
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
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.List;

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
                "kswapd asks for as much as the high marks of its node's zones, in demand, say"
                    + " together, as long as none of them is above its own and what it protects,"
                    + " with a block of the order; once it freed twice the block pages are enough."
                    + " No other node is touched.",
                "kswapd that stops early is woken by every request, one that goes on throws away"
                    + " what is in use.",
                "mm/vmscan.c balance_pgdat, pgdat_balanced",
                "the target: low instead of high, without protection, off by one page, every zone,"
                    + " or a block for ever"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            KswapdRules::balances),
        new DrawnRule(
            new RuleInfo(
                "PA-59",
                "kswapd-gives-up",
                "A run of kswapd that gets nothing asks 12 times. After 16 such runs it sleeps, and"
                    + " nobody wakes it until direct reclaim gets something.",
                "A kernel thread that cannot succeed must not burn a CPU.",
                "mm/vmscan.c balance_pgdat (DEF_PRIORITY, kswapd_failures)",
                "the number of rounds or of runs, or that hope returns"),
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
                "PA-34",
                "kswapd-works-a-boost-off",
                "While zones are raised kswapd asks without ever more effort until as much came as"
                    + " they are raised by, or nothing; if the marks themselves are not met it"
                    + " begins anew for them. Each round has the pages, order and priority that"
                    + " follow from those before.",
                "A boost is a wish: working it off must not throw away what is in use.",
                "mm/vmscan.c balance_pgdat (nr_boost_reclaim, raise_priority)",
                "the boost is taken for a watermark, or one round without gain does not end it"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            KswapdRules::worksOff),
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
                    + " priority 12 at first in each run and one less after every round that got"
                    + " less than was wanted; it holds no lock and acts for no control group.",
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
        c.runForNothing(none);
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
    Giver giver = new Giver(c.pages, most, true);
    c.handOver(giver, order);
    c.s.machine.pressure().register(giver);
    return giver;
  }

  private static void balances(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    Giver giver = wake(c, random.oneIn(3) ? Integer.MAX_VALUE : random.between(1, 64));
    int node = c.awake.first();
    int order = c.of(node).order();
    ZoneType highest = c.of(node).highest();
    long want =
        c.zones(node, highest).stream().mapToLong(z -> Math.max(32, c.numbers(z).high())).sum();
    giver.beforeEach(
        request -> {
          // Freed pages may lie on per-cpu lists: those do not count.
          int now = request.order();
          check(now == order || now == 0, "order " + order + " or 0", "" + request);
          check(!c.balanced(node, now, highest), "a node that is short", "" + request);
          checkEqual(want, request.pages(), "pages asked for");
          check(highest == request.highestZone(), "zones up to " + highest, "" + request);
        });
    c.run(giver);
    check(giver.given() > 0 || c.balanced(node, 0, highest), "pages freed by kswapd", "none");
    ordersFall(giver, order);
    check(c.balanced(node, 0, highest), "a node in balance after kswapd", "" + c.s.drawn);
    c.run(giver);
  }

  /** The order is wanted until twice its pages have come in the same run, and not after that. */
  private static void ordersFall(Giver giver, int order) {
    long came = 0;
    boolean dropped = false;
    for (int i = 0; i < giver.asked().size(); i++) {
      ReclaimRequest request = giver.asked().get(i);
      if (!dropped && came < 2L << order) {
        checkEqual(order, request.order(), "order wanted after " + came + " pages");
      } else {
        checkEqual(0, request.order(), "order wanted after " + came + " pages");
      }
      dropped |= came >= 2L << order;
      came += giver.gave().get(i);
      boolean last = i + 1 < giver.asked().size() && giver.asked().get(i + 1).priority() == 12;
      dropped |= last && request.priority() == 1; // the next run is for single pages
    }
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

  /** As {@link #boosts}, with a reclaimer that has some pages and gives them in small parts. */
  private static void worksOff(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    var cpu = c.cpu();
    int gfp = Gfp.__GFP_MOVABLE | (random.oneIn(2) ? Gfp.__GFP_HIGHMEM : 0);
    while (c.request(cpu, gfp, 8) != PageAllocator.NO_PAGE) {}
    for (int i = 1; i < c.held.size(); i += 2) {
      s.pages.freePages(cpu, c.held.get(i), 8);
    }
    int most =
        switch (random.below(4)) {
          case 0 -> Integer.MAX_VALUE;
          case 1 -> 1 << random.between(1, 7);
          default -> random.between(1, 120);
        };
    Giver giver = new Giver(s.pages, most, true);
    int pages = random.oneIn(4) ? 0 : random.between(1, random.oneIn(3) ? 6000 : 600);
    for (int i = 0; i < c.held.size() && pages > 0; i += 2) {
      long block = c.held.get(i);
      s.pages.splitPage(block, 8);
      for (long pfn = block; pfn < block + 256 && pages > 0; pfn++) {
        giver.hold(pfn);
        pages--;
      }
    }
    s.machine.pressure().register(giver);
    long _ = s.pages.allocPages(cpu, Gfp.GFP_NOWAIT, random.between(4, 7));
    if (random.oneIn(2)) {
      // Down to where the marks are not met, and somebody wants a block.
      int order = random.between(1, 6);
      while (s.pages.allocPages(cpu, gfp, order) != PageAllocator.NO_PAGE) {}
      long _ = s.pages.allocPages(cpu, Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE, random.between(0, 6));
    }
    BoostedRun run = new BoostedRun(c, giver);
    s.pages.runKswapd(cpu);
    run.ended();
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
    Giver none = wake(c, 0);
    int node = c.awake.first();
    ZoneType highest = c.of(node).highest();
    c.runForNothing(none);
    // Down to where single pages are short, too.
    int gfp = Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE | Gfp.__GFP_HIGHMEM;
    for (Cpu cpu : s.machine.cpus().all()) {
      while (c.request(cpu, gfp, 0) != PageAllocator.NO_PAGE) {}
    }
    c.runForNothing(none);
    for (Cpu cpu : s.machine.cpus().all()) {
      c.request(cpu, gfp, 0);
    }
    check(
        c.isHopeless(node) || c.balanced(node, 0, highest), "no hope for a node", "" + c.failures);
    // Direct reclaim gets something: whoever comes next wakes the nodes of that request again.
    if (c.held.isEmpty()) {
      return; // no page above the marks, so none that could come back
    }
    Cpu cpu = c.cpu();
    Giver giver = new Giver(s.pages, 1, true);
    giver.hold(c.held.removeLast());
    s.machine.pressure().register(giver);
    c.wakes.clear();
    long _ = s.pages.allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_MOVABLE | Gfp.__GFP_NORETRY, 0);
    if (giver.given() > 0) {
      ZoneType kernel = NodeOrder.highest(Gfp.GFP_KERNEL, s.drawn.plan().kinds());
      for (Zone zone : c.nodes.zones(Gfp.GFP_KERNEL, cpu.nodeId())) {
        c.failures.remove(zone.nodeId());
        c.wanted.merge(
            zone.nodeId(),
            new KswapdCase.Wanted(0, kernel),
            (a, b) ->
                new KswapdCase.Wanted(
                    Math.max(a.order(), b.order()),
                    a.highest().compareTo(b.highest()) > 0 ? a.highest() : b.highest()));
      }
      c.wakes.forEach(w -> c.awake.add(w.node()));
      c.request(cpu, Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE, 0);
    }
  }

  private static void says(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    Giver giver = wake(c, random.oneIn(3) ? Integer.MAX_VALUE : random.between(4, 40));
    List<Integer> awake = List.copyOf(c.awake);
    c.run(giver);
    int priority = 1;
    int runs = 0;
    for (int i = 0; i < giver.asked().size(); i++) {
      ReclaimRequest request = giver.asked().get(i);
      NodeMask nodes = request.nodes();
      check(
          nodes != null && nodes.size() == 1 && awake.contains(nodes.next(0)),
          "requests for one of the nodes " + awake,
          "" + request);
      boolean begins = request.priority() == 12 && (i == 0 || !keeps(giver, i - 1));
      runs += begins ? 1 : 0;
      checkEqual(begins ? 12 : priority, request.priority(), "priority of call " + (i + 1));
      priority = keeps(giver, i) ? request.priority() : request.priority() - 1;
      check(request.locksHeld() == 0 && request.memcg() == null, "no lock, no group", "" + request);
    }
    check(runs <= c.event("pageoutrun"), "runs: " + c.event("pageoutrun"), "" + runs);
  }

  /** Whether a round got what it wanted, so that the next one tries no harder. */
  private static boolean keeps(Giver giver, int i) {
    return giver.gave().get(i) >= giver.asked().get(i).pages();
  }
}
