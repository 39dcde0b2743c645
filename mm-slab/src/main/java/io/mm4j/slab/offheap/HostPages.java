// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.offheap;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import java.util.BitSet;

/**
 * Gives the host's memory behind free pages back. A free page belongs to the page allocator; so it
 * is allocated, given back to the host, and freed again. Ranges of 2 MiB come one at a time;
 * smaller blocks, order by order, as many as there are.
 */
final class HostPages {
  /** Ranges of 2 MiB: a pageblock. */
  static final int RANGE_ORDER = 9;

  private static final long RANGE = 1L << RANGE_ORDER;

  private static final int GFP =
      (Gfp.GFP_KERNEL & ~Gfp.__GFP_RECLAIM) | Gfp.__GFP_NOWARN | Gfp.__GFP_NOMEMALLOC;

  /** Of a range only flags that say how much effort may be made count. */
  private static final int RANGE_GFP = Gfp.GFP_KERNEL | Gfp.__GFP_NOWARN;

  private final Machine machine;
  private final Cpu cpu;

  /** What went back. Blocks that are free again may be split, and their parts come once more. */
  private final BitSet given = new BitSet();

  private HostPages(Machine machine, Cpu cpu) {
    this.machine = machine;
    this.cpu = cpu;
  }

  /** Gives them back; how many pages. */
  static long giveBack(Machine machine, Cpu cpu) {
    HostPages pages = new HostPages(machine, cpu);
    for (ManagedZone zone : machine.zones()) {
      pages.ranges(zone.zone());
    }
    for (int order = RANGE_ORDER - 1; order >= 0; order--) {
      for (ManagedZone zone : machine.zones()) {
        for (int type = 0; type < Migratetype.PCPTYPES; type++) {
          pages.blocks(zone, order, type);
        }
      }
    }
    machine.pages().drainAllPages(cpu);
    return pages.given.cardinality();
  }

  /** These pages are nobody's at the moment: the host may have their memory. */
  private void give(long pfn, long count) {
    int first = Math.toIntExact(pfn);
    int end = Math.toIntExact(pfn + count);
    if (given.nextClearBit(first) < end) {
      machine.memory().discard(pfn, count);
      given.set(first, end);
    }
  }

  private void ranges(Zone zone) {
    MemMap map = machine.memory().memMap();
    PageAllocator pages = machine.pages();
    long first = (zone.startPfn() + RANGE - 1) & -RANGE;
    for (long pfn = first; pfn + RANGE <= zone.endPfn(); pfn += RANGE) {
      // Where nobody has ever been the host has no memory.
      boolean untouched = map.sameUntil(pfn) >= pfn + RANGE;
      if (!untouched
          && mayBeFree(map, pfn)
          && pages.allocContigRange(cpu, pfn, pfn + RANGE, RANGE_GFP)) {
        give(pfn, RANGE);
        pages.freeContigRange(cpu, pfn, pfn + RANGE);
      }
    }
  }

  /** A look without a lock, so that most ranges in use cost nothing. */
  private static boolean mayBeFree(MemMap map, long pfn) {
    for (long at = pfn; at < pfn + RANGE; at++) {
      switch (map.owner(at)) {
        case FREE, PCP -> {}
        default -> {
          return false;
        }
      }
    }
    return true;
  }

  /**
   * Free blocks of one order and type of a zone; a request for any zone, or of another type, would
   * get parts of larger blocks.
   */
  private void blocks(ManagedZone zone, int order, int type) {
    int gfp = GFP | flags(zone.zone().type()) | flags(type);
    long count = zone.frames().freeBlocks(order, type);
    long[] taken = new long[(int) Math.min(count, 1 << 20)];
    int got = 0;
    while (got < taken.length) {
      long pfn = machine.pages().allocPages(cpu, gfp, order);
      if (pfn == PageAllocator.NO_PAGE) {
        break;
      }
      taken[got] = pfn;
      got++;
    }
    for (int i = 0; i < got; i++) {
      give(taken[i], 1L << order);
      machine.pages().freePages(cpu, taken[i], order);
    }
  }

  private static int flags(ZoneType zone) {
    return switch (zone) {
      case DMA -> Gfp.__GFP_DMA;
      case DMA32 -> Gfp.__GFP_DMA32;
      default -> 0;
    };
  }

  private static int flags(int migratetype) {
    return switch (migratetype) {
      case Migratetype.MOVABLE -> Gfp.__GFP_MOVABLE;
      case Migratetype.RECLAIMABLE -> Gfp.__GFP_RECLAIMABLE;
      default -> 0;
    };
  }
}
