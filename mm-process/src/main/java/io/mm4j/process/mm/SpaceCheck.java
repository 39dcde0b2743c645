// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.CorruptStateError;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.MappingList;
import io.mm4j.process.page.PageKind;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.EnumMap;
import java.util.Map;

/**
 * Walks everything that an address space maps and compares it with what is kept elsewhere: the
 * VMAs, the sums, the rows of frames, reverse mapping, references. No page table is where no VMA
 * is.
 *
 * <p>O(entries * VMAs of their mappings).
 */
final class SpaceCheck {
  private final Mm mm;
  private final Frames frames;
  private final Map<PageKind, Long> counted = new EnumMap<>(PageKind.class);
  private long next;
  private long hugePages;

  SpaceCheck(Mm mm) {
    this.mm = mm;
    this.frames = mm.context.frames();
  }

  /**
   * Checks.
   *
   * @throws CorruptStateError naming what contradicts what
   */
  void run() {
    for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
      checkNothing(next, vma.start);
      checkVma(vma);
      next = vma.end;
    }
    checkNothing(next, mm.taskSize());
    for (PageKind kind : PageKind.values()) {
      long kept = mm.pages.rss(kind);
      long recount = counted.getOrDefault(kind, 0L);
      check(kept == recount, "rss of " + kind, kept, recount);
    }
    check(mm.huge.mapped() == hugePages, "pages of the pool", mm.huge.mapped(), hugePages);
    mm.pages.validateSums();
  }

  private void checkNothing(long start, long end) {
    long at = mm.pages.ranges().nextEntry(start, end);
    CorruptStateError.check(
        at >= end, () -> "mapped outside of every VMA: addr=0x" + Long.toHexString(at));
    long size = mm.hugeBytes;
    long past = end & -size;
    long table = mm.pages.ranges().nextTable(start + size - 1 & -size, past);
    CorruptStateError.check(
        table >= past, () -> "a page table that no VMA can use: addr=0x" + Long.toHexString(table));
  }

  private void checkVma(Vma vma) {
    if (vma.has(VmFlags.HUGETLB)) {
      hugePages += mm.huge(vma).validate(vma.start, vma.end);
      return;
    }
    mm.pages
        .ranges()
        .visit(
            vma.start,
            vma.end,
            (addr, kind, pfn, huge) -> {
              if (kind == PageTable.ZERO) {
                boolean time = vma.special != Vma.Special.NONE && frames.isClockPage(pfn);
                CorruptStateError.check(
                    time || frames.isZeroPage(pfn),
                    () -> "a special entry maps no zero page: addr=0x" + Long.toHexString(addr));
              } else if (kind == PageTable.PAGE) {
                counted.merge(frames.kind(pfn), 1L, Long::sum);
                checkPage(vma, addr, pfn);
              }
            });
    CorruptStateError.check(
        mm.pages.ranges().isWhole(vma.start) && mm.pages.ranges().isWhole(vma.end),
        () -> "a huge mapping crosses the border of vma=" + vma);
  }

  private void checkPage(Vma vma, long addr, long pfn) {
    same(frames.indexOf(pfn), vma.pgoffAt(addr), "index", addr, pfn);
    MappingList list = frames.mappingsOf(pfn);
    CorruptStateError.check(
        list != null && list.contains(vma),
        () -> where(addr, pfn) + "reverse mapping does not lead to vma=" + vma);
    FileObject file = frames.fileOf(pfn);
    long elsewhere = 0;
    if (file != null) {
      elsewhere = file.mappedElsewhere();
      CorruptStateError.check(
          file == vma.backing, () -> where(addr, pfn) + "the file is not that of vma=" + vma);
      same(file.known(vma.pgoffAt(addr)), pfn, "frame in the page cache", addr, pfn);
    }
    long places = frames.mappedAt(pfn, (each, at) -> {}) + elsewhere;
    same(frames.mapCount(pfn), places, "mapcount", addr, pfn);
    if (elsewhere == 0 && frames.head(pfn) == pfn) {
      same(frames.references(pfn), frames.expectedReferences(pfn), "references", addr, pfn);
    }
  }

  private static String where(long addr, long pfn) {
    return "addr=0x" + Long.toHexString(addr) + " pfn=" + pfn + " ";
  }

  private static void same(long kept, long counted, String what, long addr, long pfn) {
    if (kept != counted) {
      throw new CorruptStateError(where(addr, pfn) + what + "=" + kept + " recount=" + counted);
    }
  }

  private static void check(boolean right, String what, long kept, long counted) {
    if (!right) {
      throw new CorruptStateError(what + "=" + kept + " recount=" + counted);
    }
  }
}
