// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.naive;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** RAM as one array on the heap, for machines of some megabytes. */
public class NaiveMemory implements PhysicalMemory {
  private final MemoryLayout layout;
  private final MemMap memMap;
  private final MemorySegment ram;
  private final boolean contents;
  private final BootAllocator boot;

  /** Creates it with a naive {@code mem_map}. */
  public NaiveMemory(MemoryLayout layout, boolean contents) {
    this(layout, contents, new NaiveMemMap(layout));
  }

  /** Creates it with another {@code mem_map}. */
  public NaiveMemory(MemoryLayout layout, boolean contents, MemMap memMap) {
    this.layout = layout;
    this.memMap = memMap;
    this.contents = contents;
    this.boot = new NaiveBoot(layout);
    int longs = contents ? Math.toIntExact(layout.endPfn() << (Pages.PAGE_SHIFT - 3)) : 0;
    this.ram = MemorySegment.ofArray(new long[longs]);
  }

  @Override
  public MemMap memMap() {
    return memMap;
  }

  @Override
  public BootAllocator bootAllocator() {
    return boot;
  }

  @Override
  public List<Node> nodes() {
    return layout.nodes();
  }

  @Override
  public boolean hasContents() {
    return contents;
  }

  @Override
  public MemorySegment ram() {
    return ram;
  }

  @Override
  public long getLong(long paddr) {
    return contents ? ram.get(JAVA_LONG, paddr) : 0;
  }

  @Override
  public void putLong(long paddr, long value) {
    if (contents) {
      ram.set(JAVA_LONG, paddr, value);
    }
  }

  @Override
  public int getInt(long paddr) {
    return contents ? ram.get(JAVA_INT, paddr) : 0;
  }

  @Override
  public void putInt(long paddr, int value) {
    if (contents) {
      ram.set(JAVA_INT, paddr, value);
    }
  }

  @Override
  public byte getByte(long paddr) {
    return contents ? ram.get(JAVA_BYTE, paddr) : 0;
  }

  @Override
  public void putByte(long paddr, byte value) {
    if (contents) {
      ram.set(JAVA_BYTE, paddr, value);
    }
  }

  @Override
  public void clearPages(long pfn, int order) {
    discard(pfn, 1L << order);
  }

  @Override
  public void copyPage(long destinationPfn, long sourcePfn) {
    if (contents) {
      long to = destinationPfn << Pages.PAGE_SHIFT;
      MemorySegment.copy(ram, sourcePfn << Pages.PAGE_SHIFT, ram, to, Pages.PAGE_SIZE);
    }
  }

  @Override
  public void discard(long pfn, long pages) {
    if (contents) {
      ram.asSlice(pfn << Pages.PAGE_SHIFT, pages << Pages.PAGE_SHIFT).fill((byte) 0);
    }
  }

  @Override
  public void validate() {}

  @Override
  public void close() {}
}
