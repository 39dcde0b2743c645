// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.direct;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.page.RangeFlags;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * {@code alloc_contig_range()}: takes every frame of a range. Free ones are taken from the lists,
 * the others are moved away, block by block, by their owner's migrator to a block that is allocated
 * for them.
 *
 * <p>Steps: all frames that are free now are isolated, so that no destination can come from the
 * range; then block by block the rest is moved. If one cannot move, what was taken goes back; what
 * was moved stays moved, which changes no holder's view.
 */
final class RangeTaker {
  private final DirectPageAllocator pages;
  private final PhysicalMemory memory;
  private final MemMap memMap;
  private final Pressure pressure;
  private final AtomicBoolean busy = new AtomicBoolean();

  RangeTaker(DirectPageAllocator pages, PhysicalMemory memory, Pressure pressure) {
    this.pages = pages;
    this.memory = memory;
    this.memMap = memory.memMap();
    this.pressure = pressure;
  }

  /** One range at a time: what is isolated for one must not be taken for another. */
  boolean take(Cpu cpu, long startPfn, long endPfn, int gfp) {
    if (!RangeFlags.isAllowed(gfp) || !busy.compareAndSet(false, true)) {
      return false;
    }
    try {
      return takeAlone(cpu, startPfn, endPfn, gfp);
    } finally {
      busy.set(false);
    }
  }

  private boolean takeAlone(Cpu cpu, long startPfn, long endPfn, int gfp) {
    boolean taken = false;
    try {
      taken = isolateAll(cpu, startPfn, endPfn, gfp);
    } finally {
      if (!taken) {
        giveBack(startPfn, endPfn);
      }
    }
    for (long pfn = startPfn; taken && pfn < endPfn; pfn++) {
      memMap.prepare(pfn, 0, FrameOwner.KERNEL);
      if ((gfp & Gfp.__GFP_ZERO) != 0) {
        memory.clearPages(pfn, 0);
      }
    }
    return taken;
  }

  private boolean isolateAll(Cpu cpu, long startPfn, long endPfn, int gfp) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      isolateIfFree(pfn);
    }
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      boolean mine = memMap.owner(pfn) == FrameOwner.ISOLATED || isolateIfFree(pfn);
      if (!mine && !moveAway(cpu, pfn, startPfn, endPfn, gfp)) {
        return false;
      }
    }
    return isTaken(startPfn, endPfn); // another CPU may have split what was moved
  }

  private boolean isTaken(long startPfn, long endPfn) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      if (memMap.owner(pfn) != FrameOwner.ISOLATED) {
        return false;
      }
    }
    return true;
  }

  private boolean isolateIfFree(long pfn) {
    ManagedZone managed = pages.zoneOf(pfn);
    Zone zone = managed.zone();
    FrameAllocator frames = managed.frames();
    zone.lock().lock();
    try {
      boolean free = frames.take(pfn, 0);
      if (free) {
        memMap.setOwner(pfn, FrameOwner.ISOLATED);
      }
      return free;
    } finally {
      zone.lock().unlock();
    }
  }

  /** Moves the block that a frame lies in, of any order; what of it is outside goes back. */
  private boolean moveAway(Cpu cpu, long pfn, long startPfn, long endPfn, int gfp) {
    int order = memMap.order(pfn);
    long head = memMap.head(pfn);
    FrameOwner owner = memMap.owner(pfn);
    if (!pressure.canMigrate(owner) || !memMap.tryGet(head)) {
      return false; // nobody's to move, or never given to the page allocator
    }
    boolean same = memMap.owner(head) == owner && memMap.order(head) == order;
    boolean compound = (memMap.flags(head) & PageFlags.PG_HEAD) != 0;
    int flags = RangeFlags.destination(gfp, pages.zoneOf(head).zone().type(), order, compound);
    long destination = same ? pages.allocPages(cpu, flags, order) : DirectPageAllocator.NO_PAGE;
    if (destination != DirectPageAllocator.NO_PAGE) {
      migrate(cpu, owner, head, destination, order);
    }
    do {
      if (memMap.putUnlessLast(head)) {
        return false;
      }
    } while (!memMap.freeze(head, 1)); // somebody has found it in the meantime
    // Ours was the last one: it has moved, or its holder let go of it.
    long end = head + (1L << memMap.order(head));
    memMap.release(head, memMap.order(head), FrameOwner.ISOLATED);
    for (long p = head; p < end; p++) {
      if (p < startPfn || p >= endPfn) {
        pages.giveBack(p, 0);
      }
    }
    return true;
  }

  /** Asks the owner; if he throws, neither the place nor the reference from above is kept. */
  private void migrate(Cpu cpu, FrameOwner owner, long head, long destination, int order) {
    boolean asked = false;
    try {
      pressure.migrate(cpu, owner, head, destination, order);
      asked = true;
    } finally {
      // If it has moved, this is the reference from above, which went along; else all of it.
      pages.freePages(cpu, destination, order);
      if (!asked) {
        pages.freePages(cpu, head, order);
      }
    }
  }

  private void giveBack(long startPfn, long endPfn) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      if (memMap.owner(pfn) == FrameOwner.ISOLATED) {
        pages.giveBack(pfn, 0);
      }
    }
  }
}
