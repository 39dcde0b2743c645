// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.HostTable;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.physical.boot.BootAllocators;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Physical memory of either memory model: mapped RAM, or none, and a mem_map. */
final class MappedMemory implements PhysicalMemory {
  /** From here on a discard is cheaper than a fill. */
  private static final long MUCH = 2 << 20;

  private final MemoryLayout layout;
  private final MemMap memMap;
  private final @Nullable Ram ram;
  private final MemorySegment segment;
  private final BootAllocator bootAllocator;

  private MappedMemory(MemoryLayout layout, MemMap memMap, Contents contents, Options options) {
    this.layout = layout;
    this.memMap = memMap;
    this.ram =
        contents != Contents.NONE
            ? RamChoice.map(
                options.text("ram"), layout.endPfn() << Pages.PAGE_SHIFT, Arena.ofShared())
            : null;
    this.segment = ram == null ? MemorySegment.NULL : ram.segment();
    this.bootAllocator = BootAllocators.create(options.text("boot"), layout, this::clearBytes);
  }

  /** The memory of a machine with these contents. */
  static PhysicalMemory create(
      MemoryLayout layout, MemMap memMap, Contents contents, Options options) {
    MappedMemory memory = new MappedMemory(layout, memMap, contents, options);
    return contents == Contents.TABLES ? new TablesMemory(memory) : memory;
  }

  /** Of much memory whole pages are discarded, so that the host need not have them. */
  private void clearBytes(long start, long bytes) {
    if (ram == null) {
      return;
    }
    long first = (start + Pages.PAGE_SIZE - 1) & -Pages.PAGE_SIZE;
    long past = (start + bytes) & -Pages.PAGE_SIZE;
    if (past - first < MUCH) {
      segment.asSlice(start, bytes).fill((byte) 0);
      return;
    }
    segment.asSlice(start, first - start).fill((byte) 0);
    ram.discard(first, past - first);
    segment.asSlice(past, start + bytes - past).fill((byte) 0);
  }

  @Override
  public BootAllocator bootAllocator() {
    return bootAllocator;
  }

  @Override
  public HostTable table(long bytes) {
    return RamChoice.anonymous(bytes, Arena.ofAuto());
  }

  @Override
  public MemMap memMap() {
    return memMap;
  }

  @Override
  public List<Node> nodes() {
    return layout.nodes();
  }

  @Override
  public Contents contents() {
    return ram == null ? Contents.NONE : Contents.ALL;
  }

  @Override
  public MemorySegment ram() {
    return segment;
  }

  @Override
  public long getLong(long paddr) {
    return ram == null ? 0 : segment.get(JAVA_LONG, paddr);
  }

  @Override
  public void putLong(long paddr, long value) {
    if (ram != null) {
      segment.set(JAVA_LONG, paddr, value);
    }
  }

  @Override
  public int getInt(long paddr) {
    return ram == null ? 0 : segment.get(JAVA_INT, paddr);
  }

  @Override
  public void putInt(long paddr, int value) {
    if (ram != null) {
      segment.set(JAVA_INT, paddr, value);
    }
  }

  @Override
  public byte getByte(long paddr) {
    return ram == null ? 0 : segment.get(JAVA_BYTE, paddr);
  }

  @Override
  public void putByte(long paddr, byte value) {
    if (ram != null) {
      segment.set(JAVA_BYTE, paddr, value);
    }
  }

  @Override
  public void clearPages(long pfn, int order) {
    if (ram != null) {
      segment.asSlice(pfn << Pages.PAGE_SHIFT, Pages.PAGE_SIZE << order).fill((byte) 0);
    }
  }

  @Override
  public void copyPage(long destinationPfn, long sourcePfn) {
    if (ram != null) {
      MemorySegment.copy(
          segment,
          sourcePfn << Pages.PAGE_SHIFT,
          segment,
          destinationPfn << Pages.PAGE_SHIFT,
          Pages.PAGE_SIZE);
    }
  }

  @Override
  public void discard(long pfn, long pages) {
    if (ram != null) {
      ram.discard(pfn << Pages.PAGE_SHIFT, pages << Pages.PAGE_SHIFT);
    }
  }

  @Override
  public void validate() {
    long last = 0;
    for (Node node : layout.nodes()) {
      for (Zone zone : node.zones()) {
        boolean good =
            zone.nodeId() == node.id()
                && zone.endPfn() <= memMap.endPfn()
                && zone.managedPages() <= zone.presentPages()
                && zone.presentPages() <= zone.spannedPages();
        CorruptStateError.check(
            good,
            String.format(
                "%s: startPfn=%d endPfn=%d spanned=%d present=%d managed=%d memMapEnd=%d",
                zone,
                zone.startPfn(),
                zone.endPfn(),
                zone.spannedPages(),
                zone.presentPages(),
                zone.managedPages(),
                memMap.endPfn()));
        last = Math.max(last, zone.endPfn());
      }
    }
    long bytes = last << Pages.PAGE_SHIFT;
    CorruptStateError.check(
        ram == null || segment.byteSize() >= bytes,
        "ramBytes=" + segment.byteSize() + " lastZoneEnds=" + bytes);
  }

  @Override
  public void close() {
    if (ram != null) {
      ram.close();
    }
  }

  /** Such as {@code 65151K in 1 nodes, with bytes}. */
  @Override
  public String toString() {
    return Sizes.format(layout.map().usableBytes())
        + " in "
        + layout.nodes().size()
        + (ram == null ? " nodes, without bytes" : " nodes, with bytes");
  }
}
