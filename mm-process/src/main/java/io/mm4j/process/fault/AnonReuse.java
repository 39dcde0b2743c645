// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;

/**
 * {@code wp_can_reuse_anon_folio} (mm/memory.c) and the reference count that {@code
 * do_huge_pmd_wp_page} (mm/huge_memory.c of Linux 6.18) asks for: whether a write may go to an
 * anonymous page where it is, as nobody else maps it.
 *
 * <p>Of a large folio that is what nobody else maps a page of: who was left alone with one page of
 * it, while a relative has the others, gets a copy.
 */
final class AnonReuse {
  private final Mm mm;
  private final Frames frames;

  AnonReuse(Mm mm) {
    this.mm = mm;
    this.frames = mm.context.frames();
  }

  /**
   * Whether the page belongs to this address space alone. O(1), and O(pages * VMAs of its mapping)
   * for one of a large folio that is mapped page by page.
   *
   * @param addr where the page tables were looked at last, and are again afterwards
   * @param pfn the anonymous page that is mapped there
   * @param huge whether a huge entry maps it
   */
  boolean isAlone(long addr, long pfn, boolean huge) {
    if (frames.mapCount(pfn) != 1) {
      return false;
    }
    if (huge) {
      return frames.references(pfn) == 1;
    }
    if (frames.order(pfn) == 0) {
      return true;
    }
    boolean alone = isFolioAlone(frames.head(pfn));
    int _ = mm.pages.again(addr);
    return alone;
  }

  private boolean isFolioAlone(long head) {
    if (frames.references(head) != frames.expectedReferences(head)) {
      return false;
    }
    int[] others = {0};
    long past = head + (1L << frames.order(head));
    for (long page = head; page < past && others[0] == 0; page++) {
      int _ =
          frames.mappedAt(page, (vma, addr) -> others[0] += vma.pageTable() == mm.pages ? 0 : 1);
    }
    return others[0] == 0;
  }
}
