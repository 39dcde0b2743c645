// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.process.fault.FaultHandler.Result;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.page.ReadAhead;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.Objects;

/**
 * {@code do_fault} (mm/memory.c) with {@code filemap_fault} and {@code filemap_map_pages}
 * (mm/filemap.c) of Linux 6.18: makes a page of a file present, and cached ones around it.
 */
final class FileFault {
  private static final long FAULT_AROUND_PAGES = 16;

  /** {@code uffd_disable_fault_around()}. */
  private static final long NO_AROUND = VmFlags.UFFD_WP | VmFlags.UFFD_MINOR;

  /** All pages of a window. */
  private static final long ALL = -1;

  private static final long NOTHING_READ = 0;

  private final Mm mm;
  private final PageTable pages;
  private final Frames frames;
  private final AnonFault anon;

  /** Whether a fault that has read from the disk begins again. */
  private final boolean triesAgain;

  FileFault(Mm mm, AnonFault anon, Accessor accessor) {
    this.mm = mm;
    this.pages = mm.pages;
    this.frames = mm.context.frames();
    this.anon = anon;
    this.triesAgain = accessor != Accessor.PEEK;
  }

  /** {@code do_fault}: by what the access wants. */
  Result handle(Vma vma, long addr, boolean write) {
    FileObject file = Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(addr);
    if (write && !vma.has(VmFlags.SHARED)) {
      return copy(vma, file, addr);
    }
    if (!write && around(vma, file, addr)) {
      mm.because("fault", "a page of the file, and the cached ones around it (fault-around)");
      return Result.OK;
    }
    if (file.beyondEnd(index)) {
      mm.because("fault", "behind the end of the file");
      return Result.SIGBUS;
    }
    if (file.lacksRoom(index)) {
      return full();
    }
    long arrived = readIfAbsent(vma, file, addr);
    boolean again = triesAgain && arrived != NOTHING_READ;
    if (again && !write && around(vma, file, addr, arrived)) {
      return Result.OK; // what waits for the disk is tried again from the start
    }
    if (!finish(vma, file, addr, write)) {
      return Result.OOM;
    }
    if (write) {
      if (pages.look(addr) == PageTable.PAGE) {
        pages.setBits(true, true);
      }
      file.dirty().mark(index);
    }
    return Result.OK;
  }

  /** {@code do_cow_fault}. */
  private Result copy(Vma vma, FileObject file, long addr) {
    long index = vma.pgoffAt(addr);
    boolean first = vma.anonVma == null;
    if (!AnonVmas.prepare(mm.vmas, vma)) {
      return Result.OOM;
    }
    if (file.beyondEnd(index)) {
      mm.because("fault", "behind the end of the file");
      return Result.SIGBUS;
    }
    if (file.lacksRoom(index)) {
      return full();
    }
    anon.explain(first, "first write to a private file mapping: a copy of the page");
    long _ = readIfAbsent(vma, file, addr);
    long page = file.page(index);
    if (page == Frames.NONE || !pages.makeTable(addr)) {
      return Result.OOM;
    }
    long pfn = frames.newCopy(page, vma, index);
    return anon.own(vma, addr, PageTable.NOTHING, Frames.NONE, pfn);
  }

  /** {@code shmem_fault}: -ENOSPC is a signal. */
  private Result full() {
    mm.because("fault", "a hole of a file whose file system is full");
    return Result.SIGBUS;
  }

  /**
   * Reads a page that is not in the cache, and others beside it. The disk is waited for if it has
   * the page; one of a hole is zero at once, and what was asked for beside it still comes then.
   *
   * @return the pages of the window around the address that have arrived, as {@link #around(Vma,
   *     FileObject, long, long)} takes them; {@link #NOTHING_READ} if the page was there, so that
   *     the fault goes on
   */
  private long readIfAbsent(Vma vma, FileObject file, long addr) {
    long index = vma.pgoffAt(addr);
    boolean absent = !file.isCached(index);
    if (file.isShmem() || file.isSecret()) {
      long _ = absent ? file.page(index) : Frames.NONE;
      return NOTHING_READ;
    }
    boolean ahead = vma.file != null && !vma.has(VmFlags.RAND_READ);
    if (!absent && !(ahead && file.isMarked(index))) {
      return NOTHING_READ;
    }
    boolean waits = absent && file.comesFromDisk(index);
    long arrived = waits ? ALL : cachedAround(vma, file, addr);
    boolean huge = vma.has(VmFlags.HUGEPAGE) && frames.hasHugePages();
    boolean wants = ahead || vma.has(VmFlags.EXEC) || huge;
    if (vma.file != null && !file.isStale(index) && wants) {
      ReadAhead reads = mm.context.files.readAhead(vma.file);
      if (!absent) {
        reads.async(file, index, mm.context.readAheadPages);
      } else if (huge) {
        reads.huge(file, index, vma.has(VmFlags.RAND_READ));
      } else if (vma.has(VmFlags.SEQ_READ)) {
        reads.sequential(file, index);
      } else {
        reads.around(file, index, vma, vma.has(VmFlags.EXEC));
      }
    }
    long _ = file.page(index);
    return arrived;
  }

  /** The first page of the window around an address, as an index into the file. */
  private long windowStart(Vma vma, long addr) {
    long slot = slot(addr);
    long inVma = (addr - vma.start) >> 12;
    long from = Math.max(slot & -FAULT_AROUND_PAGES, slot - Math.min(slot, inVma));
    return vma.pgoffAt(addr) - (slot - from);
  }

  /** The page behind it; the file can end before. */
  private long windowEnd(Vma vma, long addr, long start) {
    long index = vma.pgoffAt(addr);
    long tableEnd = index - slot(addr) + (mm.hugeBytes >>> 12);
    return Math.min(Math.min(start + FAULT_AROUND_PAGES, tableEnd), vma.pgoff + vma.pages());
  }

