// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;

/** Rules about the ends: the last frame of a block, the least and the largest number. */
final class BorderRules {
  private static final int BLOCKS = 6;
  private static final int LARGEST_ORDER = 9;
  private static final int[] WRONG_COUNTS = {
    -1, PageState.MAX_REFCOUNT + 1, 1 << 24, Integer.MAX_VALUE, Integer.MIN_VALUE
  };
  private static final int[] WRONG_ORDERS = {
    -1, Pages.MAX_FOLIO_ORDER + 1, 32, Integer.MAX_VALUE, Integer.MIN_VALUE
  };

  private BorderRules() {}

  static Rule<PhysicalMemoryProvider> everyFrameCounts() {
    return new BenchRule(
        new RuleInfo(
            "PM-55",
            "every-frame-of-a-block-counts",
            "A block is neither dropped nor split while any one frame of it is mapped - the first,"
                + " the last, or one between -, and nothing of it is changed then; with that"
                + " mapping gone it is.",
            "The last page of a huge one is as easily mapped alone as any other.",
            "mm/page_alloc.c free_tail_page_prepare; mm/huge_memory.c __folio_split",
            "a loop over the frames of a block ends one too early, or looks at the first only"),
        BLOCKS,
        BorderRules::everyFrame);
  }

  static Rule<PhysicalMemoryProvider> countsWithinBounds() {
    return new BenchRule(
        new RuleInfo(
            "PM-56",
            "numbers-within-bounds",
            "setRefcount takes 0 to the largest count and setOrder 0 to the largest order; a"
                + " number outside is refused, and owner, order, flags and references stay.",
            "They share a word, and what has too many bits is written into a neighbour's.",
            "include/linux/page_ref.h page_ref_zero_or_close_to_overflow",
            "the number is cut to its bits, or only one of its bounds is looked at"),
        BLOCKS,
        BorderRules::numbers);
  }

  private static void everyFrame(Bench bench, Seeded random) {
    MemMap map = bench.map;
    long around = bench.pick(random.next());
    int order = bench.fitting(around, 1 + random.below(LARGEST_ORDER));
    long first = Bench.first(around, order);
    long last = first + (1L << order) - 1;
    long[] frames = {first, last, first + random.below(1 << order)};
    map.release(first, order, FrameOwner.PCP);
    map.prepare(first, order, FrameOwner.KERNEL);
    map.hold(first, order, FrameOwner.ANON, order == 0 ? 0 : PageFlags.PG_HEAD, 5, 6);
    for (long frame : frames) {
      String what =
          "of block " + first + " order " + order + " whose frame " + frame + " is mapped";
      map.addMapcount(frame, 1);
      refused("drop " + what, () -> map.drop(first, order));
      if (order > 0) {
        check(map.freeze(first, 1), "freeze " + what, "refused");
        refused("splitFolio " + what, () -> map.splitFolio(first, order, 0));
        map.unfreeze(first, 1);
      }
      checkEqual(1, map.refcount(first), "refcount " + what);
      checkEqual(order, map.order(first), "order " + what);
      checkEqual(0, map.addMapcount(frame, -1), "mapcount without the mapping " + what);
    }
    check(map.drop(first, order), "drop of block " + first + ", unmapped", "not the last");
    map.release(first, order, FrameOwner.PCP);
  }

  private static void numbers(Bench bench, Seeded random) {
    MemMap map = bench.map;
    long pfn = bench.pick(random.next());
    map.release(pfn, 0, FrameOwner.PCP);
    map.prepare(pfn, 0, FrameOwner.KERNEL);
    int count = random.oneIn(3) ? PageState.MAX_REFCOUNT : random.below(PageState.MAX_REFCOUNT);
    int order = random.below(Pages.MAX_FOLIO_ORDER + 1);
    map.setFlags(pfn, PageFlags.PG_DIRTY);
    map.setRefcount(pfn, count);
    map.setOrder(pfn, order);
    unchanged(map, pfn, count, order, "as set");
    for (int wrong : WRONG_COUNTS) {
      refused("setRefcount(" + pfn + ", " + wrong + ")", () -> map.setRefcount(pfn, wrong));
      unchanged(map, pfn, count, order, "after setRefcount to " + wrong);
    }
    for (int wrong : WRONG_ORDERS) {
      refused("setOrder(" + pfn + ", " + wrong + ")", () -> map.setOrder(pfn, wrong));
      unchanged(map, pfn, count, order, "after setOrder to " + wrong);
    }
    map.release(pfn, 0, FrameOwner.PCP);
  }

  private static void unchanged(MemMap map, long pfn, int count, int order, String when) {
    String of = " of frame " + pfn + " " + when;
    checkEqual(count, map.refcount(pfn), "refcount" + of);
    checkEqual(order, map.order(pfn), "order" + of);
    checkEqual(PageFlags.PG_DIRTY, map.flags(pfn), "flags" + of);
    checkEqual(FrameOwner.KERNEL.code(), map.owner(pfn).code(), "owner" + of);
  }

  private static void refused(String what, Runnable call) {
    try {
      call.run();
    } catch (MisuseException e) {
      return;
    }
    check(false, "MisuseException from " + what, "no exception");
  }
}
