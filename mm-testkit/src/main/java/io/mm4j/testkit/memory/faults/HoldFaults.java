// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PageState;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import java.util.List;
import java.util.function.Function;

/** Frames that are held wrongly on purpose. */
public final class HoldFaults {
  private HoldFaults() {}

  private static Fault<PhysicalMemoryProvider> fault(
      String name, String what, String rule, Function<MemoryLayout, NaiveMemMap> map) {
    NaiveMemories.Factory factory =
        (layout, contents) -> new NaiveMemory(layout, contents, map.apply(layout));
    return new Fault<>(name, what, List.of(rule), new NaiveMemories(name, factory));
  }

  /** All of them. */
  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of(
        fault("drop-keeps-flags", "drop leaves the flags.", "PM-45", DropKeepsFlags::new),
        fault(
            "gives-bare-frames",
            "tryGet gives a reference to a frame that nobody holds.",
            "PM-46",
            GivesBare::new),
        fault(
            "freezes-too-many",
            "freeze takes more references away than were expected.",
            "PM-47",
            FreezesMore::new),
        fault("one-mapcount", "Huge entries count as small ones.", "PM-48", OneMapcount::new),
        fault("orders-of-4-bits", "Orders above 15 are cut.", "PM-49", ShortOrders::new),
        fault(
            "counts-in-two-steps",
            "tryGet reads and writes the count without a lock.",
            "PM-50",
            TwoSteps::new),
        new Fault<>(
            "tables-are-all",
            "With contents=tables all frames have bytes.",
            List.of("PM-51", "PM-34"),
            new NaiveMemories("tables-are-all", AllBytes::new)),
        fault(
            "split-copies-the-index",
            "All blocks of a split one have its index.",
            "PM-53",
            SameIndex::new),
        fault("drop-forgets-the-tag", "drop makes a new word.", "PM-54", ForgetsTag::new),
        fault(
            "forgets-the-last-frame",
            "drop does not ask whether the last frame of a block is mapped.",
            "PM-55",
            ForgetsLast::new),
        fault(
            "clamps-counts",
            "A number of references that is too large becomes the largest one.",
            "PM-56",
            ClampsCounts::new),
        new Fault<>(
            "shared-scratch",
            "hold() keeps the index in a field of all machines and reads it again at once.",
            List.of("PM-57"),
            new SharedScratch()),
        new Fault<>(
            CountsInTwoSteps.NAME,
            "Mappings of a frame are read, and written as many more.",
            List.of("PM-40"),
            new CountsInTwoSteps()));
  }

  private static final class ForgetsLast extends NaiveMemMap {
    ForgetsLast(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized boolean drop(long pfn, int order) {
      long last = pfn + (1L << order) - 1;
      int count = order == 0 ? 0 : mapcount(last);
      if (count > 0) {
        addMapcount(last, -count);
      }
      return super.drop(pfn, order);
    }
  }

  private static final class ClampsCounts extends NaiveMemMap {
    ClampsCounts(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void setRefcount(long pfn, int count) {
      super.setRefcount(pfn, Math.min(count, PageState.MAX_REFCOUNT));
    }
  }

  private static final class DropKeepsFlags extends NaiveMemMap {
    DropKeepsFlags(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized boolean drop(long pfn, int order) {
      int flags = flags(pfn);
      boolean last = super.drop(pfn, order);
      setFlags(pfn, flags);
      return last;
    }
  }

  private static final class GivesBare extends NaiveMemMap {
    GivesBare(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized boolean tryGet(long pfn) {
      boolean any = refcount(pfn) > 0 && refcount(pfn) < PageState.MAX_REFCOUNT;
      if (any) {
        get(pfn);
      }
      return any;
    }
  }

  private static final class FreezesMore extends NaiveMemMap {
    FreezesMore(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized boolean freeze(long pfn, int expected) {
      return super.freeze(pfn, Math.max(expected, refcount(pfn)));
    }
  }

  private static final class OneMapcount extends NaiveMemMap {
    OneMapcount(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized int addEntireMapcount(long pfn, int change) {
      return addMapcount(pfn, change);
    }

    @Override
    public int entireMapcount(long pfn) {
      return mapcount(pfn);
    }
  }

  private static final class ShortOrders extends NaiveMemMap {
    ShortOrders(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void prepare(long pfn, int order, FrameOwner owner) {
      super.prepare(pfn, order, owner);
      for (long p = pfn; order > 15 && p < pfn + (1L << order); p++) {
        setOrder(p, order & 15);
      }
    }
  }

  private static final class TwoSteps extends NaiveMemMap {
    TwoSteps(MemoryLayout layout) {
      super(layout);
    }

    @Override
    @SuppressWarnings({"ThreadPriorityCheck", "UnsynchronizedOverridesSynchronized"}) // the fault
    public boolean tryGet(long pfn) {
      int count = refcount(pfn);
      if (!isHeld(pfn) || count == 0 || count == PageState.MAX_REFCOUNT) {
        return false;
      }
      Thread.yield();
      setRefcount(pfn, count + 1);
      return true;
    }
  }

  private static final class AllBytes extends NaiveMemory {
    AllBytes(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public boolean hasBytes(long pfn) {
      return contents() != Contents.NONE;
    }
  }

  private static final class SameIndex extends NaiveMemMap {
    SameIndex(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized void splitFolio(long pfn, int order, int toOrder) {
      super.splitFolio(pfn, order, toOrder);
      for (long p = pfn; p < pfn + (1L << order); p += 1L << toOrder) {
        setIndex(p, index(pfn));
      }
    }
  }

  private static final class ForgetsTag extends NaiveMemMap {
    private final FrameStates table;

    ForgetsTag(MemoryLayout layout) {
      this(layout, FrameStates.sparse(layout.endPfn()));
    }

    private ForgetsTag(MemoryLayout layout, FrameStates table) {
      super(layout, table);
      this.table = table;
    }

    @Override
    public synchronized boolean drop(long pfn, int order) {
      boolean last = super.drop(pfn, order);
      PageState.setTag(table.words(pfn), table.at(pfn), 0);
      return last;
    }
  }
}
