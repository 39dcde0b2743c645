// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;

/** What entries of a {@link PageTable} tell of their use: accessed, dirty, soft-dirty. */
public final class PageMarks {
  private final PageTable table;
  private final PageTableFormat format;
  private final PageTables tables;
  private final Frames frames;
  private final TableCursor walk;

  PageMarks(PageTable table) {
    this.table = table;
    this.format = table.format;
    this.tables = table.tables;
    this.frames = table.frames;
    this.walk = tables.cursor();
  }

  /**
   * {@code madvise_free_pte_range}: entries of anonymous pages are as if nobody had used them, so
   * that whoever looks later sees what was written since.
   */
  public void forgetUse(long start, long end) {
    if (start >= end || !table.exists()) {
      return;
    }
    boolean any = false;
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      boolean whole = walk.address() >= start && walk.address() + walk.bytes() <= end;
      if (whole && table.classify(walk.level(), entry) == PageTable.PAGE) {
        long now = table.bits.mkold(table.bits.mkclean(entry));
        long pfn = format.pfn(walk.level(), entry);
        if (frames.isAnon(pfn)) {
          frames.lru().lazyFree(pfn);
          walk.set(now);
          any |= now != entry;
        }
      }
    }
    if (any) {
      tables.flushRange(table.cpu, table.root(), start, end);
    }
  }

  /**
   * {@code madvise_cold_or_pageout_pte_range}: entries and folios that nobody else maps are as if
   * nobody had used them.
   */
  public void cool(long start, long end) {
    if (start >= end || !table.exists()) {
      return;
    }
    boolean any = false;
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      boolean whole = walk.address() >= start && walk.address() + walk.bytes() <= end;
      if (!whole || table.classify(walk.level(), entry) != PageTable.PAGE) {
        continue;
      }
      long pfn = format.pfn(walk.level(), entry);
      if (frames.mapCount(pfn) == 1) {
        long now = table.bits.mkold(entry);
        walk.set(now);
        any |= now != entry;
        frames.lru().cold(pfn);
      }
    }
    if (any) {
      tables.flushRange(table.cpu, table.root(), start, end);
    }
  }

  /**
   * {@code clear_refs_pte_range}: entries are as if nobody had used their pages, or nobody had
   * written to them.
   *
   * @param softDirty forgets writes, and has the next ones fault; else forgets uses
   */
  public void clearRefs(long start, long end, boolean softDirty) {
    if (start >= end || !table.exists()) {
      return;
    }
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      int kind = table.classify(walk.level(), entry);
      long now = entry;
      if (softDirty && kind >= PageTable.ZERO) {
        now = table.bits.wrprotect(table.bits.clearSoftDirty(entry));
      } else if (softDirty) {
        now = format.absent().clearSoftDirty(entry);
      } else if (kind == PageTable.PAGE) {
        now = table.bits.mkold(entry);
        frames.lru().notReferenced(format.pfn(walk.level(), entry));
      }
      if (now != entry) {
        walk.set(now);
      }
    }
    tables.flushRange(table.cpu, table.root(), start, end);
  }
}
