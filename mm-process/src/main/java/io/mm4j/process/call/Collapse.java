// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.Errno;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
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
 * <p>Differs: memory of files, shared memory included, is refused by {@link PageAdvice}.
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
    }
    return all ? 0 : mm.error(Errno.EINVAL, "2 MiB where nothing is present");
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
    long head = frames.newHuge(vma, vma.pgoffAt(at));
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
