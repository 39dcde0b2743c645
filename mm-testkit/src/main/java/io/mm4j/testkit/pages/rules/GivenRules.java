// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.pages.rules.PageRule.Needs;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import java.util.List;

/** Rules about what is given and what comes back, one call after the other. */
public final class GivenRules {
  private GivenRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        PageRule.each(
            new RuleInfo(
                "PA-01",
                "no-overlap",
                "A frame that was handed out is not handed out again before it is freed.",
                "Two holders would write over each other's data.",
                "LLFree test multirand; mm/page_alloc.c",
                "a page is on a per-cpu list and in a free block at once"),
            s -> {}),
        PageRule.each(
            new RuleInfo(
                "PA-02",
                "zone-and-node-honoured",
                "No block comes from a zone above the one that the flags name, nor, with"
                    + " __GFP_THISNODE, from another node.",
                "A device that reaches 16 MiB is given memory that it cannot reach.",
                "include/linux/gfp.h gfp_zone, mm/page_alloc.c node_zonelist",
                "a per-cpu list or a fallback forgets the flags"),
            s -> {}),
        PageRule.withContents(
            new RuleInfo(
                "PA-03",
                "zeroed-if-asked",
                "With __GFP_ZERO every byte of the block is zero, whatever was there.",
                "Old contents would leak to a new owner.",
                "lib/test_meminit.c test_pages",
                "pages from a per-cpu list, or the tails of a block, are not cleared"),
            s -> {}),
        PageRule.each(
            new RuleInfo(
                "PA-04",
                "handed-out-state",
                "Every held block is owned by KERNEL in all frames, its order is in mem_map, the"
                    + " first refcount is 1 and the tails' 0.",
                "The holder begins with what the allocator left.",
                "mm/page_alloc.c prep_new_page",
                "only the first frame of a block is prepared"),
            GivenRules::heldState),
        PageRule.each(
            new RuleInfo(
                "PA-05",
                "conservation",
                "Free frames, frames on per-cpu lists and held frames are together always the"
                    + " same.",
                "What is lost once never comes back.",
                "mm/vmstat.c; LLFree validate()",
                "a counter or a list is forgotten on one path"),
            PageSubject::conserved),
        PageRule.of(
            new RuleInfo(
                "PA-06",
                "references",
                "A block goes back when its last reference is given up, and not before.",
                "A page that is still read by somebody must stay.",
                "lib/test_free_pages.c; mm/page_alloc.c __free_pages",
                "the refcount is not looked at, or the last put frees twice"),
            Needs.NOTHING,
            (s, random) -> {
              for (int order = 0; order <= 6; order += 3) {
                Held block = need(s, Gfp.GFP_KERNEL, order);
                s.map.get(block.pfn());
                s.map.get(block.pfn());
                s.pages.freePages(s.cpu(0), block.pfn(), order);
                s.pages.freePages(s.cpu(1), block.pfn(), order);
                checkEqual(1, s.map.refcount(block.pfn()), "refcount with one reference left");
                s.conserved();
                s.free(0, block);
                s.conserved();
              }
            }),
        PageRule.of(
            new RuleInfo(
                "PA-07",
                "split-and-free-singly",
                "After splitPage each frame is a page of its own, to be freed in any order.",
                "Large allocations that are given up in parts.",
                "mm/page_alloc.c split_page",
                "the order stays in the first frame, or tails get no reference"),
            Needs.NOTHING,
            (s, random) -> {
              Held block = need(s, Gfp.GFP_KERNEL, 5);
              new PageOp.Split(s.held.indexOf(block)).apply(s);
              while (!s.held.isEmpty()) {
                s.free(random.below(2), s.held.get(random.below(s.held.size())));
                s.conserved();
              }
            }),
        PageRule.of(
            new RuleInfo(
                "PA-08",
                "all-comes-back",
                "When all is freed and drained, every frame is FREE, and a block of the largest"
                    + " order can be had.",
                "Pages that stay on per-cpu lists keep large blocks apart.",
                "mm/page_alloc.c drain_all_pages; LLFree test drain",
                "drained pages are not merged, or keep the owner PCP"),
            Needs.NOTHING,
            (s, random) -> {
              for (int i = 0; i < 700; i++) {
                s.allocate(i, PageOp.FLAGS.get(i % PageOp.FLAGS.size()), random.order(4), -1);
              }
              s.freeAll();
              checkEqual(s.total, s.pages.freePages(), "freePages() when all is back");
              for (long pfn = 1; pfn < PageSubject.FRAMES; pfn++) {
                if (s.map.owner(pfn) != FrameOwner.FREE) {
                  throw new RuleViolation("frame " + pfn + " FREE", "" + s.map.owner(pfn));
                }
              }
              need(s, Gfp.GFP_KERNEL, 10);
            }));
  }

  /** Allocates a block that must be there. */
  static Held need(PageSubject s, int gfp, int order) {
    Held block = s.allocate(0, gfp, order, -1);
    if (block == null) {
      throw new RuleViolation("a block of order " + order, "none");
    }
    return block;
  }

  static void heldState(PageSubject s) {
    for (Held block : s.held) {
      for (long pfn = block.pfn(); pfn < block.pfn() + (1L << block.order()); pfn++) {
        boolean good =
            s.map.owner(pfn) == FrameOwner.KERNEL
                && s.map.order(pfn) == block.order()
                && s.map.refcount(pfn) == (pfn == block.pfn() ? 1 : 0);
        if (!good) {
          check(
              false,
              "frame " + pfn + " of " + block + " KERNEL, of that order, counted",
              s.map.owner(pfn) + " order " + s.map.order(pfn) + " refcount " + s.map.refcount(pfn));
        }
      }
    }
  }
}
