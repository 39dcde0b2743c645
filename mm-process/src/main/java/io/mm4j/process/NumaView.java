// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.process.NumaStats;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.Collections;
import java.util.TreeMap;

/** {@code gather_stats()} of one VMA (fs/proc/task_mmu.c of Linux 6.18). */
final class NumaView {
  private final Mm mm;
  private final Vma vma;
  private final Frames frames;
  private final TreeMap<Integer, Long> byNode = new TreeMap<>();
  private long pages;
  private long anon;
  private long dirty;
  private long active;
  private long most;

  private NumaView(Mm mm, Vma vma) {
    this.mm = mm;
    this.vma = vma;
    this.frames = mm.context.frames();
  }

  /** The sums of a VMA. */
  static NumaStats of(Mm mm, Vma vma) {
    return new NumaView(mm, vma).gather();
  }

  private NumaStats gather() {
    if (vma.has(VmFlags.PFNMAP)) {
      return NumaStats.NONE;
    }
    mm.pages
        .ranges()
        .entries(
            vma.start,
            vma.end,
            (addr, bytes, kind, entry) -> {
              if (kind == PageTable.PAGE) {
                page(mm.pages.ranges().frame(bytes, entry), addr, bytes, entry);
              }
            });
    return new NumaStats(pages, anon, dirty, active, most, Collections.unmodifiableMap(byNode));
  }

  private void page(long pfn, long addr, long bytes, long entry) {
    long count = vma.has(VmFlags.HUGETLB) ? 1 : bytes >>> Pages.PAGE_SHIFT;
    pages += count;
    anon += mm.isFilePage(vma, addr, pfn) ? 0 : count;
    dirty += frames.format().bits().isDirty(entry) || frames.isDirty(pfn) ? count : 0;
    int lru = frames.lru().flags(pfn);
    active += (lru & (PageFlags.PG_ACTIVE | PageFlags.PG_UNEVICTABLE)) != 0 ? count : 0;
    most = Math.max(most, frames.mapCount(pfn));
    byNode.merge(frames.nodeOf(pfn), count, Long::sum);
  }
}
