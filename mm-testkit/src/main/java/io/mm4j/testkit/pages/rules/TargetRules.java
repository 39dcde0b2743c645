// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.Comparator;
import java.util.List;

/** Rules about what is asked for on the way to a range, and about owners who throw. */
public final class TargetRules {
  private static final int MOVABLE = Gfp.GFP_KERNEL | Gfp.__GFP_MOVABLE;

  private TargetRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        rule(
            "PA-37",
            "range-asks-for-blocks-as-for-huge-pages",
            "Where a block of several pages goes is asked for as a huge page is: any zone, direct"
                + " reclaim and no kswapd, and one page only if the block is one.",
            "A request in other words takes the emergency pages of somebody else.",
            "mm/migrate.c alloc_migration_target (GFP_TRANSHUGE)",
            "the caller's reclaim flags are kept, or every block is compound",
            TargetRules::blocks),
        rule(
            "PA-38",
            "owner-that-throws",
            "If the owner of a page that is to move throws, the exception comes through; the page"
                + " is its owner's, nothing else is lost, and the range is given when he can.",
            "A mistake of one floor must not eat the memory below it.",
            "mm4j's rule: who calls out leaves its own state whole",
            "a place, a reference or a type is not given back on that way",
            TargetRules::thrown));
  }

  private static Rule<PageAllocatorProvider> rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      DrawnRule.Body body) {
    return new DrawnRule(
        new RuleInfo(id, name, statement, why, behind, failure),
        Needs.NOTHING,
        true,
        PressureRules::one,
        body);
  }

  private static Zone largest(DrawnSubject s) {
    return s.drawn.layout().zones().stream()
        .max(Comparator.comparingLong(Zone::spannedPages))
        .orElseThrow();
  }

  /** A full machine: a block must move, and there is a place when reclaim has given one. */
  private static void blocks(DrawnSubject s, Seeded random) {
    Shortage shortage = new Shortage(s, random);
    MemMap map = s.machine.memory().memMap();
    int order = random.between(1, 3);
    long size = 1L << order;
    Zone zone = largest(s);
    long block = ((zone.startPfn() + 600) & -size) + size * random.below(20);
    boolean compound = random.oneIn(2);
    map.prepare(block, order, FrameOwner.KERNEL);
    int others = random.below(PageFlags.PG_HEAD) & ~PageFlags.PG_LRU;
    int flags = compound ? others | PageFlags.PG_HEAD : others;
    map.hold(block, order, FrameOwner.ANON, flags, 0, 7);
    long[] now = {block};
    s.machine
        .pressure()
        .register(
            FrameOwner.ANON,
            (cpu, source, destination, asOrder) -> {
              map.move(destination, source, asOrder);
              now[0] = destination;
              return true;
            });
    Giver giver = new Giver(s.pages, Integer.MAX_VALUE, true);
    shortage.held.stream().filter(p -> p >> 10 != block >> 10).sorted().forEach(giver::hold);
    s.machine.pressure().register(giver);
    int[] callers = {Gfp.GFP_KERNEL, Gfp.GFP_NOFS, Gfp.GFP_NOIO | Gfp.__GFP_NOWARN};
    int gfp = callers[random.below(callers.length)];
    check(
        s.pages.allocContigRange(shortage.cpu, block, block + size, gfp),
        "the range, after reclaim",
        "refused");
    check(now[0] != block, "the block elsewhere", "at " + block);
    int effort = gfp & (Gfp.__GFP_IO | Gfp.__GFP_FS | Gfp.__GFP_NOWARN);
    int wanted = effort | Gfp.__GFP_RETRY_MAYFAIL | Gfp.GFP_TRANSHUGE;
    wanted = compound ? wanted : wanted & ~Gfp.__GFP_COMP;
    check(!giver.asked().isEmpty(), "reclaim for a destination", "none");
    for (var request : giver.asked()) {
      checkEqual(order, request.order(), "order that is reclaimed for");
      check(request.gfp() == wanted, "asked with " + Gfp.format(wanted), Gfp.format(request.gfp()));
    }
  }

  private static void thrown(DrawnSubject s, Seeded random) {
    RangeCase c = new RangeCase(s, random);
    Zone zone = largest(s);
    long page = zone.startPfn() + 100 + random.below(800);
    c.take(page, page + 1, MOVABLE);
    c.holdMovable(page);
    long start = page - random.below(90);
    long end = page + 1 + random.below(90);
    List<Integer> types = c.types(start, end);
    long free = c.free();
    IllegalStateException own = new IllegalStateException("the owner's own");
    c.meanwhile =
        () -> {
          throw own;
        };
    Throwable seen = null;
    try {
      check(!s.pages.allocContigRange(c.cpu, start, end, MOVABLE), "no range", "given");
    } catch (IllegalStateException e) {
      seen = e;
    }
    check(own.equals(seen), "the exception of the owner", "" + seen);
    c.movable.add(page);
    checkEqual(1, c.map.refcount(page), "references of the page");
    check(c.map.owner(page) == FrameOwner.ANON, "the page its owner's", "" + c.map.owner(page));
    checkEqual(free, c.free(), "free pages");
    check(types.equals(c.types(start, end)), "pageblocks of " + types, "" + c.types(start, end));
    c.take(start, end, MOVABLE);
  }
}
