// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.buddy.linux.Zonelists.Zonelist;
import org.jspecify.annotations.Nullable;

/**
 * Many single pages for one look at the watermarks, from one per-cpu list: {@code
 * alloc_pages_bulk()} of mm/page_alloc.c (Linux 6.18). As there, such pages are announced to nobody
 * but by the refills that they cause.
 */
final class BulkPages {
  private final Core core;
  private final PcpOps pcps;

  BulkPages(Core core, PcpOps pcps) {
    this.core = core;
    this.pcps = pcps;
  }

  /**
   * Fills places from {@code filled} on, as many as the list and its refills give.
   *
   * @param allowed the nodes that may serve; null for all
   * @param filled so many leading places hold a frame already
   * @return how many leading places hold a frame now; unchanged if no zone may serve so many
   */
  int fill(
      Cpu cpu,
      int gfp,
      Zonelist list,
      @Nullable NodeMask allowed,
      long[] pfns,
      int wanted,
      int filled) {
    boolean thisNode = (gfp & Gfp.__GFP_THISNODE) != 0;
    ZoneState zone = zone(thisNode ? list.thisNode : list.zones, allowed, list.highest, wanted);
    if (zone == null) {
      return filled;
    }
    PcpPages pcp = zone.pcp(cpu.id());
    int flags = AllocFlags.WMARK_LOW;
    int got = 0;
    int at = filled;
    for (; at < wanted; at++) {
      if (pfns[at] != PageAllocator.NO_PAGE) {
        continue;
      }
      long pfn = pcps.pop(cpu, zone, pcp, 0, Gfp.migratetype(gfp), flags);
      if (pfn == FrameAllocator.NONE) {
        break;
      }
      core.memMap.prepare(pfn, 0, FrameOwner.KERNEL);
      if ((gfp & Gfp.__GFP_ZERO) != 0) {
        core.memory.clearPages(pfn, 0);
      }
      pfns[at] = pfn;
      got++;
    }
    pcp.slowAllocs += got;
    pcp.slowAllocPages += got;
    return got == 0 ? filled : at;
  }

  /** The first zone that so many pages leave above its low watermark; of the nearest node. */
  private static @Nullable ZoneState zone(
      ZoneState[] zones, @Nullable NodeMask allowed, int highest, int pages) {
    int nearest = -1;
    for (ZoneState zone : zones) {
      int node = zone.zone.nodeId();
      if (allowed != null && !allowed.contains(node)) {
        continue;
      }
      if (nearest >= 0 && node != nearest) {
        return null;
      }
      nearest = node;
      long mark = zone.mark(AllocFlags.WMARK_LOW) + pages;
      if (zone.listsOn && zone.watermarkFast(0, mark, highest, AllocFlags.WMARK_LOW)) {
        return zone;
      }
    }
    return null;
  }
}
