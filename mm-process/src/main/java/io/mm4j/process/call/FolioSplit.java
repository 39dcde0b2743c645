// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Page;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.ArrayList;
import java.util.List;

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

  FolioSplit(Mm mm) {
    this.mm = mm;
  }

  /** Goes over a part of a VMA. */
  void splitPartlyAdvised(Vma vma, long start, long end) {
    if (vma.special != Vma.Special.NONE) {
      return;
    }
    long at = mm.pages.nextEntry(start, end);
    while (at < end) {
      long tableEnd = Math.min(end, (at | Mm.HUGE_BYTES - 1) + 1);
      if (mm.pages.get(at) instanceof Page page) {
        long size = size(vma, at, page);
        long met = size == 1 ? 1 : batch(vma, at, tableEnd, page);
        if (met < size) {
          split(vma, at, page);
        }
        at += met << 12;
      } else {
        at = mm.pages.isHuge(at) ? tableEnd : at + Mm.PAGE;
      }
      at = mm.pages.nextEntry(at, end);
    }
  }

  private static long size(Vma vma, long at, Page page) {
    if (page.kind() == Page.Kind.ANON) {
      Page[] folio = page.folio();
      return folio == null ? 1 : folio.length;
    }
    FileObject file = vma.backing;
    return file == null ? 1 : 1L << file.folioOrder(vma.pgoffAt(at));
  }

  /** {@code folio_pte_batch}: pages from here on that follow each other in the folio. */
  private long batch(Vma vma, long from, long end, Page page) {
    Page[] folio = page.folio();
    if (folio != null) {
      int first = indexIn(folio, page);
      long n = 1;
      while (first + n < folio.length
          && from + (n << 12) < end
          && folio[(int) (first + n)].equals(mm.pages.get(from + (n << 12)))) {
        n++;
      }
      return n;
    }
    FileObject file = java.util.Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(from);
    long past = file.folioEnd(index);
    long n = 1;
    while (index + n < past
        && from + (n << 12) < end
        && mm.pages.get(from + (n << 12)) instanceof Page next
        && next.equals(file.known(index + n))) {
      n++;
    }
    return n;
  }

  private static int indexIn(Page[] folio, Page page) {
    int i = 0;
    while (!page.equals(folio[i])) {
      i++;
    }
    return i;
  }

  private void split(Vma vma, long at, Page page) {
    Page[] folio = page.folio();
    if (folio != null) {
      splitAnonymous(folio, at);
      return;
    }
    FileObject file = java.util.Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(at);
    long first = file.folioStart(index);
    long past = file.folioEnd(index);
    long all = 0;
    for (long i = first; i < past; i++) {
      Page each = file.known(i);
      all += each == null ? 0 : each.mapCount();
    }
    if (all == mm.context.mappings(mm, file, first, past)) {
      file.splitFolio(index, (from, to) -> mm.context.unmapFilePages(file, from, to));
    }
  }

  private List<Long> places(Page[] folio, long start, long end) {
    List<Long> places = new ArrayList<>();
    mm.pages.visit(
        Math.max(0, start),
        Math.min(end, mm.taskSize()),
        (addr, entry, huge) -> {
          if (entry instanceof Page page && page.isPartOf(folio)) {
            places.add(addr);
          }
        });
    return places;
  }

  private void splitAnonymous(Page[] folio, long near) {
    long all = 0;
    for (Page page : folio) {
      all += page.mapCount();
    }
    List<Long> places = places(folio, near - Mm.HUGE_BYTES, near + Mm.HUGE_BYTES);
    if (all != places.size()) {
      places = places(folio, 0, mm.taskSize());
    }
    if (all != places.size()) {
      return; // another process maps it too
    }
    for (long addr : places) {
      mm.pages.splitHuge(addr);
    }
    Page.splitFolio(folio);
    for (long addr : places) {
      Vma vma = mm.vmas.lookup(addr);
      if (vma != null
          && !vma.has(VmFlags.LOCKED)
          && mm.pages.get(addr) instanceof Page page
          && page.isZeroFilled()) {
        mm.pages.set(addr, PageTable.ZERO);
      }
    }
  }
}
