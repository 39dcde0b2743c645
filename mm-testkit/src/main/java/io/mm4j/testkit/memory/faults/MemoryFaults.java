// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.function.Function;

/** Memories that are wrong on purpose. */
public final class MemoryFaults {
  private MemoryFaults() {}

  private static Fault<PhysicalMemoryProvider> fault(
      String name, String what, String rule, NaiveMemories.Factory factory) {
    return new Fault<>(name, what, List.of(rule), new NaiveMemories(name, factory));
  }

  private static Fault<PhysicalMemoryProvider> mapFault(
      String name, String what, String rule, Function<MemoryLayout, NaiveMemMap> map) {
    return fault(name, what, rule, (layout, on) -> new NaiveMemory(layout, on, map.apply(layout)));
  }

  /** All of them. */
  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of(
        fault("not-zeroed", "One frame has contents at the beginning.", "PM-01", NotZeroed::new),
        fault(
            "big-endian-ints",
            "Ints are stored with the high byte first.",
            "PM-02",
            BigEndian::new),
        fault(
            "reuses-memory",
            "A machine gets the RAM of one that was closed, as it was left.",
            "PM-01",
            new Reusing()),
        fault(
            "leaves-the-last-bytes",
            "clearPages leaves the last 8 bytes of its block.",
            "PM-04",
            LeavesLast::new),
        mapFault(
            "parts-are-present",
            "A page of which a part is usable counts as present.",
            "PM-10",
            PartsPresent::new),
        fault("segment-is-a-copy", "ram() is a copy.", "PM-03", CopiedSegment::new),
        fault(
            "clears-one-page", "clearPages clears the first frame only.", "PM-04", ClearsOne::new),
        fault("copies-backwards", "copyPage exchanges its arguments.", "PM-05", CopiesBack::new),
        fault(
            "discards-one-more",
            "discard clears the frame after the range.",
            "PM-06",
            OneMore::new),
        fault(
            "writes-without-contents",
            "Bytes are written although contents are off.",
            "PM-11",
            WritesAnyway::new),
        fault("wraps-around", "Addresses outside wrap around.", "PM-12", Wraps::new),
        mapFault(
            "index-shares-private", "index and private share storage.", "PM-07", SharedIndex::new),
        mapFault(
            "tails-keep-flags",
            "prepare clears the flags of the first frame only.",
            "PM-08",
            TailsKeepFlags::new),
        mapFault(
            "move-forgets-index",
            "move does not carry the index over.",
            "PM-09",
            ForgetsIndex::new),
        mapFault(
            "holes-are-present", "Reserved ranges count as present.", "PM-10", HolesPresent::new));
  }

  /** Whether all of RAM can be copied; the defect shows on small machines. */
  private static boolean few(MemoryLayout layout) {
    return layout.endPfn() <= 1 << 14;
  }

  private static final class NotZeroed extends NaiveMemory {
    NotZeroed(MemoryLayout layout, Contents contents) {
      super(layout, contents);
      putByte(300 << Pages.PAGE_SHIFT, (byte) 1);
    }
  }

  /** Keeps what was closed. */
  private static final class Reusing implements NaiveMemories.Factory {
    private final Deque<NaiveMemory> closed = new ArrayDeque<>();

    @Override
    public PhysicalMemory create(MemoryLayout layout, Contents contents) {
      NaiveMemory last = closed.poll();
      return new NaiveMemory(layout, contents) {
        {
          if (last != null && last.ram().byteSize() == ram().byteSize() && few(layout)) {
            ram().copyFrom(last.ram());
          }
        }

        @Override
        public void close() {
          closed.push(this);
        }
      };
    }
  }

  private static final class LeavesLast extends NaiveMemory {
    LeavesLast(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void clearPages(long pfn, int order) {
      long last = ((pfn + (1L << order)) << Pages.PAGE_SHIFT) - 8;
      long kept = getLong(last);
      super.clearPages(pfn, order);
      putLong(last, kept);
    }
  }

  private static final class PartsPresent extends NaiveMemMap {
    private final MemoryMap map;

    PartsPresent(MemoryLayout layout) {
      super(layout);
      map = layout.map();
    }

    @Override
    public boolean isPresent(long pfn) {
      return pfn < endPfn()
          && map.ranges().stream()
              .anyMatch(
                  r ->
                      r.type() == MemoryMap.Type.USABLE
                          && r.start() >>> Pages.PAGE_SHIFT <= pfn
                          && pfn <= (r.end() - 1) >>> Pages.PAGE_SHIFT);
    }
  }

  private static final class BigEndian extends NaiveMemory {
    BigEndian(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void putInt(long paddr, int value) {
      super.putInt(paddr, Integer.reverseBytes(value));
    }

    @Override
    public int getInt(long paddr) {
      return Integer.reverseBytes(super.getInt(paddr));
    }
  }

  private static final class CopiedSegment extends NaiveMemory {
    private final MemorySegment copy;

    CopiedSegment(MemoryLayout layout, Contents contents) {
      super(layout, contents);
      copy = few(layout) ? MemorySegment.ofArray(super.ram().toArray(JAVA_BYTE)) : super.ram();
    }

    @Override
    public MemorySegment ram() {
      return copy;
    }
  }

  private static final class ClearsOne extends NaiveMemory {
    ClearsOne(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void clearPages(long pfn, int order) {
      super.clearPages(pfn, 0);
    }
  }

  private static final class CopiesBack extends NaiveMemory {
    CopiesBack(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void copyPage(long destinationPfn, long sourcePfn) {
      super.copyPage(sourcePfn, destinationPfn);
    }
  }

  private static final class OneMore extends NaiveMemory {
    OneMore(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void discard(long pfn, long pages) {
      super.discard(pfn, Math.min(pages + 1, memMap().endPfn() - pfn));
    }
  }

  private static final class WritesAnyway extends NaiveMemory {
    private final boolean off;
    private long last;

    WritesAnyway(MemoryLayout layout, Contents contents) {
      super(layout, contents);
      off = contents == Contents.NONE;
    }

    @Override
    public void putLong(long paddr, long value) {
      super.putLong(paddr, value);
      last = value;
    }

    @Override
    public long getLong(long paddr) {
      return off ? last : super.getLong(paddr);
    }
  }

  private static final class Wraps extends NaiveMemory {
    private final long bytes;

    Wraps(MemoryLayout layout, Contents contents) {
      super(layout, contents);
      bytes = layout.endPfn() << Pages.PAGE_SHIFT;
    }

    @Override
    public long getLong(long paddr) {
      return super.getLong(Math.floorMod(paddr, bytes));
    }
  }

  private static final class SharedIndex extends NaiveMemMap {
    SharedIndex(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void setIndex(long pfn, long index) {
      setPrivateData(pfn, index);
    }

    @Override
    public long index(long pfn) {
      return privateData(pfn);
    }
  }

  private static final class TailsKeepFlags extends NaiveMemMap {
    TailsKeepFlags(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void prepare(long pfn, int order, FrameOwner owner) {
      int[] flags = new int[1 << order];
      for (int i = 0; i < flags.length; i++) {
        flags[i] = flags(pfn + i);
      }
      super.prepare(pfn, order, owner);
      for (int i = 1; i < flags.length; i++) {
        setFlags(pfn + i, flags[i]);
      }
    }
  }

  private static final class ForgetsIndex extends NaiveMemMap {
    ForgetsIndex(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public void move(long destinationPfn, long sourcePfn) {
      long index = index(destinationPfn);
      super.move(destinationPfn, sourcePfn);
      setIndex(destinationPfn, index);
    }
  }

  private static final class HolesPresent extends NaiveMemMap {
    HolesPresent(MemoryLayout layout) {
      super(layout);
    }

    @Override
    public boolean isPresent(long pfn) {
      return super.isPresent(pfn) || (pfn < endPfn() && owner(pfn) != FrameOwner.NONE);
    }
  }
}
