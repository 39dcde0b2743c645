// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import static io.mm4j.testkit.frames.faults.FrameFaults.fault;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntBinaryOperator;

/** Faults in what is given and what comes back. */
final class FrameBlockFaults {
  private static final int MAX = DelegatingFrames.MAX;

  private FrameBlockFaults() {}

  static List<Fault<FrameAllocatorProvider>> all() {
    return List.of(
        fault(
            "gives-a-block-twice",
            "Every ninth page is the one that was given before.",
            List.of("FA-01"),
            GivesTwice::new),
        fault(
            "aligns-to-the-zone",
            "Blocks are aligned relative to the start of the zone.",
            List.of("FA-02"),
            AlignsToZone::new),
        fault(
            "gives-beyond-the-end",
            "When nothing is left, the frame after the zone is given.",
            List.of("FA-03", "FA-L03"),
            BeyondTheEnd::new),
        fault(
            "takes-the-largest",
            "The largest block is split, not the smallest that suffices.",
            List.of("FA-05", "FA-G02"),
            TakesLargest::new),
        fault(
            "never-merges",
            "Freed blocks are listed as they come.",
            List.of("FA-06", "FA-G03", "FA-G04", "FA-G05", "FA-G08", "FA-L02", "FA-L08", "FA-L09"),
            zone -> new NaiveFrameAllocator(zone, MAX, 0)),
        fault(
            "merges-up-to-order-8",
            "Merging stops below the pageblock.",
            List.of("FA-06", "FA-L11"),
            zone -> new NaiveFrameAllocator(zone, MAX, 8)),
        fault(
            "never-joins-pageblocks",
            "Merging stops at the pageblock.",
            List.of("FA-31"),
            zone -> new NaiveFrameAllocator(zone, MAX, 9)),
        fault(
            "never-splits-the-largest",
            "Blocks of the largest order serve only requests of that order.",
            List.of("FA-07", "FA-L07"),
            NeverSplitsLargest::new),
        fault(
            "never-gives-the-largest",
            "A request of the largest order fails.",
            List.of("FA-07", "FA-G01", "FA-L10"),
            NeverGivesLargest::new),
        fault(
            "keeps-the-last-page",
            "The last free page is never given.",
            List.of("FA-08", "FA-L04", "FA-L12"),
            KeepsLast::new),
        fault("born-free", "The whole zone is free at creation.", List.of("FA-L01"), BornFree::new),
        fault(
            "loses-every-64th-free",
            "One free in 64 is forgotten.",
            List.of("FA-L05", "FA-L13"),
            LosesFrees::new),
        fault(
            "frees-what-was-allocated",
            "Freeing the first part of a block frees all of it.",
            List.of("FA-17"),
            zone -> new FreesOtherOrder(zone, Math::max)),
        fault(
            "frees-only-the-first-part",
            "Several blocks that are freed as one are freed up to the end of the first.",
            List.of("FA-18"),
            zone -> new FreesOtherOrder(zone, Math::min)));
  }

  private static final class GivesTwice extends DelegatingFrames {
    private int count;
    private long last = NONE;

    GivesTwice(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      if (order == 0 && last != NONE && ++count % 9 == 0) {
        return last;
      }
      long pfn = super.allocate(order, migratetype);
      last = order == 0 ? pfn : last;
      return pfn;
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      last = NONE;
      super.free(pfn, order, migratetype);
    }
  }

  private static final class AlignsToZone extends DelegatingFrames {
    AlignsToZone(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      long pfn = super.allocate(order, migratetype);
      return pfn == NONE ? NONE : pfn + (zone.startPfn() & ((1L << order) - 1));
    }
  }

  private static final class BeyondTheEnd extends DelegatingFrames {
    BeyondTheEnd(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      long pfn = super.allocate(order, migratetype);
      return pfn == NONE && freePages() == 0 ? zone.endPfn() : pfn;
    }
  }

  private static final class TakesLargest extends DelegatingFrames {
    TakesLargest(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      for (int from = MAX; from >= order; from--) {
        long pfn = allocateFrom(from, migratetype, order, migratetype);
        if (pfn != NONE) {
          return pfn;
        }
      }
      return NONE;
    }
  }

  private static final class NeverSplitsLargest extends DelegatingFrames {
    NeverSplitsLargest(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      for (int from = order; from < MAX; from++) {
        if (freeBlocks(from, migratetype) > 0) {
          return super.allocate(order, migratetype);
        }
      }
      return order == MAX ? super.allocate(order, migratetype) : NONE;
    }
  }

  private static final class NeverGivesLargest extends DelegatingFrames {
    NeverGivesLargest(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      return order == MAX ? NONE : super.allocate(order, migratetype);
    }
  }

  private static final class KeepsLast extends DelegatingFrames {
    KeepsLast(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      return freePages() == 1 ? NONE : super.allocate(order, migratetype);
    }
  }

  private static final class BornFree extends DelegatingFrames {
    BornFree(Zone zone) {
      super(zone);
      for (long pfn = zone.startPfn(); pfn < zone.endPfn(); pfn++) {
        inner.free(pfn, 0, zone.pageblocks().get(pfn));
      }
    }
  }

  private static final class LosesFrees extends DelegatingFrames {
    private int count;

    LosesFrees(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      if (++count % 64 != 0) {
        super.free(pfn, order, migratetype);
      }
    }
  }

  /** Frees not the order that is said, but what that and the allocated one give. */
  private static final class FreesOtherOrder extends DelegatingFrames {
    private final IntBinaryOperator freed;
    private final Map<Long, Integer> orders = new HashMap<>();

    FreesOtherOrder(Zone zone, IntBinaryOperator freed) {
      super(zone);
      this.freed = freed;
    }

    @Override
    public long allocate(int order, int migratetype) {
      long pfn = super.allocate(order, migratetype);
      orders.put(pfn, order);
      return pfn;
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      Integer allocated = orders.remove(pfn);
      int other = allocated == null ? order : freed.applyAsInt(allocated, order);
      super.free(pfn, other, migratetype);
    }
  }
}
