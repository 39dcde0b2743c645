// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code do_pagemap_scan()} (fs/proc/task_mmu.c, Linux 6.18). An entry counts as written unless
 * userfaultfd protects it, also one where nothing is, as long as its page table exists. What is
 * found is protected if the request says so, in VMAs whose userfaultfd has WP_ASYNC.
 *
 * <p>Regions are collected in a buffer as large as a page table has entries, and written to the
 * vector when it is full; the walk then goes on from there.
 */
final class ScanCall {
  private static final int REGION_BYTES = 24;
  private static final long FLAGS = PagemapScan.WP_MATCHING | PagemapScan.CHECK_WPASYNC;

  private final Mm mm;
  private final Touch touch;
  private final UffdProtect protect;

  ScanCall(Mm mm, Touch touch) {
    this.mm = mm;
    this.protect = new UffdProtect(mm);
    this.touch = touch;
  }

  /** The call. */
  PagemapScan.Found scan(PagemapScan scan) {
    long arg = scan.argUaddr();
    if (arg != 0
        && !(mm.userRange(arg, PagemapScan.SIZE) && touch.kernelRead(arg, PagemapScan.SIZE))) {
      return refused(Errno.EFAULT, "the request cannot be read");
    }
    if (scan.size() != PagemapScan.SIZE
        || (scan.flags() & ~FLAGS) != 0
        || ((scan.inverted() | scan.mask() | scan.anyof() | scan.returned())
                & ~PagemapScan.CATEGORIES)
            != 0) {
      return refused(Errno.EINVAL, "another size of the struct, unknown flags or categories");
    }
    if ((scan.start() & Mm.PAGE - 1) != 0) {
      return refused(Errno.EINVAL, "the start is not page-aligned");
    }
    if (!mm.userRange(scan.start(), scan.end() - scan.start())) {
      return refused(Errno.EFAULT, "the range is not in user space");
    }
    if (scan.vec() == 0 && scan.vecLen() != 0) {
      return refused(Errno.EINVAL, "a vector with room at address 0");
    }
    boolean tooLong = Long.compareUnsigned(scan.vecLen(), Long.MAX_VALUE / REGION_BYTES) > 0;
    if (scan.vec() != 0 && (tooLong || !mm.userRange(scan.vec(), scan.vecLen() * REGION_BYTES))) {
      return refused(Errno.EFAULT, "the vector is not in user space");
    }
    Walk walk = new Walk(scan);
    long result = walk.run();
    if (arg != 0 && !store(arg + PagemapScan.WALK_END_OFFSET, walk.walkEnd)) {
      result = mm.error(Errno.EFAULT, "the end of the walk cannot be written");
    }
    return new PagemapScan.Found(result, walk.walkEnd, walk.written);
  }

  private PagemapScan.Found refused(int errno, String reason) {
    return new PagemapScan.Found(mm.error(errno, reason), -1, List.of());
  }

  /** Writes eight bytes to user memory, as many as can be. */
  private boolean store(long addr, long value) {
    for (int i = 0; i < Long.BYTES; i++) {
      int next = (int) (value >>> (i * 8)) & 255;
      if (!touch.access(addr + i, Touch.Access.WRITE, next).ok()) {
        return false;
      }
    }
    return true;
  }

  /** One request on its way. */
  private final class Walk {
    private final PagemapScan scan;
    private final long end;
    private final long mostPages;
    private final boolean hasBuffer;
    private final List<PagemapScan.Region> buffer = new ArrayList<>();
    private final List<PagemapScan.Region> written = new ArrayList<>();
    private long bufferRoom;
    private long vecAt;
    private long vecLeft;
    private long pagesFound;
    private long walkEnd;

    /** The region that grows; nothing if it ends at 0. */
    private long from;

    private long to;
    private long categories;

    /** Whether buffer or number of pages were used up. */
    private boolean full;

    /** Whether what is found in the VMA is protected. */
    private boolean protects;

    /** What all pages of the VMA have. */
    private long ofVma;

