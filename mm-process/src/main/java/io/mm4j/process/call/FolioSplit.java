// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.Vma;

/**
 * Large folios of which MADV_COLD or MADV_FREE meets only a part ({@code
 * madvise_cold_or_pageout_pte_range}, {@code madvise_free_pte_range} and {@code
 * madvise_free_huge_pmd}, mm/madvise.c; {@code __folio_split} and {@code
 * try_to_map_unused_to_zeropage}, Linux 6.18): they are split, unless another process maps them.
 *
 * <p>A split unmaps the pages of a file: they come back with the next fault. Of anonymous memory,
 * pages that hold nothing but zeros are given up for the zero page.
 */
final class FolioSplit {
  private final Mm mm;
  private final Frames frames;

  FolioSplit(Mm mm) {
    this.mm = mm;
    this.frames = mm.context.frames();
  }

  /**
   * Goes over a part of a VMA.
   *
   * @param filesToo whether folios of files are split, and not anonymous ones alone
   */
  void splitPartlyAdvised(Vma vma, long start, long end, boolean filesToo) {
    if (vma.special != Vma.Special.NONE) {
      return;
    }
    long at = mm.pages.ranges().nextEntry(start, end);
    while (at < end) {
      long tableEnd = Math.min(end, (at | mm.hugeBytes - 1) + 1);
      if (mm.pages.look(at) == PageTable.PAGE) {
        long page = mm.pages.pfn();
        long size = size(vma, at, page);
        long met = size == 1 ? 1 : batch(vma, at, tableEnd, page);
        if (met < size && (filesToo || frames.isAnon(page))) {
          split(vma, at, page);
        }
        at += met << 12;
      } else {
        at = mm.pages.isHugeEntry() ? tableEnd : at + Mm.PAGE;
      }
      at = mm.pages.ranges().nextEntry(at, end);
    }
  }

  private long size(Vma vma, long at, long page) {
    if (frames.isAnon(page)) {
      return 1L << frames.order(page);
    }
    FileObject file = vma.backing;
    return file == null ? 1 : 1L << file.folios().order(vma.pgoffAt(at));
  }

  /** {@code folio_pte_batch}: pages from here on that follow each other in the folio. */
  private long batch(Vma vma, long from, long end, long page) {
    long n = 1;
    if (frames.isAnon(page)) {
      long past = frames.head(page) + (1L << frames.order(page));
      while (page + n < past
          && from + (n << 12) < end
          && mm.pages.pageAt(from + (n << 12)) == page + n) {
        n++;
      }
      return n;
    }
    FileObject file = java.util.Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(from);
    long past = file.folios().end(index);
    while (index + n < past && from + (n << 12) < end) {
      long next = mm.pages.pageAt(from + (n << 12));
      if (next == Frames.NONE || next != file.known(index + n)) {
        break;
      }
      n++;
    }
    return n;
  }

  private void split(Vma vma, long at, long page) {
    if (frames.isAnon(page)) {
      boolean _ = frames.deferred().split(frames.head(page), mm.pages);
      return;
    }
    FileObject file = java.util.Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(at);
    long first = file.folios().start(index);
    long past = file.folios().end(index);
    long all = 0;
    for (long i = first; i < past; i++) {
      long each = file.known(i);
      all += each == Frames.NONE ? 0 : frames.mapCount(each);
    }
    if (all == mm.context.mappings.count(mm, file, first, past)) {
      file.folios().split(index, (from, to) -> mm.context.mappings.unmap(file, from, to));
    }
  }
}
