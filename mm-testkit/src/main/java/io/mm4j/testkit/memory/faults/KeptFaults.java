// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.faults.DelegatingPages;
import io.mm4j.testkit.pages.naive.NaivePages;
import java.util.List;
import java.util.function.BiFunction;

/** Page allocators whose {@code on(cpu)} is wrong on purpose. */
public final class KeptFaults {
  private KeptFaults() {}

  /** The allocator of one CPU; every call is the allocator's, and a fault overrides one. */
  private static class Kept extends CpuPages {
    final DelegatingPages pages;

    Kept(DelegatingPages pages, Cpu cpu) {
      super(cpu, FrameStates.NONE);
      this.pages = pages;
    }

    @Override
    protected long allocSlow(int gfp, int order, int nodeId) {
      return pages.allocPages(cpu(), gfp, order, nodeId);
    }

    @Override
    protected void freeSlow(long pfn, int order) {
      pages.freePages(cpu(), pfn, order);
    }

    @Override
    protected void prepare(long pfn, int order) {}

    @Override
    protected boolean release(long pfn, int order) {
      return false;
    }

    @Override
    protected void finish(long pfn, int gfp, int order) {}
  }

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, String rule, BiFunction<DelegatingPages, Cpu, CpuPages> kept) {
    return new Fault<>(
        name, what, List.of(rule), new NaivePages(name, floors -> delegate(floors, kept)));
  }

  private static PageAllocator delegate(
      Floors floors, BiFunction<DelegatingPages, Cpu, CpuPages> kept) {
    return new DelegatingPages(floors) {
      @Override
      public CpuPages on(Cpu cpu) {
        return kept.apply(this, cpu);
      }
    };
  }

  /** All of them. */
  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "kept-leaves-the-order",
            "A block that on(cpu) hands out has the order 0 in mem_map.",
            "PA-85",
            (pages, cpu) ->
                new Kept(pages, cpu) {
                  @Override
                  protected long allocSlow(int gfp, int order, int nodeId) {
                    long pfn = super.allocSlow(gfp, order, nodeId);
                    if (pfn != PageAllocator.NO_PAGE) {
                      pages.map.setOrder(pfn, 0);
                    }
                    return pfn;
                  }
                }),
        fault(
            "kept-ignores-the-node",
            "on(cpu) takes the CPU's own node whatever was asked for.",
            "PA-86",
            (pages, cpu) ->
                new Kept(pages, cpu) {
                  @Override
                  protected long allocSlow(int gfp, int order, int nodeId) {
                    return super.allocSlow(gfp, order, PageAllocator.NUMA_NO_NODE);
                  }
                }),
        fault(
            "kept-accepts-misuse",
            "on(cpu) takes no notice of a free that is misuse.",
            "PA-87",
            (pages, cpu) ->
                new Kept(pages, cpu) {
                  @Override
                  protected void freeSlow(long pfn, int order) {
                    try {
                      super.freeSlow(pfn, order);
                    } catch (MisuseException ignored) {
                      // Nothing is changed, and nobody hears of it.
                    }
                  }
                }),
        fault(
            "kept-frees-at-the-first-put",
            "on(cpu) gives a block back although references are left.",
            "PA-88",
            (pages, cpu) ->
                new Kept(pages, cpu) {
                  @Override
                  protected void freeSlow(long pfn, int order) {
                    if (pfn >= 0 && pfn < pages.map.endPfn() && pages.map.refcount(pfn) > 1) {
                      pages.map.setRefcount(pfn, 1);
                    }
                    super.freeSlow(pfn, order);
                  }
                }),
        fault(
            "kept-is-of-the-first-cpu",
            "on(cpu) is the allocator of the first CPU for every CPU.",
            "PA-89",
            (pages, cpu) -> new Kept(pages, pages.floors.cpus().get(0))));
  }
}
