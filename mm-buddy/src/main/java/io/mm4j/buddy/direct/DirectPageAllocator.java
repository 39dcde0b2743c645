// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.direct;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.page.ReclaimRequest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The simplest page allocator: every request goes straight to the zones, under the zone's lock.
 *
 * <p><b>Steps of an allocation.</b> The zones that the flags allow, nearest node and highest zone
 * first; in each the lists of the wanted migratetype, then those of the others; if all are empty
 * and the request may reclaim, the reclaimers are asked and everything is tried once more, and so
 * with the last resort.
 *
 * <p>There are no watermarks, no reserves, no per-cpu lists, and pageblocks never change their type
 * because somebody fell back. A freed block goes to the list of its pageblock's type.
 *
 * <p>Threads: any, each with its own Cpu. Complexity: O(zones) plus what the frame allocator needs.
 */
final class DirectPageAllocator implements PageAllocator {
  private static final int RECLAIM_ROUNDS = 16;

  private final PhysicalMemory memory;
  private final MemMap memMap;
  private final List<ManagedZone> zones;
  private final Zonelists zonelists;
  private final Pressure pressure;
  private final RangeTaker rangeTaker;

  DirectPageAllocator(PageAllocatorProvider.Floors floors) {
    this.memory = floors.memory();
    this.memMap = memory.memMap();
    this.zones = floors.zones();
    this.zonelists = new Zonelists(memory.nodes(), zones);
    this.pressure = floors.pressure();
    this.rangeTaker = new RangeTaker(this, memory, pressure);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return allocPages(cpu, gfp, order, nodeId, null);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    if (nodes != null && !nodes.intersects(memory.nodes().size())) {
      throw new MisuseException(
          "no node of this machine may serve: mask='" + nodes + "' nodes=" + memory.nodes().size());
    }
    if (order < 0 || order > Pages.MAX_PAGE_ORDER) {
      return NO_PAGE;
    }
    int node = nodeId == NUMA_NO_NODE ? cpu.nodeId() : nodeId;
    long pfn = fromZones(gfp, order, node, nodes);
    if (pfn == NO_PAGE) {
      pfn = afterReclaim(cpu, gfp, order, node, nodes);
      if (pfn == NO_PAGE) {
        return NO_PAGE;
      }
    }
    memMap.prepare(pfn, order, FrameOwner.KERNEL);
    if ((gfp & Gfp.__GFP_ZERO) != 0) {
      memory.clearPages(pfn, order);
    }
    return pfn;
  }

  private long fromZones(int gfp, int order, int node, @Nullable NodeMask nodes) {
    int wanted = Gfp.migratetype(gfp);
    for (ManagedZone managed : zonelists.of(node, Gfp.highestZone(gfp))) {
      Zone zone = managed.zone();
      boolean far = (gfp & Gfp.__GFP_THISNODE) != 0 && zone.nodeId() != node;
      if (far || (nodes != null && !nodes.contains(zone.nodeId()))) {
        continue;
      }
      FrameAllocator frames = managed.frames();
      zone.lock().lock();
      try {
        long pfn = frames.allocate(order, wanted);
        for (int type = 0; pfn == FrameAllocator.NONE && type < Migratetype.ISOLATE; type++) {
          pfn = type == wanted ? pfn : frames.allocate(order, type);
        }
        if (pfn != FrameAllocator.NONE) {
          return pfn;
        }
      } finally {
        zone.lock().unlock();
      }
    }
    return NO_PAGE;
  }

