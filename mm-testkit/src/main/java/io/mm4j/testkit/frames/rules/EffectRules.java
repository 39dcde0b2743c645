// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.frames.naive.FreeBlocks.Block;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Call;
import java.util.ArrayList;
import java.util.List;

/** Rules that compare all that a call changes, and all that can be asked. */
public final class EffectRules {
  private EffectRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        FrameRule.of(
            new RuleInfo(
                "FA-48",
                "range-is-its-blocks",
                "freeRange leaves what freeToTail of its largest aligned blocks would, lowest"
                    + " first: every frame of it, whatever is free beside it already.",
                "Boot frees nearly all memory by it; a machine would lose the ends of its ranges.",
                "mm/memblock.c __free_memory_core",
                "the part behind the last large block is dropped"),
            Needs.NOTHING,
            EffectRules::ranges,
            EffectRules::onlyThese),
        FrameRule.each(
            new RuleInfo(
                "FA-47",
                "full-effect",
                "After every call - frees to the tail and of ranges, too - the free blocks with"
                    + " their types, all counters and the types of all pageblocks are as the"
                    + " contract says.",
                "What a call changes beside its answer is what the next call stands on.",
                "mm/page_alloc.c __free_one_page, expand, move_freepages_block",
                "one way to free does not merge, or counts otherwise than free"),
            Needs.MERGES,
            null,
            FrameMix.EVERY_WAY,
            EffectRules::everything,
            EffectRules::everything),
        FrameRule.each(
            new RuleInfo(
                "FA-49",
                "free-pages-in-any-order",
                "freePagesIn counts the free frames of every aligned block of the zone, of each"
                    + " order up to 10 whatever the plugin's largest.",
                "A claim asks for a pageblock, a range allocation for the largest block.",
                "mm/page_alloc.c __move_freepages_block, mm/page_isolation.c",
                "free blocks of the largest order inside the asked one are not seen"),
            Needs.NOTHING,
            null,
            FrameMix.EVERY_WAY,
            EffectRules::freePagesIn,
            s -> {}),
        FrameRule.each(
            new RuleInfo(
                "FA-50",
                "nothing-outside",
                "At frames outside the zone no free block begins; orders above the largest have no"
                    + " block, no head and no count.",
                "Scanners run over the edges of zones, and a policy asks for every order.",
                "mm/page_alloc.c page_is_buddy (zone check); include/linux/mmzone.h",
                "a table is asked without a look at its bounds"),
            Needs.NOTHING,
            null,
            FrameMix.PLAIN,
            EffectRules::outside,
            s -> {}),
        FrameRule.each(
            new RuleInfo(
                "FA-51",
                "allocate-from-gives-the-lower-end",
                "allocateFrom gives the lower end of head, and nothing if a larger block is wanted"
                    + " than the list has.",
                "A fallback that looked at head must get that block.",
                "mm/page_alloc.c page_del_and_expand",
                "the wanted order is not compared with that of the list"),
            Needs.NOTHING,
            null,
            FrameMix.EVERY_WAY,
            EffectRules::allocateFrom,
            s -> {}),
        FrameRule.each(
            new RuleInfo(
                "FA-52",
                "no-lists-of-other-types",
                "A plugin without migratetypes has no block, no head and no count on the lists of"
                    + " types other than Movable.",
                "A policy that adds up all types would count every block five times.",
                "mm4j's contract of FrameAllocator",
                "the type is ignored where blocks are listed, not only where they are given"),
            Needs.NO_MIGRATETYPES,
            null,
            FrameMix.EVERY_WAY,
            EffectRules::noOtherLists,
            s -> {}),
        FrameRule.each(
            new RuleInfo(
                "FA-53",
                "move-pageblock-counts",
                "movePageblock says how many frames of the pageblock are free - or how many a"
                    + " larger free block has that moved as a whole - and sets its type.",
                "A claim or an isolation decides by the number.",
                "mm/page_alloc.c move_freepages_block",
                "part of the pageblock is counted, or the pageblock keeps its type"),
            Needs.MERGES,
            null,
            FrameMix.EVERY_WAY,
            EffectRules::moved,
            s -> {}));
  }

  static void everything(FrameSubject s) {
    var expected = s.blocks.all().iterator();
    s.frames.forEachFree(
        (pfn, order, type) -> {
          Block next = expected.hasNext() ? expected.next() : null;
          if (next == null || next.pfn() != pfn || next.order() != order || next.type() != type) {
            throw new RuleViolation("free block " + next, "" + new Block(pfn, order, type));
          }
        });
    check(!expected.hasNext(), "another free block at the end", "none");
    checkEqual(s.blocks.pages(), s.frames.freePages(), "freePages()");
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      long all = 0;
      for (int type = 0; type < Migratetype.TYPES; type++) {
        long count = s.blocks.count(order, type);
        all += count;
        if (count != s.frames.freeBlocks(order, type)) {
          String what = "freeBlocks(" + order + ", " + Migratetype.name(type) + ")";
          checkEqual(count, s.frames.freeBlocks(order, type), what);
        }
      }
      if (all != s.frames.freeBlocks(order)) {
        checkEqual(all, s.frames.freeBlocks(order), "freeBlocks(" + order + ")");
      }
    }
    ListRules.samePageblocks(s);
  }

  private static List<Operation<FrameSubject>> ranges(
      Seeded random, FrameAllocatorProvider.Capabilities can) {
    List<Operation<FrameSubject>> list = new ArrayList<>();
    for (int i = random.below(4); i > 0; i--) {
      list.add(new FrameOp.FreeNew(random.below(1 << 16), random.below(can.maxOrder() + 1)));
    }
    list.add(new FrameOp.FreeTheRest());
    return list;
  }

  static void onlyThese(FrameSubject s) {
    checkEqual(s.free.cardinality(), s.frames.freePages(), "freePages()");
    int[] walked = {0};
    s.frames.forEachFree(
        (pfn, order, type) -> {
          check(s.isFree(pfn, order), "only frames that were freed", "0x" + Long.toHexString(pfn));
          walked[0] += 1 << order;
        });
    checkEqual(s.free.cardinality(), walked[0], "frames in free blocks");
    if (s.can.mergesAlways()) {
      everything(s);
    }
  }

  private static void freePagesIn(FrameSubject s) {
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      long size = 1L << order;
      long first = (s.zone.startPfn() + size - 1) & -size;
      long step = order < 6 ? 37 * size : size;
      for (long pfn = first; pfn + size <= s.zone.endPfn(); pfn += step) {
        int seen = s.frames.freePagesIn(pfn, order);
        if (seen != s.freeIn(pfn, order)) {
          checkEqual(
              s.freeIn(pfn, order), seen, String.format("freePagesIn(0x%x, %d)", pfn, order));
        }
      }
    }
  }

  private static void outside(FrameSubject s) {
    long[] frames = {-1, 0, s.zone.startPfn() - 1, s.zone.endPfn(), s.zone.endPfn() + 1023};
    for (long pfn : frames) {
      if (!s.zone.contains(pfn)) {
        checkEqual(-1, s.frames.freeOrderAt(pfn), String.format("freeOrderAt(0x%x)", pfn));
      }
    }
    long far = s.zone.endPfn() + (1L << 40);
    checkEqual(-1, s.frames.freeOrderAt(far), String.format("freeOrderAt(0x%x)", far));
    int above = s.maxOrder() + 1;
    for (int order : new int[] {above, above + 1, Pages.MAX_PAGE_ORDER + 2, 20, 31}) {
      for (int type = 0; type < Migratetype.PCPTYPES; type++) {
        checkEqual(-1, s.frames.head(order, type), "head(" + order + ")");
        checkEqual(-1, s.frames.allocate(order, type), "allocate(" + order + ")");
        checkEqual(-1, s.frames.allocateFrom(order, type, 0, type), "allocateFrom(" + order + ")");
      }
    }
    for (int order = above; order <= Pages.MAX_PAGE_ORDER; order++) {
      checkEqual(0, s.frames.freeBlocks(order), "freeBlocks(" + order + ")");
      checkEqual(0, s.frames.freeBlocks(order, 1), "freeBlocks(" + order + ", Movable)");
    }
    checkEqual(s.free.cardinality(), s.frames.freePages(), "freePages()");
  }

  private static void allocateFrom(FrameSubject s) {
    if (s.call == Call.ALLOCATE_FROM) {
      checkEqual(s.expected, s.answer, "the first frame of head");
    }
    for (int order = 0; order <= s.maxOrder(); order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        long none = s.frames.allocateFrom(order, type, order + 1, type);
        if (none != FrameAllocator.NONE) {
          String call = "allocateFrom(" + order + ", " + type + ", " + (order + 1) + ")";
          throw new RuleViolation("none from " + call, String.format("0x%x", none));
        }
      }
    }
    checkEqual(s.free.cardinality(), s.frames.freePages(), "freePages()");
  }

  private static void noOtherLists(FrameSubject s) {
    if (s.call == Call.ALLOCATE_FROM && s.type != Migratetype.MOVABLE) {
      checkEqual(FrameAllocator.NONE, s.answer, "allocateFrom a list of another type");
    }
    for (int order = 0; order <= s.maxOrder(); order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        if (type != Migratetype.MOVABLE) {
          String what = "(" + order + ", " + Migratetype.name(type) + ")";
          checkEqual(FrameAllocator.NONE, s.frames.head(order, type), "head" + what);
          checkEqual(0, s.frames.freeBlocks(order, type), "freeBlocks" + what);
        }
      }
    }
  }

  private static void moved(FrameSubject s) {
    if (s.call == Call.MOVE) {
      checkEqual(s.sufficient, s.answer, "movePageblock()");
    }
    ListRules.samePageblocks(s);
  }
}
