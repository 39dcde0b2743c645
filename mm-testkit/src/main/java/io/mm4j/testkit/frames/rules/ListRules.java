// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Pages;
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

/** Rules about the lists of the migratetypes and the types of pageblocks. */
public final class ListRules {
  private ListRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        FrameRule.each(
            new RuleInfo(
                "FA-19",
                "own-list-only",
                "allocate takes from the lists of the asked type only.",
                "Fallback is the policy's decision; a structure that falls back by itself mixes"
                    + " types.",
                "mm/page_alloc.c __rmqueue_smallest",
                "one list serves two types"),
            Needs.MIGRATETYPES,
            FrameMix.TYPES,
            ListRules::ownList),
        FrameRule.each(
            new RuleInfo(
                "FA-20",
                "blocks-on-the-right-list",
                "Every free block is on the list of the type that it was freed, split or moved to.",
                "Types grow together otherwise, and huge pages become rare.",
                "mm/page_alloc.c __free_one_page, expand, move_freepages",
                "what is left of a split, or what joined, keeps the type of the other part"),
            Needs.MERGES_TYPES,
            FrameMix.TYPES,
            ListRules::sameTypes),
        FrameRule.each(
            new RuleInfo(
                "FA-21",
                "allocate-from-the-head",
                "allocateFrom takes the head of exactly the named list, and none only if that list"
                    + " is empty.",
                "The fallback policy chose this block for a reason.",
                "mm/page_alloc.c page_del_and_expand",
                "another order is searched as well"),
            Needs.MIGRATETYPES,
            FrameMix.TYPES,
            s -> {
              if (s.call == Call.ALLOCATE_FROM) {
                check(
                    (s.answer != FrameAllocator.NONE) == (s.sufficient >= 0),
                    s.sufficient >= 0 ? "the head of the list" : "none from an empty list",
                    s.answer == FrameAllocator.NONE ? "none" : "frame " + s.answer);
              }
            }),
        FrameRule.each(
            new RuleInfo(
                "FA-22",
                "move-a-pageblock",
                "movePageblock moves all free blocks of the pageblock, and says how many frames.",
                "A claimed or isolated pageblock must have nothing left on its old lists.",
                "mm/page_alloc.c move_freepages_block",
                "the first or last block of the pageblock is forgotten, or a larger one is cut"),
            Needs.MERGES_TYPES,
            FrameMix.TYPES,
            s -> {
              if (s.call == Call.MOVE) {
                checkEqual(s.sufficient, s.answer, "frames moved");
                sameTypes(s);
              }
            }),
        FrameRule.each(
            new RuleInfo(
                "FA-23",
                "types-of-pageblocks",
                "Pageblocks change their type when they are moved or join a block of another type,"
                    + " and at no other time.",
                "A page is freed to the list of its pageblock's type.",
                "mm/page_alloc.c __free_one_page, set_pageblock_migratetype",
                "joining two pageblocks leaves one with its old type"),
            Needs.MERGES_TYPES,
            FrameMix.TYPES,
            ListRules::samePageblocks),
        CaseRule.of(
            new RuleInfo(
                "FA-31",
                "joined-after-isolation",
                "A pageblock that was isolated joins its free buddy when it gets its type back.",
                "Every isolated and released pageblock would cost a block of the largest order.",
                "mm/page_isolation.c unset_migratetype_isolate",
                "movePageblock lists the block anew without looking at its buddy"),
            Needs.MERGES_TYPES,
            max -> 1 << max,
            (s, random) -> {
              CaseRule.need(s, Math.min(Pages.PAGEBLOCK_ORDER, s.maxOrder()));
              long other = s.held.getLast().pfn() ^ Pages.PAGEBLOCK_NR_PAGES;
              if (s.zone.contains(other)) {
                s.movePageblock(other, Migratetype.ISOLATE);
                CaseRule.allBack(s);
                s.movePageblock(other, Migratetype.MOVABLE);
                sameTypes(s);
                CaseRule.need(s, s.maxOrder());
              }
            }));
  }

  private static void ownList(FrameSubject s) {
    Block source = s.source;
    if (s.call == Call.ALLOCATE && source != null) {
      // the model carved the block already; its holder, kept in source, still knows the type
      check(
          source.type() == s.type,
          "a block of " + Migratetype.name(s.type),
          "one from free block " + source);
    }
  }

  private static void sameTypes(FrameSubject s) {
    var expected = s.blocks.all().iterator();
    s.frames.forEachFree(
        (pfn, order, type) -> {
          Block seen = new Block(pfn, order, type);
          Block next = expected.hasNext() ? expected.next() : null;
          if (!seen.equals(next)) {
            throw new RuleViolation("free block " + next, "" + seen);
          }
        });
  }

  static void samePageblocks(FrameSubject s) {
    for (long pfn = s.zone.startPfn();
        pfn < s.zone.endPfn();
        pfn = s.pageblocks().start(pfn) + s.pageblocks().pages()) {
      int expected = s.pageblocks().get(pfn);
      int seen = s.typeAt(pfn);
      if (expected != seen) {
        throw new RuleViolation(
            String.format("pageblock of 0x%x %s", pfn, Migratetype.name(expected)),
            Migratetype.name(seen));
      }
    }
  }
}
