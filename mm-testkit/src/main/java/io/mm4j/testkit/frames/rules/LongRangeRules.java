// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.FrameAllocatorProvider.Choice;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import java.util.List;

/** Rules about ranges of very many blocks. */
public final class LongRangeRules {
  private LongRangeRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        CaseRule.where(
            new RuleInfo(
                "FA-63",
                "long-ranges",
                "Ranges of up to 65526 of the largest blocks - as far as the plugin's zones go -"
                    + " are listed like single blocks: in a fresh zone, beside blocks that are"
                    + " free, beside split ones, of several types, with ends within a block.",
                "A machine of 256 GiB boots with a handful of such calls.",
                "mm/memblock.c __free_memory_core, mm/mm_init.c deferred_free_pages",
                "tables come in sections, and a range is cut wrongly at their borders"),
            Needs.NOTHING,
            LongRangeRules::zone,
            (s, random) -> {
              long size = 1L << s.maxOrder();
              long start = (s.zone.startPfn() + size - 1) & -size;
              long blocks = (s.zone.endPfn() - start) >>> s.maxOrder();
              // a few blocks are free already, one of them split
              s.free(start + blocks / 3 * size, s.maxOrder(), Migratetype.MOVABLE);
              s.free(start + blocks * 7 / 8 * size, 0, Migratetype.MOVABLE);
              long typed = (start + blocks / 5 * size) | (Pages.PAGEBLOCK_NR_PAGES - 1);
              for (int i = 0; i < 40; i++) {
                long pfn = typed + 1 + (long) i * Pages.PAGEBLOCK_NR_PAGES;
                if (s.zone.contains(pfn)) {
                  s.movePageblock(pfn, i < 20 ? Migratetype.UNMOVABLE : Migratetype.RECLAIMABLE);
                }
              }
              s.freeTheRest();
              compare(s);
            }),
        CaseRule.where(
            new RuleInfo(
                "FA-64",
                "long-range-of-a-fresh-zone",
                "A whole fresh zone, freed as one range of each of two types, is listed block by"
                    + " block in ascending order, and can be taken in that order.",
                "The first pages that a machine gives follow from it.",
                "mm/memblock.c __free_memory_core",
                "the links between two runs of blocks, or the length of the list, are wrong"),
            Needs.NOTHING,
            can -> zone(can, 3 * 32768 - 2 * Pages.PAGEBLOCK_NR_PAGES),
            (s, random) -> {
              long upper = s.zone.endPfn() - s.where.frames() / 8;
              for (long pfn = upper; pfn < s.zone.endPfn(); pfn += Pages.PAGEBLOCK_NR_PAGES) {
                s.movePageblock(pfn, Migratetype.UNMOVABLE);
              }
              s.freeTheRest();
              compare(s);
            }),
        CaseRule.where(
            new RuleInfo(
                "FA-65",
                "range-over-free-memory",
                "freeRange over a block whose first frame is free already is a MisuseException;"
                    + " what lies below that block is free then, and nothing above it.",
                "It would list a block twice, thousands of pages at once.",
                "mm/page_alloc.c free_page_is_bad",
                "a fast path for fresh memory is taken although something was listed there"),
            Needs.NOTHING,
            can -> new FrameZone(8 * 32768 + 20 * 1024, 2 * 32768 + 15 * 1024, 0, 0, 0),
            (s, random) -> {
              for (int order : new int[] {0, s.maxOrder()}) {
                for (int block : new int[] {0, 11, 12, 44, 76, 77}) {
                  overFree(s.anew(), block * 1024, order);
                }
              }
            }),
        CaseRule.where(
            new RuleInfo(
                "FA-66",
                "range-over-the-edge",
                "freeRange of a range that begins below the zone or ends behind it is a"
                    + " MisuseException; no frame outside is free then, and of one that begins"
                    + " below nothing.",
                "A range of the memory map that was not cut at the zone's edges would be given.",
                "mm/page_alloc.c bad_range",
                "a fast path compares only one end of a range with the zone"),
            Needs.NOTHING,
            can -> new FrameZone(8 * 32768 + 20 * 1024, 40 * 1024, 0, 0, 0),
            (s, random) -> {
              long start = s.zone.startPfn();
              long end = s.zone.endPfn();
              for (int blocks : new int[] {1, 3, 30}) {
                for (int over : new int[] {1, 4}) {
                  checkEqual(
                      0, over(s, start - over * 1024L, start + blocks * 1024L), "freePages()");
                  long free = over(s, end - blocks * 1024L, end + over * 1024L);
                  check(free <= blocks * 1024L, "no frame outside free", free + " frames");
                }
              }
            }));
  }

  private static long over(FrameSubject s, long startPfn, long endPfn) {
    FrameSubject fresh = s.anew();
    try {
      fresh.frames.freeRange(startPfn, endPfn, Migratetype.MOVABLE, s.maxOrder());
      throw new RuleViolation(
          "MisuseException from freeRange over the zone's edge", "no exception");
    } catch (MisuseException e) {
      fresh.validate();
    }
    return fresh.frames.freePages();
  }

  private static void overFree(FrameSubject s, int offset, int order) {
    long start = s.zone.startPfn();
    s.free(start + offset, order, Migratetype.MOVABLE);
    try {
      s.frames.freeRange(start, s.zone.endPfn(), Migratetype.MOVABLE, s.maxOrder());
      throw new RuleViolation("MisuseException from freeRange over free memory", "no exception");
    } catch (MisuseException e) {
      s.validate();
    }
    long first = start + offset;
    checkEqual(
        offset + (1L << order), s.frames.freePages(), "freePages() below a block at " + first);
    checkEqual(0, s.frames.freePagesIn(s.zone.endPfn() - 1, 0), "free pages behind it");
  }

  private static FrameZone zone(FrameAllocatorProvider.Capabilities can) {
    return zone(can, 3 * 32768 - 2 * Pages.PAGEBLOCK_NR_PAGES - 3);
  }

  /** Not quite two sections of the largest blocks, but the third is reached. */
  private static FrameZone zone(FrameAllocatorProvider.Capabilities can, long start) {
    long frames = (((2L << 15) - 10) << can.maxOrder()) + 5;
    int most = (int) Math.min(frames, can.maxZonePages() >>> 2);
    return new FrameZone(start, most, 0, 0, 0);
  }

  private static void compare(FrameSubject s) {
    EffectRules.onlyThese(s);
    s.validate();
    if (s.can.choice() == Choice.KERNEL_LISTS) {
      OrderRules.drained(s);
    }
  }
}
