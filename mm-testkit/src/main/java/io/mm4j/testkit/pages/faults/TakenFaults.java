// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.naive.NaivePages;
import java.util.List;
import java.util.function.Function;

/** Page allocators that prepare a range wrongly, forget who comes between, or misread a flag. */
public final class TakenFaults {
  private TakenFaults() {}

  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "ranges-as-they-were",
            "A range keeps what its last owners wrote.",
            "PA-42",
            floors ->
                new DelegatingPages(floors) {
                  @Override
                  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
                    return super.allocContigRange(cpu, startPfn, endPfn, gfp & ~Gfp.__GFP_ZERO);
                  }
                }),
        fault(
            "clears-beyond-a-range",
            "The page behind a range is cleared with it.",
            "PA-42",
            floors ->
                new DelegatingPages(floors) {
                  @Override
                  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
                    boolean given = super.allocContigRange(cpu, startPfn, endPfn, gfp);
                    if (given && (gfp & Gfp.__GFP_ZERO) != 0 && endPfn < map.endPfn()) {
                      floors.memory().clearPages(endPfn, 0);
                    }
                    return given;
                  }
                }),
        fault(
            "believes-in-whole-blocks",
            "A block whose first piece is free counts as free, whatever became of the others.",
            "PA-43",
            BelievesInBlocks::new),
        fault(
            "keeps-what-was-found",
            "A block that somebody finds while it is freed keeps the reference of who freed it.",
            "PA-45",
            floors ->
                new DelegatingPages(floors) {
                  @Override
                  public void freePages(Cpu cpu, long pfn, int order) {
                    boolean last = pfn >= 0 && pfn < map.endPfn() && map.refcount(pfn) == 1;
                    super.freePages(cpu, pfn, order);
                    if (last && map.isHeld(pfn) && map.refcount(pfn) == 1) {
                      map.get(pfn);
                    }
                  }
                }),
        fault(
            "writers-stay-here",
            "__GFP_WRITE is taken for __GFP_THISNODE.",
            "PA-96",
            floors ->
                new DelegatingPages(floors) {
                  @Override
                  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
                    int here = (gfp & Gfp.__GFP_WRITE) != 0 ? Gfp.__GFP_THISNODE : 0;
                    return super.allocPages(cpu, gfp | here, order, nodeId);
                  }
                }),
        fault(
            "takes-for-who-must-not-fail",
            "A range is given to who must not fail.",
            "PA-99",
            floors ->
                new DelegatingPages(floors) {
                  @Override
                  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
                    return super.allocContigRange(cpu, startPfn, endPfn, gfp & ~Gfp.__GFP_NOFAIL);
                  }
                }),
        fault(
            "keeps-the-lock",
            "A drain that meets an error keeps the lock of its zone.",
            "PA-44",
            floors ->
                new DelegatingPages(floors) {
                  @Override
                  public void drainAllPages(Cpu cpu) {
                    Zone zone = floors.zones().getFirst().zone();
                    zone.lock().lock();
                    super.drainAllPages(cpu);
                    zone.lock().unlock();
                  }
                }));
  }

  private static final class BelievesInBlocks extends DelegatingPages {
    BelievesInBlocks(Floors floors) {
      super(floors);
    }

    @Override
    public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
      long head = map.head(startPfn);
      if (super.allocContigRange(cpu, startPfn, endPfn, gfp)) {
        return true;
      }
      boolean split = map.head(startPfn) != head;
      for (long pfn = startPfn; split && pfn < endPfn; pfn++) {
        map.prepare(pfn, 0, FrameOwner.KERNEL);
      }
      return split;
    }
  }

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, String meantFor, Function<Floors, PageAllocator> factory) {
    return new Fault<>(name, what, List.of(meantFor), new NaivePages(name, factory));
  }
}
