// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.MissingPages;
import io.mm4j.api.process.ThpMode;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugeMap;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.page.ReadAhead;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.function.IntUnaryOperator;

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
    OOM,
    /** What was at the address has changed while memory was looked for: once more. */
    RETRY
  }

  private static final long FAULT_AROUND_PAGES = 16;

  private final Mm mm;
  private final PageTable pages;
  private final Frames frames;

  /** Over one address space. */
  public FaultHandler(Mm mm) {
    this.mm = mm;
    this.pages = mm.pages;
    this.frames = mm.context.frames();
  }

  /** Makes an address of a VMA present for this access, which the VMA allows; never RETRY. */
  public Result handle(Vma vma, long addr, boolean write) {
    Result result = once(vma, addr, write);
    while (result == Result.RETRY) {
      result = once(vma, addr, write);
    }
    return result;
  }

  /** {@code hugetlb_fault}: a page of the pool, or SIGBUS where none is left. */
  private Result poolPage(Vma vma, long addr, boolean write) {
    boolean mapped;
    FileObject file = vma.backing;
    if (file != null && vma.pgoffAt(addr) << 12 >= file.sizeBytes()) {
      mm.because("fault", "behind the end of the file of huge pages");
      return Result.SIGBUS;
    }
    HugeMap map = mm.huge(vma);
    if (!map.makeDirectory(addr)) {
      return Result.OOM;
    }
    long prot = mm.prot(vma);
    long huge = vma.hugeIndexAt(addr);
    if (vma.has(VmFlags.MAYSHARE) && file != null) {
      boolean writable = vma.has(VmFlags.SHARED) && vma.has(VmFlags.WRITE);
      mapped = map.mapFile(file, huge, addr, prot, writable);
    } else {
      if (!AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      mapped = map.map(file, huge, addr, prot);
      if (mapped && write) {
        mapped = map.write(addr, head -> mm.context.unmapHuge(head, vma.hugeLevel(), mm));
      }
    }
    mm.because(
        "fault",
        mapped ? "a page of the pool of huge pages" : "no page is left in the pool of huge pages");
    return mapped ? Result.OK : Result.SIGBUS;
  }

  private Result once(Vma vma, long addr, boolean write) {
    if (vma.has(VmFlags.HUGETLB)) {
      return poolPage(vma, addr, write);
    }
    int kind = pages.look(addr);
    boolean noTable = kind == PageTable.NOTHING && pages.lacksTable();
    // __handle_mm_fault makes the upper tables first, whatever comes of it.
    if (noTable && pages.lacksDirectory() && !pages.makeDirectory(addr)) {
      return Result.OOM;
    }
    if (vma.special == Vma.Special.VVAR || vma.special == Vma.Special.VVAR_VCLOCK) {
      return clockData(vma, addr, kind);
    }
    MissingPages listener = mm.missingPages;
    if (listener != null && kind == PageTable.NOTHING && vma.isAnonymous()) {
      IntUnaryOperator bytes = listener.missing(addr & Mm.PAGE_MASK, write);
      if (bytes != null) {
        return bring(vma, addr, bytes);
      }
    }
    if (noTable && hugeFits(vma, addr)) {
      mm.because("fault", "no page table yet, and 2 MiB fit: a huge page");
      if (!AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      if (mapHuge(vma, addr, write)) {
        return Result.OK;
      }
      mm.because("fault", "no block of 2 MiB is free: a single page");
      kind = pages.look(addr);
    }
    if (pages.isHugeEntry()) {
      if (!write) {
        return Result.OK;
      }
      if (vma.has(VmFlags.SHARED) && vma.backing != null) {
        writeShared(vma, addr);
        return Result.OK;
      }
      if (vma.isAnonymous()) {
        return writeHuge(vma, addr, kind);
      }
      pages.splitHuge(addr);
      kind = pages.look(addr);
    }
    if (kind == PageTable.NOTHING) {
      return vma.isAnonymous() ? anonymous(vma, addr, write) : file(vma, addr, write);
    }
    if (kind == PageTable.GUARD) {
      mm.because("fault", "a guard page (MADV_GUARD_INSTALL)");
      return Result.SIGSEGV;
    }
    if (!write) {
      mm.because("fault", "the page is present: no fault");
    }
    return write ? writePresent(vma, addr, kind) : Result.OK;
  }

  /**
   * {@code vvar_fault} (lib/vdso/datastore.c) and {@code vvar_vclock_fault} (arch/x86): of the data
   * of the vdso, the pages of time and of random numbers exist; that of a time namespace does not
   * outside of one, nor does x86 have one of its own. Of the clocks of hypervisors, the guest of
   * KVM that was recorded has the first and not the second. They are never split, so the page is
   * told by its distance from the start. One frame stands for all of them.
   */
  private Result clockData(Vma vma, long addr, int kind) {
    long page = (addr - vma.start) >> 12;
    boolean exists = vma.special == Vma.Special.VVAR ? page == 0 || page == 2 : page == 0;
    if (!exists) {
      return Result.SIGBUS;
    }
    if (kind != PageTable.NOTHING) {
      return Result.OK;
    }
    long time = frames.clockPage();
    if (time == Frames.NONE || !pages.makeTable(addr)) {
      return Result.OOM;
    }
    pages.mapZero(addr, pages.zeroEntry(time, mm.prot(vma)));
    return Result.OK;
  }

  private Result anonymous(Vma vma, long addr, boolean write) {
    if (!write && !mm.context.forbidsZeroPage) {
      mm.because("fault", "first read of anonymous memory: the zero page is mapped");
      long zero = frames.zeroPage();
      if (zero == Frames.NONE || !pages.makeTable(addr)) {
        return Result.OOM;
      }
      if (pages.look(addr) == PageTable.NOTHING) {
        pages.mapZero(addr, pages.zeroEntry(zero, mm.prot(vma)));
      }
      return Result.OK;
    }
    boolean first = vma.anonVma == null;
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    explainAnon(first, "first write to anonymous memory: a zeroed page");
    if (pages.lacksTable() && !pages.makeTable(addr)) {
      return Result.OOM;
    }
    long pfn = frames.newAnon(vma, vma.pgoffAt(addr));
    return own(vma, addr, PageTable.NOTHING, Frames.NONE, pfn);
  }

  /** {@code mfill_atomic_pte_copy}: a page of somebody else's bytes; it may be written at once. */
  private Result bring(Vma vma, long addr, IntUnaryOperator bytes) {
    mm.because("fault", "somebody was asked for the missing page, and brought it");
    if (!AnonVmas.prepare(mm.vmas, vma) || !pages.makeTable(addr)) {
      return Result.OOM;
    }
    long pfn = frames.newAnon(vma, vma.pgoffAt(addr));
    for (int i = 0; i < Mm.PAGE && pfn != Frames.NONE; i++) {
      frames.write(pfn, i, bytes.applyAsInt(i));
    }
    if (pfn == Frames.NONE || vma.has(VmFlags.WRITE)) {
      return own(vma, addr, PageTable.NOTHING, Frames.NONE, pfn);
    }
    pages.map(addr, pfn, pages.entry(pfn, mm.prot(vma)));
    return Result.OK;
  }

  /**
   * Maps an anonymous page of its own that was allocated for this write, unless what was at the
   * address has changed meanwhile: then the access begins anew.
   */
  private Result own(Vma vma, long addr, int kindBefore, long before, long pfn) {
    if (pfn == Frames.NONE) {
      return Result.OOM;
    }
    int kind = pages.again(addr);
    if (kind != kindBefore
        || pages.lacksTable()
        || (kind == PageTable.PAGE && pages.pfn() != before)) {
      frames.put(pfn);
      return Result.RETRY;
    }
    long entry = pages.entry(pfn, mm.prot(vma));
    pages.mapNew(addr, pfn, vma.has(VmFlags.WRITE) ? pages.written(entry) : entry);
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
      boolean _ = readIfAbsent(vma, file, index);
      long page = file.page(index);
      return page != Frames.NONE && pages.makeTable(addr)
          ? own(vma, addr, PageTable.NOTHING, Frames.NONE, frames.newCopy(page, vma, index))
          : Result.OOM;
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
    if (!finish(vma, file, addr)) {
      return Result.OOM;
    }
    if (write) {
      if (pages.look(addr) == PageTable.PAGE) {
        pages.setBits(true, true);
      }
      file.markDirty(index);
    }
    return Result.OK;
  }

  /** True if the page had to be read, so that the fault begins again. */
  private boolean readIfAbsent(Vma vma, FileObject file, long index) {
    boolean absent = !file.isCached(index);
    if (file.isShmem()) {
      long _ = absent ? file.page(index) : Frames.NONE;
      return false;
    }
    boolean ahead = vma.file != null && !vma.has(VmFlags.RAND_READ);
    if (!absent && !(ahead && file.isMarked(index))) {
      return false;
    }
    if (vma.file != null && !file.isStale(index) && (ahead || vma.has(VmFlags.EXEC))) {
      ReadAhead reads = mm.context.readAhead(vma.file);
      if (!absent) {
        reads.async(file, index, mm.context.readAheadPages);
      } else if (vma.has(VmFlags.SEQ_READ)) {
        reads.sequential(file, index);
      } else {
        reads.around(file, index, vma, vma.has(VmFlags.EXEC));
      }
    }
    long _ = file.page(index);
    return true;
  }

  /**
   * {@code do_fault_around} and {@code filemap_map_pages}: an aligned window of 16 pages, cut to
   * the VMA, the page table and the file. The first folio in it decides whether a missing page
   * table is made; each folio itself, whether it is mapped whole. True if the address is present
   * afterwards.
   */
  private boolean aroundFault(Vma vma, FileObject file, long addr) {
    if (vma.special != Vma.Special.NONE || file.isSegment()) {
      return false; // shm_vm_ops has no map_pages
    }
    long tablePages = mm.hugeBytes >>> 12;
    long slot = addr >>> 12 & tablePages - 1;
    long inVma = (addr - vma.start) >> 12;
    long from = Math.max(slot & -FAULT_AROUND_PAGES, slot - Math.min(slot, inVma));
    long to = Math.min(Math.min(from + FAULT_AROUND_PAGES, tablePages), slot + vma.pages() - inVma);
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
    if (!large && !pages.hasTable(addr)) {
      return false;
    }
    for (long i = first; i < past; i = file.nextMappable(i, past)) {
      long end = file.folioEnd(i);
      if (file.mapsLarge(i) && file.folioOrder(i) > 0 && fits(vma, file, addr, i)) {
        mapAbsent(vma, file, file.folioStart(i), end);
      } else {
        mapAbsent(vma, file, i, Math.min(end, past));
      }
      i = end;
    }
    return pages.look(addr) != PageTable.NOTHING;
  }

  /** Whether the folio lies within the VMA and within the page table of an address. */
  private boolean fits(Vma vma, FileObject file, long addr, long index) {
    long first = file.folioStart(index);
    long past = file.folioEnd(index);
    if (first < vma.pgoff || past > vma.pgoff + vma.pages()) {
      return false;
    }
    long at = vma.start + ((first - vma.pgoff) << 12);
    long last = vma.start + ((past - vma.pgoff) << 12) - 1;
    long table = addr & -mm.hugeBytes;
    return (at & -mm.hugeBytes) == table && (last & -mm.hugeBytes) == table;
  }

  /** Maps cached pages where nothing is; false if memory is out. */
  private boolean mapAbsent(Vma vma, FileObject file, long first, long past) {
    long prot = mm.prot(vma);
    for (long i = first; i < past; i++) {
      long at = vma.start + ((i - vma.pgoff) << 12);
      if (pages.look(at) != PageTable.NOTHING) {
        continue;
      }
      long pfn = file.page(i);
      if (pfn == Frames.NONE || !pages.makeTable(at)) {
        return false;
      }
      pages.mapCached(at, pfn, pages.entry(pfn, prot));
    }
    return true;
  }

  /**
   * {@code finish_fault}: the page, or all of its folio if nothing is mapped there yet and the
   * folio does not reach behind the end of the file; false if memory is out.
   */
  private boolean finish(Vma vma, FileObject file, long addr) {
    long index = vma.pgoffAt(addr);
    boolean whole = file.isShmem() || file.folioEnd(index) <= file.pageCount();
    if (whole && mapHugeFile(vma, file, addr, index)) {
      return true;
    }
    if (whole && vma.special == Vma.Special.NONE && file.folioOrder(index) > 0) {
      long first = file.folioStart(index);
      long at = vma.start + ((first - vma.pgoff) << 12);
      if (fits(vma, file, addr, index)
          && pages.ranges().isEmpty(at, at + ((file.folioEnd(index) - first) << 12))) {
        return mapAbsent(vma, file, first, file.folioEnd(index));
      }
    }
    return mapAbsent(vma, file, index, index + 1);
  }

  /** {@code do_set_pmd}: a folio of 2 MiB that lies right is mapped at once. */
  private boolean mapHugeFile(Vma vma, FileObject file, long addr, long index) {
    long from = addr & -mm.hugeBytes;
    if (pages.hasTable(addr)
        || !frames.hasHugePages()
        || from < vma.start
        || from + mm.hugeBytes > vma.end
        || vma.has(VmFlags.NOHUGEPAGE)
        || mm.thpDisabled(vma.flags)
        || (vma.pgoffAt(from) & (mm.hugeBytes >>> 12) - 1) != 0
        || file.folioOrder(index) != frames.hugeOrder()) {
      return false;
    }
    long head = file.page(vma.pgoffAt(from));
    if (head == Frames.NONE
        || frames.order(head) != frames.hugeOrder()
        || !pages.makeDirectory(addr)) {
      return false;
    }
    pages.mapHugeCached(addr, pages.hugeEntry(head, mm.prot(vma)));
    return true;
  }

  /** {@code wp_page_shared}: the page is told, unless no fault happens as writes go through. */
  private void writeShared(Vma vma, long addr) {
    boolean faults = !pages.isWritable();
    pages.setBits(true, true);
    if (faults && vma.backing != null) {
      vma.backing.markDirty(vma.pgoffAt(addr));
    }
  }

  private Result writePresent(Vma vma, long addr, int kind) {
    if (vma.has(VmFlags.SHARED)) {
      writeShared(vma, addr);
      return Result.OK;
    }
    long pfn = pages.pfn();
    long index = vma.pgoffAt(addr);
    boolean page = kind == PageTable.PAGE;
    if (page && frames.isAnon(pfn)) {
      if (frames.mapCount(pfn) == 1) {
        frames.lru().exclusive(pfn);
        pages.setBits(true, true); // wp_page_reuse
        return Result.OK;
      }
      explainAnon(vma.anonVma == null, "the page is shared since fork: this process gets a copy");
    } else {
      explainAnon(
          vma.anonVma == null,
          page
              ? "a write to a page of the file in a private mapping: a copy"
              : "a write where the zero page was: a zeroed page");
    }
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    return own(
        vma, addr, kind, pfn, page ? frames.newCopy(pfn, vma, index) : frames.newAnon(vma, index));
  }

  // ---------------------------------------------------------------- huge pages

  /** Whether faults in this VMA may map huge pages at all ({@code thp_vma_allowable_order}). */
  public boolean hugeAllowed(Vma vma) {
    if (!vma.isAnonymous()
        || !frames.hasHugePages()
        || vma.hasAny(VmFlags.NOHUGEPAGE | VmFlags.SPECIAL)
        || mm.thpDisabled(vma.flags)) {
      return false;
    }
    return mm.thp() == ThpMode.ALWAYS || (mm.thp() == ThpMode.MADVISE && vma.has(VmFlags.HUGEPAGE));
  }

  private boolean hugeFits(Vma vma, long addr) {
    long from = addr & -mm.hugeBytes;
    return hugeAllowed(vma) && from >= vma.start && from + mm.hugeBytes <= vma.end;
  }

  /** {@code do_huge_pmd_anonymous_page}: false if there is no block or no table. */
  private boolean mapHuge(Vma vma, long addr, boolean write) {
    if (!pages.makeDirectory(addr)) {
      return false;
    }
    long table = pages.newTable();
    if (table == PageTables.NO_TABLE) {
      return false;
    }
    long index = vma.pgoffAt(addr & -mm.hugeBytes);
    boolean own = write || mm.context.forbidsZeroPage;
    long head = own ? frames.newHuge(vma, index) : frames.hugeZero();
    if (head == Frames.NONE || !pages.hugeFits(addr)) {
      pages.freeTable(table);
      if (head != Frames.NONE && own) {
        frames.put(head);
      }
      return false;
    }
    long prot = mm.prot(vma);
    pages.mapHuge(addr, own ? ownHuge(vma, head, prot) : pages.hugeZeroEntry(head, prot), table);
    return true;
  }

  /** {@code maybe_pmd_mkwrite}: dirty in any case, and writable if the VMA is. */
  private long ownHuge(Vma vma, long head, long prot) {
    long entry = pages.hugeEntry(head, prot);
    return vma.has(VmFlags.WRITE) ? pages.written(entry) : frames.format().bits().mkdirty(entry);
  }

  /** {@code do_huge_pmd_wp_page}. */
  private Result writeHuge(Vma vma, long addr, int kind) {
    if (kind == PageTable.PAGE && frames.mapCount(pages.pfn()) == 1) {
      frames.lru().exclusive(frames.head(pages.pfn()));
      pages.setBits(true, true);
      return Result.OK;
    }
    if (kind == PageTable.ZERO) {
      if (!AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      long head = frames.newHuge(vma, vma.pgoffAt(addr & -mm.hugeBytes));
      if (head != Frames.NONE && pages.isHugeZero(addr)) {
        pages.changeHugeZero(addr, pages.written(pages.hugeEntry(head, mm.prot(vma))));
        return Result.OK;
      }
      if (head != Frames.NONE) {
        frames.put(head);
      }
    }
    pages.splitHuge(addr);
    return writePresent(vma, addr, pages.look(addr));
  }
}
