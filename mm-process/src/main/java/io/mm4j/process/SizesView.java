// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.SwapType;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.Pagemap;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageKind;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * What smaps sums up of a VMA, and pagemap: fs/proc/task_mmu.c of Linux 6.18 with
 * CONFIG_PAGE_MAPCOUNT. Read from the page tables and the rows of frames, as they are.
 *
 * <p>Differs: frames have no referenced flag of their own, so that Referenced follows the entries.
 */
final class SizesView {
  private static final long PAGE = Pages.PAGE_SIZE;

  private final Mm mm;

  SizesView(Mm mm) {
    this.mm = mm;
  }

  /** {@code smap_gather_stats()}. */
  MemSizeStats sizes(Vma vma) {
    if (vma.has(VmFlags.PFNMAP)) {
      return MemSizeStats.NONE;
    }
    return new Sum(vma).gather();
  }

  /** {@code thp_vma_allowable_order()} for smaps: the last 2 MiB of the VMA decide. */
  static boolean fitsHuge(Vma vma, long hugeBytes) {
    long last = vma.end - hugeBytes & -hugeBytes;
    return vma.end - vma.start >= hugeBytes && last >= vma.start;
  }

  /** {@code pagemap_read()}. */
  void pagemap(long start, long end, Pagemap.Sink sink) {
    for (Vma vma = mm.vmas.find(start);
        vma != null && Long.compareUnsigned(vma.start, end) < 0;
        vma = mm.vmas.next(vma)) {
      long from = Math.max(start, vma.start);
      long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      if (!vma.has(VmFlags.PFNMAP)) {
        entries(vma, from & -PAGE, to, sink);
      }
    }
  }

  private void entries(Vma vma, long from, long to, Pagemap.Sink sink) {
    Frames frames = mm.context.frames();
    EntryBits bits = frames.format().bits();
    long ofVma = vma.has(VmFlags.SOFTDIRTY) ? Pagemap.SOFT_DIRTY : 0;
    // pagemap_hugetlb_range looks at the VMA only.
    boolean soft = mm.pages.tracksSoftDirty() && !vma.has(VmFlags.HUGETLB);
    long[] told = {from};
    mm.pages
        .ranges()
        .entries(
            from,
            to,
            (addr, bytes, kind, entry) -> {
              empty(ofVma, told[0], addr, sink);
              told[0] = addr + bytes;
              if (kind < PageTable.ZERO) {
                long value = absent(frames, entry);
                sink.entry(addr, (soft ? value : value & ~Pagemap.SOFT_DIRTY) | ofVma);
                return;
              }
              long head = mm.pages.ranges().frame(bytes, entry);
              long flags =
                  Pagemap.PRESENT
                      | ofVma
                      | (soft && bits.isSoftDirty(entry) ? Pagemap.SOFT_DIRTY : 0)
                      | (bits.isUffdWp(entry) ? Pagemap.UFFD_WP : 0);
              if (kind == PageTable.PAGE && mm.isFilePage(vma, addr, head)) {
                flags |= Pagemap.FILE;
              }
              // Whether a huge mapping is exclusive is asked of its first page.
              if (kind == PageTable.PAGE && frames.mapCount(head) == 1) {
                flags |= Pagemap.MMAP_EXCLUSIVE;
              }
              for (long at = Math.max(from, addr); at < Math.min(to, addr + bytes); at += PAGE) {
                sink.entry(at, flags | (head + ((at - addr) >>> 12)));
              }
            });
    empty(ofVma, told[0], to, sink);
  }

  /** Where nothing is, a VMA that is soft-dirty says so all the same ({@code pagemap_pte_hole}). */
  private static void empty(long ofVma, long from, long to, Pagemap.Sink sink) {
    for (long at = from; at < to && ofVma != 0; at += PAGE) {
      sink.entry(at, ofVma);
    }
  }

  /** A swap-like entry: its type and offset, as {@code pte_to_pagemap_entry()} shows them. */
  private static long absent(Frames frames, long entry) {
    var form = frames.format().absent();
    return Pagemap.SWAP
        | ((form.type(entry) | (form.offset(entry) << 5)) & Pagemap.PFRAME)
        | (form.isSoftDirty(entry) ? Pagemap.SOFT_DIRTY : 0)
        | (form.isUffdWp(entry) || (form.markerBits(entry) & SwapType.MARKER_UFFD_WP) != 0
            ? Pagemap.UFFD_WP
            : 0)
        | (form.isGuard(entry) ? Pagemap.GUARD_REGION : 0);
  }

  /** {@code smaps_account()} and {@code smaps_page_accumulate()} of one VMA. */
  private final class Sum {
    private final Vma vma;
    private final boolean locked;
    private final Frames frames = mm.context.frames();
    private final EntryBits bits = frames.format().bits();
    private long resident;
    private long referenced;
    private long anonymous;
    private long pss;
    private long pssDirty;

    /** Clean and dirty, each shared and private. */
    private final long[] pages = new long[4];

    /** By {@link PageKind}. */
    private final long[] pssOf = new long[3];

    private final long[] thpOf = new long[3];
    private long sharedHugetlb;
    private long privateHugetlb;

    Sum(Vma vma) {
      this.vma = vma;
      this.locked = vma.has(VmFlags.LOCKED);
    }

    MemSizeStats gather() {
      mm.pages
          .ranges()
          .entries(
              vma.start,
              vma.end,
              (addr, bytes, kind, entry) -> {
                if (kind == PageTable.PAGE) {
                  entry(bytes, entry);
                }
              });
      return new MemSizeStats(
          resident,
          pss,
          pssOf[0],
          pssOf[1],
          pssOf[2],
          pssDirty,
          locked ? pss : 0,
          pages[0],
          pages[2],
          pages[1],
          pages[3],
          referenced,
          anonymous,
          thpOf[0],
          thpOf[2],
          thpOf[1],
          sharedHugetlb,
          privateHugetlb);
    }

    private void entry(long bytes, long entry) {
      long head = mm.pages.ranges().frame(bytes, entry);
      if (vma.has(VmFlags.HUGETLB)) {
        if (frames.mapCount(head) > 1) {
          sharedHugetlb += bytes;
        } else {
          privateHugetlb += bytes;
        }
        return;
      }
      int kind = place(frames.kind(head));
      boolean dirty = bits.isDirty(entry) || frames.isDirty(head);
      resident += bytes;
      referenced += bits.isYoung(entry) ? bytes : 0;
      anonymous += kind == 0 ? bytes : 0;
      thpOf[kind] += bytes > PAGE ? bytes : 0;
      for (long page = head; page < head + (bytes >>> Pages.PAGE_SHIFT); page++) {
        int mapped = frames.mapCount(page);
        long share = (PAGE << MemSizeStats.PSS_SHIFT) / Math.max(1, mapped);
        pss += share;
        pssOf[kind] += share;
        pssDirty += dirty ? share : 0;
        pages[(dirty ? 2 : 0) + (mapped < 2 ? 1 : 0)] += PAGE;
      }
    }
  }

  /** Which of the sums by kind. */
  private static int place(PageKind kind) {
    return switch (kind) {
      case ANON -> 0;
      case FILE -> 1;
      case SHMEM -> 2;
    };
  }
}
