// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Migratetype;
import java.util.Arrays;

/**
 * The migratetypes of the pageblocks at the start of a recording. They are not recorded; the first
 * event in a pageblock that names a type tells. A pageblock without such an event is taken as
 * Movable, which is what most are.
 *
 * <p>A claim ({@code e}) changed the pageblock before the {@code z} that stands in front of it, so
 * there the type of the claim's source counts. A pass over the trace.
 */
final class PageblockTypes {
  private final byte[] types;
  private final long[] firstLine;
  private long[] lastZ = new long[8];
  private int known;

  private PageblockTypes(int pageblocks) {
    types = new byte[pageblocks];
    firstLine = new long[pageblocks];
    Arrays.fill(types, (byte) Migratetype.MOVABLE);
  }

  /** Looks ahead through the trace. */
  static PageblockTypes lookAhead(KmemSource source, RecordedZones zones) {
    PageblockTypes result = new PageblockTypes(TypedBlocks.pageblocks(zones));
    try (TraceReader event = new TraceReader(source, zones)) {
      while (event.next()) {
        result.look(event);
      }
    }
    result.pairUp(source, zones);
    return result;
  }

  private void look(TraceReader event) {
    switch (event.op()) {
      case 'z', 'd' -> first(event.pfn(), event.type(), event.line());
      case 'e' -> {
        // The z in front of it showed the new type; a pageblock can be claimed only once it is
        // seen.
        int block = (int) (event.pfn() >>> Pages.PAGEBLOCK_ORDER);
        if (firstLine[block] == zBefore(event)) {
          types[block] = (byte) event.fallbackType();
        }
      }
      case 'E' -> {
        for (long p = event.pfn();
            p < event.pfn() + (1L << Math.max(event.order(), event.fallbackOrder()));
            p += Pages.PAGEBLOCK_NR_PAGES) {
          first(p, event.fallbackType(), event.line());
        }
      }
      default -> {
        // names no type
      }
    }
    if (event.op() == 'z') {
      int cpu = event.cpu();
      if (cpu >= lastZ.length) {
        lastZ = Arrays.copyOf(lastZ, cpu + 8);
      }
      lastZ[cpu] = event.line();
    }
  }

  private long zBefore(TraceReader event) {
    return event.cpu() < lastZ.length ? lastZ[event.cpu()] : 0;
  }

  private void first(long pfn, int type, long line) {
    int block = (int) (pfn >>> Pages.PAGEBLOCK_ORDER);
    if (firstLine[block] == 0) {
      firstLine[block] = line;
      types[block] = (byte) type;
      known++;
    }
  }

  /** The two pageblocks of a block of order 10 are of one type: the one that shows first. */
  private void pairUp(KmemSource source, RecordedZones zones) {
    try (FreeBlocks blocks = new FreeBlocks(source, FreeBlocks.BEFORE, zones)) {
      while (blocks.next()) {
        if (blocks.order() <= Pages.PAGEBLOCK_ORDER) {
          continue;
        }
        int a = (int) (blocks.pfn() >>> Pages.PAGEBLOCK_ORDER);
        int b = a + 1;
        boolean second = firstLine[a] == 0 || (firstLine[b] != 0 && firstLine[b] < firstLine[a]);
        byte type = second ? types[b] : types[a];
        types[a] = type;
        types[b] = type;
      }
    }
  }

  /** A copy of the table, by pageblock number. */
  byte[] copy() {
    return types.clone();
  }

  /** Pageblocks whose type an event showed. */
  int known() {
    return known;
  }
}