  private long slot(long addr) {
    return addr >>> 12 & (mm.hugeBytes >>> 12) - 1;
  }

  /** The pages of the window around an address that are in the cache. */
  private long cachedAround(Vma vma, FileObject file, long addr) {
    long start = windowStart(vma, addr);
    long past = windowEnd(vma, addr, start);
    long cached = ALL << FAULT_AROUND_PAGES;
    for (long i = start; i < past; i++) {
      cached |= file.isCached(i) ? 1L << (i - start) : 0;
    }
    return cached;
  }

  /** The same where all pages of the cache have arrived. */
  boolean around(Vma vma, FileObject file, long addr) {
    return around(vma, file, addr, ALL);
  }

  /**
   * {@code do_fault_around} and {@code filemap_map_pages}: an aligned window of 16 pages, cut to
   * the VMA, the page table and the file. The first folio in it decides whether a missing page
   * table is made; each folio itself, whether it is mapped whole. True if the address is present
   * afterwards.
   *
   * @param arrived a bit for each page of the window: whether it can be mapped if it is in the
   *     cache; of others the folio is locked, as the disk has not answered yet
   */
  private boolean around(Vma vma, FileObject file, long addr, long arrived) {
    if (vma.special != Vma.Special.NONE
        || file.isSegment()
        || file.isSecret()
        || vma.hasAny(NO_AROUND)) {
      // shm_vm_ops and secretmem_vm_ops have no map_pages, and userfaultfd wants to be told of each
      return false;
    }
    long start = windowStart(vma, addr);
    long past = Math.min(windowEnd(vma, addr, start), file.pageCount());
    long first = nextMappable(file, start, past, start, arrived);
    if (first >= past) {
      return false;
    }
    boolean large = file.folios().mapsLarge(first);
    if (large && mapHugeFile(vma, file, addr, first)) {
      return true;
    }
    if (!large && !pages.hasTable(addr)) {
      return false;
    }
    for (long i = first; i < past; i = nextMappable(file, i, past, start, arrived)) {
      long end = file.folios().end(i);
      if (file.folios().mapsLarge(i) && file.folios().order(i) > 0 && fits(vma, file, addr, i)) {
        mapAbsent(vma, file, file.folios().start(i), end);
      } else {
        mapAbsent(vma, file, i, Math.min(end, past));
      }
      i = end;
    }
    return pages.look(addr) != PageTable.NOTHING;
  }

  /** The next page of a window that can be mapped, {@code past} if there is none. */
  private static long nextMappable(
      FileObject file, long index, long past, long start, long arrived) {
    long i = file.nextMappable(index, past);
    while (i < past && (arrived >>> (i - start) & 1) == 0 && file.comesFromDisk(i)) {
      i = file.nextMappable(file.folios().end(i), past);
    }
    return i;
  }

  /** Whether the folio lies within the VMA and within the page table of an address. */
  private boolean fits(Vma vma, FileObject file, long addr, long index) {
    long first = file.folios().start(index);
    long past = file.folios().end(index);
    if (first < vma.pgoff || past > vma.pgoff + vma.pages()) {
      return false;
    }
    long at = vma.start + ((first - vma.pgoff) << 12);
    long last = vma.start + ((past - vma.pgoff) << 12) - 1;
    long table = addr & -mm.hugeBytes;
    return (at & -mm.hugeBytes) == table && (last & -mm.hugeBytes) == table;
  }

  /** Maps cached pages to be read where nothing is; false if memory is out. */
  private boolean mapAbsent(Vma vma, FileObject file, long first, long past) {
    return mapAbsent(vma, file, first, past, false);
  }

  /**
   * {@code set_pte_range}: maps cached pages where nothing is; false if memory is out.
   *
   * @param write whether writes go through each of the entries, which are dirty
   */
  private boolean mapAbsent(Vma vma, FileObject file, long first, long past, boolean write) {
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
      if (pages.look(at) != PageTable.NOTHING) {
        continue; // it came while memory was looked for
      }
      long entry = pages.entry(pfn, prot);
      pages.mapCached(at, pfn, write ? pages.written(entry) : entry);
    }
    return true;
  }

  /**
   * {@code finish_fault}: the page, or all of its folio if nothing is mapped there yet and the
   * folio does not reach behind the end of the file; false if memory is out. A write goes through
   * all entries that it makes.
   */
  private boolean finish(Vma vma, FileObject file, long addr, boolean write) {
    long index = vma.pgoffAt(addr);
    boolean whole = file.isShmem() || file.folios().end(index) <= file.pageCount();
    if (whole && mapHugeFile(vma, file, addr, index)) {
      return true;
    }
    boolean single = vma.special != Vma.Special.NONE || vma.hasAny(VmFlags.UFFD);
    if (whole && !single && file.folios().order(index) > 0) {
      long first = file.folios().start(index);
      long at = vma.start + ((first - vma.pgoff) << 12);
      if (fits(vma, file, addr, index)
          && pages.ranges().isEmpty(at, at + ((file.folios().end(index) - first) << 12))) {
        return mapAbsent(vma, file, first, file.folios().end(index), write);
      }
    }
    return mapAbsent(vma, file, index, index + 1, write);
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
        || file.folios().order(index) != frames.hugeOrder()) {
      return false;
    }
    long head = file.page(vma.pgoffAt(from));
    if (head == Frames.NONE
        || frames.order(head) != frames.hugeOrder()
        || !pages.makeDirectory(addr)
        || pages.hasTable(addr)) {
      return false;
    }
    pages.huge().mapCached(addr, pages.huge().entry(head, mm.prot(vma)));
    return true;
  }
}
