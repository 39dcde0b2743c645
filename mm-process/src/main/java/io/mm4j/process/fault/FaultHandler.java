// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.process.ThpMode;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Page;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * {@code handle_mm_fault} (mm/memory.c, mm/huge_memory.c of Linux 6.18): makes one address present.
 *
 * <p>Anonymous memory: a read maps the zero page, a write a page of its own and gives the VMA its
 * anon_vma. Where huge pages are allowed and 2 MiB fit the VMA, and no page table is there yet,
 * both map 2 MiB and both give the VMA its anon_vma. Files: a read maps up to 16 cached pages
 * around the address; a write to a private mapping maps a copy and gives the VMA its anon_vma, even
 * when the page then turns out to lie behind the end of the file.
 */
public final class FaultHandler {
  /** What a fault led to. */
  public enum Result {
    /** The address is present. */
    OK,
    /** Behind the end of the file. */
    SIGBUS,
    /** A guard page. */
    SIGSEGV,
    /** No memory. */
    OOM
  }

  private static final long FAULT_AROUND_PAGES = 16;
  private static final long HUGE_PAGES = 512;

  private final Mm mm;

  /** Over one address space. */
  public FaultHandler(Mm mm) {
    this.mm = mm;
  }

  /** Makes an address of a VMA present for this access, which the VMA allows. */
  public Result handle(Vma vma, long addr, boolean write) {
    PageTable pages = mm.pages;
    if (vma.special == Vma.Special.VVAR || vma.special == Vma.Special.VVAR_VCLOCK) {
      return clockData(vma, addr);
    }
    if (pages.noRoomFor(HUGE_PAGES) && pages.get(addr) == null) {
      return Result.OOM;
    }
    if (!pages.hasTable(addr) && hugeFits(vma, addr)) {
      mm.because("fault", "no page table yet, and 2 MiB fit: a huge page");
      return mapHuge(vma, addr, write);
    }
    if (pages.isHuge(addr)) {
      if (!write) {
        return Result.OK;
      }
      if (vma.has(VmFlags.SHARED) && vma.backing != null) {
        vma.backing.markDirty(vma.pgoffAt(addr));
        return Result.OK;
      }
      if (vma.isAnonymous()) {
        return writeHuge(vma, addr);
      }
      pages.splitHuge(addr);
    }
    Object entry = pages.get(addr);
    if (entry == null) {
      return vma.isAnonymous() ? anonymous(vma, addr, write) : file(vma, addr, write);
    }
    if (entry == PageTable.GUARD) {
      mm.because("fault", "a guard page (MADV_GUARD_INSTALL)");
      return Result.SIGSEGV;
    }
    if (!write) {
      mm.because("fault", "the page is present: no fault");
    }
    return write ? writePresent(vma, addr, entry) : Result.OK;
  }

  /**
   * {@code vvar_fault} (lib/vdso/datastore.c) and {@code vvar_vclock_fault} (arch/x86): of the data
   * of the vdso, the pages of time and of random numbers exist; that of a time namespace does not
   * outside of one, nor does x86 have one of its own. Of the clocks of hypervisors, the guest of
   * KVM that was recorded has the first and not the second. They are never split, so the page is
   * told by its distance from the start.
   */
  private static Result clockData(Vma vma, long addr) {
    long page = (addr - vma.start) >> 12;
    boolean exists = vma.special == Vma.Special.VVAR ? page == 0 || page == 2 : page == 0;
    return exists ? Result.OK : Result.SIGBUS;
  }

  private Result anonymous(Vma vma, long addr, boolean write) {
    if (!write) {
      mm.because("fault", "first read of anonymous memory: the zero page is mapped");
      mm.pages.set(addr, PageTable.ZERO);
      return Result.OK;
    }
    boolean first = vma.anonVma == null;
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    explainAnon(first, "first write to anonymous memory: a zeroed page");
    mm.pages.set(addr, Page.zeroed());
    return Result.OK;
  }

