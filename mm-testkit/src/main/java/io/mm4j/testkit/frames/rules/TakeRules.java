// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Call;
import io.mm4j.testkit.frames.rules.FrameSubject.Held;
import java.util.List;

/** Rules about exact take, and about freeing in other pieces than were given. */
public final class TakeRules {
  private TakeRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        FrameRule.each(
            new RuleInfo(
                "FA-15",
                "take-exactly-if-free",
                "take succeeds if and only if every frame of the block is free.",
                "Exact replay and range allocation ask for given blocks and trust the answer.",
                "mm/page_alloc.c take_page_off_buddy; LLFree test alloc_at",
                "a block that is free in several pieces is refused, or half-free ones are given"),
            Needs.TAKES,
            FrameMix.TAKES,
            s -> {
              if (s.call == Call.TAKE) {
                checkEqual(s.sufficient >= 0 ? 1 : 0, s.answer, "take of order " + s.order);
              }
            }),
        FrameRule.each(
            new RuleInfo(
                "FA-16",
                "take-leaves-the-rest",
                "What take leaves of the block that it took from stays free, and a refusal changes"
                    + " nothing.",
                "The rest of a 4 MiB block would be lost with every page taken out of it.",
                "mm/page_alloc.c break_down_buddy_pages",
                "the split around the taken block drops one half or lists it twice"),
            Needs.TAKES,
            FrameMix.TAKES,
            s -> {
              if (s.call == Call.TAKE) {
                checkEqual(s.free.cardinality(), s.frames.freePages(), "freePages() after take");
                long[] walked = {0};
                s.frames.forEachFree((pfn, order, type) -> walked[0] += 1L << order);
                checkEqual(s.free.cardinality(), walked[0], "frames in free blocks after take");
              }
            }),
        FrameRule.each(
            new RuleInfo(
                "FA-17",
                "partial-free",
                "Parts of a block may be freed at any time; each is free alone, the others stay"
                    + " held.",
                "A split huge page is freed page by page.",
                "mm/page_alloc.c split_page, free_tail; LLFree lower test partial_put_huge",
                "free looks up the order that was allocated instead of the one that is freed"),
            Needs.NOTHING,
            FrameMix.PARTS,
            TakeRules::heldIsNotFree),
        FrameRule.each(
            new RuleInfo(
                "FA-18",
                "free-in-larger-blocks",
                "Held blocks that together are a larger aligned block may be freed as that in one"
                    + " call.",
                "Boot, bulk frees and hot-plug give memory back in the largest pieces.",
                "mm/page_alloc.c __free_pages_core; LLFree test different_orders",
                "metadata of the parts is left behind inside the larger block"),
            Needs.NOTHING,
            FrameMix.PARTS,
            s -> {
              if (s.call == Call.FREE) {
                checkEqual(
                    1L << s.order, s.frames.freePagesIn(s.answer, s.order), "free after free");
              }
              heldIsNotFree(s);
            }));
  }

  private static void heldIsNotFree(FrameSubject s) {
    for (Held block : s.held) {
      int free = s.frames.freePagesIn(block.pfn(), block.order());
      check(free == 0, "no free frame in held block " + block, free + " of them");
    }
    checkEqual(s.free.cardinality(), s.frames.freePages(), "freePages()");
  }
}
