// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.process.MissingPages;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugeMap;
import io.mm4j.process.page.PageTable;
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
    /** A page that was poisoned: SIGBUS, as of a kernel without memory failure. */
    POISON,
    /** Userfaultfd is told of it, and has to bring the page. */
    WAIT,
    /** No memory. */
    OOM,
    /** What was at the address has changed while memory was looked for: once more. */
    RETRY
  }

  private final Mm mm;
  private final PageTable pages;
  private final Frames frames;
  private final AnonFault anonFault;
  private final FileFault fileFault;
  private final HugeFault hugeFault;
  private final UserFault userFault;
  private final Accessor accessor;
  private final AnonReuse reuse;

  /** Over one address space: faults that the kernel makes for itself. */
  public FaultHandler(Mm mm) {
    this(mm, Accessor.KERNEL);
  }

  /** Over one address space. */
  public FaultHandler(Mm mm, Accessor accessor) {
    this.mm = mm;
    this.accessor = accessor;
    this.pages = mm.pages;
    this.frames = mm.context.frames();
    this.anonFault = new AnonFault(mm);
    this.fileFault = new FileFault(mm, anonFault, accessor);
    this.hugeFault = new HugeFault(mm);
    this.reuse = new AnonReuse(mm);
    this.userFault = new UserFault(mm, hugeFault, fileFault, accessor);
  }

  /** Whose accesses fault here. */
  Accessor accessor() {
    return accessor;
  }

  /** Whether faults in this VMA may map huge pages at all. */
  public boolean hugeAllowed(Vma vma) {
    return hugeFault.allowed(vma);
  }

  /** Makes an address of a VMA present for this access, which the VMA allows; never RETRY. */
  public Result handle(Vma vma, long addr, boolean write) {
    Result result = once(vma, addr, write);
    while (result == Result.RETRY) {
      result = once(vma, addr, write);
    }
    pages.counters().tell();
    return result;
  }

  /**
   * {@code FAULT_FLAG_UNSHARE}: an anonymous page that is present and shared since a fork becomes
   * this address space's own before somebody pins it to read ({@code gup_must_unshare}).
   */
  public Result unshare(Vma vma, long addr) {
    Result result = Result.RETRY;
    while (result == Result.RETRY) {
      result = unshareOnce(vma, addr);
    }
    pages.counters().tell();
    return result;
  }

  private Result unshareOnce(Vma vma, long addr) {
    if (vma.has(VmFlags.HUGETLB)) {
      boolean own = mm.huge(vma).unshare(vma.backing, addr, takingFromOthers(vma));
      return own ? Result.OK : Result.SIGBUS;
    }
    int kind = pages.look(addr);
    long pfn = pages.pfn();
    if (kind != PageTable.PAGE || !frames.isAnon(pfn)) {
      return Result.OK;
    }
    if (reuse.isAlone(addr, pfn, pages.isHugeEntry())) {
      frames.lru().exclusive(pages.isHugeEntry() ? frames.head(pfn) : pfn);
      return Result.OK;
    }
    if (pages.isHugeEntry()) {
      pages.huge().split(addr);
    }
    mm.because("fault", "the page is shared since a fork: a copy, for somebody reads it by frame");
    return AnonVmas.prepare(mm.vmas, vma)
        ? anonFault.own(vma, addr, kind, pfn, frames.newCopy(pfn, vma, vma.pgoffAt(addr)), false)
        : Result.OOM;
  }

  /** {@code hugetlb_fault}: a page of the pool, or SIGBUS where none is left. */
  private Result poolPage(Vma vma, long addr, boolean write) {
    boolean mapped;
    FileObject file = vma.backing;
    HugeMap map = mm.huge(vma);
    if (!map.makeDirectory(addr)) { // also where the file has no page
      return Result.OOM;
    }
    if (file != null && vma.pgoffAt(addr) << 12 >= file.sizeBytes()) {
      mm.because("fault", "behind the end of the file of huge pages");
      return Result.SIGBUS;
    }
    long prot = mm.prot(vma);
    long huge = vma.hugeIndexAt(addr);
    if (vma.has(VmFlags.MAYSHARE) && file != null) {
      boolean writable = vma.has(VmFlags.SHARED) && vma.has(VmFlags.WRITE);
      mapped = map.mapFile(file, huge, addr, prot, writable);
    } else {
      // A page of the file needs no anon_vma, so fork will not copy it.
      boolean own = map.head(addr) == Frames.NONE && !map.isCached(file, huge);
      if (own && !AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      mapped = map.map(file, huge, addr, prot);
      if (mapped && write) {
        boolean first = vma.anonVma == null;
        if (!AnonVmas.prepare(mm.vmas, vma)) {
          return Result.OOM;
        }
        mapped = map.write(file, addr, takingFromOthers(vma));
        if (!mapped && first) {
          AnonVmas.unlink(vma); // hugetlb_wp allocates the page first
        }
      }
    }
    mm.because(
        "fault",
        mapped ? "a page of the pool of huge pages" : "no page is left in the pool of huge pages");
    return mapped ? Result.OK : Result.SIGBUS;
  }

  private HugeMap.Others takingFromOthers(Vma vma) {
    return head -> mm.context.mappings.unmapHuge(head, vma.hugeLevel(), mm);
  }

  private Result once(Vma vma, long addr, boolean write) {
    if (vma.hasAny(VmFlags.HUGETLB | VmFlags.UFFD)) {
      return vma.hasAny(VmFlags.UFFD) ? watched(vma, addr, write) : poolPage(vma, addr, write);
    }
    return unwatched(vma, addr, write);
  }

  /**
   * In memory with userfaultfd: what it is not told of is answered as elsewhere, and where a marker
   * of write protection was ({@code pte_marker_handle_uffd_wp}) the page is protected at once.
   */
  private Result watched(Vma vma, long addr, boolean write) {
    if (!vma.has(VmFlags.UFFD_WP) && pages.uffd().isMarker(addr)) {
      pages.uffd().drop(addr); // left by a mode in which it was watched before
    }
    Result stopped = userFault.before(vma, addr, write);
    if (stopped != null) {
      return stopped;
    }
    boolean marked = vma.has(VmFlags.UFFD_WP) && pages.uffd().isMarker(addr);
    Result result =
        vma.has(VmFlags.HUGETLB) ? poolPage(vma, addr, write) : unwatched(vma, addr, write);
    if (!marked || result != Result.OK) {
      return result;
    }
    pages.uffd().protect(addr);
    return write ? Result.RETRY : Result.OK;
  }

  private Result unwatched(Vma vma, long addr, boolean write) {
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
        return anonFault.bring(vma, addr, bytes);
      }
    }
    if (noTable && hugeFault.fits(vma, addr)) {
      mm.because("fault", "no page table yet, and 2 MiB fit: a huge page");
      if (!AnonVmas.prepare(mm.vmas, vma)) {
        return Result.OOM;
      }
      Result result = hugeFault.map(vma, addr, write);
      if (result != null) {
        return result;
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
      Result result = vma.isAnonymous() ? hugeFault.write(vma, addr, kind) : null;
      if (result != null) {
        return result;
      }
      pages.huge().split(addr);
      kind = pages.look(addr);
    }
    if (kind == PageTable.NOTHING) {
      return vma.isAnonymous()
          ? anonFault.zeroed(vma, addr, write)
          : fileFault.handle(vma, addr, write);
    }
    if (kind == PageTable.GUARD && pages.isPoison()) {
      mm.because("fault", "the page was poisoned (UFFDIO_POISON)");
      return Result.POISON;
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

  /** {@code wp_page_shared}: the page is told, unless no fault happens as writes go through. */
  private void writeShared(Vma vma, long addr) {
    boolean faults = !pages.isWritable();
    pages.setBits(true, true);
    if (faults && vma.backing != null) {
      vma.backing.dirty().mark(vma.pgoffAt(addr));
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
      if (reuse.isAlone(addr, pfn, false)) {
        frames.lru().exclusive(pfn);
        pages.setBits(true, true); // wp_page_reuse
        return Result.OK;
      }
      anonFault.explain(
          vma.anonVma == null, "the page is shared since fork: this process gets a copy");
    } else {
      anonFault.explain(
          vma.anonVma == null,
          page
              ? "a write to a page of the file in a private mapping: a copy"
              : "a write where the zero page was: a zeroed page");
    }
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    return anonFault.own(
        vma, addr, kind, pfn, page ? frames.newCopy(pfn, vma, index) : frames.newAnon(vma, index));
  }
}
