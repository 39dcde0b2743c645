// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

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

/**
 * Rules about which of several blocks is given, for plugins that promise it: each answer is
 * foretold, each head is compared after every call, and at the end the lists are emptied block by
 * block and compared with the model's.
 */
public final class OrderRules {
  private static final String WHY =
      "Which page is used next decides what stays whole; a replay from one seed must repeat it.";

  private OrderRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        FrameRule.each(
            new RuleInfo(
                "FA-40",
                "allocate-takes-the-head",
                "With the kernel's lists allocate takes the head of the shortest order that"
                    + " suffices, and gives its lower end.",
                WHY,
                "mm/page_alloc.c __rmqueue_smallest, page_del_and_expand",
                "the tail or the lowest block is taken, or the upper half is given"),
            Needs.KERNEL_LISTS,
            null,
            FrameMix.EVERY_WAY,
            OrderRules::asForetold,
            s -> {}),
        lists(
            "FA-41",
            "freed-to-the-head",
            "With the kernel's lists a freed block goes to the head of its list.",
            "mm/page_alloc.c __free_one_page, __add_to_free_list",
            "freed blocks go to the tail, or lists are kept by address",
            FrameMix.PARTS),
        lists(
            "FA-42",
            "freed-to-the-tail",
            "With the kernel's lists freeToTail and freeRange put blocks at the tail, in ascending"
                + " order.",
            "mm/page_alloc.c __free_one_page with FPI_TO_TAIL",
            "freeToTail is free, or a range is listed from its end",
            FrameMix.TAILS),
        lists(
            "FA-43",
            "blocks-that-join-soon-wait",
            "With the kernel's lists a freed block whose buddy is held, while the next larger buddy"
                + " is free as a whole, goes to the tail.",
            "mm/page_alloc.c buddy_merge_likely",
            "the next larger buddy is never looked at, or at the second largest order too",
            FrameMix.PLAIN),
        lists(
            "FA-44",
            "rests-to-the-head",
            "With the kernel's lists what allocate and take split off goes to the heads, larger"
                + " halves first.",
            "mm/page_alloc.c expand, break_down_buddy_pages",
            "halves of a split are listed at the tail",
            FrameMix.TAKES),
        lists(
            "FA-45",
            "moved-to-the-tail",
            "With the kernel's lists the blocks of a pageblock that changes its type go to the"
                + " tails, the lowest first.",
            "mm/page_alloc.c move_to_free_list",
            "moved blocks go to the head, or in descending order",
            FrameMix.TYPES),
        FrameRule.each(
            new RuleInfo(
                "FA-46",
                "first-fit",
                "With first fit allocate takes the lowest place that is free as a whole, and head"
                    + " is the lowest block of exactly its order.",
                WHY,
                "Knuth, The Art of Computer Programming 2.5, first fit",
                "a hint where to begin lies above a free place"),
            Needs.FIRST_FIT,
            null,
            FrameMix.EVERY_WAY,
            s -> {
              asForetold(s);
              lowestHeads(s);
            },
            s -> {}));
  }

  private static FrameRule lists(
      String id, String name, String statement, String behind, String failure, FrameMix mix) {
    return FrameRule.each(
        new RuleInfo(id, name, statement, WHY, behind, failure),
        Needs.KERNEL_LISTS,
        null,
        mix,
        OrderRules::heads,
        OrderRules::drained);
  }

  /** The answer of allocate is the one that the plugin's choice foretells. */
  static void asForetold(FrameSubject s) {
    if (s.call == Call.ALLOCATE) {
      String what = "allocate(" + s.order + ", " + Migratetype.name(s.type) + ")";
      sameFrame(s.expected, s.answer, what);
    }
  }

  private static void sameFrame(long expected, long seen, String what) {
    if (expected != seen) {
      throw new RuleViolation(what + " = " + frame(expected), frame(seen));
    }
  }

  private static String frame(long pfn) {
    return pfn == FrameAllocator.NONE ? "none" : String.format("0x%x", pfn);
  }

  /** Every head is that of the model's list. */
  static void heads(FrameSubject s) {
    for (int order = 0; order <= s.maxOrder(); order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        Block head = s.blocks.head(order, type);
        long expected = head == null ? FrameAllocator.NONE : head.pfn();
        sameFrame(expected, s.frames.head(order, type), what(order, type));
      }
    }
  }

  /** Without lists every head is the lowest block of its order, as a Movable one. */
  static void lowestHeads(FrameSubject s) {
    for (int order = 0; order <= s.maxOrder(); order++) {
      Block lowest = s.blocks.lowest(order);
      long expected = lowest == null ? FrameAllocator.NONE : lowest.pfn();
      sameFrame(
          expected, s.frames.head(order, Migratetype.MOVABLE), what(order, Migratetype.MOVABLE));
    }
  }

  private static String what(int order, int type) {
    return "head(" + order + ", " + Migratetype.name(type) + ")";
  }

  /** Empties every list from its head; nothing is split, so each gives its blocks in order. */
  static void drained(FrameSubject s) {
    for (int order = 0; order <= s.maxOrder(); order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        int place = 0;
        for (long expected : s.blocks.inOrder(order, type)) {
          long seen = s.frames.allocateFrom(order, type, order, type);
          sameFrame(expected, seen, "place " + place++ + " of the list of " + what(order, type));
        }
        sameFrame(
            FrameAllocator.NONE,
            s.frames.allocateFrom(order, type, order, type),
            "the end of the list of " + what(order, type));
      }
    }
    checkEqual(0, s.frames.freePages(), "freePages() when all lists are empty");
  }
}
