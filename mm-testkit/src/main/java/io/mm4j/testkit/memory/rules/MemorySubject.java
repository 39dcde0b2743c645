// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.MemoryMap.Range;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** A memory of 2 MiB under test beside a byte array and a naive {@code mem_map}. */
final class MemorySubject extends Subject {
  static final int FRAMES = 512;
  static final int BYTES = FRAMES << Pages.PAGE_SHIFT;

  private final PhysicalMemoryProvider provider;
  private final Options options;

  final PhysicalMemory memory;
  final MemMap map;
  final Contents contents;
  final ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
  final NaiveMemMap model;

  MemorySubject(PhysicalMemoryProvider provider, Options options, Contents contents) {
    MemoryLayout layout = layout();
    this.provider = provider;
    this.options = options;
    this.contents = contents;
    this.model = new NaiveMemMap(layout);
    this.memory = provider.create(layout, contents, options);
    this.map = memory.memMap();
  }

  /** Another memory of the same kind, for a rule that opens more than one. */
  PhysicalMemory another() {
    return provider.create(layout(), contents, options);
  }

  /** Usable, reserved, holes of all widths; ranges begin and end within pages. */
  static MemoryLayout layout() {
    MemoryMap map =
        new MemoryMap(
            List.of(
                new Range(0, 0x9fc00, MemoryMap.Type.USABLE),
                new Range(0x9fc00, 0xa0000, MemoryMap.Type.RESERVED),
                new Range(0xf0000, 0x100000, MemoryMap.Type.RESERVED),
                new Range(0x100000, 0x140400, MemoryMap.Type.USABLE),
                new Range(0x140c00, 0x142001, MemoryMap.Type.USABLE),
                new Range(0x150123, 0x150456, MemoryMap.Type.USABLE),
                // Over the border of two pages, and no page as a whole.
                new Range(0x15a800, 0x15b800, MemoryMap.Type.USABLE),
                new Range(0x15c400, 0x15d400, MemoryMap.Type.USABLE),
                new Range(0x160fff, 0x170800, MemoryMap.Type.USABLE),
                new Range(0x170800, 0x180000, MemoryMap.Type.ACPI_DATA),
                new Range(0x180800, BYTES, MemoryMap.Type.USABLE)));
    long present = 0x9f + 0x40 + 1 + 0xf + (FRAMES - 0x181);
    Zone zone = new Zone(ZoneType.DMA, 0, 1, FRAMES, present - 1, present - 1, Migratetype.MOVABLE);
    return new MemoryLayout(map, List.of(new Node(0, List.of(zone), List.of(10))));
  }

  /** Whether this frame has bytes, by the model. */
  boolean hasBytes(long pfn) {
    return switch (contents) {
      case ALL -> true;
      case TABLES ->
          switch (model.owner(pfn)) {
            case ANON, FILE, HUGETLB, SWAP_CACHE -> false;
            default -> true;
          };
      case NONE -> false;
    };
  }

  /** Compares the bytes of a frame with the model. */
  void compareBytes(long pfn) {
    long paddr = pfn << Pages.PAGE_SHIFT;
    for (int i = 0; i < Pages.PAGE_SIZE; i += 8) {
      long expected = hasBytes(pfn) ? bytes.getLong((int) paddr + i) : 0;
      long seen = memory.getLong(paddr + i);
      if (seen != expected) {
        checkEqual(expected, seen, String.format("long at 0x%x", paddr + i));
      }
    }
  }

  /** Compares everything that is known of a frame with the model. */
  void compareFrame(long pfn) {
    FrameFields.compare(model, map, pfn);
  }

  @Override
  public void validate() {
    memory.validate();
  }

  @Override
  public void close() {
    memory.close();
  }
}
