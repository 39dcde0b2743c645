// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import static io.mm4j.testkit.frames.faults.FrameFaults.fault;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.testkit.Fault;
import java.util.List;

/** Faults in what is said to a caller who breaks the contract. */
final class FrameMisuseFaults {
  private FrameMisuseFaults() {}

  static List<Fault<FrameAllocatorProvider>> all() {
    return List.of(
        fault(
            "ignores-a-double-free",
            "Freeing a free block does nothing.",
            List.of("FA-24"),
            IgnoresDoubleFree::new),
        fault(
            "knows-only-heads",
            "Freeing a part of a free block does nothing.",
            List.of("FA-25"),
            KnowsOnlyHeads::new),
        fault(
            "rounds-down",
            "A misaligned frame is rounded down to a multiple of the block's size.",
            List.of("FA-26"),
            RoundsDown::new),
        fault(
            "forgives-foreign-frames",
            "Frames of other zones are ignored.",
            List.of("FA-27"),
            ForgivesForeign::new),
        fault(
            "forgives-orders",
            "An order out of range is ignored.",
            List.of("FA-28"),
            ForgivesOrders::new));
  }

  private static final class IgnoresDoubleFree extends DelegatingFrames {
    IgnoresDoubleFree(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      if (freeOrderAt(pfn) != order || order < 0) {
        super.free(pfn, order, migratetype);
      }
    }
  }

  private static final class KnowsOnlyHeads extends DelegatingFrames {
    KnowsOnlyHeads(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      if (freeOrderAt(pfn) >= 0 || freePagesIn(pfn, 0) == 0) {
        super.free(pfn, order, migratetype);
      }
    }
  }

  private static final class RoundsDown extends DelegatingFrames {
    RoundsDown(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      super.free(pfn & -(1L << order), order, migratetype);
    }
  }

  private static final class ForgivesForeign extends DelegatingFrames {
    ForgivesForeign(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      if (zone.contains(pfn)) {
        super.free(pfn, order, migratetype);
      }
    }
  }

  private static final class ForgivesOrders extends DelegatingFrames {
    ForgivesOrders(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      if (order >= 0 && order <= MAX) {
        super.free(pfn, order, migratetype);
      }
    }
  }
}
