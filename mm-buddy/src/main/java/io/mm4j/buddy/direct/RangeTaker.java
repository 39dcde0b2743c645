// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.direct;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Pressure;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * {@code alloc_contig_range()}: takes every frame of a range. Free ones are taken from the lists,
 * the others are moved away by their owner's migrator to a frame that is allocated for them.
 *
 * <p>Steps: all frames that are free now are isolated, so that no destination can come from the
 * range; then frame by frame the rest is moved. If one cannot move, what was taken goes back; what
 * was moved stays moved, which changes no holder's view.
 */
final class RangeTaker {
  private static final int PASSES = 4;

  private final DirectPageAllocator pages;
  private final MemMap memMap;
  private final Pressure pressure;
  private final AtomicBoolean busy = new AtomicBoolean();

  RangeTaker(DirectPageAllocator pages, MemMap memMap, Pressure pressure) {
    this.pages = pages;
    this.memMap = memMap;
    this.pressure = pressure;
  }

  /** One range at a time: what is isolated for one must not be taken for another. */
  boolean take(Cpu cpu, long startPfn, long endPfn, int gfp) {
    if (!busy.compareAndSet(false, true)) {
      return false;
    }
    try {
      return takeAlone(cpu, startPfn, endPfn, gfp);
    } finally {
      busy.set(false);
    }
  }

  private boolean takeAlone(Cpu cpu, long startPfn, long endPfn, int gfp) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      isolateIfFree(pfn);
    }
    // Reclaim for the sake of a destination may free frames of the range: look again, not for ever.
    for (int pass = 0; pass < PASSES && !isTaken(startPfn, endPfn); pass++) {
      for (long pfn = startPfn; pfn < endPfn; pfn++) {
        boolean mine = memMap.owner(pfn) == FrameOwner.ISOLATED || isolateIfFree(pfn);
        if (!mine && !moveAway(cpu, pfn, gfp)) {
          giveBack(startPfn, endPfn);
          return false;
        }
      }
    }
    if (!isTaken(startPfn, endPfn)) {
      giveBack(startPfn, endPfn);
      return false;
    }
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      memMap.prepare(pfn, 0, FrameOwner.KERNEL);
    }
    return true;
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

  private boolean moveAway(Cpu cpu, long pfn, int gfp) {
    if (memMap.order(pfn) != 0 || memMap.refcount(pfn) == 0) {
      return false; // part of a larger block, or never given to the page allocator
    }
    long destination = pages.allocPages(cpu, gfp, 0);
    if (destination == DirectPageAllocator.NO_PAGE) {
      return false;
    }
    if (!pressure.migrate(cpu, memMap.owner(pfn), pfn, destination)) {
      pages.freePages(cpu, destination, 0);
      return false;
    }
    memMap.release(pfn, 0, FrameOwner.ISOLATED);
    return true;
  }

  private void giveBack(long startPfn, long endPfn) {
    for (long pfn = startPfn; pfn < endPfn; pfn++) {
      if (memMap.owner(pfn) == FrameOwner.ISOLATED) {
        pages.giveBack(pfn, 0);
      }
    }
  }
}
