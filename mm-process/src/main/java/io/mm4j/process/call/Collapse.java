// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.Errno;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.MappingList;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.page.ShmemCollapse;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * MADV_COLLAPSE of anonymous memory ({@code madvise_collapse}, {@code hpage_collapse_scan_pmd} and
 * {@code collapse_huge_page}, mm/khugepaged.c, Linux 6.18): the pages of each 2 MiB are copied into
 * a huge page, whatever transparent_hugepage says; pages that are not there become zeroes.
 *
 * <p>The VMA must have been written to, must not have MADV_NOHUGEPAGE, and must have room for a
 * huge page. Of the range, only 2 MiB that lie in it as a whole count. One that has no page
 * directory yet is passed over; one that has no page table, or a guard page, ends the call. The
 * answer is 0 if all of them are huge pages then, be they none at all: a range that lies within 2
 * MiB and touches no border of them is refused, for the number of them that the kernel compares
 * with is negative.
 *
 * <p>Of shared memory ({@code hpage_collapse_scan_file} and {@code collapse_pte_mapped_thp}) the
 * file's pages become a huge page, which is mapped at once where nothing is in its way. Files on
 * disks are refused by {@link PageAdvice}, as of a kernel without CONFIG_READ_ONLY_THP_FOR_FS.
 */
final class Collapse {
  private final Mm mm;

  Collapse(Mm mm) {
    this.mm = mm;
  }

  /** Applies it to a part of an anonymous VMA: 0 or a negated errno. */
  long apply(Vma vma, long start, long end) {
    if (vma.anonVma == null) {
      return mm.error(Errno.EINVAL, "nothing was ever written there, so nothing can collapse");
    }
    if (vma.hasAny(VmFlags.NOHUGEPAGE | VmFlags.SPECIAL) || mm.thpDisable == 1 || !hasRoom(vma)) {
      return mm.error(
          Errno.EINVAL, "MADV_NOHUGEPAGE, PR_SET_THP_DISABLE, or no whole 2 MiB in the mapping");
    }
    long first = start + mm.hugeBytes - 1 & -mm.hugeBytes;
    long past = end & -mm.hugeBytes;
    if (past < first) {
      return mm.error(Errno.EINVAL, "within 2 MiB, without a border of them");
    }
    boolean all = true;
    for (long at = first; at < past; at += mm.hugeBytes) {
      if (!mm.pages.hasDirectory(at)) {
        all = false; // SCAN_PMD_NULL lets the call go on, SCAN_PMD_NONE ends it
        continue;
      }
      if (mm.pages.huge().isAt(at)) {
        continue;
      }
      if (!mm.pages.hasTable(at) || hasGuard(at) || isWatched(vma, at)) {
        return mm.error(
            Errno.EINVAL, "2 MiB where nothing is present, with a guard, or of a userfaultfd");
      }
      if (!collapse(vma, at)) {
        return mm.error(Errno.ENOMEM, "no memory for a huge page");
      }
      because(at, "copied to a huge page, zeroes where no page was");
    }
    return all ? 0 : mm.error(Errno.EINVAL, "2 MiB where nothing is present");
  }

  /** Applies it to a part of a VMA of shared memory: 0 or a negated errno. */
  long shared(Vma vma, FileObject file, long start, long end) {
    boolean aligned = ((vma.start >>> 12) - vma.pgoff & (mm.hugeBytes >>> 12) - 1) == 0;
    if (vma.hasAny(VmFlags.NOHUGEPAGE | VmFlags.SPECIAL)
        || mm.thpDisable == 1
        || !mm.context.frames().hasHugePages()
        || !hasRoom(vma)) {
      return mm.error(
          Errno.EINVAL, "MADV_NOHUGEPAGE, PR_SET_THP_DISABLE, or no whole 2 MiB in the mapping");
    }
    if (!aligned) {
      return mm.error(Errno.EINVAL, "addresses and offsets of the mapping differ within 2 MiB");
    }
    long first = start + mm.hugeBytes - 1 & -mm.hugeBytes;
    long past = end & -mm.hugeBytes;
    if (past < first) {
      return mm.error(Errno.EINVAL, "within 2 MiB, without a border of them");
    }
    for (long at = first; at < past; at += mm.hugeBytes) {
      long index = vma.pgoffAt(at);
      switch (ShmemCollapse.of(file, index, (a, b) -> mm.context.mappings.unmap(file, a, b))) {
        case EMPTY -> {
          return mm.error(Errno.EINVAL, "2 MiB of the file where nothing is");
        }
        case FULL -> {
          return mm.error(Errno.EINVAL, "the file system has no room for the holes (size=)");
        }
        case NO_MEMORY -> {
          return mm.error(Errno.ENOMEM, "no memory for a huge page");
        }
        case DONE -> {
          because(at, "the file's pages become one huge page; tables that mapped them go");
          retract(file, index);
        }
        case WAS_HUGE -> because(at, "they are one huge page of the file already");
      }
      if (mm.pages.huge().isAt(at)) {
        continue;
      }
      if (!mm.pages.makeDirectory(at)) { // set_huge_pmd
        return mm.error(Errno.EINVAL, "no memory for the tables above the huge page");
      }
      if (!install(vma, file, at)) {
        return mm.error(Errno.EINVAL, "a private copy or a guard page is in the way");
      }
    }
    return 0;
  }

