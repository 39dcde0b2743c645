// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static io.mm4j.api.page.PageAllocator.NO_PAGE;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import io.mm4j.buddy.linux.Zonelists.Zonelist;
import org.jspecify.annotations.Nullable;

/**
 * All allocations but those that a fast path serves: {@code __alloc_pages()} of mm/page_alloc.c
 * (Linux 6.18). First a walk over the zonelist at the low watermark, then the {@link SlowPath}.
 */
final class PageRequests {
  /** The flags that choose the zone. */
  private static final int KIND_MASK =
      Gfp.__GFP_DMA | Gfp.__GFP_HIGHMEM | Gfp.__GFP_DMA32 | Gfp.__GFP_MOVABLE;

  private final Core core;

  /** By node and the four lowest bits of the request's flags. */
  private final Zonelist[] zonelists;

  private final int nodes;
  private final PcpOps pcps;
  private final FreelistWalk walk;
  private final SlowPath slowPath;

  PageRequests(Core core, Zonelist[] zonelists, PcpOps pcps, FreelistWalk walk, SlowPath slowPath) {
    this.core = core;
    this.zonelists = zonelists;
    this.nodes = zonelists.length >>> 4;
    this.pcps = pcps;
    this.walk = walk;
    this.slowPath = slowPath;
  }

  int nodes() {
    return nodes;
  }

  /** Where a request on a node looks. */
  Zonelist zonelist(int node, int gfp) {
    return zonelists[node << 4 | (gfp & KIND_MASK)];
  }

  /**
   * {@code __alloc_pages()}. In one piece, as it must not grow into the fast path: what is longer
   * than 325 bytecodes the JIT compiler leaves a call.
   *
   * @param allowed the nodes that may serve; null for all
   */
  long alloc(LinuxCpuPages own, int gfp, int order, int nodeId, @Nullable NodeMask allowed) {
    Cpu cpu = own.cpu();
    int node = nodeId < 0 ? cpu.nodeId() : nodeId;
    if (node >= nodes) {
      throw new MisuseException("no such node: nodeId=" + nodeId + " nodes=" + nodes);
    }
    int type = Gfp.migratetype(gfp);
    if (order < 0 || order > Pages.MAX_PAGE_ORDER) {
      return NO_PAGE;
    }
    if (type >= Migratetype.PCPTYPES) {
      throw new MisuseException(
          "a request is movable or reclaimable, not both: gfp=" + Gfp.format(gfp));
    }
    if (cpu.drainRequested()) {
      pcps.serve(cpu);
    }
    Zonelist list = zonelist(node, gfp);
    ZoneState preferred = list.preferred;
    PageEvents events = core.events;
    if (preferred == null) {
      return nobodyServes(cpu, gfp, order, type);
    }
    if (preferred.listsOn && node == cpu.nodeId() && preferred.zone.nodeId() == node) {
      own.prefer(gfp, preferred.pcp(cpu.id()));
    }
    AllocContext request = own.enter();
    try {
      request.of(gfp, order, type, list, (gfp & Gfp.__GFP_THISNODE) != 0, allowed);
      if (request.zones.length == 0) {
        return nobodyServes(cpu, gfp, order, type);
      }
      if (core.explains()) {
        core.step(cpu, request.describe());
      }
      long pfn = walk.get(request, AllocFlags.WMARK_LOW | walk.noFragment(request));
      if (pfn == NO_PAGE) {
        pfn = slowPath.get(request);
      }
      if (pfn == NO_PAGE && events != null) {
        events.alloc(cpu, NO_PAGE, order, gfp, type);
      }
      return pfn;
    } finally {
      request.busy = false;
    }
  }

  /** No zone at all may serve: it fails as others do that find nothing. */
  private long nobodyServes(Cpu cpu, int gfp, int order, int type) {
    core.count(Core.Event.FAIL, 1);
    PageEvents events = core.events;
    if (events != null) {
      events.alloc(cpu, NO_PAGE, order, gfp, type);
    }
    return NO_PAGE;
  }
}
