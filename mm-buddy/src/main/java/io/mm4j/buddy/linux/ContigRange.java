// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.RangeFlags;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * {@code alloc_contig_range()}: gives the caller every frame of a range. Models mm/page_isolation.c
 * and the end of mm/page_alloc.c (Linux 6.18).
 *
 * <p>Steps: the pageblocks around the range are isolated, so that nothing more is allocated there;
 * the per-cpu lists of the zone are drained; what is in use is moved away, block by block, by its
 * owner's migrator; if the whole range is free then, it is taken frame by frame; the pageblocks get
 * their types back. If anything cannot move, what was moved stays moved, which changes no holder's
 * view, and nothing is taken. Two ranges of one pageblock are not taken at once: the second request
 * is refused.
 */
final class ContigRange {
  private final Core core;
  private final PcpOps pcps;
  private final LinuxPageAllocator pages;

  ContigRange(Core core, PcpOps pcps, LinuxPageAllocator pages) {
    this.core = core;
    this.pcps = pcps;
    this.pages = pages;
  }

  boolean take(Cpu cpu, long startPfn, long endPfn, int gfp) {
    ZoneState zone = pages.zoneOf(startPfn);
    if (startPfn >= endPfn
        || zone == null
        || endPfn > zone.endPfn
        || !zone.managed.capabilities().takesExactly()
        || !RangeFlags.isAllowed(gfp)) {
      return false;
    }
    long top = 1L << Pages.MAX_PAGE_ORDER;
    long first = startPfn & -top;
    long end = (endPfn + top - 1) & -top;
    byte[] types = isolate(zone, first, end);
    if (types == null) {
      return false;
    }
    boolean taken = false;
    try {
      pcps.drainAll(cpu, zone);
      dropTags(zone, first, types);
      taken = moveAll(cpu, zone, startPfn, endPfn, gfp) && takeAll(zone, startPfn, endPfn);
    } finally {
      restore(zone, first, types);
    }
    if (taken) {
      for (long pfn = startPfn; pfn < endPfn; pfn++) {
        core.memMap.prepare(pfn, 0, FrameOwner.KERNEL);
        if ((gfp & Gfp.__GFP_ZERO) != 0) {
          core.memory.clearPages(pfn, 0);
        }
      }
    }
    return taken;
  }

  /**
   * The types that the pageblocks had; null, and nothing is changed, if somebody else is at work on
   * one of them: whoever gives types back last would give back ISOLATE.
   */
  private static byte @Nullable [] isolate(ZoneState zone, long first, long end) {
    byte[] types = new byte[(int) ((end - first) >>> zone.pageblockOrder)];
    zone.zone.lock().lock();
    try {
      if (!zone.typesOn) {
        Arrays.fill(types, (byte) -1);
        return guard(zone) ? types : null;
      }
      boolean cut = false;
      for (int i = 0; i < types.length; i++) {
        long pfn = first + ((long) i << zone.pageblockOrder);
        types[i] = inside(zone, pfn) ? (byte) zone.pageblocks.get(pfn) : -1;
        if (types[i] == Migratetype.ISOLATE) {
          return null;
        }
        cut |= types[i] < 0;
      }
      if (cut && !guard(zone)) {
        return null;
      }
      for (int i = 0; i < types.length; i++) {
        if (types[i] >= 0) {
          zone.frames.movePageblock(first + ((long) i << zone.pageblockOrder), Migratetype.ISOLATE);
          zone.isolatedBlocks++;
        }
      }
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
    return types;
  }

  /**
   * Every CPU has been through a drain since the types changed. What it was doing then may have put
   * an old tag back, with which a frame of the range would come to rest on a CPU's list.
   */
  private static void dropTags(ZoneState zone, long first, byte[] types) {
    for (int i = 0; i < types.length; i++) {
      if (types[i] >= 0) {
        zone.pageblocks.dropTags(first + ((long) i << zone.pageblockOrder));
      }
    }
  }

  /** What cannot be isolated is guarded by letting one request into the zone at a time. */
  private static boolean guard(ZoneState zone) {
    if (zone.rangeTaken) {
      return false;
    }
    zone.rangeTaken = true;
    return true;
  }

  private static void restore(ZoneState zone, long first, byte[] types) {
    zone.zone.lock().lock();
    try {
      for (int i = 0; i < types.length; i++) {
        if (types[i] >= 0) {
          zone.frames.movePageblock(first + ((long) i << zone.pageblockOrder), types[i]);
          zone.isolatedBlocks--;
        } else {
          zone.rangeTaken = false;
        }
      }
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
  }

  private static boolean inside(ZoneState zone, long pfn) {
    return pfn >= zone.startPfn && pfn + zone.pageblocks.pages() <= zone.endPfn;
  }

  private boolean moveAll(Cpu cpu, ZoneState zone, long startPfn, long endPfn, int gfp) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      FrameOwner owner = core.memMap.owner(pfn);
      if (owner != FrameOwner.FREE && !moveAway(cpu, zone, pfn, owner, gfp)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Moves the block that a frame lies in: {@code __alloc_contig_migrate_range()}. A reference is
   * taken first, so that the frames cannot become somebody else's; what was read before is looked
   * at again once it is there.
   */
  private boolean moveAway(Cpu cpu, ZoneState zone, long pfn, FrameOwner owner, int gfp) {
    int order = core.memMap.order(pfn);
    long head = core.memMap.head(pfn);
    if (!core.pressure.canMigrate(owner) || !core.memMap.tryGet(head)) {
      return false;
    }
    if (core.memMap.owner(head) == owner && core.memMap.order(head) == order) {
      boolean compound = (core.memMap.flags(head) & PageFlags.PG_HEAD) != 0;
      int flags = RangeFlags.destination(gfp, zone.zone.type(), order, compound);
      long destination = pages.allocPages(cpu, flags, order, zone.zone.nodeId());
      if (destination != PageAllocator.NO_PAGE) {
        migrate(cpu, owner, head, destination, order);
      }
    }
    do {
      if (core.memMap.putUnlessLast(head)) {
        return false;
      }
    } while (!core.memMap.freeze(head, 1)); // somebody has found it in the meantime
    // Ours was the last one: it has moved, or its holder let go of it.
    PageEvents events = core.events;
    if (events != null) {
      events.free(cpu, head, core.memMap.order(head));
    }
    pcps.freeOne(cpu, zone, head, core.memMap.order(head));
    return true;
  }

  /** Asks the owner; if he throws, neither the place nor the reference from above is kept. */
  private void migrate(Cpu cpu, FrameOwner owner, long head, long destination, int order) {
    boolean asked = false;
    try {
      core.pressure.migrate(cpu, owner, head, destination, order);
      asked = true;
    } finally {
      // If it has moved, this is the reference from above, which went along; else all of it.
      pages.freePages(cpu, destination, order);
      if (!asked) {
        pages.freePages(cpu, head, order);
      }
    }
  }

  /** All or nothing. */
  private boolean takeAll(ZoneState zone, long startPfn, long endPfn) {
    zone.zone.lock().lock();
    try {
      long pfn = startPfn;
      while (pfn < endPfn && zone.frames.take(pfn, 0)) {
        pfn++;
      }
      if (pfn == endPfn) {
        return true;
      }
      for (long p = startPfn; p < pfn; p++) {
        zone.frames.free(p, 0, zone.pageblocks.get(p));
      }
      return false;
    } finally {
      zone.refresh();
      zone.zone.lock().unlock();
    }
  }
}
