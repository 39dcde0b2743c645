// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import static io.mm4j.testkit.frames.faults.FrameFaults.fault;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.FrameAllocatorProvider.Choice;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.frames.naive.FreeBlocks;
import io.mm4j.testkit.frames.naive.NaiveFrameAllocator;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import java.util.List;

/** Faults at edges, in ranges, and in what refused calls leave behind. */
final class FrameEffectFaults {
  private FrameEffectFaults() {}

  static List<Fault<FrameAllocatorProvider>> all() {
    return List.of(
        fault(
            "range-drops-its-tail",
            "Of a range that is freed what follows the last block of 8 pages is dropped.",
            List.of("FA-48"),
            DropsTail::new),
        fault(
            "counts-half-of-the-largest",
            "freePagesIn of order 10 looks at one of its pageblocks.",
            List.of("FA-49"),
            CountsHalf::new),
        fault(
            "order-behind-the-end",
            "freeOrderAt is 0 at the frame behind the zone.",
            List.of("FA-50"),
            OrderBehind::new),
        fault(
            "gives-more-than-the-list-has",
            "allocateFrom with a larger order than the list's takes a block of that order.",
            List.of("FA-51"),
            GivesMore::new),
        new Fault<>(
            "heads-of-all-types",
            "Every list shows the Movable blocks at its head.",
            List.of("FA-52"),
            new NaiveFrames("heads-of-all-types", false, Choice.ANY, HeadsOfAll::new)),
        fault(
            "moves-and-counts-half",
            "movePageblock counts the lower half of the pageblock.",
            List.of("FA-53"),
            MovesHalf::new),
        fault(
            "refused-free-reorders",
            "A double free that is refused puts the block at the head of its list.",
            List.of("FA-54"),
            RefusedReorders::new),
        fault(
            "frees-over-the-end",
            "A block that reaches over the end of the zone is freed as far as it lies inside.",
            List.of("FA-55"),
            OverTheEnd::new),
        fault(
            "takes-one-block",
            "take refuses a block that is free in two pieces.",
            List.of("FA-57"),
            TakesOne::new),
        fault(
            "range-skips-what-is-free",
            "A range over free memory is freed as far as it is held.",
            List.of("FA-65"),
            SkipsFree::new),
        fault(
            "range-is-cut-at-the-edges",
            "Of a range that reaches over the zone the part inside is freed.",
            List.of("FA-66"),
            CutsAtEdges::new),
        fault(
            "long-range-loses-a-block",
            "A range of more than 100 of the largest blocks loses one.",
            List.of("FA-63", "FA-64"),
            LosesOne::new));
  }

  private static final class DropsTail extends DelegatingFrames {
    DropsTail(Zone zone) {
      super(zone);
    }

    @Override
    public void freeRange(long startPfn, long endPfn, int migratetype, int maxOrder) {
      super.freeRange(startPfn, endPfn & -8L, migratetype, maxOrder);
    }
  }

  private static final class CountsHalf extends DelegatingFrames {
    CountsHalf(Zone zone) {
      super(zone);
    }

    @Override
    public int freePagesIn(long pfn, int order) {
      int free = super.freePagesIn(pfn, order);
      return order == MAX && free < 1 << MAX ? super.freePagesIn(pfn, MAX - 1) : free;
    }
  }

  private static final class OrderBehind extends DelegatingFrames {
    OrderBehind(Zone zone) {
      super(zone);
    }

    @Override
    public int freeOrderAt(long pfn) {
      return pfn == zone.endPfn() ? 0 : super.freeOrderAt(pfn);
    }
  }

  private static final class GivesMore extends DelegatingFrames {
    GivesMore(Zone zone) {
      super(zone);
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      return super.allocateFrom(Math.max(fromOrder, order), fromType, order, restType);
    }
  }

  private static final class HeadsOfAll extends DelegatingFrames {
    HeadsOfAll(Zone zone) {
      super(zone, new NaiveFrameAllocator(zone, MAX, MAX, false, FreeBlocks.Quirk.NONE));
    }

    @Override
    public long head(int order, int migratetype) {
      return super.head(order, Migratetype.MOVABLE);
    }
  }

  private static final class MovesHalf extends DelegatingFrames {
    MovesHalf(Zone zone) {
      super(zone);
    }

    @Override
    public int movePageblock(long pfn, int migratetype) {
      int moved = super.movePageblock(pfn, migratetype);
      return moved < Pages.PAGEBLOCK_NR_PAGES ? moved / 2 : moved;
    }
  }

  private static final class RefusedReorders extends DelegatingFrames {
    RefusedReorders(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      try {
        super.free(pfn, order, migratetype);
      } catch (MisuseException e) {
        if (freeOrderAt(pfn) == order) {
          reorder(pfn, order);
        }
        throw e;
      }
    }

    private void reorder(long pfn, int order) {
      int[] list = {Migratetype.MOVABLE};
      forEachFree((p, o, type) -> list[0] = p == pfn ? type : list[0]);
      if (take(pfn, order)) {
        super.free(pfn, order, list[0]);
      }
    }
  }

  private static final class OverTheEnd extends DelegatingFrames {
    OverTheEnd(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      boolean over = order > 0 && order <= MAX && pfn + (1L << order) > zone.endPfn();
      if (!over || !zone.contains(pfn) || pfn % (1L << order) != 0) {
        super.free(pfn, order, migratetype);
        return;
      }
      for (long p = pfn; p < zone.endPfn(); p++) {
        super.free(p, 0, migratetype);
      }
    }
  }

  private static final class TakesOne extends DelegatingFrames {
    TakesOne(Zone zone) {
      super(zone);
    }

    @Override
    public boolean take(long pfn, int order) {
      int at = order > MAX ? -1 : freeOrderAt(pfn);
      return (at < 0 || at >= order) && super.take(pfn, order);
    }
  }

  private static final class SkipsFree extends DelegatingFrames {
    SkipsFree(Zone zone) {
      super(zone);
    }

    @Override
    public void freeRange(long startPfn, long endPfn, int migratetype, int maxOrder) {
      for (long pfn = startPfn; pfn < endPfn; pfn++) {
        if (super.freePagesIn(pfn, 0) == 0) {
          freeToTail(pfn, 0, migratetype);
        }
      }
    }
  }

  private static final class CutsAtEdges extends DelegatingFrames {
    CutsAtEdges(Zone zone) {
      super(zone);
    }

    @Override
    public void freeRange(long startPfn, long endPfn, int migratetype, int maxOrder) {
      long start = Math.max(startPfn, zone.startPfn());
      super.freeRange(start, Math.min(endPfn, zone.endPfn()), migratetype, maxOrder);
    }
  }

  private static final class LosesOne extends DelegatingFrames {
    LosesOne(Zone zone) {
      super(zone);
    }

    @Override
    public void freeRange(long startPfn, long endPfn, int migratetype, int maxOrder) {
      boolean isLong = endPfn - startPfn > 100L << maxOrder;
      long end = isLong ? endPfn - (1L << maxOrder) : endPfn;
      super.freeRange(startPfn, end, migratetype, maxOrder);
    }
  }
}
