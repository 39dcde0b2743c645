// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageEvents;
import org.jspecify.annotations.Nullable;

/**
 * All frees but those that a fast path takes: {@code ___free_pages()} and {@code
 * __free_frozen_pages()} of mm/page_alloc.c (Linux 6.18).
 */
final class PageReturns {
  private final Core core;

  /** Largest first: most frames lie there. */
  private final ZoneState[] bySize;

  private final PcpOps pcps;

  PageReturns(Core core, PcpOps pcps) {
    this.core = core;
    this.pcps = pcps;
    this.bySize =
        core.zones.stream()
            .sorted((a, b) -> Long.compare(b.endPfn - b.startPfn, a.endPfn - a.startPfn))
            .toArray(ZoneState[]::new);
  }

  /**
   * Gives a reference up, and the block if it was the last one. In one piece, as {@link
   * PageRequests#alloc}.
   */
  void free(LinuxCpuPages own, long pfn, int order) {
    Cpu cpu = own.cpu();
    ZoneState zone = zoneOf(pfn);
    if (zone == null) {
      throw new MisuseException("in no zone: pfn=" + pfn);
    }
    PageEvents events = core.events;
    if (order < CpuPages.ORDERS
        && zone.listsOn
        && own.freeTo(zone.pcp(cpu.id()).returns, pfn, order)) {
      return;
    }
    if (core.memMap.refcount(pfn) <= 0 || core.memMap.order(pfn) != order) {
      throw notHeld(pfn, order);
    }
    if (core.memMap.putUnlessLast(pfn)) {
      return;
    }
    if (core.memMap.mapcount(pfn) != 0 || core.memMap.entireMapcount(pfn) != 0) {
      throw new MisuseException(
          "freed while mapped: " + describe(pfn) + " mapcount=" + core.memMap.mapcount(pfn));
    }
    if (!core.memMap.freeze(pfn, 1)) { // somebody has found it in the meantime
      free(own, pfn, order);
      return;
    }
    if (events != null) {
      events.free(cpu, pfn, order);
    }
    if (order > zone.maxOrder) { // held since before the start: nobody can have allocated it
      pcps.freeOne(cpu, zone, pfn, order);
      return;
    }
    int type = zone.pageblocks.get(pfn);
    if (!zone.listsOn
        || !PcpPages.allows(order, zone.pageblockOrder)
        || type == Migratetype.ISOLATE) {
      pcps.freeOne(cpu, zone, pfn, order);
      return;
    }
    core.memMap.release(pfn, order, FrameOwner.PCP);
    // Pages of the atomic reserve rest on the lists of Movable until they are drained.
    pcps.put(cpu, zone, pfn, order, type < Migratetype.PCPTYPES ? type : Migratetype.MOVABLE);
  }

  MisuseException notHeld(long pfn, int order) {
    return new MisuseException("not a block of order=" + order + " in use: " + describe(pfn));
  }

  String describe(long pfn) {
    if (pfn < 0 || pfn >= core.memMap.endPfn()) {
      return "no such frame: pfn=" + pfn + " endPfn=" + core.memMap.endPfn();
    }
    return String.format(
        "pfn=%d owner=%s order=%d refcount=%d",
        pfn, core.memMap.owner(pfn), core.memMap.order(pfn), core.memMap.refcount(pfn));
  }

  @Nullable ZoneState zoneOf(long pfn) {
    for (ZoneState zone : bySize) {
      if (zone.contains(pfn)) {
        return zone;
      }
    }
    return null;
  }
}
