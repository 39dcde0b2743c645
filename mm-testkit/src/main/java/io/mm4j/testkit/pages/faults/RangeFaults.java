// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.model.Choices;
import io.mm4j.testkit.pages.model.Hooks;
import io.mm4j.testkit.pages.model.ModelPages;
import io.mm4j.testkit.pages.model.ModelProvider;
import io.mm4j.testkit.pages.model.ModelRange;
import io.mm4j.testkit.pages.model.ModelZone;
import io.mm4j.testkit.pages.naive.PassingPages;
import java.util.List;
import java.util.function.Function;

/** Models that take contiguous ranges wrongly. */
public final class RangeFaults {
  private RangeFaults() {}

  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "all-back-to-movable",
            "Every pageblock of a range becomes Movable.",
            "PA-65",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public int back(int type) {
                    return Migratetype.MOVABLE;
                  }
                }),
        fault(
            "moves-heads",
            "The head of a larger block is moved as a page.",
            "PA-66",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public int moved(long pfn) {
                    return 0;
                  }
                }),
        fault(
            "asks-in-haste",
            "Destinations are asked for as if nobody could wait.",
            "PA-67",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public int flags(int gfp, ZoneType zone, int order) {
                    return Gfp.GFP_NOWAIT | Gfp.__GFP_MOVABLE;
                  }
                }),
        fault(
            "asks-as-the-caller-does",
            "Destinations are asked for with the range's own flags.",
            "PA-67",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public int flags(int gfp, ZoneType zone, int order) {
                    return gfp;
                  }
                }),
        fault(
            "asks-for-blocks-as-for-pages",
            "The place of a block is asked for with the flags of a page.",
            "PA-37",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public int flags(int gfp, ZoneType zone, int order) {
                    return super.flags(gfp, zone, 0);
                  }
                }),
        new Fault<>(
            "loses-a-page-to-an-exception",
            "When an owner throws, a page is lost.",
            List.of("PA-38"),
            new ModelProvider("loses-a-page-to-an-exception", RangeFaults::losing)),
        fault(
            "takes-any-flags",
            "A range is given to somebody who must not fail.",
            "PA-68",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public boolean asks(int gfp) {
                    return true;
                  }
                }),
        fault(
            "gives-empty-ranges",
            "An empty range is given.",
            "PA-68",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public boolean take(Cpu cpu, long start, long end, int gfp) {
                    return start == end || super.take(cpu, start, end, gfp);
                  }
                }),
        fault(
            "two-ranges-of-a-pageblock",
            "A pageblock that is isolated is isolated again.",
            "PA-69",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public boolean busy(int type) {
                    return false;
                  }
                }),
        fault(
            "believes-in-takes",
            "The floor below is not asked whether it can take a frame.",
            "PA-70",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public boolean takesExactly() {
                    return true;
                  }
                }),
        fault(
            "keeps-the-first",
            "Of a refused range the first frame stays taken.",
            "PA-77",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public void giveBack(ModelZone zone, long start, long end) {
                    super.giveBack(zone, start + 1, end);
                  }
                }),
        fault(
            "isolates-pageblocks",
            "Only the pageblocks of the range are isolated.",
            "PA-71",
            pages ->
                new ModelRange(pages) {
                  @Override
                  public long unit() {
                    return 512;
                  }
                }));
  }

  private static PageAllocator losing(Floors floors) {
    return new PassingPages(new ModelPages(floors, new Choices(), new Hooks())) {
      @Override
      public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
        try {
          return super.allocContigRange(cpu, startPfn, endPfn, gfp);
        } catch (RuntimeException e) {
          long _ = allocPages(cpu, Gfp.GFP_NOWAIT, 0, NUMA_NO_NODE);
          throw e;
        }
      }
    };
  }

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, String meantFor, Function<ModelPages, ModelRange> range) {
    Hooks hooks =
        new Hooks() {
          @Override
          public ModelRange range(ModelPages pages) {
            return range.apply(pages);
          }
        };
    return new Fault<>(
        name,
        what,
        List.of(meantFor),
        new ModelProvider(name, floors -> new ModelPages(floors, new Choices(), hooks)));
  }
}