  /** From now on the VMA has pages of its own, which decides about merging. */
  private void explainAnon(boolean first, String what) {
    if (mm.explaining()) {
      mm.because("fault", what + (first ? "; the VMA gets an anon_vma" : ""));
    }
  }

  private Result file(Vma vma, long addr, boolean write) {
    FileObject file = java.util.Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(addr);
    if (write && !vma.has(VmFlags.SHARED)) {
      boolean first = vma.anonVma == null;
      if (!AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      if (file.beyondEnd(index)) {
        mm.because("fault", "behind the end of the file");
        return Result.SIGBUS;
      }
      explainAnon(first, "first write to a private file mapping: a copy of the page");
      readIfAbsent(vma, file, index);
      mm.pages.set(addr, file.page(index).copy());
      return Result.OK;
    }
    if (!write && aroundFault(vma, file, addr)) {
      mm.because("fault", "a page of the file, and the cached ones around it (fault-around)");
      return Result.OK;
    }
    if (file.beyondEnd(index)) {
      mm.because("fault", "behind the end of the file");
      return Result.SIGBUS;
    }
    if (readIfAbsent(vma, file, index) && !write && aroundFault(vma, file, addr)) {
      return Result.OK; // what waits for the disk is tried again from the start
    }
    finish(vma, file, addr);
    if (write) {
      file.markDirty(index);
    }
    return Result.OK;
  }

  /** True if the page had to be read, so that the fault begins again. */
  private static boolean readIfAbsent(Vma vma, FileObject file, long index) {
    if (file.isCached(index)) {
      file.faulted(index);
      return false;
    }
    file.readIn(index, !vma.has(VmFlags.RAND_READ));
    return !file.isShmem();
  }

  /**
   * {@code do_fault_around} and {@code filemap_map_pages}: an aligned window of 16 pages, cut to
   * the VMA, the page table and the file. The first folio in it decides whether a missing page
   * table is made, and whether folios are mapped whole. True if the address is present afterwards.
   */
  private boolean aroundFault(Vma vma, FileObject file, long addr) {
    if (vma.special != Vma.Special.NONE) {
      return false;
    }
    long slot = addr >>> 12 & 511;
    long inVma = (addr - vma.start) >> 12;
    long from = Math.max(slot & -FAULT_AROUND_PAGES, slot - Math.min(slot, inVma));
    long to = Math.min(Math.min(from + FAULT_AROUND_PAGES, 512), slot + vma.pages() - inVma);
    long index = vma.pgoffAt(addr);
    long past = Math.min(index + to - slot, file.pageCount());
    long first = file.nextMappable(index + from - slot, past);
    if (first >= past) {
      return false;
    }
    boolean large = file.mapsLarge(first);
    if (large && mapHugeFile(vma, file, addr, first)) {
      return true;
    }
    if (!large && !mm.pages.hasTable(addr)) {
      return false;
    }
    for (long i = first; i < past; i = file.nextMappable(i, past)) {
      long end = file.folioEnd(i);
      if (large && end - i > 1 && fits(vma, file, addr, i)) {
        mapAbsent(vma, file, file.folioStart(i), end);
      } else {
        mapAbsent(vma, file, i, Math.min(end, past));
      }
      i = end;
    }
    return mm.pages.get(addr) != null;
  }

  /** Whether the folio lies within the VMA and within the page table of an address. */
  private static boolean fits(Vma vma, FileObject file, long addr, long index) {
    long first = file.folioStart(index);
    long past = file.folioEnd(index);
    if (first < vma.pgoff || past > vma.pgoff + vma.pages()) {
      return false;
    }
    long at = vma.start + ((first - vma.pgoff) << 12);
    long last = vma.start + ((past - vma.pgoff) << 12) - 1;
    return at >>> 21 == addr >>> 21 && last >>> 21 == addr >>> 21;
  }

  private void mapAbsent(Vma vma, FileObject file, long first, long past) {
    for (long i = first; i < past; i++) {
      long at = vma.start + ((i - vma.pgoff) << 12);
      if (mm.pages.get(at) == null) {
        mm.pages.set(at, file.page(i));
      }
    }
  }

  /** {@code finish_fault}: the page, or all of its folio if nothing is mapped there yet. */
  private void finish(Vma vma, FileObject file, long addr) {
    long index = vma.pgoffAt(addr);
    if (mapHugeFile(vma, file, addr, index)) {
      return;
    }
    if (vma.special == Vma.Special.NONE && file.folioOrder(index) > 0) {
      long first = file.folioStart(index);
      long at = vma.start + ((first - vma.pgoff) << 12);
      if (fits(vma, file, addr, index)
          && mm.pages.isEmpty(at, at + ((file.folioEnd(index) - first) << 12))) {
        mapAbsent(vma, file, first, file.folioEnd(index));
        return;
      }
    }
    mm.pages.set(addr, file.page(index));
  }

  /** {@code do_set_pmd}: a folio of 2 MiB that lies right is mapped at once. */
  private boolean mapHugeFile(Vma vma, FileObject file, long addr, long index) {
    long from = addr & -Mm.HUGE_BYTES;
    if (mm.pages.hasTable(addr)
        || from < vma.start
        || from + Mm.HUGE_BYTES > vma.end
        || vma.has(VmFlags.NOHUGEPAGE)
        || (vma.pgoffAt(from) & 511) != 0
        || file.folioOrder(index) != 9) {
      return false;
    }
    Page[] pages = new Page[512];
    for (int i = 0; i < pages.length; i++) {
      pages[i] = file.page(vma.pgoffAt(from) + i);
    }
    mm.pages.setHuge(addr, pages);
    return true;
  }

  private Result writePresent(Vma vma, long addr, Object entry) {
    if (vma.has(VmFlags.SHARED)) {
      if (vma.backing != null) {
        vma.backing.markDirty(vma.pgoffAt(addr));
      }
      return Result.OK;
    }
    if (entry instanceof Page page && page.kind() == Page.Kind.ANON) {
      if (page.mapCount() > 1) {
        explainAnon(vma.anonVma == null, "the page is shared since fork: this process gets a copy");
        if (!AnonVmas.prepare(mm.vmas, vma)) {
          return Result.OOM;
        }
        mm.pages.set(addr, page.copy());
      }
      return Result.OK;
    }
    explainAnon(
        vma.anonVma == null,
        entry instanceof Page
            ? "a write to a page of the file in a private mapping: a copy"
            : "a write where the zero page was: a zeroed page");
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    mm.pages.set(addr, entry instanceof Page page ? page.copy() : Page.zeroed());
    return Result.OK;
  }

  // ---------------------------------------------------------------- huge pages

  /** Whether faults in this VMA may map huge pages at all ({@code thp_vma_allowable_order}). */
  public boolean hugeAllowed(Vma vma) {
    if (!vma.isAnonymous() || vma.hasAny(VmFlags.NOHUGEPAGE | VmFlags.SPECIAL)) {
      return false;
    }
    return mm.thp() == ThpMode.ALWAYS || (mm.thp() == ThpMode.MADVISE && vma.has(VmFlags.HUGEPAGE));
  }

  private boolean hugeFits(Vma vma, long addr) {
    long from = addr & -Mm.HUGE_BYTES;
    return hugeAllowed(vma) && from >= vma.start && from + Mm.HUGE_BYTES <= vma.end;
  }

  private Result mapHuge(Vma vma, long addr, boolean write) {
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    mm.pages.setHuge(addr, write ? freshHuge() : null);
    return Result.OK;
  }

  private Result writeHuge(Vma vma, long addr) {
    if (mm.pages.isHugeZero(addr)) {
      if (!AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      mm.pages.clearHuge(addr);
      mm.pages.setHuge(addr, freshHuge());
      return Result.OK;
    }
    Object entry = mm.pages.get(addr);
    if (entry instanceof Page page && page.mapCount() > 1) {
      mm.pages.splitHuge(addr);
      return writePresent(vma, addr, page);
    }
    return Result.OK;
  }

  private static Page[] freshHuge() {
    return Page.zeroedFolio(512);
  }
}
