// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import java.util.List;

/**
 * Where the pages of a {@link HugePool} come from and go to, and what is done to all the bytes of
 * one. Up to the largest block of the page allocator a page is such a block; a larger one, which
 * Linux calls gigantic, is a range that is emptied for it ({@code alloc_gigantic_folio},
 * mm/hugetlb.c; {@code alloc_contig_pages}, mm/page_alloc.c; Linux 6.18).
 *
 * <p>Those of the kernel command line are taken from memblock before the page allocator has any
 * memory ({@code alloc_bootmem_huge_page}).
 */
final class HugeSource {
  private final Frames frames;
  private final MemMap map;
  private final int order;

  /** Of pages of {@code 1 << order} frames. */
  HugeSource(Frames frames, int order) {
    this.frames = frames;
    this.map = frames.map;
    this.order = order;
  }

  /** {@code hstate_is_gigantic()}. */
  boolean isGigantic() {
    return order > Pages.MAX_PAGE_ORDER;
  }

  /** The first frame of a page that the pool refers to, {@link Frames#NONE} if there is none. */
  long take() {
    long pfn = isGigantic() ? range() : block();
    if (pfn != Frames.NONE) {
      int flags = PageFlags.PG_UPTODATE | PageFlags.PG_HEAD;
      map.hold(pfn, order, FrameOwner.HUGETLB, flags, 0, 0);
    }
    return pfn;
  }

  /**
   * {@code prep_and_add_bootmem_folios}: makes a page of frames that were taken at boot, which
   * count as managed already.
   */
  void adopt(long pfn) {
    map.prepare(pfn, order, FrameOwner.KERNEL);
    int flags = PageFlags.PG_UPTODATE | PageFlags.PG_HEAD;
    map.hold(pfn, order, FrameOwner.HUGETLB, flags, 0, 0);
  }

  private long block() {
    return frames.pages.alloc(PageGfp.HUGETLB, order);
  }

  /** {@code alloc_contig_pages()}: the zones from the highest on, each from its start on. */
  private long range() {
    for (Node node : frames.nodes()) {
      List<Zone> zones = node.zones();
      for (int i = zones.size() - 1; i >= 0; i--) {
        long pfn = rangeOf(zones.get(i));
        if (pfn != Frames.NONE) {
          return pfn;
        }
      }
    }
    return Frames.NONE;
  }

  private long rangeOf(Zone zone) {
    long pages = 1L << order;
    if (zone.type() == ZoneType.MOVABLE) {
      return Frames.NONE; // gigantic pages cannot be moved
    }
    long pfn = zone.startPfn() + pages - 1 & -pages;
    for (; pfn + pages <= zone.endPfn(); pfn += pages) {
      if (isPossible(pfn, pfn + pages) && frames.takeRange(pfn, pfn + pages)) {
        map.prepare(pfn, order, FrameOwner.KERNEL);
        return pfn;
      }
    }
    return Frames.NONE;
  }

  /**
   * {@code pfn_range_valid_contig()}: no hole, nothing that the page allocator never had, and no
   * huge page of a pool.
   */
  private boolean isPossible(long startPfn, long endPfn) {
    for (long pfn = startPfn; pfn < endPfn; pfn = Math.min(endPfn, map.sameUntil(pfn))) {
      FrameOwner owner = map.owner(pfn);
      if (owner == FrameOwner.NONE || owner == FrameOwner.RESERVED || owner == FrameOwner.HUGETLB) {
        return false;
      }
    }
    return true;
  }

  /** Gives a page back, of which the caller has the only reference. */
  void giveBack(long head) {
    if (!isGigantic()) {
      frames.put(head);
      return;
    }
    // The page allocator takes it in blocks of the largest order that it has.
    boolean last = map.drop(head, order);
    long step = 1L << Pages.MAX_PAGE_ORDER;
    for (long pfn = head; last && pfn < head + (1L << order); pfn += step) {
      map.prepare(pfn, Pages.MAX_PAGE_ORDER, FrameOwner.KERNEL);
      frames.pages.free(pfn, Pages.MAX_PAGE_ORDER);
    }
  }

  /** {@code folio_zero_user()}. */
  void clear(long head) {
    if (isGigantic()) {
      frames.bytes().discard(head, order);
    } else {
      frames.bytes().clear(head, order);
    }
  }

  /** {@code copy_user_large_folio()}: the frames that are not all zeroes, into a clear page. */
  void copy(long to, long from) {
    for (long i = 0; i < 1L << order; i++) {
      if (!frames.bytes().isZeroFilled(from + i)) {
        frames.bytes().copyPage(to + i, from + i);
      }
    }
  }
}
