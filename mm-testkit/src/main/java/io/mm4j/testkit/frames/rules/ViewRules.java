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
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Call;
import java.util.BitSet;
import java.util.List;

/** Rules about what can be seen without changing anything: walk, counters, questions. */
public final class ViewRules {
  private ViewRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        FrameRule.each(
            new RuleInfo(
                "FA-09",
                "walk-complete-and-ascending",
                "forEachFree shows every free frame in exactly one aligned block, in ascending"
                    + " order.",
                "Snapshots, compaction and every comparison with a recording stand on it.",
                "mm/compaction.c; the recorded free blocks of a real kernel",
                "the walk skips the last block, a hole, or a section without metadata"),
            Needs.NOTHING,
            FrameMix.ALL,
            ViewRules::walk),
        CaseRule.of(
            new RuleInfo(
                "FA-32",
                "untouched-frames-cost-nothing",
                "metadataBytes(), where the plugin tells it: after one page was touched, 2 MiB, and"
                    + " a bit for each frame of the zone.",
                "A machine of a tebibyte boots on a laptop only if untouched memory has no tables.",
                "mm/sparse.c, one mem_map for each section; the goal of 32 bytes a touched page",
                "tables are made for the whole zone at the first split"),
            Needs.NOTHING,
            max -> 1 << Math.min(20, max + 15),
            ViewRules::untouched),
        FrameRule.each(
            new RuleInfo(
                "FA-10",
                "counters-equal-the-walk",
                "freeBlocks(order) and freeBlocks(order, type) count what forEachFree shows.",
                "/proc/buddyinfo and the fallback policy read the counters.",
                "mm/page_alloc.c free_area.nr_free; LLFree validate()",
                "a split or merge updates one of the two orders it touches"),
            Needs.NOTHING,
            FrameMix.ALL,
            ViewRules::counters),
        FrameRule.each(
            new RuleInfo(
                "FA-11",
                "free-pages-in",
                "freePagesIn counts the free frames of any aligned block of the zone.",
                "Range allocation and compaction choose their targets by it.",
                "mm/page_isolation.c test_pages_isolated",
                "a block inside a larger free block, or one that holds several, is miscounted"),
            Needs.NOTHING,
            FrameMix.ALL,
            ViewRules::freePagesIn),
        FrameRule.each(
            new RuleInfo(
                "FA-12",
                "free-order-at",
                "freeOrderAt is the order where a free block begins, and -1 at every other frame.",
                "Scanners step over free blocks by it; the inside of a block must not look like"
                    + " one.",
                "include/linux/page-flags.h PageBuddy; mm/internal.h buddy_order",
                "an order is left behind in the middle of a merged block, or after allocation"),
            Needs.NOTHING,
            FrameMix.PARTS,
            ViewRules::freeOrderAt),
        FrameRule.each(
            new RuleInfo(
                "FA-13",
                "head-of-its-list",
                "head gives a free block of this order and type, and none exactly if there is"
                    + " none.",
                "A fallback takes what head shows.",
                "include/linux/mmzone.h get_page_from_free_area",
                "the head is not moved on when its block is taken from the middle of a block"),
            Needs.NOTHING,
            FrameMix.TYPES,
            ViewRules::heads),
        FrameRule.each(
            new RuleInfo(
                "FA-14",
                "types-ignored-without-the-capability",
                "A plugin without migratetypes serves every type from all blocks and counts them"
                    + " as Movable.",
                "A policy above must not run out of a type that does not exist.",
                "mm4j's contract of FrameAllocator",
                "the type argument is used although the capability is not claimed"),
            Needs.NO_MIGRATETYPES,
            FrameMix.PLAIN,
            ViewRules::typesIgnored));
  }

  private static void walk(FrameSubject s) {
    BitSet seen = new BitSet();
    long[] end = {s.zone.startPfn()};
    s.frames.forEachFree(
        (pfn, order, type) -> {
          long after = pfn + (1L << order);
          if (order < 0
              || order > s.maxOrder()
              || (pfn & ((1L << order) - 1)) != 0
              || pfn < end[0]
              || after > s.zone.endPfn()) {
            throw new RuleViolation(
                "aligned blocks inside the zone, ascending, without overlap",
                String.format("block 0x%x/%d after 0x%x", pfn, order, end[0]));
          }
          end[0] = after;
          seen.set(s.bit(pfn), s.bit(pfn) + (1 << order));
        });
    if (!seen.equals(s.free)) {
      BitSet wrong = (BitSet) seen.clone();
      wrong.xor(s.free);
      int at = wrong.nextSetBit(0);
      throw new RuleViolation(
          String.format(
              "frame 0x%x %s", s.zone.startPfn() + at, s.free.get(at) ? "shown" : "not shown"),
          (s.free.get(at) ? "not shown, and " : "shown, and ")
              + wrong.cardinality()
              + " frames are wrong");
    }
  }

  private static void counters(FrameSubject s) {
    long[][] walked = new long[s.maxOrder() + 1][Migratetype.TYPES];
    s.frames.forEachFree((pfn, order, type) -> walked[order][type]++);
    for (int order = 0; order <= s.maxOrder(); order++) {
      long all = 0;
      for (int type = 0; type < Migratetype.TYPES; type++) {
        all += walked[order][type];
        checkEqual(
            walked[order][type],
            s.frames.freeBlocks(order, type),
            "freeBlocks(" + order + ", " + Migratetype.name(type) + ")");
      }
      checkEqual(all, s.frames.freeBlocks(order), "freeBlocks(" + order + ")");
    }
  }

  private static void freePagesIn(FrameSubject s) {
    for (int order = 0; order <= s.maxOrder(); order += 3) {
      long first = (s.zone.startPfn() + (1L << order) - 1) & -(1L << order);
      long step = Math.max(1L << order, 61 << order & -(1L << order));
      for (long pfn = first; pfn + (1L << order) <= s.zone.endPfn(); pfn += step) {
        int seen = s.frames.freePagesIn(pfn, order);
        if (seen != s.freeIn(pfn, order)) {
          checkEqual(
              s.freeIn(pfn, order), seen, String.format("freePagesIn(0x%x, %d)", pfn, order));
        }
      }
    }
  }

  private static void freeOrderAt(FrameSubject s) {
    int[] orders = new int[s.where.frames()];
    java.util.Arrays.fill(orders, -1);
    s.frames.forEachFree((pfn, order, type) -> orders[s.bit(pfn)] = order);
    for (int i = 0; i < orders.length; i++) {
      long pfn = s.zone.startPfn() + i;
      int seen = s.frames.freeOrderAt(pfn);
      if (seen != orders[i]) {
        checkEqual(orders[i], seen, String.format("freeOrderAt(0x%x)", pfn));
      }
    }
  }

  private static void heads(FrameSubject s) {
    boolean types = s.can.migratetypes();
    for (int order = 0; order <= s.maxOrder(); order++) {
      for (int type = types ? 0 : Migratetype.MOVABLE;
          type < (types ? Migratetype.TYPES : Migratetype.MOVABLE + 1);
          type++) {
        long head = s.frames.head(order, type);
        String what = "head(" + order + ", " + Migratetype.name(type) + ")";
        if (s.frames.freeBlocks(order, type) == 0) {
          checkEqual(FrameAllocator.NONE, head, what);
          continue;
        }
        check(head != FrameAllocator.NONE, what + " is a block", "none");
        checkEqual(order, s.frames.freeOrderAt(head), "order at " + what);
        var block = s.blocks.at(head);
        check(
            !types || !s.can.mergesAlways() || (block != null && block.type() == type),
            what + " is of that type",
            "" + block);
      }
    }
  }

  private static void untouched(FrameSubject s, Seeded random) {
    CaseRule.need(s, 0);
    long bytes = s.frames.metadataBytes();
    long limit = (2L << 20) + (s.zone.spannedPages() >>> 3);
    check(bytes <= limit, "at most " + limit + " bytes of tables", bytes + " bytes");
  }

  private static void typesIgnored(FrameSubject s) {
    if (s.call == Call.ALLOCATE && s.answer == FrameAllocator.NONE && s.order == 0) {
      checkEqual(0, s.free.cardinality(), "free frames when no type has one");
    }
    for (int order = 0; order <= s.maxOrder(); order++) {
      checkEqual(
          s.frames.freeBlocks(order),
          s.frames.freeBlocks(order, Migratetype.MOVABLE),
          "Movable blocks of order " + order);
    }
  }
}
