// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.Collections;
import java.util.List;

/** Rules about direct reclaim: who does it, how often, and what comes of it. */
public final class PressureRules {
  private static final List<Integer> KINDS =
      List.of(
          Gfp.GFP_KERNEL,
          Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY,
          Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL,
          Gfp.GFP_KERNEL | Gfp.__GFP_NOMEMALLOC,
          Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC,
          Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC | Gfp.__GFP_NORETRY,
          Gfp.GFP_KERNEL | Gfp.__GFP_HIGH,
          Gfp.GFP_NOIO | Gfp.__GFP_RECLAIMABLE,
          Gfp.GFP_NOIO | Gfp.__GFP_NORETRY,
          Gfp.GFP_NOIO | Gfp.__GFP_RETRY_MAYFAIL,
          Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_RETRY_MAYFAIL,
          Gfp.GFP_TRANSHUGE,
          Gfp.GFP_TRANSHUGE | Gfp.__GFP_NORETRY,
          Gfp.GFP_NOFS | Gfp.GFP_DMA,
          Gfp.GFP_ATOMIC,
          Gfp.GFP_ATOMIC | Gfp.__GFP_NOFAIL,
          Gfp.GFP_NOWAIT,
          0);

  private PressureRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        new DrawnRule(
            new RuleInfo(
                "PA-54",
                "reclaim-without-gain",
                "A request that nothing helps gives up after 17 rounds of reclaim, after one with"
                    + " __GFP_NORETRY or for a block of more than 8 pages unless __GFP_IO and"
                    + " __GFP_RETRY_MAYFAIL are given, and after none if a large block may be"
                    + " compacted but not retried or the task reclaims itself; each is counted.",
                "A machine hangs in reclaim, or kills a task too early.",
                "mm/page_alloc.c __alloc_pages_slowpath, should_reclaim_retry",
                "a flag that ends the loop, or the limits of 16 retries and order 3"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            (s, random) -> {
              Shortage shortage = new Shortage(s, random);
              Giver giver = new Giver(s.pages, 1, true);
              s.machine.pressure().register(giver);
              for (int i = 0; i < 12; i++) {
                boolean memalloc = random.oneIn(6);
                int gfp = KINDS.get(random.below(KINDS.size()));
                shortage.fails(gfp, random.below(8), memalloc, giver, 0);
              }
            }),
        new DrawnRule(
            new RuleInfo(
                "PA-94",
                "woken-in-every-round",
                "A request that reclaims again wakes kswapd again, if it has gone to sleep in the"
                    + " meantime.",
                "One task reclaims for all others while kswapd sleeps.",
                "mm/page_alloc.c __alloc_pages_slowpath",
                "kswapd is woken once for each request"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            (s, random) -> new Sleeper(s, random).askInVain()),
        new DrawnRule(
            new RuleInfo(
                "PA-55",
                "reclaim-with-gain",
                "As long as reclaim gives pages a request for up to 8 pages goes on, however long;"
                    + " a larger one with __GFP_RETRY_MAYFAIL does not.",
                "What is freed slowly is freed, too.",
                "mm/page_alloc.c should_reclaim_retry",
                "progress does not start the count of retries anew"),
            Needs.STATISTICS,
            true,
            PressureRules::one,
            PressureRules::slowly),
        new DrawnRule(
            new RuleInfo(
                "PA-56",
                "reclaimed-pages-are-found",
                "Single pages that reclaim gives up, some of them on a CPU's list, serve a"
                    + " request for the block that they form, at once.",
                "What lies on per-cpu lists is free memory that nobody can use.",
                "mm/page_alloc.c __alloc_pages_direct_reclaim (drain_all_pages)",
                "the lists are not drained after reclaim, or the zones not walked again"),
            Needs.NOTHING,
            true,
            PressureRules::one,
            PressureRules::found));
  }

  static Drawn one(Seeded random) {
    return Drawn.small(random, List.of(List.of(10)));
  }

  private static void slowly(DrawnSubject s, Seeded random) {
    Shortage shortage = new Shortage(s, random);
    Giver giver = new Giver(s.pages, 1, true);
    s.machine.pressure().register(giver);
    int gains = random.between(20, 150);
    // No two of these are buddies.
    shortage.held.stream().filter(pfn -> pfn % 4 == 2).limit(gains).forEach(giver::hold);
    boolean costly = random.oneIn(3);
    int order = costly ? random.between(4, 6) : random.between(1, 3);
    shortage.fails(Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL, order, false, giver, gains);
    check(costly || giver.left() == 0, "all pages of the reclaimer used", giver.left() + " left");
  }

  private static void found(DrawnSubject s, Seeded random) {
    Shortage shortage = new Shortage(s, random);
    int order = random.between(1, 5);
    Giver giver = new Giver(s.pages, 1 << order, true);
    s.machine.pressure().register(giver);
    long first = 1024 + (random.below(900) & -(1L << order));
    List<Long> block =
        new java.util.ArrayList<>(
            shortage.held.stream().filter(p -> p >= first && p < first + (1L << order)).toList());
    checkEqual(1L << order, block.size(), "pages of a block, all held");
    Collections.shuffle(block, new java.util.Random(random.next()));
    block.forEach(giver::hold);
    int gfp = Gfp.GFP_KERNEL | Gfp.__GFP_MEMALLOC;
    checkEqual(first, s.pages.allocPages(shortage.cpu, gfp, order), "the block of order " + order);
    checkEqual(1, giver.asked().size(), "calls of the reclaimer");
  }
}
