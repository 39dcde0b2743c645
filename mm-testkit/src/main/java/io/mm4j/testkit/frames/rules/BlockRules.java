// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.frames.naive.FreeBlocks.Block;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Call;
import java.util.List;

/** Rules about which block is given and when none is. */
public final class BlockRules {
  private BlockRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        FrameRule.each(
            new RuleInfo(
                "FA-01",
                "no-overlap",
                "A frame that was handed out is not handed out again before it is freed.",
                "Two holders would write over each other's data.",
                "LLFree integration test rand; mm/page_alloc.c __rmqueue_smallest",
                "a block stays on its list after it was given, or a split lists the wrong half"),
            Needs.NOTHING,
            FrameMix.ALL,
            s -> {}),
        FrameRule.each(
            new RuleInfo(
                "FA-02",
                "alignment",
                "A block of an order begins at a multiple of its size.",
                "Huge pages, page tables and DMA need it; buddies are found by it.",
                "mm/page_alloc.c; drm_test_buddy_alloc_range (alignment of blocks)",
                "frames are counted from the start of the zone instead of from frame 0"),
            Needs.NOTHING,
            FrameMix.PLAIN,
            s -> {}),
        FrameRule.each(
            new RuleInfo(
                "FA-03",
                "inside-the-zone",
                "Only frames of the zone that were freed into it are handed out, never holes.",
                "There is no memory behind a hole.",
                "LLFree test less_mem; mm/page_alloc.c page_is_buddy (zone check)",
                "a buddy beyond the edge of the zone or in a hole was taken for free"),
            Needs.NOTHING,
            FrameMix.PLAIN,
            BlockRules::onlyUsable),
        FrameRule.each(
            new RuleInfo(
                "FA-04",
                "conservation",
                "freePages() is always what was freed less what was given.",
                "Watermarks and reclaim are decided by this counter.",
                "mm/vmstat.c NR_FREE_PAGES; LLFree validate()",
                "a counter is changed twice, or not on one of the paths"),
            Needs.NOTHING,
            FrameMix.ALL,
            s -> checkEqual(s.free.cardinality(), s.frames.freePages(), "freePages()")),
        FrameRule.each(
            new RuleInfo(
                "FA-05",
                "smallest-sufficient",
                "allocate takes a block of the smallest order that suffices.",
                "Large blocks last longer when small ones are used first.",
                "mm/page_alloc.c __rmqueue_smallest; drm_test_buddy_alloc_optimistic",
                "the search for an order begins at the wrong end"),
            Needs.SMALLEST,
            FrameMix.PLAIN,
            BlockRules::smallest),
        FrameRule.each(
            new RuleInfo(
                "FA-06",
                "maximal-merging",
                "After every call no two buddies that may be joined are both free.",
                "What is not joined is lost for large allocations: fragmentation without a cause.",
                "mm/page_alloc.c __free_one_page; drm_test_buddy_alloc_pathological",
                "merging stops too early, or a path lists blocks without merging"),
            Needs.MERGES,
            FrameMix.PARTS,
            BlockRules::sameBlocks),
        FrameRule.each(
            new RuleInfo(
                "FA-07",
                "no-needless-failure",
                "allocate fails only if the lists have no block of this order or larger.",
                "A failed allocation makes the caller reclaim or die although memory is there.",
                "LLFree tests alloc_all, alloc_tree_all",
                "an order or a part of the zone is never searched"),
            Needs.MERGES,
            FrameMix.ALL,
            BlockRules::noNeedlessFailure),
        FrameRule.of(
            new RuleInfo(
                "FA-08",
                "exhaustion-and-recovery",
                "Single frames can be allocated until none is free, and after all is freed the"
                    + " same memory can be had again.",
                "A machine that was full once must be whole again.",
                "LLFree tests alloc_all, alloc_free; kernel page allocator stress",
                "the last block of a list is not found, or freeing into an empty zone goes wrong"),
            Needs.NOTHING,
            (random, can) ->
                List.of(
                    new FrameOp.Boot(),
                    new FrameOp.Exhaust(0),
                    new FrameOp.FreeAll(random.next()),
                    new FrameOp.Exhaust(random.below(4)),
                    new FrameOp.FreeAll(random.next())),
            BlockRules::exhausted));
  }

  private static void onlyUsable(FrameSubject s) {
    if (s.call == Call.ALLOCATE && s.answer != FrameAllocator.NONE) {
      int from = s.bit(s.answer);
      int hole = s.usable.nextClearBit(from);
      check(
          hole >= from + (1 << s.order),
          "only frames that are memory",
          String.format("frame 0x%x of a hole", s.zone.startPfn() + hole));
    }
  }

  private static void smallest(FrameSubject s) {
    Block source = s.source;
    if (s.call == Call.ALLOCATE && source != null && s.sufficient >= 0) {
      checkEqual(s.sufficient, source.order(), "order of the free block that was taken from");
    }
  }

  /** The free blocks are those of the model; types are another rule's business. */
  static void sameBlocks(FrameSubject s) {
    var expected = s.blocks.all().iterator();
    s.frames.forEachFree(
        (pfn, order, type) -> {
          Block next = expected.hasNext() ? expected.next() : null;
          if (next == null || next.pfn() != pfn || next.order() != order) {
            throw new RuleViolation(
                next == null
                    ? "no further free block"
                    : String.format("free block 0x%x/%d", next.pfn(), next.order()),
                String.format("free block 0x%x/%d", pfn, order));
          }
        });
    check(!expected.hasNext(), "another free block at the end", "none");
  }

  private static void noNeedlessFailure(FrameSubject s) {
    if (s.call == Call.ALLOCATE && s.answer == FrameAllocator.NONE) {
      check(
          s.sufficient < 0,
          "a block, for one of order " + s.sufficient + " is free",
          "none for order " + s.order + " " + Migratetype.name(s.type));
    }
  }

  private static void exhausted(FrameSubject s) {
    if (s.call == Call.ALLOCATE && s.order == 0 && s.answer == FrameAllocator.NONE) {
      checkEqual(0, s.free.cardinality(), "free frames when allocation fails");
      checkEqual(0, s.frames.freePages(), "freePages() when allocation fails");
    }
    if (s.call == Call.FREE && s.held.isEmpty()) {
      checkEqual(s.usable.cardinality(), s.frames.freePages(), "freePages() when all is back");
    }
  }
}