    Walk(PagemapScan scan) {
      this.scan = scan;
      this.end = Mm.pageAlign(scan.end());
      this.mostPages = scan.maxPages() == 0 ? -1 : scan.maxPages();
      this.vecAt = scan.vec();
      this.vecLeft = scan.vecLen();
      this.hasBuffer = vecLeft != 0;
      this.bufferRoom = Math.min(mm.hugeBytes >>> 12, vecLeft);
    }

    long run() {
      long error = 0;
      for (long at = scan.start(); Long.compareUnsigned(at, end) < 0; at = walkEnd) {
        full = false;
        error = walk(at);
        if (!flush()) {
          error = mm.error(Errno.EFAULT, "the vector cannot be written");
        }
        if (error != 0 || !full || vecLeft == 0 || pagesFound == mostPages) {
          break;
        }
      }
      walkEnd = walkEnd == 0 ? end : walkEnd;
      return error == 0 ? written.size() : error;
    }

    private long walk(long start) {
      for (Vma vma = mm.vmas.find(start);
          vma != null && vma.start < end && !full;
          vma = mm.vmas.next(vma)) {
        boolean allowed = vma.uffd != null && vma.uffd.isAsync() && UffdProtect.usesMarkers(vma);
        if (!allowed && (scan.flags() & PagemapScan.CHECK_WPASYNC) != 0) {
          return mm.error(Errno.EPERM, "a VMA whose pages userfaultfd does not write-protect");
        }
        boolean soft = vma.has(VmFlags.SOFTDIRTY);
        ofVma = (soft ? PagemapScan.SOFT_DIRTY : 0) | (allowed ? PagemapScan.WPALLOWED : 0);
        boolean skipped =
            (!allowed && (scan.flags() & PagemapScan.WP_MATCHING) != 0)
                || vma.has(VmFlags.PFNMAP)
                || ((ofVma ^ scan.inverted()) & scan.mask() & PagemapScan.WPALLOWED)
                    != (scan.mask() & PagemapScan.WPALLOWED);
        if (!skipped) {
          protects = allowed && (scan.flags() & PagemapScan.WP_MATCHING) != 0;
          vma(vma, Math.max(start, vma.start), Math.min(end, vma.end));
        }
      }
      return 0;
    }

    private void vma(Vma vma, long start, long past) {
      long at = start;
      while (at < past && !full) {
        boolean ofPool = vma.has(VmFlags.HUGETLB);
        long size = ofPool ? vma.hugeBytes() : mm.hugeBytes;
        long border = Math.min(past, (at | size - 1) + 1);
        if (ofPool) {
          long _ = page(mm.huge(vma).hasDirectory(at) ? poolPage(vma, at) : ofVma, at, border);
        } else if (!mm.pages.hasTable(at)) {
          border = mm.pages.ranges().nextTable(border, past);
          // Whoever is told of writes is told of those to come, too.
          long written = vma.has(VmFlags.UFFD_WP) ? PagemapScan.WRITTEN : 0;
          long end = page(ofVma | written, at, border);
          if (protects && end > at && protect.part(vma, at, end, true) != 0) {
            return;
          }
        } else if (mm.pages.huge().isAt(at) && !splits(vma, at, border)) {
          hugePage(vma, at, border);
        } else {
          for (; at < border && !full; at += Mm.PAGE) {
            singlePage(vma, at);
          }
        }
        at = border;
      }
    }

    /** A huge mapping that is to be protected in part is split, and its pages are looked at. */
    private boolean splits(Vma vma, long at, long border) {
      boolean whole = border - at == mm.hugeBytes && mostPages - pagesFound >= mm.hugeBytes >>> 12;
      if (!protects || whole || !interests(ofVma | PagemapScan.HUGE | present(vma, at))) {
        return false;
      }
      mm.pages.huge().split(at);
      return true;
    }

    private void hugePage(Vma vma, long at, long border) {
      long found = ofVma | PagemapScan.HUGE | present(vma, at);
      long end = page(found, at, border);
      if (protects && end > at && (found & PagemapScan.WRITTEN) != 0) {
        mm.pages.uffd().protect(at);
      }
    }

