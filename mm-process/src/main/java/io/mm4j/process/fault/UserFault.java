// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.fault.FaultHandler.Result;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.uffd.Userfaultfd;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * Which faults a userfaultfd is told of, in place of being answered ({@code handle_userfault},
 * fs/userfaultfd.c, with where mm/memory.c, mm/huge_memory.c and mm/shmem.c of Linux 6.18 call it):
 * a page that is missing, one that the file has and nobody has mapped, and a write to one that is
 * protected.
 */
final class UserFault {
  private final Mm mm;
  private final PageTable pages;
  private final HugeFault hugeFault;
  private final FileFault fileFault;
  private final Accessor accessor;

  /** Over one address space. */
  UserFault(Mm mm, HugeFault hugeFault, FileFault fileFault, Accessor accessor) {
    this.mm = mm;
    this.pages = mm.pages;
    this.hugeFault = hugeFault;
    this.fileFault = fileFault;
    this.accessor = accessor;
  }

  /** What the access comes to if it does not go on as elsewhere, else null. */
  @Nullable Result before(Vma vma, long addr, boolean write) {
    if (vma.has(VmFlags.HUGETLB)) {
      return ofPool(vma, addr, write);
    }
    int kind = pages.look(addr);
    if (kind >= PageTable.ZERO) {
      return write && vma.has(VmFlags.UFFD_WP) && pages.isUffdWp() ? written(vma, addr) : null;
    }
    if (kind == PageTable.GUARD) {
      return null;
    }
    if (pages.lacksDirectory() && !pages.makeDirectory(addr)) {
      return Result.OOM;
    }
    return vma.isAnonymous() ? missing(vma, addr, write) : ofFile(vma, addr, write);
  }

  /** {@code do_wp_page}, {@code wp_huge_pmd}: a write to a protected page. */
  private @Nullable Result written(Vma vma, long addr) {
    Userfaultfd watch = vma.uffd;
    if (watch == null || !watch.isAsync()) {
      return tell(vma, addr, Uffd.FAULT_WRITE | Uffd.FAULT_WP);
    }
    mm.because("uffd", "a write to a protected page takes the protection away (WP_ASYNC)");
    pages.huge().split(addr);
    if (pages.look(addr) >= PageTable.ZERO) { // a huge page of a file comes back page by page
      pages.uffd().clear(addr);
    }
    return null;
  }

  /** {@code do_anonymous_page}, {@code do_huge_pmd_anonymous_page}: tells of it at the end. */
  private @Nullable Result missing(Vma vma, long addr, boolean write) {
    if (!vma.has(VmFlags.UFFD_MISSING)) {
      return null;
    }
    boolean fits = !pages.hasTable(addr) && hugeFault.fits(vma, addr);
    if ((write || fits) && !AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    boolean own = hugeFault.takesOwn(write);
    if (fits && !own && !canHaveTable()) {
      return Result.OOM;
    }
    boolean huge = fits && hugeFault.hasPage(vma, addr, write);
    boolean has = huge ? !own || canHaveTable() : hasSmall(vma, addr, write);
    if (!has) {
      return Result.OOM;
    }
    return tell(vma, addr, write ? Uffd.FAULT_WRITE : 0);
  }

  /** The same of a single page, which needs its table, and for a write a page of its own. */
  private boolean hasSmall(Vma vma, long addr, boolean write) {
    return pages.makeTable(addr) && (!write || canHavePage(vma, addr));
  }

  /**
   * Whether there is memory for a page table: it is taken before somebody waits, and given back.
   */
  private boolean canHaveTable() {
    long table = pages.huge().newTable();
    if (table == PageTables.NO_TABLE) {
      return false;
    }
    pages.huge().freeTable(table);
    return true;
  }

  /** The same for a page of the process's own. */
  private boolean canHavePage(Vma vma, long addr) {
    Frames frames = mm.context.frames();
    long pfn = frames.newAnon(vma, vma.pgoffAt(addr));
    if (pfn == Frames.NONE) {
      return false;
    }
    frames.put(pfn);
    return true;
  }

  /** {@code shmem_get_folio_gfp}; files of other kinds are only watched for writes. */
  private @Nullable Result ofFile(Vma vma, long addr, boolean write) {
    FileObject file = vma.backing;
    if (file == null || !file.isShmem() || !vma.hasAny(VmFlags.UFFD_MISSING | VmFlags.UFFD_MINOR)) {
      return null;
    }
    boolean copies = write && !vma.has(VmFlags.SHARED);
    if (copies && !(AnonVmas.prepare(mm.vmas, vma) && canHavePage(vma, addr))) {
      return Result.OOM;
    }
    if (!pages.hasTable(addr) && !canHaveTable()) { // prealloc_pte of __do_fault
      return Result.OOM;
    }
    if (!write && fileFault.around(vma, file, addr)) {
      return Result.OK;
    }
    long index = vma.pgoffAt(addr);
    if (file.beyondEnd(index)) {
      return null;
    }
    boolean cached = file.isCached(index);
    if (!vma.has(cached ? VmFlags.UFFD_MINOR : VmFlags.UFFD_MISSING)) {
      return null;
    }
    return tell(vma, addr, (write ? Uffd.FAULT_WRITE : 0) | (cached ? Uffd.FAULT_MINOR : 0));
  }

  /** {@code hugetlb_fault} up to {@code hugetlb_no_page}. */
  private @Nullable Result ofPool(Vma vma, long addr, boolean write) {
    if (!mm.huge(vma).makeDirectory(addr)) {
      return Result.OOM;
    }
    FileObject file = vma.backing;
    boolean behind = file != null && vma.pgoffAt(addr) << 12 >= file.sizeBytes();
    if (behind || mm.huge(vma).head(addr) != Frames.NONE) {
      return null;
    }
    boolean cached =
        file != null
            && mm.context.hugePools().of(file).cached(file, vma.hugeIndexAt(addr)) != Frames.NONE;
    if (!vma.has(cached ? VmFlags.UFFD_MINOR : VmFlags.UFFD_MISSING)) {
      return null;
    }
    return tell(vma, addr, (write ? Uffd.FAULT_WRITE : 0) | (cached ? Uffd.FAULT_MINOR : 0));
  }

  /** {@code handle_userfault}. */
  private @Nullable Result tell(Vma vma, long addr, long flags) {
    Userfaultfd watch = vma.uffd;
    if (watch == null) {
      return null;
    }
    if (watch.has(Uffd.SIGBUS)) {
      mm.because("uffd", "its features have SIGBUS: the access fails");
      return Result.SIGBUS;
    }
    if (accessor != Accessor.PROGRAM && watch.isUserModeOnly()) {
      mm.because("uffd", "UFFD_USER_MODE_ONLY, and the kernel makes the access: it fails");
      return Result.SIGBUS;
    }
    if (accessor == Accessor.PEEK) {
      mm.because("uffd", "a debugger makes the access, which cannot be tried again: it fails");
      return Result.SIGBUS;
    }
    long bytes = vma.has(VmFlags.HUGETLB) ? vma.hugeBytes() : Mm.PAGE;
    watch.fault(flags, addr & -bytes, addr, mm.pid);
    mm.because("uffd", "the access waits for userfaultfd, which is told of it");
    return Result.WAIT;
  }
}
