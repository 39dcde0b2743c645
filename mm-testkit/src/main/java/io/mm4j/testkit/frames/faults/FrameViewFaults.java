// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import static io.mm4j.testkit.frames.faults.FrameFaults.fault;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Fault;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Faults in counters and questions, and in take. */
final class FrameViewFaults {
  private FrameViewFaults() {}

  static List<Fault<FrameAllocatorProvider>> all() {
    return List.of(
        fault(
            "counter-misses-a-path",
            "freePages() is not lowered by allocateFrom.",
            List.of("FA-04"),
            MissesPath::new),
        fault(
            "walk-skips-the-last",
            "forEachFree leaves the last free block out.",
            List.of("FA-09"),
            SkipsLast::new),
        fault(
            "tables-for-the-whole-zone",
            "The first split makes nine bytes of tables for every frame of the zone.",
            List.of("FA-32"),
            WholeTables::new),
        fault(
            "counts-two-types-as-one",
            "Reclaimable blocks are counted as Unmovable.",
            List.of("FA-10"),
            CountsTogether::new),
        fault(
            "sees-only-heads",
            "freePagesIn looks at the block that begins there, and no further.",
            List.of("FA-11"),
            SeesHeads::new),
        fault(
            "order-inside-a-block",
            "freeOrderAt is 0 for a frame inside a free block.",
            List.of("FA-12"),
            OrderInside::new),
        fault(
            "stale-head",
            "head still shows the last block of a list that became empty.",
            List.of("FA-13"),
            StaleHead::new),
        fault(
            "takes-what-is-half-free",
            "take succeeds if the first frame is free.",
            List.of("FA-15", "FA-L06"),
            TakesHalfFree::new),
        fault(
            "take-loses-the-buddy",
            "When take splits a block, the other half is lost.",
            List.of("FA-16", "FA-G06", "FA-G07"),
            LosesBuddy::new));
  }

  private static final class MissesPath extends DelegatingFrames {
    private long missed;

    MissesPath(Zone zone) {
      super(zone);
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      long pfn = super.allocateFrom(fromOrder, fromType, order, restType);
      missed += pfn == NONE ? 0 : 1L << order;
      return pfn;
    }

    @Override
    public long freePages() {
      return super.freePages() + missed;
    }
  }

  private static final class WholeTables extends DelegatingFrames {
    private byte @Nullable [] tables;

    WholeTables(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      if (order < MAX && tables == null) {
        tables = new byte[Math.toIntExact(9 * zone.spannedPages())];
      }
      return super.allocate(order, migratetype);
    }

    @Override
    public long metadataBytes() {
      return tables == null ? 0 : tables.length;
    }
  }

  private static final class SkipsLast extends DelegatingFrames {
    SkipsLast(Zone zone) {
      super(zone);
    }

    @Override
    public void forEachFree(FreeBlockVisitor visitor) {
      long[] blocks = {0};
      super.forEachFree((pfn, order, type) -> blocks[0]++);
      super.forEachFree(
          (pfn, order, type) -> {
            if (--blocks[0] > 0) {
              visitor.block(pfn, order, type);
            }
          });
    }
  }

  private static final class CountsTogether extends DelegatingFrames {
    CountsTogether(Zone zone) {
      super(zone);
    }

    @Override
    public long freeBlocks(int order, int type) {
      return switch (type) {
        case Migratetype.UNMOVABLE ->
            super.freeBlocks(order, type) + super.freeBlocks(order, Migratetype.RECLAIMABLE);
        case Migratetype.RECLAIMABLE -> 0;
        default -> super.freeBlocks(order, type);
      };
    }
  }

  private static final class SeesHeads extends DelegatingFrames {
    SeesHeads(Zone zone) {
      super(zone);
    }

    @Override
    public int freePagesIn(long pfn, int order) {
      int at = freeOrderAt(pfn);
      return at < 0 ? 0 : 1 << Math.min(at, order);
    }
  }

  private static final class OrderInside extends DelegatingFrames {
    OrderInside(Zone zone) {
      super(zone);
    }

    @Override
    public int freeOrderAt(long pfn) {
      int order = super.freeOrderAt(pfn);
      return order < 0 && freePagesIn(pfn, 0) == 1 ? 0 : order;
    }
  }

  private static final class StaleHead extends DelegatingFrames {
    private final long[][] last = new long[MAX + 1][Migratetype.TYPES];

    StaleHead(Zone zone) {
      super(zone);
    }

    @Override
    public long head(int order, int type) {
      long head = super.head(order, type);
      if (head == NONE && last[order][type] != 0) {
        return last[order][type];
      }
      last[order][type] = Math.max(head, 0);
      return head;
    }
  }

  private static final class TakesHalfFree extends DelegatingFrames {
    TakesHalfFree(Zone zone) {
      super(zone);
    }

    @Override
    public boolean take(long pfn, int order) {
      return super.take(pfn, order) || super.freePagesIn(pfn, 0) == 1;
    }
  }

  private static final class LosesBuddy extends DelegatingFrames {
    LosesBuddy(Zone zone) {
      super(zone);
    }

    @Override
    public boolean take(long pfn, int order) {
      boolean split = freeOrderAt(pfn) != order;
      if (!super.take(pfn, order)) {
        return false;
      }
      long buddy = pfn ^ (1L << order);
      if (split && freeOrderAt(buddy) == order) {
        super.take(buddy, order);
      }
      return true;
    }
  }
}
