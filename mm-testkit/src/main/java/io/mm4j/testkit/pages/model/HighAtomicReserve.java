// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.Migratetype;

/**
 * Pageblocks that are kept for high-order requests that cannot wait: {@code
 * reserve_highatomic_pageblock()} and {@code unreserve_highatomic_pageblock()} of mm/page_alloc.c
 * (Linux 6.18).
 */
public class HighAtomicReserve {
  /**
   * The pageblock of a block that was just given, unless the zone is too small or has one part in a
   * hundred already.
   */
  void reserve(ModelZone zone, long pfn, int order) {
    long part = zone.zone.managedPages() / 100;
    int block = zone.blockPages();
    long most = (part + block - 1) / block * block;
    if (part < block
        || zone.reservedHighatomic >= most
        || zone.typeOf(pfn) >= Migratetype.PCPTYPES) {
      return;
    }
    if (order >= zone.blockOrder()) {
      zone.zone.pageblocks().setRange(pfn, order, Migratetype.HIGHATOMIC);
      zone.reservedHighatomic += 1L << order;
    } else if (whole(zone, pfn)) {
      zone.frames.movePageblock(pfn, Migratetype.HIGHATOMIC);
      zone.reservedHighatomic += block;
    }
  }

  private static boolean whole(ModelZone zone, long pfn) {
    long start = pfn & -(long) zone.blockPages();
    return zone.zone.contains(start) && zone.zone.contains(start + zone.blockPages() - 1);
  }

  /**
   * Gives one pageblock back to the type that is short.
   *
   * @param force also the last one of a zone
   * @return whether free pages came with it
   */
  public boolean unreserve(Request request, boolean force) {
    for (ModelZone zone : request.zones()) {
      if (!force && zone.reservedHighatomic <= zone.blockPages()) {
        continue;
      }
      for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
        long pfn = zone.frames.head(order, Migratetype.HIGHATOMIC);
        if (pfn != FrameAllocator.NONE) {
          zone.reservedHighatomic -=
              Math.min(zone.reservedHighatomic, Math.max(zone.blockPages(), 1L << order));
          if (zone.frames.movePageblock(pfn, request.type()) > 0) {
            return true;
          }
        }
      }
    }
    return false;
  }
}
