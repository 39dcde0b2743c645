// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Growth;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import java.util.List;

/** Rules about how the cost of calls grows with the number of free blocks. */
public final class GrowthRules {
  private static final int SMALL = 1024;
  private static final int LARGE = 64 * SMALL;

  /** As many times as dear a call may be with 64 times as many free blocks: a tenth of linear. */
  private static final int TIMES = 6;

  /** Pages that are held, to be freed in a window. */
  private static final int CALLS = 128;

  private GrowthRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        new PlainRule(
            new RuleInfo(
                "FA-67",
                "frees-do-not-search",
                "With 64 times as many free blocks a free does not take 6 times the CPU time, nor"
                    + " do the counters.",
                "A machine under load has a million free pages; a process that ends frees as many.",
                "mm/page_alloc.c __free_one_page: O(orders)",
                "a list is searched for the block or for its buddy, or counted"),
            (provider, options) ->
                provider.capabilities(options).maxZonePages() < LARGE
                    ? "its zones are smaller than " + LARGE + " pages"
                    : null,
            GrowthRules::frees));
  }

  private static void frees(FrameAllocatorProvider provider, Options options) {
    Scattered small = new Scattered(provider, options, SMALL);
    Scattered large = new Scattered(provider, options, LARGE);
    String blocks = " with " + LARGE / 2 + " free pages against " + SMALL / 2;
    Growth.check("free" + blocks, TIMES, small::costOfFreesNs, large::costOfFreesNs);
    Growth.check("counters" + blocks, TIMES, small::costOfCountersNs, large::costOfCountersNs);
  }

  /** A zone of which every second page is free, all but a few, so that none of them joins. */
  private static final class Scattered {
    private final FrameAllocator frames;
    private final long start;
    private final long[] held = new long[CALLS];

    /** What counters say, so that no call is compiled away. */
    @SuppressWarnings("UnusedVariable") // it is there to be written
    private long kept;

    Scattered(FrameAllocatorProvider provider, Options options, int pages) {
      start = 32768;
      Zone zone =
          new Zone(ZoneType.NORMAL, 0, start, start + pages, pages, pages, Migratetype.MOVABLE);
      frames = provider.create(zone, options);
      for (long pfn = start; pfn < zone.endPfn(); pfn += 2) {
        frames.free(pfn, 0, Migratetype.MOVABLE);
      }
      take();
    }

    private void take() {
      for (int i = 0; i < CALLS; i++) {
        held[i] = frames.allocate(0, Migratetype.MOVABLE);
        if (held[i] < start) {
          throw new RuleViolation("a free page", "none");
        }
      }
    }

    long costOfFreesNs() {
      long ns =
          Growth.costNs(
              () -> {
                for (long pfn : held) {
                  frames.free(pfn, 0, Migratetype.MOVABLE);
                }
              });
      take();
      return ns;
    }

    long costOfCountersNs() {
      return Growth.costNs(
          () -> {
            for (long pfn : held) {
              kept += frames.freePages() + frames.freeBlocks(0) + frames.freeOrderAt(pfn);
              kept += frames.freeBlocks(0, Migratetype.MOVABLE);
            }
          });
    }
  }
}
