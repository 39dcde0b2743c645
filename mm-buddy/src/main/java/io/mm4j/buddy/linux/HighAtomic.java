// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;

/**
 * Pageblocks set aside for atomic requests of more than one page: about one percent of a zone. A
 * pageblock that served one is reserved; when reclaim makes no headway one is given up again.
 *
 * <p>Models {@code reserve_highatomic_pageblock()} and {@code unreserve_highatomic_pageblock()} of
 * mm/page_alloc.c (Linux 6.18).
 */
final class HighAtomic {
  private final Core core;

  HighAtomic(Core core) {
    this.core = core;
  }

  /** Reserves the pageblock that a block came from, within the limit. */
  void reserve(Cpu cpu, ZoneState zone, long pfn, int order) {
    long percent = zone.marks.managed() / 100;
    long block = zone.pageblocks.pages();
    long limit = (percent + block - 1) & -block;
    if (percent < block || zone.reservedHighatomic >= limit || !zone.typesOn) {
      return;
    }
    zone.zone.lock().lock();
    try {
      int type = zone.pageblocks.get(pfn);
      long first = pfn & -block;
      boolean inside = first >= zone.startPfn && first + block <= zone.endPfn;
      if (zone.reservedHighatomic >= limit || type >= Migratetype.PCPTYPES || !inside) {
        return;
      }
      if (order < zone.pageblockOrder) {
        zone.frames.movePageblock(pfn, Migratetype.HIGHATOMIC);
        zone.reservedHighatomic += block;
      } else {
        zone.pageblocks.setRange(pfn, order, Migratetype.HIGHATOMIC);
        zone.reservedHighatomic += 1L << order;
      }
      zone.refresh();
    } finally {
      zone.zone.lock().unlock();
    }
    if (core.explains()) {
      core.step(cpu, zone + ": pageblock of pfn " + pfn + " is reserved for atomic requests");
    }
  }

  /**
   * Gives one pageblock with free pages up, for the request's type.
   *
   * @param force also the last one of a zone
   * @return whether one was given up
   */
  boolean unreserve(AllocContext request, boolean force) {
    for (ZoneState zone : request.zones) {
      if (zone.reservedHighatomic == 0
          || (!force && zone.reservedHighatomic <= zone.pageblocks.pages())) {
        continue;
      }
      zone.zone.lock().lock();
      try {
        if (unreserveOne(zone, request.migratetype)) {
          return true;
        }
      } finally {
        zone.zone.lock().unlock();
      }
    }
    return false;
  }

  private static boolean unreserveOne(ZoneState zone, int type) {
    for (int order = 0; order <= zone.maxOrder; order++) {
      long pfn = zone.frames.head(order, Migratetype.HIGHATOMIC);
      if (pfn != FrameAllocator.NONE) {
        long pages = Math.max(zone.pageblocks.pages(), 1L << order);
        zone.reservedHighatomic -= Math.min(pages, zone.reservedHighatomic);
        zone.frames.movePageblock(pfn, type);
        zone.refresh();
        return true;
      }
    }
    return false;
  }
}
