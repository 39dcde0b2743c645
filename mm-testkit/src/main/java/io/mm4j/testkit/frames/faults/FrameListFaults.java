// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.faults;

import static io.mm4j.testkit.frames.faults.FrameFaults.fault;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Faults in migratetypes, and in state that zones share. */
final class FrameListFaults {
  private FrameListFaults() {}

  static List<Fault<FrameAllocatorProvider>> all() {
    AtomicInteger calls = new AtomicInteger();
    AtomicLong pages = new AtomicLong();
    return List.of(
        new Fault<>(
            "types-without-the-capability",
            "Types are kept apart although the capability is not claimed.",
            List.of("FA-14"),
            new NaiveFrames("types-without-the-capability", false, DelegatingFrames::new)),
        fault(
            "falls-back-by-itself",
            "An empty list is served from the lists of other types.",
            List.of("FA-19", "FA-L15"),
            FallsBack::new),
        fault(
            "rest-to-unmovable",
            "What is left of a split goes to the Unmovable lists.",
            List.of("FA-20"),
            RestToUnmovable::new),
        fault(
            "searches-upwards",
            "allocateFrom goes on with larger orders when the named list is empty.",
            List.of("FA-21"),
            SearchesUpwards::new),
        fault(
            "moves-only-the-type",
            "movePageblock changes the pageblock's type and leaves its free blocks.",
            List.of("FA-22", "FA-L14"),
            MovesOnlyType::new),
        fault(
            "joined-pageblocks-keep-types",
            "Pageblocks that join keep their types.",
            List.of("FA-23"),
            JoinedKeepTypes::new),
        fault(
            "calls-of-all-zones-count",
            "Every fifth allocation, counted over all zones, splits the largest block.",
            List.of("FA-29"),
            zone -> new SharedCount(zone, calls)),
        fault(
            "one-counter-for-all-zones",
            "freePages() is the same number for all zones.",
            List.of("FA-30"),
            zone -> new SharedPages(zone, pages)));
  }

  private static final class FallsBack extends DelegatingFrames {
    FallsBack(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      long pfn = super.allocate(order, migratetype);
      for (int type = 0; type < Migratetype.PCPTYPES && pfn == NONE; type++) {
        pfn = super.allocate(order, type);
      }
      return pfn;
    }
  }

  private static final class RestToUnmovable extends DelegatingFrames {
    RestToUnmovable(Zone zone) {
      super(zone);
    }

    @Override
    public long allocate(int order, int migratetype) {
      for (int from = order; from <= MAX; from++) {
        if (freeBlocks(from, migratetype) > 0) {
          return allocateFrom(from, migratetype, order, Migratetype.UNMOVABLE);
        }
      }
      return NONE;
    }
  }

  private static final class SearchesUpwards extends DelegatingFrames {
    SearchesUpwards(Zone zone) {
      super(zone);
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      for (int from = fromOrder; from <= MAX; from++) {
        long pfn = super.allocateFrom(from, fromType, order, restType);
        if (pfn != NONE) {
          return pfn;
        }
      }
      return NONE;
    }
  }

  private static final class MovesOnlyType extends DelegatingFrames {
    MovesOnlyType(Zone zone) {
      super(zone);
    }

    @Override
    public int movePageblock(long pfn, int migratetype) {
      zone.pageblocks().set(pfn, migratetype);
      return freePagesIn(zone.pageblocks().start(pfn), zone.pageblocks().order());
    }
  }

  private static final class JoinedKeepTypes extends DelegatingFrames {
    JoinedKeepTypes(Zone zone) {
      super(zone);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      long buddy = pfn ^ zone.pageblocks().pages();
      int type = zone.contains(buddy) ? zone.pageblocks().get(buddy) : -1;
      super.free(pfn, order, migratetype);
      if (type >= 0) {
        zone.pageblocks().set(buddy, type);
      }
    }
  }

  private static final class SharedCount extends DelegatingFrames {
    private final AtomicInteger calls;

    SharedCount(Zone zone, AtomicInteger calls) {
      super(zone);
      this.calls = calls;
    }

    @Override
    public long allocate(int order, int migratetype) {
      if (calls.incrementAndGet() % 5 == 0) {
        for (int from = MAX; from >= order; from--) {
          if (freeBlocks(from, migratetype) > 0) {
            return allocateFrom(from, migratetype, order, migratetype);
          }
        }
      }
      return super.allocate(order, migratetype);
    }
  }

  private static final class SharedPages extends DelegatingFrames {
    private final AtomicLong pages;

    SharedPages(Zone zone, AtomicLong pages) {
      super(zone);
      this.pages = pages;
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      super.free(pfn, order, migratetype);
      pages.set(super.freePages());
    }

    @Override
    public long allocate(int order, int migratetype) {
      long pfn = super.allocate(order, migratetype);
      pages.set(super.freePages());
      return pfn;
    }

    @Override
    public long freePages() {
      return pages.get();
    }
  }
}
