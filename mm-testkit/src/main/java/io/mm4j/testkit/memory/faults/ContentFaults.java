// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.faults;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.memory.Zone;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.memory.naive.NaiveMemories;
import io.mm4j.testkit.memory.naive.NaiveMemory;
import java.util.List;

/** Bytes that are wrong on purpose. */
public final class ContentFaults {
  private ContentFaults() {}

  private static Fault<PhysicalMemoryProvider> fault(
      String name, String what, String rule, NaiveMemories.Factory factory) {
    return new Fault<>(name, what, List.of(rule), new NaiveMemories(name, factory));
  }

  /** All of them. */
  public static List<Fault<PhysicalMemoryProvider>> all() {
    return List.of(
        fault(
            "clears-up-to-order-8",
            "clearPages of order 9 and 10 clears a block of order 8.",
            "PM-24",
            ClearsLess::new),
        fault(
            "copies-all-but-a-word",
            "copyPage leaves the last 8 bytes out.",
            "PM-25",
            CopiesLess::new),
        fault(
            "discards-128-at-most",
            "discard of more than 128 frames leaves the rest.",
            "PM-26",
            DiscardsLess::new),
        fault(
            "byte-of-its-word",
            "putByte writes the byte at the beginning of its 8 bytes.",
            "PM-27",
            FirstByte::new),
        fault(
            "rounds-addresses-down",
            "A long that is not aligned is read where its 8 bytes begin.",
            "PM-28",
            Rounds::new),
        fault(
            "clears-what-is-inside",
            "clearPages over the end clears what is inside first.",
            "PM-29",
            ClearsInside::new),
        fault(
            "addresses-of-29-bits",
            "Long addresses are cut to 29 bits.",
            "PM-30",
            ShortAddresses::new),
        fault(
            "ram-without-contents",
            "ram() has bytes although contents are off.",
            "PM-31",
            SomeRam::new),
        fault("holes-are-memory", "Zones have no holes.", "PM-33", NoHoles::new),
        fault("validates-nothing", "validate() does nothing.", "PM-32", Careless::new));
  }

  private static final class ClearsLess extends NaiveMemory {
    ClearsLess(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void clearPages(long pfn, int order) {
      super.clearPages(pfn, Math.min(order, 8));
    }
  }

  private static final class CopiesLess extends NaiveMemory {
    CopiesLess(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void copyPage(long destinationPfn, long sourcePfn) {
      long last = ((destinationPfn + 1) << Pages.PAGE_SHIFT) - 8;
      long kept = hasContents() && destinationPfn < memMap().endPfn() ? getLong(last) : 0;
      super.copyPage(destinationPfn, sourcePfn);
      putLong(last, kept);
    }
  }

  private static final class DiscardsLess extends NaiveMemory {
    DiscardsLess(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void discard(long pfn, long pages) {
      super.discard(pfn, Math.min(pages, 128));
    }
  }

  private static final class FirstByte extends NaiveMemory {
    FirstByte(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void putByte(long paddr, byte value) {
      super.putByte(paddr & -8, value);
    }
  }

  private static final class Rounds extends NaiveMemory {
    Rounds(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public long getLong(long paddr) {
      return super.getLong(paddr & -8);
    }
  }

  private static final class ClearsInside extends NaiveMemory {
    ClearsInside(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void clearPages(long pfn, int order) {
      if (pfn >= 0 && pfn < memMap().endPfn()) {
        super.clearPages(pfn, 0);
      }
      super.clearPages(pfn, order);
    }
  }

  private static final class ShortAddresses extends NaiveMemory {
    private static final long MASK = (1 << 29) - 1;

    ShortAddresses(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void putLong(long paddr, long value) {
      super.putLong(paddr & MASK, value);
    }

    @Override
    public long getLong(long paddr) {
      return super.getLong(paddr & MASK);
    }
  }

  private static final class SomeRam extends NaiveMemory {
    SomeRam(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public java.lang.foreign.MemorySegment ram() {
      return hasContents() ? super.ram() : java.lang.foreign.MemorySegment.ofArray(new long[512]);
    }
  }

  private static final class NoHoles extends NaiveMemory {
    NoHoles(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public List<Node> nodes() {
      return super.nodes().stream()
          .map(n -> new Node(n.id(), n.zones().stream().map(this::full).toList(), n.distances()))
          .toList();
    }

    private Zone full(Zone z) {
      long pages = z.spannedPages();
      return new Zone(z.type(), z.nodeId(), z.startPfn(), z.endPfn(), pages, pages, 1);
    }
  }

  private static final class Careless extends NaiveMemory {
    Careless(MemoryLayout layout, Contents contents) {
      super(layout, contents);
    }

    @Override
    public void validate() {}
  }
}
