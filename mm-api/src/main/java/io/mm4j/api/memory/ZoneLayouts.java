// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import io.mm4j.api.page.Migratetype;
import java.util.ArrayList;
import java.util.List;

/** Divides a memory map into zones the way an architecture does: {@code free_area_init()}. */
public final class ZoneLayouts {
  private static final long DMA_END = 0x100_0000L >>> Pages.PAGE_SHIFT;
  private static final long DMA32_END = 0x1_0000_0000L >>> Pages.PAGE_SHIFT;

  private ZoneLayouts() {}

  /**
   * x86-64, one node: DMA below 16 MiB, DMA32 below 4 GiB, Normal above. Frame 0 is never used.
   *
   * @throws InputException if the map has less than 1 MiB of usable RAM
   */
  public static MemoryLayout x86_64(MemoryMap map) {
    if (map.usableBytes() < 1 << 20) {
      throw new InputException(
          "a machine with " + map.usableBytes() + " bytes of RAM", "memory", "at least 1M");
    }
    long end = map.endOfRam() >>> Pages.PAGE_SHIFT;
    List<Zone> zones = new ArrayList<>();
    add(zones, map, ZoneType.DMA, 1, Math.min(DMA_END, end));
    add(zones, map, ZoneType.DMA32, DMA_END, Math.min(DMA32_END, end));
    add(zones, map, ZoneType.NORMAL, DMA32_END, end);
    return new MemoryLayout(map, List.of(new Node(0, zones, List.of(10))));
  }

  private static void add(List<Zone> zones, MemoryMap map, ZoneType type, long start, long end) {
    if (end <= start) {
      return;
    }
    long present = 0;
    for (MemoryMap.Range range : map.ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        long from = Math.max(start, (range.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT);
        long to = Math.min(end, range.end() >>> Pages.PAGE_SHIFT);
        present += Math.max(0, to - from);
      }
    }
    if (present > 0) {
      zones.add(new Zone(type, 0, start, end, present, present, Migratetype.MOVABLE));
    }
  }
}
