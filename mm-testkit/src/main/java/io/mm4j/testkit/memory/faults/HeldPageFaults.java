// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.faults.DelegatingPages;
import io.mm4j.testkit.pages.naive.NaivePages;
import java.util.List;
import java.util.function.Function;

/** Page allocators that treat held blocks wrongly on purpose. */
public final class HeldPageFaults {
  private HeldPageFaults() {}

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, String rule, Function<Floors, PageAllocator> factory) {
    return new Fault<>(name, what, List.of(rule), new NaivePages(name, factory));
  }

  /** All of them. */
  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "splits-into-pages",
            "splitFolio splits to order 0, whatever is asked for.",
            "PA-90",
            SplitsToPages::new),
        fault(
            "hands-out-an-index",
            "A block of order 0 is handed out with an index.",
            "PA-91",
            HandsOutIndex::new),
        fault(
            "frees-with-its-row",
            "The mapping of a frame survives freePages.",
            "PA-92",
            KeepsMapping::new));
  }

  private static final class SplitsToPages extends DelegatingPages {
    SplitsToPages(Floors floors) {
      super(floors);
    }

    @Override
    public void splitFolio(long pfn, int order, int toOrder) {
      inner.splitFolio(pfn, order, 0);
    }
  }

  private static final class HandsOutIndex extends DelegatingPages {
    HandsOutIndex(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
      long pfn = inner.allocPages(cpu, gfp, order, nodeId);
      if (pfn != PageAllocator.NO_PAGE && order == 0) {
        map.setIndex(pfn, 7);
      }
      return pfn;
    }
  }

  private static final class KeepsMapping extends DelegatingPages {
    KeepsMapping(Floors floors) {
      super(floors);
    }

    @Override
    public void freePages(Cpu cpu, long pfn, int order) {
      long mapping = pfn >= 0 && pfn < map.endPfn() ? map.mapping(pfn) : 0;
      inner.freePages(cpu, pfn, order);
      if (mapping != 0) {
        map.setMapping(pfn, mapping);
      }
    }
  }
}
