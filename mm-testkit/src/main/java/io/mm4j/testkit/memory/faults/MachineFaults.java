// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Frames of large machines that are wrong on purpose. */
public final class MachineFaults {
  private MachineFaults() {}

  private static Fault<PhysicalMemoryProvider> fault(
      String name, String what, List<String> rules, Function<MemoryLayout, NaiveMemMap> map) {
    NaiveMemories.Factory factory =
        (layout, contents) -> new NaiveMemory(layout, contents, map.apply(layout));
    return new Fault<>(name, what, rules, new NaiveMemories(name, factory));
  }

  private static Fault<PhysicalMemoryProvider> fault(
      String name, String what, String rule, Function<MemoryLayout, NaiveMemMap> map) {
    return fault(name, what, List.of(rule), map);
  }

  /** All of them. */
  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of(
        fault(
            "borders-are-reserved",
            "A frame of which only the end is in a range is reserved at the beginning.",
            "PM-13",
            BordersReserved::new),
        fault(
            "order-in-section-0",
            "The order is kept once for all frames of one place in their sections.",
            "PM-14",
            OrderByPlace::new),
        fault(
            "init-keeps-what-was-written",
            "initOwners leaves frames alone whose owner was set before.",
            "PM-15",
            KeepsWritten::new),
        fault(
            "skips-the-section",
            "sameUntil goes to the end of the section whatever was written.",
            "PM-16",
            SkipsSection::new),
        fault(
            "puts-the-last-one",
            "putUnlessLast gives the last reference up, too.",
            "PM-17",
            PutsLast::new),
        fault(
            "plain-is-one-reference",
            "releasePlain looks at the refcount only.",
            "PM-18",
            OneReference::new),
        fault(
            "links-of-32-bits",
            "Links keep the lower 32 bits of a frame number.",
            List.of("PM-19", "PM-23", "PM-52"),
            ShortLinks::new),
        fault("moves-links", "move carries the links over.", "PM-20", MovesLinks::new),
        fault(
            "owners-but-the-last",
            "setOwners leaves the last frame out of blocks of order 5 and more.",
            "PM-21",
            AllButLast::new),
        fault(
            "one-index-for-all",
            "The index of a frame is the same in all machines.",
            "PM-22",
            SharedIndex::new));
  }

  private static final class BordersReserved extends NaiveMemMap {
    BordersReserved(MemoryLayout layout) {
      super(layout);
      for (MemoryMap.Range range : layout.map().ranges()) {
        long first = range.start() >>> Pages.PAGE_SHIFT;
        if (first < endPfn()) {
          initOwners(first, first + 1, FrameOwner.RESERVED);
        }
      }
    }
  }

  private static final class OrderByPlace extends NaiveMemMap {
    OrderByPlace(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void setOrder(long pfn, int order) {
      super.setOrder(pfn % Pages.PAGES_PER_SECTION, order);
    }
  }

  private static final class KeepsWritten extends NaiveMemMap {
    private final Map<Long, FrameOwner> written = new HashMap<>();

    KeepsWritten(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void setOwner(long pfn, FrameOwner owner) {
      super.setOwner(pfn, owner);
      if (written != null) { // while the superclass is being made
        written.put(pfn, owner);
      }
    }

    @Override
    public void initOwners(long startPfn, long end, FrameOwner owner) {
      Map<Long, FrameOwner> before = written == null ? Map.of() : new HashMap<>(written);
      super.initOwners(startPfn, end, owner);
      before.forEach(super::setOwner);
    }
  }

  private static final class SkipsSection extends NaiveMemMap {
    SkipsSection(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public long sameUntil(long pfn) {
      return Math.min(endPfn(), (pfn | Pages.PAGES_PER_SECTION - 1) + 1);
    }
  }

  private static final class PutsLast extends NaiveMemMap {
    PutsLast(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public synchronized boolean putUnlessLast(long pfn) {
      boolean any = refcount(pfn) > 0;
      setRefcount(pfn, refcount(pfn) - (any ? 1 : 0));
      return any;
    }
  }

  private static final class OneReference extends NaiveMemMap {
    OneReference(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public boolean releasePlain(long pfn, FrameOwner owner) {
      if (refcount(pfn) == 1) {
        release(pfn, 0, owner);
        return true;
      }
      return false;
    }
  }

  private static final class ShortLinks extends NaiveMemMap {
    ShortLinks(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void setLru(long pfn, long next, long prev) {
      super.setLru(pfn, cut(next), cut(prev));
    }

    private static long cut(long link) {
      return link < 0 ? link : link & 0xffff_ffffL;
    }
  }

  private static final class MovesLinks extends NaiveMemMap {
    MovesLinks(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void move(long destinationPfn, long sourcePfn) {
      setLru(destinationPfn, lruNext(sourcePfn), lruPrev(sourcePfn));
      super.move(destinationPfn, sourcePfn);
    }
  }

  private static final class AllButLast extends NaiveMemMap {
    AllButLast(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void setOwners(long pfn, int order, FrameOwner owner) {
      long last = pfn + (1L << order) - 1;
      FrameOwner kept = owner(last);
      super.setOwners(pfn, order, owner);
      if (order >= 5) {
        setOwner(last, kept);
      }
    }
  }

  private static final class SharedIndex extends NaiveMemMap {
    private static final Map<Long, Long> INDEX = new HashMap<>();

    SharedIndex(MemoryLayout layout) {
      super(layout);
      INDEX.clear();
    }

    @Override
    public void setIndex(long pfn, long index) {
      INDEX.put(pfn, index);
    }

    @Override
    public long index(long pfn) {
      return INDEX.getOrDefault(pfn, 0L);
    }

    @Override
    public void release(long pfn, int order, FrameOwner owner) {
      super.release(pfn, order, owner);
      for (long p = pfn; p < pfn + (1L << order); p++) {
        INDEX.remove(p);
      }
    }
  }
}
