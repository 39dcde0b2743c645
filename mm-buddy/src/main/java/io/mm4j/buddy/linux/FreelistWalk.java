// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;

/**
 * Walks a zonelist until a zone may serve and does: {@code get_page_from_freelist()} and {@code
 * rmqueue()} of mm/page_alloc.c (Linux 6.18).
 *
 * <p>Steps: for each zone its watermark, with the protection against requests that a higher zone
 * could have served; then the CPU's list, if the order has one, else the free lists. If types may
 * not be mixed at first and no zone served, the walk is repeated and they may; at once when the
 * next zone is on another node, as near memory is worth more than pure pageblocks.
 */
final class FreelistWalk {
  private final Core core;
  private final FreeListQueue queue;
  private final PcpOps pcps;
  private final HighAtomic highAtomic;
  private final Kswapd kswapd;

  FreelistWalk(Core core, FreeListQueue queue, PcpOps pcps, HighAtomic highAtomic, Kswapd kswapd) {
    this.core = core;
    this.queue = queue;
    this.pcps = pcps;
    this.highAtomic = highAtomic;
    this.kswapd = kswapd;
  }

  /**
   * Looks for a block.
   *
   * @return the first frame, ready for its holder, or {@link PageAllocator#NO_PAGE}
   */
  long get(AllocContext request, int allocFlags) {
    boolean mayRelax = (allocFlags & AllocFlags.NOFRAGMENT) != 0 && !core.sysctls.defragMode();
    long pfn = walk(request, allocFlags, mayRelax);
    if (pfn == PageAllocator.NO_PAGE && mayRelax) {
      if (core.explains()) {
        core.step(request.cpu, "no zone serves without mixing types: again, and they may be mixed");
      }
      pfn = walk(request, allocFlags & ~AllocFlags.NOFRAGMENT, false);
    }
    return pfn;
  }

  /** {@code alloc_flags_nofragment()}. */
  int noFragment(AllocContext request) {
    int flags = request.gfp & Gfp.__GFP_KSWAPD_RECLAIM;
    if (core.sysctls.defragMode()) {
      return flags | AllocFlags.NOFRAGMENT;
    }
    ZoneState preferred = request.preferred();
    boolean lowerZone =
        preferred.zone.type() == ZoneType.NORMAL
            && core.kinds.contains(ZoneType.DMA32)
            && (core.memory.nodes().size() == 1 || hasDma32(preferred.zone.nodeId()));
    return lowerZone ? flags | AllocFlags.NOFRAGMENT : flags;
  }

  private boolean hasDma32(int node) {
    for (ZoneState zone : core.zones) {
      if (zone.zone.nodeId() == node && zone.zone.type() == ZoneType.DMA32) {
        return true;
      }
    }
    return false;
  }

  private long walk(AllocContext request, int allocFlags, boolean mayRelax) {
    int localNode = request.preferred().zone.nodeId();
    for (ZoneState zone : request.zones) {
      if (mayRelax && zone.zone.nodeId() != localNode) {
        return PageAllocator.NO_PAGE;
      }
      if (!mayUse(request, zone, allocFlags)) {
        continue;
      }
      long pfn = rmqueue(request, zone, allocFlags);
      if (pfn != FrameAllocator.NONE) {
        if ((allocFlags & AllocFlags.HIGHATOMIC) != 0) {
          highAtomic.reserve(request.cpu, zone, pfn, request.order);
        }
        return handOut(request, zone, pfn);
      }
    }
    return PageAllocator.NO_PAGE;
  }

  private boolean mayUse(AllocContext request, ZoneState zone, int allocFlags) {
    int order = request.order;
    boolean ok = false;
    if (!zone.belowHigh()) {
      ok = zone.watermarkFast(order, zone.mark(AllocFlags.WMARK_HIGH), request.highest, allocFlags);
      if (!ok) {
        zone.setBelowHigh(true);
      }
    }
    long mark = zone.mark(allocFlags);
    ok = ok || zone.watermarkFast(order, mark, request.highest, allocFlags);
    boolean ignore = (allocFlags & AllocFlags.NO_WATERMARKS) != 0;
    if (core.explains()) {
      core.step(request.cpu, verdict(request, zone, mark, allocFlags, ok, ignore));
    }
    return ok || ignore;
  }

