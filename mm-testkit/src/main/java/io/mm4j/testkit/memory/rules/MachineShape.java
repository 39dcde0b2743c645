// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.MemoryMap.Range;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/**
 * Machines of any shape: ranges that begin and end anywhere, within a page or a section, with holes
 * between them and of every type; nodes and zones that divide them anywhere.
 *
 * @param layout what a plugin is created with
 * @param text the same for a report
 */
record MachineShape(MemoryLayout layout, String text) {
  private static final long SECTION = 1L << Pages.SECTION_SIZE_BITS;
  private static final long LIMIT = 1L << 46;

  /** 2^31 frames, 2^32 frames, and the end of what can be addressed. */
  private static final long[] FAR_BORDERS = {1L << 43, 1L << 44, LIMIT};

  /** What kinds there are. */
  enum Size {
    /** Up to 12 MiB: every byte can be compared. */
    SMALL,
    /** Several sections. */
    SECTIONS,
    /** Just above 1 TiB. */
    TERA,
    /** Frame numbers near 2^31, 2^32 and 2^34; a plugin may refuse it. */
    FAR
  }

  static MachineShape any(Seeded random, Size size) {
    return switch (size) {
      case SMALL -> of(random, 0, (2L << 20) + random.below(10L << 20), 1 << 20);
      case SECTIONS -> of(random, 0, SECTION + random.below(9 * SECTION), 2 * SECTION);
      case TERA -> above(random, (1L << 40) + 5 * SECTION);
      case FAR -> above(random, FAR_BORDERS[random.below(FAR_BORDERS.length)]);
    };
  }

  /** A small machine of which nearly all is one range. */
  static MachineShape ofOneRange(Seeded random) {
    long end = (8L << 20) + random.below(6 << 20);
    return divided(random, new MemoryMap(List.of(new Range(0, end, MemoryMap.Type.USABLE))));
  }

  /** A machine whose memory above some address has no kernel address, on one node. */
  static MachineShape withHighmem(Seeded random, Size size) {
    MemoryMap map = any(random, size).layout().map();
    long end = map.endOfRam() >>> Pages.PAGE_SHIFT;
    List<Zone> zones = new ArrayList<>();
    long dma = 2 + random.below(Math.max(1, end / 4));
    long low = dma + 1 + random.below(Math.max(1, (end - dma) / 2));
    long[] ends = {dma, low, end};
    ZoneType[] types = {ZoneType.DMA, ZoneType.NORMAL, ZoneType.HIGHMEM};
    long at = 1;
    for (int i = 0; i < ends.length; i++) {
      long present = map.usablePages(at, ends[i]);
      if (present > 0) {
        zones.add(zone(types[i], 0, at, ends[i], present));
      }
      at = ends[i];
    }
    MemoryLayout layout = new MemoryLayout(map, List.of(new Node(0, zones, List.of(10))));
    return new MachineShape(layout, "lowmem to frame " + low + " " + describe(map, 1));
  }

  /** Memory around a border; none above what x86-64 can address. */
  private static MachineShape above(Seeded random, long border) {
    long begin = border - 4 * SECTION - random.below(SECTION);
    return of(random, begin, Math.min(LIMIT - 2 * SECTION, begin + 8 * SECTION), SECTION);
  }

  /** Ranges from one address to about another, behind some low memory. */
  private static MachineShape of(Seeded random, long begin, long stop, long largest) {
    List<Range> ranges = new ArrayList<>();
    long first = random.oneIn(4) ? 1 + random.below(3 * Pages.PAGE_SIZE) : 0; // boot code's
    ranges.add(new Range(first, 0x9fc00, MemoryMap.Type.USABLE));
    ranges.add(new Range(0xf0000, 0x100000, MemoryMap.Type.RESERVED));
    long at = Math.max(begin, 0x100000);
    MemoryMap.Type[] types = MemoryMap.Type.values();
    MemoryMap.Type last = MemoryMap.Type.RESERVED;
    while (at < stop) {
      long end = Math.min(stop, at + edge(random, at, random.below(largest)));
      MemoryMap.Type type =
          random.oneIn(3) ? types[random.below(types.length)] : MemoryMap.Type.USABLE;
      ranges.add(new Range(at, end, type));
      last = type;
      at = end + (random.oneIn(3) ? 0 : hole(random, largest));
    }
    if (last != MemoryMap.Type.USABLE) {
      ranges.add(new Range(at, at + (1 << 16) + random.below(3 << 12), MemoryMap.Type.USABLE));
    }
    if (stop > SECTION && random.oneIn(3)) {
      // The last frame of the machine is the last of its section.
      long from = ranges.getLast().end();
      ranges.add(new Range(from, (from & -SECTION) + SECTION, MemoryMap.Type.USABLE));
    }
    return divided(random, new MemoryMap(ranges));
  }

  /** How long a range is that ends somewhere in a page, whole pages on, or next to a border. */
  private static long edge(Seeded random, long at, long bytes) {
    return switch (random.weighted(3, 2, 1)) {
      case 0 -> 1 + bytes;
      case 1 -> Math.max(Pages.PAGE_SIZE, bytes & -Pages.PAGE_SIZE);
      default -> Pages.alignUp(at + 2 + bytes, Pages.PAGE_SIZE) + random.between(-1, 1) - at;
    };
  }

  private static long hole(Seeded random, long largest) {
    return random.oneIn(3) ? 1 + random.below(3 * Pages.PAGE_SIZE) : 1 + random.below(largest);
  }

  /** One to three nodes with one or two zones each; the frames after the last zone are left out. */
  private static MachineShape divided(Seeded random, MemoryMap map) {
    long end = map.endOfRam() >>> Pages.PAGE_SHIFT;
    int nodes = 1 + random.below(3);
    List<Node> list = new ArrayList<>();
    ZoneType[] types = {ZoneType.DMA, ZoneType.NORMAL, ZoneType.MOVABLE};
    long at = 1;
    for (int id = 0; id < nodes; id++) {
      List<Zone> zones = new ArrayList<>();
      int kinds = 1 + random.below(2);
      for (int i = 0; i < kinds; i++) {
        boolean last = id == nodes - 1 && i == kinds - 1;
        long stop =
            last
                ? end - left(random, end - at)
                : at + 1 + random.below(Math.max(1, (end - at) / 2));
        long present = map.usablePages(at, stop);
        if (stop <= end && present > 0) {
          zones.add(zone(types[i], id, at, stop, present));
          at = stop;
        }
      }
      list.add(new Node(id, zones, java.util.Collections.nCopies(nodes, 10)));
    }
    return new MachineShape(new MemoryLayout(map, list), describe(map, nodes));
  }

  /** How many frames of RAM are in no zone, of so many at the end; none in most machines. */
  private static long left(Seeded random, long frames) {
    return random.oneIn(3) && frames > 64 ? 1 + random.below(31) : 0;
  }

  private static Zone zone(ZoneType type, int node, long start, long end, long present) {
    return new Zone(type, node, start, end, present, present, Migratetype.MOVABLE);
  }

  private static String describe(MemoryMap map, int nodes) {
    StringBuilder out = new StringBuilder("nodes=" + nodes);
    int shown = 0;
    for (Range range : map.ranges()) {
      if (shown++ < 6) {
        out.append(String.format(" 0x%x-0x%x %s", range.start(), range.end(), range.type()));
      }
    }
    return out + (shown > 6 ? " and " + (shown - 6) + " more" : "");
  }
}
