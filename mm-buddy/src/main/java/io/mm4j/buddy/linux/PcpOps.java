// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.PendingKind;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.PcpList;
import org.jspecify.annotations.Nullable;

/**
 * Moves pages between the per-cpu lists and the zones: refill, drain, and drain on behalf of
 * others.
 *
 * <p>A CPU's lists are its owner's alone. Somebody else who wants what is on them asks: the owner
 * serves the request at its next free or refill; a parked CPU is drained by whoever asks, under its
 * park lock.
 *
 * <p>Models {@code rmqueue_bulk()}, {@code free_pcppages_bulk()}, {@code free_frozen_page_commit()}
 * and {@code drain_all_pages()} of mm/page_alloc.c (Linux 6.18). Difference: the kernel drains
 * another CPU's lists under their own spin lock, which every allocation takes.
 */
final class PcpOps {
  /** How often a request that waits for running CPUs lets other threads go first. */
  private static final int TURNS = 1 << 20;

  private final Core core;
  private final FreeListQueue queue;
  private final Gates gates;

  PcpOps(Core core, FreeListQueue queue, Gates gates) {
    this.core = core;
    this.queue = queue;
    this.gates = gates;
    core.cpus.onRequest(PendingKind.PAGE_LISTS, this::drainCpu, gates::close);
  }

  /**
   * Takes a block for a single request: {@code rmqueue_pcplist()}.
   *
   * @return the first frame, or {@link FrameAllocator#NONE} if the zone gave nothing
   */
  long take(Cpu cpu, ZoneState zone, int order, int type, int allocFlags) {
    PcpPages pcp = zone.pcp(cpu.id());
    pcp.noteAlloc();
    long pfn = pop(cpu, zone, pcp, order, type, allocFlags);
    gates.openFronts(cpu, zone, pcp, pcp.lists[PcpPages.index(order, type)]);
    return pfn;
  }

  /**
   * Takes a block from the front of a list, after a refill if it is empty: {@code
   * __rmqueue_pcplist()}.
   *
   * @return the first frame, or {@link FrameAllocator#NONE} if the zone gave nothing
   */
  long pop(Cpu cpu, ZoneState zone, PcpPages pcp, int order, int type, int allocFlags) {
    int index = PcpPages.index(order, type);
    PcpList list = pcp.lists[index];
    if (list.isEmpty()) {
      int size = pcp.refillSize(order, !zone.belowHigh());
      int got = refill(cpu, zone, pcp, list, order, size, type, allocFlags);
      if (core.explains()) {
        core.step(
            cpu,
            String.format(
                "%s: the per-cpu list of %s for %s blocks of order %d is empty: a refill of %d"
                    + " brings %d (its lists may hold %d pages; refills doubled since the last"
                    + " free: %d)",
                zone, cpu, Migratetype.name(type), order, size, got, pcp.high, pcp.allocFactor));
      }
      if (got == 0) {
        return FrameAllocator.NONE;
      }
      gates.openBacks(cpu, zone, pcp, index);
    } else if (core.explains()) {
      core.step(
          cpu,
          String.format(
              "%s: the per-cpu list of %s for %s blocks of order %d has %d: its front is taken",
              zone, cpu, Migratetype.name(type), order, list.size()));
    }
    pcp.add(-1, order);
    return list.popFront();
  }