    private void singlePage(Vma vma, long at) {
      long found = ofVma | present(vma, at);
      long end = page(found, at, at + Mm.PAGE);
      if (protects && end > at && (found & PagemapScan.WRITTEN) != 0) {
        mm.pages.uffd().protectAny(at);
      }
    }

    /** {@code pagemap_page_category()} and {@code pagemap_thp_category()}. */
    private long present(Vma vma, long at) {
      int kind = mm.pages.look(at);
      long written = mm.pages.isUffdWp() ? 0 : PagemapScan.WRITTEN;
      if (kind == PageTable.NOTHING) {
        return written == 0 ? PagemapScan.SWAPPED : written;
      }
      long soft = mm.pages.isSoftDirty() ? PagemapScan.SOFT_DIRTY : 0;
      if (kind == PageTable.GUARD) {
        return PagemapScan.SWAPPED | written | (mm.pages.isPoison() ? 0 : PagemapScan.GUARD) | soft;
      }
      long has = PagemapScan.PRESENT | written | soft;
      if (kind == PageTable.ZERO) {
        has |= PagemapScan.PFNZERO;
      } else if (mm.isFilePage(vma, at, mm.pages.pfn())) {
        has |= PagemapScan.FILE;
      }
      return has;
    }

    /** {@code pagemap_hugetlb_category()}: an empty entry is huge, too. */
    private long poolPage(Vma vma, long at) {
      boolean none = mm.huge(vma).head(at) == Frames.NONE;
      return ofVma | PagemapScan.HUGE | (none ? 0 : present(vma, at & -vma.hugeBytes()));
    }

    /** {@code pagemap_scan_is_interesting_page()}. */
    private boolean interests(long found) {
      long seen = found ^ scan.inverted();
      return (seen & scan.mask()) == scan.mask()
          && (scan.anyof() == 0 || (seen & scan.anyof()) != 0);
    }

    /** Tells pages that are asked for: where those end that were, {@code start} if none was. */
    private long page(long found, long start, long past) {
      if (!interests(found)) {
        return start;
      }
      return hasBuffer ? output(found & scan.returned(), start, past) : past;
    }

    /** {@code pagemap_scan_output()}. */
    private long output(long has, long start, long past) {
      long pages = (past - start) >>> 12;
      long left = mostPages - pagesFound;
      if (Long.compareUnsigned(pages, left) > 0) {
        pages = left;
        full = true;
      }
      if (!push(has, start, start + (pages << 12))) {
        pages = 0;
        full = true;
      }
      pagesFound += pages;
      if (full) {
        walkEnd = start + (pages << 12);
      }
      return start + (pages << 12);
    }

    /** {@code pagemap_scan_push_range()}: false if the buffer is full. */
    private boolean push(long has, long start, long past) {
      if (start == past || (to == start && categories == has && to != 0)) {
        to = start == past ? to : past;
        return true;
      }
      if (to != 0) {
        if (buffer.size() + 1 >= bufferRoom) {
          return false;
        }
        buffer.add(new PagemapScan.Region(from, to, categories));
      }
      from = start;
      to = past;
      categories = has;
      return true;
    }

    /** {@code pagemap_scan_flush_buffer()}: false if the vector could not be written. */
    private boolean flush() {
      if (to != 0) {
        buffer.add(new PagemapScan.Region(from, to, categories));
      }
      boolean ofProcess = scan.argUaddr() != 0;
      for (PagemapScan.Region region : buffer) {
        if (ofProcess
            && !(store(vecAt, region.start())
                && store(vecAt + 8, region.end())
                && store(vecAt + 16, region.categories()))) {
          return false;
        }
        vecAt += REGION_BYTES;
        written.add(region);
      }
      vecLeft -= buffer.size();
      bufferRoom = Math.min(bufferRoom, vecLeft);
      buffer.clear();
      to = 0;
      return true;
    }
  }
}
