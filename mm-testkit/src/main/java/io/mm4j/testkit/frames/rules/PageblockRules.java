// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import java.util.List;

/** Rules about two pageblocks of every pair of types, each freed last once. */
public final class PageblockRules {
  private static final int ORDER = Pages.PAGEBLOCK_ORDER;

  private PageblockRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        CaseRule.unbooted(
            new RuleInfo(
                "FA-56",
                "pairs-of-pageblocks",
                "Of two free pageblocks the one that is freed last gives its type to both; if one"
                    + " of two different types is HighAtomic or Isolate they stay apart and keep"
                    + " theirs. Each pair of types, lower or upper last, whole or in halves.",
                "The reserve must not be lost to others, and isolated memory not be given out.",
                "mm/page_alloc.c __free_one_page from pageblock_order on, migratetype_is_mergeable",
                "the reserve joins others, or the half that did not move keeps its type"),
            Needs.JOINS_PAGEBLOCKS,
            max -> 1 << max,
            (s, random) -> {
              for (int i = 0; i < 4; i++) {
                for (int pair = 0; pair < Migratetype.TYPES * Migratetype.TYPES; pair++) {
                  place(s, pair, (i & 1) != 0, (i & 2) != 0);
                  EffectRules.everything(s);
                  empty(s);
                }
              }
            }),
        CaseRule.unbooted(
            new RuleInfo(
                "FA-57",
                "take-in-pieces",
                "take succeeds for a block that is free in two pageblocks that must stay apart, and"
                    + " takes both; not if one of them is held.",
                "A range of a machine is taken while its pageblocks are isolated one by one.",
                "mm/page_alloc.c __isolate_free_page, alloc_contig_range",
                "only the free block that holds the first frame is looked at"),
            Needs.TAKES_PAGEBLOCKS,
            max -> 1 << max,
            (s, random) -> {
              long pfn = s.zone.startPfn();
              for (int pair = 0; pair < Migratetype.TYPES * Migratetype.TYPES; pair++) {
                place(s, pair, true, false);
                checkEqual(
                    2 << ORDER,
                    s.frames.freePagesIn(pfn, ORDER + 1),
                    "freePagesIn(pfn, 10) of both");
                check(s.take(pfn + 5, 0), "a page of the first taken", "refused");
                check(!s.take(pfn, ORDER + 1), "refused while a page is held", "taken");
                CaseRule.backAs(s, s.typeAt(pfn));
                check(s.take(pfn, ORDER + 1), "both taken", "refused");
                EffectRules.everything(s);
                empty(s);
              }
            }));
  }

  /** Gives the two pageblocks of the zone types and frees them. */
  private static void place(FrameSubject s, int pair, boolean upperLast, boolean halves) {
    long pfn = s.zone.startPfn();
    int lower = pair / Migratetype.TYPES;
    int upper = pair % Migratetype.TYPES;
    s.movePageblock(pfn, lower);
    s.movePageblock(pfn + Pages.PAGEBLOCK_NR_PAGES, upper);
    for (int i = 0; i < 2; i++) {
      boolean first = upperLast == (i == 0);
      long at = first ? pfn : pfn + Pages.PAGEBLOCK_NR_PAGES;
      int type = first ? lower : upper;
      if (halves) {
        s.free(at + Pages.PAGEBLOCK_NR_PAGES / 2, ORDER - 1, type);
        s.free(at, ORDER - 1, type);
      } else {
        s.free(at, ORDER, type);
      }
    }
  }

  /** Takes everything, and forgets it. */
  private static void empty(FrameSubject s) {
    for (int order = 0; order <= s.maxOrder(); order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        while (s.allocateFrom(order, type, order, type)) {}
      }
    }
    checkEqual(0, s.frames.freePages(), "freePages() when all lists are empty");
    s.held.clear();
  }
}