  private String verdict(
      AllocContext request, ZoneState zone, long mark, int allocFlags, boolean ok, boolean ignore) {
    long floor = ZoneState.floor(mark, allocFlags);
    long reserve = zone.protection[request.highest];
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            "%s: %d free pages; %d must stay (%s%s)",
            zone,
            zone.free,
            floor,
            AllocFlags.describe(allocFlags),
            zone.boost > 0 ? ", boost " + zone.boost : ""));
    if (reserve > 0) {
      text.append(
          String.format(
              ", and %d as lowmem reserve against requests that zone %s could serve",
              reserve, core.kinds.get(request.highest).procName()));
    }
    if (ok) {
      return text.append(": may serve").toString();
    }
    long missing = zone.missing(request.order, mark, request.highest, allocFlags);
    text.append(
        missing > 0
            ? String.format(
                ": %d too few%s",
                missing, request.order > 0 ? " to take " + (1 << request.order) + " more" : "")
            : String.format(
                ": enough pages, but no free block of order %d or more on a list that it may use",
                request.order));
    return text.append(ignore ? "; ignored, as the request helps to free memory" : "").toString();
  }

  private long rmqueue(AllocContext request, ZoneState zone, int allocFlags) {
    Cpu cpu = request.cpu;
    long pfn = FrameAllocator.NONE;
    if (zone.listsOn
        && PcpPages.allows(request.order, zone.pageblockOrder)
        && request.order <= zone.maxOrder) {
      pfn = pcps.take(cpu, zone, request.order, request.migratetype, allocFlags);
    }
    if (pfn == FrameAllocator.NONE && request.order <= zone.maxOrder) {
      pfn = fromZone(request, zone, allocFlags);
    }
    if (zone.boosted() && (allocFlags & AllocFlags.KSWAPD) != 0) {
      zone.zone.lock().lock();
      try {
        zone.setBoosted(false);
      } finally {
        zone.zone.lock().unlock();
      }
      kswapd.wake(cpu, zone, 0, 0, Zonelists.index(core.kinds, zone.zone.type()));
    }
    return pfn;
  }

  /** {@code rmqueue_buddy()}. */
  private long fromZone(AllocContext request, ZoneState zone, int allocFlags) {
    int order = request.order;
    int type = request.migratetype;
    long pfn = FrameAllocator.NONE;
    zone.zone.lock().lock();
    try {
      if ((allocFlags & AllocFlags.HIGHATOMIC) != 0 && zone.typesOn) {
        pfn = zone.frames.allocate(order, Migratetype.HIGHATOMIC);
      }
      if (pfn == FrameAllocator.NONE) {
        zone.mode = FreeListQueue.NORMAL;
        pfn = queue.take(request.cpu, zone, order, type, allocFlags);
      }
      if (pfn == FrameAllocator.NONE && (allocFlags & AllocFlags.NON_BLOCK) != 0 && zone.typesOn) {
        pfn = zone.frames.allocate(order, Migratetype.HIGHATOMIC);
      }
      if (pfn != FrameAllocator.NONE) {
        // Under the lock, as this may be the first write to a section of mem_map.
        core.memMap.setOwner(pfn, FrameOwner.KERNEL);
      }
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
    PageEvents events = core.events;
    if (events != null && pfn != FrameAllocator.NONE) {
      events.allocZoneLocked(request.cpu, zone.zone, pfn, order, type, false);
      if (events.explains()) {
        events.step(request.cpu, zone + ": a block of order " + order + " at pfn " + pfn);
      }
    }
    return pfn;
  }

  private long handOut(AllocContext request, ZoneState zone, long pfn) {
    int order = request.order;
    core.memMap.prepare(pfn, order, FrameOwner.KERNEL);
    if (request.wants(Gfp.__GFP_COMP) && order > 0) {
      core.memMap.setFlags(pfn, PageFlags.PG_HEAD);
    }
    if (request.wants(Gfp.__GFP_ZERO)) {
      core.memory.clearPages(pfn, order);
    }
    PcpPages pcp = zone.pcp(request.cpu.id());
    pcp.slowAllocs++;
    pcp.slowAllocPages += 1L << order;
    ZoneState preferred = request.preferred();
    if (zone.zone.nodeId() != preferred.zone.nodeId()) {
      pcp.numaMiss++;
      preferred.pcp(request.cpu.id()).numaForeign++;
    }
    PageEvents events = core.events;
    if (events != null) {
      events.alloc(request.cpu, pfn, order, request.gfp, request.migratetype);
    }
    return pfn;
  }
}
