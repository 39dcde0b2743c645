// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.pages.rules.PageRule.Needs;
import io.mm4j.testkit.pages.rules.PageSubject.Held;
import io.mm4j.testkit.pages.rules.Toys.ToyMigrator;
import java.util.List;

/** Rules about contiguous ranges, and about callers who break the contract. */
public final class RangeRules {
  private static final long START = 1536;
  private static final long END = 2048;

  private RangeRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        PageRule.of(
            new RuleInfo(
                "PA-18",
                "range-all",
                "allocContigRange of free frames gives all of them as single pages.",
                "Huge pages of 1 GiB and device buffers are made so.",
                "mm/page_alloc.c alloc_contig_range",
                "frames on per-cpu lists are not found, or blocks at the edges are given too"),
            Needs.NOTHING,
            (s, random) -> {
              check(
                  s.pages.allocContigRange(s.cpu(0), START, END, Gfp.GFP_KERNEL),
                  "a free range",
                  "refused");
              for (long pfn = START; pfn < END; pfn++) {
                checkEqual(1, s.map.refcount(pfn), "refcount of frame " + pfn);
                s.enter(pfn, 0);
              }
              s.conserved();
              s.freeAll();
              checkEqual(s.total, s.pages.freePages(), "freePages() when all is back");
            }),
        PageRule.of(
            new RuleInfo(
                "PA-19",
                "range-or-nothing",
                "If one frame of the range cannot be had, no frame changes hands.",
                "Half a range is a leak.",
                "mm/page_alloc.c alloc_contig_range (undo_isolate_page_range)",
                "what was taken before the failure is not given back"),
            Needs.NOTHING,
            (s, random) -> {
              Held held = inRange(s);
              s.pages.drainAllPages(s.cpu(0));
              long free = s.pages.freePages();
              check(
                  !s.pages.allocContigRange(s.cpu(0), START, END, Gfp.GFP_KERNEL),
                  "refused, for frame " + held.pfn() + " is held",
                  "given");
              s.pages.drainAllPages(s.cpu(0));
              checkEqual(free, s.pages.freePages(), "freePages() after a refused range");
              checkEqual(1, s.map.refcount(held.pfn()), "refcount of the held frame");
              s.conserved();
            }),
        PageRule.of(
            new RuleInfo(
                "PA-20",
                "range-migrates",
                "Frames whose owner has a migrator are moved out of the range, and it is given.",
                "Movable memory is movable for this.",
                "mm/page_alloc.c __alloc_contig_migrate_range",
                "the migrator is not asked, or the moved frame is lost"),
            Needs.ISOLATION,
            (s, random) -> {
              ToyMigrator toy = new ToyMigrator(s.machine.memory());
              s.machine.pressure().register(FrameOwner.ANON, toy);
              Held held = inRange(s);
              s.map.hold(held.pfn(), 0, FrameOwner.ANON, 0, 0, 4711);
              check(
                  s.pages.allocContigRange(s.cpu(0), START, END, Gfp.GFP_KERNEL),
                  "the range, for its only held frame can move",
                  "refused");
              long now = toy.now(held.pfn());
              check(now < START || now >= END, "frame outside the range", "frame " + now);
              checkEqual(4711, s.map.index(now), "index of the moved frame");
              s.leave(held);
              s.enter(now, 0);
              for (long pfn = START; pfn < END; pfn++) {
                s.enter(pfn, 0);
              }
              s.conserved();
            }),
        PageRule.of(
            new RuleInfo(
                "PA-21",
                "wrong-order",
                "Freeing with another order than was given is a MisuseException, and nothing"
                    + " changes.",
                "A larger order frees somebody else's pages.",
                "mm/page_alloc.c free_pages (VM_BUG_ON)",
                "the order is taken from the caller without a look at mem_map"),
            Needs.NOTHING,
            (s, random) -> {
              Held block = GivenRules.need(s, Gfp.GFP_KERNEL, 3);
              refuse(s, block.pfn(), 2);
              refuse(s, block.pfn(), 4);
              refuse(s, block.pfn(), 0);
              s.free(0, block);
            }),
        PageRule.of(
            new RuleInfo(
                "PA-22",
                "double-free",
                "Freeing what is free already, in a zone or on a per-cpu list, is a"
                    + " MisuseException.",
                "The page would be given out twice.",
                "KASAN mempool_page_alloc_double_free",
                "pages on per-cpu lists look as if they were in use"),
            Needs.NOTHING,
            (s, random) -> {
              for (int order : new int[] {0, 3, 6}) {
                Held block = GivenRules.need(s, Gfp.GFP_KERNEL, order);
                s.free(0, block);
                refuse(s, block.pfn(), order);
              }
            }),
        PageRule.of(
            new RuleInfo(
                "PA-23",
                "foreign-frame",
                "Freeing a frame outside memory, one that was never given, or the tail of a block,"
                    + " is a MisuseException.",
                "A foreign pointer must be named, not stored.",
                "KASAN kmalloc_large_invalid_free; mm/page_alloc.c bad_page",
                "the frame number is used as an index before it is checked"),
            Needs.NOTHING,
            (s, random) -> {
              Held block = GivenRules.need(s, Gfp.GFP_KERNEL, 3);
              refuse(s, block.pfn() + 1, 0);
              refuse(s, block.pfn() + 4, 2);
              refuse(s, PageSubject.FRAMES, 0);
              refuse(s, PageSubject.FRAMES + 4096, 0);
              refuse(s, -1, 0);
              refuse(s, 0, 0);
            }),
        PageRule.of(
            new RuleInfo(
                "PA-24",
                "freed-while-mapped",
                "Giving up the last reference to a mapped frame is a MisuseException.",
                "A process would go on writing into a free page.",
                "mm/page_alloc.c page_expected_state (_mapcount)",
                "mapcount is not looked at when a page goes to a per-cpu list"),
            Needs.NOTHING,
            (s, random) -> {
              Held page = GivenRules.need(s, Gfp.GFP_KERNEL, 0);
              s.map.setMapcount(page.pfn(), 1);
              refuse(s, page.pfn(), 0);
              s.map.setMapcount(page.pfn(), 0);
              s.free(0, page);
            }));
  }

  /** Holds one frame in the middle of the range, and nothing else. */
  private static Held inRange(PageSubject s) {
    while (true) {
      Held page = GivenRules.need(s, Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_THISNODE, 0);
      if (page.pfn() >= START + 5 && page.pfn() < END) {
        for (Held other : List.copyOf(s.held)) {
          if (!other.equals(page)) {
            s.free(0, other);
          }
        }
        return page;
      }
    }
  }

  private static void refuse(PageSubject s, long pfn, int order) {
    String before = s.snapshot();
    String call = "freePages(" + pfn + ", " + order + ")";
    try {
      s.pages.freePages(s.cpu(0), pfn, order);
    } catch (MisuseException e) {
      check(before.equals(s.snapshot()), "nothing changed by refused " + call, "a change");
      check(
          e.getMessage() != null && e.getMessage().contains(Long.toString(pfn)),
          "a message that names pfn=" + pfn,
          "" + e.getMessage());
      return;
    }
    throw new RuleViolation("MisuseException from " + call, "no exception");
  }
}