  /** Asks the reclaimers as long as that gives something, and the last resort after them. */
  private long afterReclaim(Cpu cpu, int gfp, int order, int node, @Nullable NodeMask nodes) {
    if ((gfp & Gfp.__GFP_DIRECT_RECLAIM) == 0) {
      return NO_PAGE;
    }
    NodeMask wanted = (gfp & Gfp.__GFP_THISNODE) != 0 ? NodeMask.of(node) : nodes;
    var request =
        ReclaimRequest.of(cpu, gfp, order, 1L << order, wanted, ReclaimRequest.DEF_PRIORITY);
    for (int round = 0; round < RECLAIM_ROUNDS; round++) {
      if (pressure.reclaim(request) == 0) {
        break;
      }
      long pfn = fromZones(gfp, order, node, nodes);
      if (pfn != NO_PAGE) {
        return pfn;
      }
    }
    for (int round = 0; round < RECLAIM_ROUNDS && pressure.outOfMemory(request); round++) {
      long pfn = fromZones(gfp, order, node, nodes);
      if (pfn != NO_PAGE) {
        return pfn;
      }
    }
    return NO_PAGE;
  }

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    checkHeld(pfn, order);
    if (memMap.putUnlessLast(pfn)) {
      return;
    }
    if (memMap.mapcount(pfn) != 0 || memMap.entireMapcount(pfn) != 0) {
      throw new MisuseException(
          "freed while mapped: " + describe(pfn) + " mapcount=" + memMap.mapcount(pfn));
    }
    if (!memMap.freeze(pfn, 1)) { // somebody has found it in the meantime
      freePages(cpu, pfn, order);
      return;
    }
    giveBack(pfn, order);
  }

  /** Puts a block that nobody refers to any more on its zone's lists. */
  void giveBack(long pfn, int order) {
    ManagedZone managed = zoneOf(pfn);
    Zone zone = managed.zone();
    memMap.release(pfn, order, FrameOwner.FREE);
    zone.lock().lock();
    try {
      managed.frames().free(pfn, order, zone.pageblocks().get(pfn));
    } finally {
      zone.lock().unlock();
    }
  }

  @Override
  public void splitPage(long pfn, int order) {
    if (checkHeld(pfn, order) != 1) {
      throw new MisuseException("split while others hold it: " + describe(pfn));
    }
    FrameOwner owner = memMap.owner(pfn);
    for (long p = pfn; p < pfn + (1L << order); p++) {
      memMap.prepare(p, 0, owner);
    }
  }

  @Override
  public void splitFolio(long pfn, int order, int toOrder) {
    memMap.splitFolio(pfn, order, toOrder);
  }

  @Override
  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    return rangeTaker.take(cpu, startPfn, endPfn, gfp);
  }

  @Override
  public void drainAllPages(Cpu cpu) {}

  @Override
  public List<ManagedZone> zones() {
    return zones;
  }

  @Override
  public long pcpPages() {
    return 0;
  }

  @Override
  public void validate() {
    for (ManagedZone managed : zones) {
      managed
          .frames()
          .forEachFree(
              (pfn, order, type) -> {
                for (long p = pfn; p < pfn + (1L << order); p = memMap.sameUntil(p)) {
                  if (memMap.owner(p) != FrameOwner.FREE || memMap.refcount(p) != 0) {
                    throw new CorruptStateError(
                        managed.zone() + ": free, but not by its frame: " + describe(p));
                  }
                }
              });
    }
  }

  /** The refcount of a block that is handed out with this order. */
  private int checkHeld(long pfn, int order) {
    if (pfn < memMap.startPfn() || pfn >= memMap.endPfn()) {
      throw new MisuseException("no such frame: pfn=" + pfn + " endPfn=" + memMap.endPfn());
    }
    int count = memMap.refcount(pfn);
    if (count <= 0 || memMap.order(pfn) != order) {
      throw new MisuseException("not a block of order=" + order + " in use: " + describe(pfn));
    }
    return count;
  }

  private String describe(long pfn) {
    return String.format(
        "pfn=%d owner=%s order=%d refcount=%d",
        pfn, memMap.owner(pfn), memMap.order(pfn), memMap.refcount(pfn));
  }

  ManagedZone zoneOf(long pfn) {
    for (ManagedZone managed : zones) {
      if (managed.zone().contains(pfn)) {
        return managed;
      }
    }
    throw new MisuseException("in no zone: pfn=" + pfn);
  }
}