  private void because(long at, String what) {
    if (mm.explaining()) {
      mm.because("huge", "2 MiB at 0x" + Long.toHexString(at) + ": " + what);
    }
  }

  /** {@code retract_page_tables}: tables that the file's pages were mapped by go everywhere. */
  private void retract(FileObject file, long index) {
    MappingList vmas = file.vmas();
    for (int i = 0; i < vmas.size(); i++) {
      if (vmas.get(i) instanceof Vma other && other.anonVma == null) {
        long at = other.addressOf(index);
        PageTable pages = other.pageTable();
        if (pages != null
            && (at & mm.hugeBytes - 1) == 0
            && at >= other.start
            && at + mm.hugeBytes <= other.end
            && pages.hasTable(at)) {
          pages.ranges().freeEmptyTable(at);
        }
      }
    }
  }

  /** {@code collapse_pte_mapped_thp}: false if an entry shows something else than the huge page. */
  private boolean install(Vma vma, FileObject file, long at) {
    long head = file.known(vma.pgoffAt(at));
    for (long a = at; a < at + mm.hugeBytes && mm.pages.hasTable(at); a += Mm.PAGE) {
      int kind = mm.pages.look(a);
      boolean same = kind == PageTable.PAGE && mm.pages.pfn() == head + ((a - at) >>> 12);
      if (kind != PageTable.NOTHING && !same) {
        return false;
      }
    }
    if (mm.pages.hasTable(at)) {
      mm.pages.ranges().zap(at, at + mm.hugeBytes, false, false, false);
      mm.pages.ranges().freeEmptyTable(at);
    }
    mm.pages.huge().mapCached(at, mm.pages.huge().entry(head, mm.prot(vma)));
    return true;
  }

  /** {@code thp_vma_suitable_order} at the end of the VMA. */
  private boolean hasRoom(Vma vma) {
    long last = (vma.end & -mm.hugeBytes) - mm.hugeBytes;
    return last >= vma.start;
  }

  private boolean hasGuard(long at) {
    for (long a = at; a < at + mm.hugeBytes; a += Mm.PAGE) {
      if (mm.pages.look(a) == PageTable.GUARD) {
        return true;
      }
    }
    return false;
  }

  /**
   * {@code SCAN_PTE_UFFD_WP}, {@code SCAN_EXCEED_NONE_PTE}: a userfaultfd would miss a page, or the
   * write to one.
   */
  private boolean isWatched(Vma vma, long at) {
    for (long a = at; vma.hasAny(VmFlags.UFFD) && a < at + mm.hugeBytes; a += Mm.PAGE) {
      if (mm.pages.look(a) != PageTable.PAGE || mm.pages.isUffdWp()) {
        return true;
      }
    }
    return false;
  }

  /** False if memory is out. */
  private boolean collapse(Vma vma, long at) {
    Frames frames = mm.context.frames();
    long table = mm.pages.huge().newTable();
    if (table == PageTables.NO_TABLE) {
      return false;
    }
    long head = frames.newCollapsed(vma, vma.pgoffAt(at));
    if (head == Frames.NONE) {
      mm.pages.huge().freeTable(table);
      return false;
    }
    for (long i = 0; i < mm.hugeBytes / Mm.PAGE; i++) {
      long page = mm.pages.pageAt(at + i * Mm.PAGE);
      if (page != Frames.NONE) {
        frames.bytes().copyPage(head + i, page);
      }
    }
    mm.pages.ranges().zap(at, at + mm.hugeBytes, false, false, false);
    mm.pages.ranges().freeEmptyTable(at);
    long entry = mm.pages.huge().entry(head, mm.prot(vma));
    mm.pages.huge().map(at, vma.has(VmFlags.WRITE) ? mm.pages.written(entry) : entry, table);
    return true;
  }
}
