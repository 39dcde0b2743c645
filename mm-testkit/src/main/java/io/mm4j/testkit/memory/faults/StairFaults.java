// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.faults.DelegatingPages;
import io.mm4j.testkit.pages.naive.NaivePages;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Page allocators that ask the floors above in a wrong way, or the wrong nodes. */
public final class StairFaults {
  private StairFaults() {}

  /** All of them. */
  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        fault(
            "mask-is-a-wish",
            "Where the nodes of a mask have nothing, others serve.",
            "PA-93",
            Wish::new),
        fault("empty-mask-is-all", "An empty mask stands for all nodes.", "PA-93", EmptyIsAll::new),
        fault(
            "asks-no-last-resort",
            "Nobody is asked when reclaim has failed.",
            "PA-79",
            NoLastResort::new),
        fault("kills-first", "The last resort is asked before reclaim.", "PA-79", KillsFirst::new),
        fault(
            "moves-single-pages-only",
            "A range with a larger block is refused without asking its owner.",
            "PA-81",
            SinglesOnly::new),
        fault(
            "asks-for-any-node",
            "Reclaimers are not told which nodes would help.",
            "PA-83",
            AnyNode::new));
  }

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, String meantFor, Function<Floors, PageAllocator> factory) {
    return new Fault<>(name, what, List.of(meantFor), new NaivePages(name, factory));
  }

  private static final class Wish extends DelegatingPages {
    Wish(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
      long pfn = super.allocPages(cpu, gfp, order, nodeId, nodes);
      return pfn == NO_PAGE ? super.allocPages(cpu, gfp, order, nodeId) : pfn;
    }
  }

  private static final class EmptyIsAll extends DelegatingPages {
    EmptyIsAll(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
      NodeMask mask = nodes == null || nodes.isEmpty() ? null : nodes;
      return super.allocPages(cpu, gfp, order, nodeId, mask);
    }
  }

  private static final class NoLastResort extends DelegatingPages {
    NoLastResort(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
      return super.allocPages(cpu, gfp & ~Gfp.__GFP_FS, order, nodeId);
    }
  }

  private static final class KillsFirst extends DelegatingPages {
    KillsFirst(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
      long pfn = super.allocPages(cpu, gfp & ~Gfp.__GFP_DIRECT_RECLAIM, order, nodeId);
      if (pfn == NO_PAGE) {
        floors.pressure().outOfMemory(ReclaimRequest.of(cpu, gfp, order, 1));
        pfn = super.allocPages(cpu, gfp, order, nodeId);
      }
      return pfn;
    }
  }

  private static final class SinglesOnly extends DelegatingPages {
    SinglesOnly(Floors floors) {
      super(floors);
    }

    @Override
    public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
      for (long pfn = startPfn; pfn < endPfn; pfn++) {
        if (map.order(pfn) > 0) {
          return false;
        }
      }
      return super.allocContigRange(cpu, startPfn, endPfn, gfp);
    }
  }

  private static final class AnyNode extends DelegatingPages {
    AnyNode(Floors floors) {
      super(floors);
    }

    @Override
    public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
      long pfn = super.allocPages(cpu, gfp & ~Gfp.__GFP_DIRECT_RECLAIM, order, nodeId);
      boolean reclaims = (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0;
      while (reclaims
          && pfn == NO_PAGE
          && floors.pressure().reclaim(ReclaimRequest.of(cpu, gfp, order, 1)) > 0) {
        pfn = super.allocPages(cpu, gfp & ~Gfp.__GFP_DIRECT_RECLAIM, order, nodeId);
      }
      return pfn;
    }
  }
}
