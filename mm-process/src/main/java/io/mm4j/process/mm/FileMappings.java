// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.page.Mapping;
import io.mm4j.process.page.MappingList;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.function.LongConsumer;

/**
 * Who maps pages of a file, in all address spaces of a floor, and how the pages are taken from them
 * ({@code unmap_mapping_range}, mm/memory.c; {@code hugetlb_vmdelete_list}, fs/hugetlbfs/inode.c;
 * Linux 6.18).
 */
public final class FileMappings {
  private final FloorContext context;

  FileMappings(FloorContext context) {
    this.context = context;
  }

  /**
   * {@code unmap_mapping_range}: takes pages of a file out of every address space; private copies
   * stay.
   */
  public void unmap(FileObject file, long firstIndex, long pastIndex) {
    unmap(file, firstIndex, pastIndex, false);
  }

  /**
   * The same.
   *
   * @param copiesToo whether private copies go as well: the file ends before them ({@code
   *     even_cows})
   */
  public void unmap(FileObject file, long firstIndex, long pastIndex, boolean copiesToo) {
    MappingList vmas = file.vmas();
    for (int i = 0; i < vmas.size(); i++) {
      PageTable pages = vmas.get(i).pageTable();
      if (pages != null) {
        forMapped(vmas.get(i), pages, firstIndex, pastIndex, copiesToo, pages::unmapOfFile);
      }
    }
  }

  /** How often one address space maps pages of a range of a file. */
  public long count(Mm mm, FileObject file, long firstIndex, long pastIndex) {
    long[] count = {0};
    MappingList vmas = file.vmas();
    for (int i = 0; i < vmas.size(); i++) {
      if (vmas.get(i).pageTable() == mm.pages) {
        forMapped(vmas.get(i), mm.pages, firstIndex, pastIndex, false, at -> count[0]++);
      }
    }
    return count[0];
  }

  /** Pages of the file that a VMA maps; copies that a process has made are not among them. */
  private void forMapped(
      Mapping vma,
      PageTable pages,
      long firstIndex,
      long pastIndex,
      boolean copiesToo,
      LongConsumer action) {
    long from = Math.max(firstIndex, vma.firstIndex());
    long to = Math.min(pastIndex, vma.pastIndex());
    if (from >= to) {
      return;
    }
    long end = vma.addressOf(to);
    long at = pages.ranges().nextEntry(vma.addressOf(from), end);
    while (at < end) {
      if (pages.look(at) == PageTable.PAGE
          && (copiesToo || !context.frames().isAnon(pages.pfn()))) {
        action.accept(at);
      }
      at = pages.ranges().nextEntry(at + Mm.PAGE, end);
    }
  }

  /** Takes whole pages from a file of huge pages, and from whoever maps them. */
  public void removeHuge(FileObject file, long firstHuge, long pastHuge) {
    HugePool pool = context.hugePools().of(file);
    long pages = pool.pageBytes() >>> 12;
    for (Mm mm : context.spaces) {
      for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
        if (!vma.has(VmFlags.HUGETLB) || vma.backing != file) {
          continue;
        }
        long first = Math.max(vma.firstIndex(), firstHuge * pages);
        long past = pastHuge > vma.pastIndex() / pages ? vma.pastIndex() : pastHuge * pages;
        if (first < past) {
          long start = vma.addressOf(first);
          mm.huge(vma).zap(start, start + ((past - first) << 12), false);
        }
      }
    }
    pool.remove(file, firstHuge, pastHuge);
  }

  /** Takes a huge page away from every address space but one. */
  public void unmapHuge(long head, int leafLevel, Mm but) {
    context.spaces.forEach(
        mm -> {
          for (Vma vma = mm.vmas.first(); mm != but && vma != null; vma = mm.vmas.next(vma)) {
            if (vma.has(VmFlags.HUGETLB) && vma.hugeLevel() == leafLevel) {
              mm.huge(vma).drop(head, vma.start, vma.end);
            }
          }
        });
  }
}