  private int refill(
      Cpu cpu,
      ZoneState zone,
      PcpPages pcp,
      PcpList list,
      int order,
      int size,
      int type,
      int allocFlags) {
    PageEvents events = core.events;
    int got = 0;
    zone.zone.lock().lock();
    try {
      zone.mode = FreeListQueue.NORMAL;
      for (; got < size; got++) {
        long pfn = queue.take(cpu, zone, order, type, allocFlags);
        if (pfn == FrameAllocator.NONE) {
          break;
        }
        core.memMap.release(pfn, order, FrameOwner.PCP);
        push(zone, list, pfn, type);
        if (events != null) {
          events.allocZoneLocked(cpu, zone.zone, pfn, order, type, true);
        }
      }
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
    list.reverse();
    pcp.add(got, order);
    pcp.refills++;
    return got;
  }

  /** Puts a block on a list, when the fast path does not. The frame is PCP's. */
  void put(Cpu cpu, ZoneState zone, long pfn, int order, int type) {
    PcpPages pcp = zone.pcp(cpu.id());
    int index = PcpPages.index(order, type);
    push(zone, pcp.lists[index], pfn, type);
    pcp.slowFreePages += 1L << order;
    boolean freeHigh = pcp.noteFree(order);
    commit(cpu, zone, pcp, index, freeHigh);
    gates.openBacks(cpu, zone, pcp, index);
  }

  /** A block that lies in a pageblock of another type comes back to that type's list. */
  private void push(ZoneState zone, PcpList list, long pfn, int type) {
    if (zone.pageblocks.get(pfn) == type) {
      list.pushFront(pfn, core.memMap.states());
    } else {
      list.pushFront(pfn);
    }
  }

  /** After a block was put on a list: drains if it is time to, and serves requests to drain. */
  private void commit(Cpu cpu, ZoneState zone, PcpPages pcp, int index, boolean freeHigh) {
    int at = pcp.drainAt(freeHigh, zone.reclaimActive(), zone.belowHigh());
    pcp.settle();
    if (pcp.count() >= at) {
      int pages = pcp.drainSize(at, freeHigh);
      if (core.explains()) {
        core.step(
            cpu,
            String.format(
                "%s: lists of %s hold %d pages, drained from %d: %d go back",
                zone, cpu, pcp.count(), at, Math.min(pages, pcp.count())));
      }
      drain(cpu, zone, pcp, pages, index);
      if (zone.belowHigh()
          && zone.watermarkOk(
              0,
              zone.mark(AllocFlags.WMARK_HIGH),
              Zonelists.index(core.kinds, ZoneType.MOVABLE),
              0,
              zone.free)) {
        zone.setBelowHigh(false);
      }
    }
    if (cpu.drainRequested()) {
      serve(cpu);
    }
  }

  /**
   * {@code free_pcppages_bulk()}: gives pages back, list by list in turn beginning with one, each
   * from its back.
   */
  void drain(Cpu cpu, ZoneState zone, PcpPages pcp, int pages, int first) {
    int left = Math.min(pages, pcp.count());
    if (left <= 0) {
      return;
    }
    int index = first;
    pcp.drains++;
    zone.zone.lock().lock();
    try {
      while (left > 0) {
        left -= drainList(cpu, zone, pcp, index, left);
        index = index + 1 == PcpPages.LISTS ? 0 : index + 1;
      }
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
  }

  /** Gives back at least so many pages of one list, or all. */
  private int drainList(Cpu cpu, ZoneState zone, PcpPages pcp, int index, int pages) {
    PageEvents events = core.events;
    PcpList list = pcp.lists[index];
    int order = PcpPages.orderOf(index);
    int blocks = 0;
    try {
      while (blocks < list.size() && blocks << order < pages) {
        long pfn = list.fromBack(blocks++);
        int type = zone.pageblocks.get(pfn);
        core.memMap.release(pfn, order, FrameOwner.FREE);
        zone.frames.free(pfn, order, type);
        if (events != null) {
          events.pcpuDrain(cpu, zone.zone, pfn, order, type);
        }
      }
    } finally {
      list.dropBack(blocks);
      pcp.add(-blocks, order);
    }
    return blocks << order;
  }

  /** Gives back everything that a CPU keeps; by its owner, or under its park lock. */
  void drainCpu(Cpu cpu) {
    for (ZoneState zone : core.zones) {
      PcpPages pcp = zone.pcps[cpu.id()];
      if (pcp != null) {
        drain(cpu, zone, pcp, pcp.count(), 0);
      }
    }
  }

  /** The owner's answer to a request to drain. */
  void serve(Cpu cpu) {
    cpu.drainServed();
    drainCpu(cpu);
  }

  /**
   * {@code drain_all_pages()}.
   *
   * @return how many other CPUs were asked and have yet to answer
   */
  int drainAll(Cpu cpu) {
    core.count(Core.Event.DRAIN_ALL, 1);
    serve(cpu);
    int asked = 0;
    for (int id = 0; id < core.cpus.count(); id++) {
      if (id == cpu.id() || pages(id) == 0) {
        continue;
      }
      Cpu other = core.cpus.get(id);
      if (other.parkLock().tryLock()) {
        try {
          serve(other);
        } finally {
          other.parkLock().unlock();
        }
      } else {
        other.requestDrain();
        asked++;
      }
    }
    return asked;
  }

  /**
   * {@code drain_all_pages()} for one zone. A CPU that is at work gives up all its lists when it
   * answers.
   */
  void drainAll(Cpu cpu, ZoneState zone) {
    core.count(Core.Event.DRAIN_ALL, 1);
    for (Cpu other : core.cpus.all()) {
      PcpPages pcp = zone.pcps[other.id()];
      if (pcp == null || pcp.count() == 0) {
        continue;
      }
      if (other == cpu) {
        drain(other, zone, pcp, pcp.count(), 0);
      } else if (other.parkLock().tryLock()) {
        try {
          drain(other, zone, pcp, pcp.count(), 0);
        } finally {
          other.parkLock().unlock();
        }
      } else {
        other.requestDrain();
      }
    }
  }

  /**
   * Waits until one of the CPUs that were asked has answered, was parked or has used up its pages.
   * In the meantime it answers itself, so that two who wait for each other both go on.
   *
   * @return false if nobody who was asked can answer: its owner is this thread, or waits for
   *     something else than the lock of a zone; also after {@link #TURNS} turns given to others
   */
  @SuppressWarnings("ThreadPriorityCheck") // others go first; what is right does not hang on it
  boolean awaitAnswer(Cpu cpu, int asked) {
    for (int turn = 0; turn < TURNS; turn++) {
      int open = 0;
      boolean hope = false;
      for (int id = 0; id < core.cpus.count(); id++) {
        Cpu other = core.cpus.get(id);
        if (id != cpu.id()
            && other.drainRequested()
            && other.parkLock().isLocked()
            && pages(id) != 0) {
          open++;
          hope |= mayAnswer(other.parkLock().holder());
        }
      }
      if (open < asked) {
        return true;
      }
      if (!hope) {
        return false;
      }
      Thread.yield();
      if (cpu.drainRequested()) {
        serve(cpu);
      }
    }
    return false;
  }

  private static boolean mayAnswer(@Nullable Thread owner) {
    if (owner == null) {
      return true; // has just taken its CPU, or just given it up
    }
    return !owner.equals(Thread.currentThread())
        && (owner.getState() == Thread.State.RUNNABLE
            || KernelLock.awaitedBy(owner) == LockClass.ZONE);
  }

  /** Pages on the lists of a CPU; a guess for anybody but its owner. */
  long pages(int cpu) {
    long pages = 0;
    for (ZoneState zone : core.zones) {
      PcpPages pcp = zone.pcps[cpu];
      pages += pcp == null ? 0 : pcp.count();
    }
    return pages;
  }

  /**
   * Gives a block straight back to its zone: {@code free_one_page()}. A block larger than a
   * pageblock goes back pageblock by pageblock, as these may be of different types.
   */
  void freeOne(Cpu cpu, ZoneState zone, long pfn, int order) {
    core.memMap.release(pfn, order, FrameOwner.FREE);
    int piece = zone.typesOn ? Math.min(order, zone.pageblockOrder) : order;
    piece = Math.min(piece, zone.maxOrder);
    zone.zone.lock().lock();
    try {
      for (long p = pfn; p < pfn + (1L << order); p += 1L << piece) {
        zone.frames.free(p, piece, zone.pageblocks.get(p));
      }
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
    zone.pcp(cpu.id()).slowFreePages += 1L << order;
  }
}
