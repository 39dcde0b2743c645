// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.SwapType;
import io.mm4j.api.pagetable.TableCursor;
import java.util.function.LongConsumer;

/**
 * Entries of a {@link PageTable} that userfaultfd write-protects: a mark of a present entry, and a
 * marker where nothing is ({@code change_protection()} with MM_CP_UFFD_WP, mm/mprotect.c of Linux
 * 6.18).
 */
public final class UffdEntries {
  private static final long PAGE = Pages.PAGE_SIZE;

  private final PageTable table;
  private final PageTableFormat format;
  private final PageTables tables;
  private final TableCursor walk;

  UffdEntries(PageTable table) {
    this.table = table;
    this.format = table.format;
    this.tables = table.tables;
    this.walk = tables.cursor();
  }

  static boolean isProtected(PageTableFormat format, int level, long entry) {
    if (format.isLeaf(level, entry)) {
      return format.bits().isUffdWp(entry);
    }
    return format.isAbsent(level, entry)
        && (format.absent().isUffdWp(entry)
            || (format.absent().markerBits(entry) & SwapType.MARKER_UFFD_WP) != 0);
  }

  /** Whether a marker stands at an address, where nothing is. */
  public boolean isMarker(long addr) {
    return table.look(addr) == PageTable.NOTHING && table.isUffdWp();
  }

  /** Protects what is at an address; a huge mapping as a whole. */
  public void protect(long addr) {
    int _ = table.look(addr);
    set(addr, format.bits().mkuffdWp(table.at.entry()));
  }

  /** {@code make_uffd_wp_pte()}: protects whatever is at an address of an existing table. */
  public void protectAny(long addr) {
    int kind = table.look(addr);
    long entry = table.at.entry();
    if (kind >= PageTable.ZERO) {
      set(addr, format.bits().mkuffdWp(entry));
    } else {
      table.putAbsent(
          addr,
          format.isNone(entry)
              ? format.absent().marker(SwapType.MARKER_UFFD_WP)
              : format.absent().mkuffdWp(entry));
    }
  }

  /** A write goes through from now on ({@code pte_clear_uffd_wp}): it stays write-protected. */
  public void clear(long addr) {
    int _ = table.look(addr);
    set(addr, format.bits().clearUffdWp(table.at.entry()));
  }

  private void set(long addr, long now) {
    table.at.set(now);
    long from = addr & -table.at.bytes();
    tables.flushRange(table.cpu, table.root(), from, from + table.at.bytes());
  }

  /** Puts a marker where nothing is. False if memory is out. */
  public boolean mark(long addr) {
    return put(addr, SwapType.MARKER_UFFD_WP);
  }

  /** {@code pte_marker_clear()}: takes a marker away. */
  public void drop(long addr) {
    table.putAbsent(addr, PageTableFormat.EMPTY);
  }

  /** Makes accesses to an address fail, where nothing is. False if memory is out. */
  public boolean poison(long addr) {
    return put(addr, SwapType.MARKER_POISONED);
  }

  private boolean put(long addr, int marker) {
    if (!table.makeTable(addr)) {
      return false;
    }
    int _ = table.look(addr);
    table.putAbsent(addr, format.absent().marker(marker));
    return true;
  }

  /**
   * Protects all pages of a range; a huge mapping that the range cuts is split.
   *
   * @param prot what the VMA allows, see {@link PageTableFormat#userProt}
   * @param markers whether to protect also what is not there
   * @param single whether huge mappings are split in any case
   * @return false if memory is out
   */
  public boolean protect(long start, long end, long prot, boolean markers, boolean single) {
    split(start, end, single);
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      if (format.isLeaf(walk.level(), entry)) {
        walk.set(format.bits().mkuffdWp(format.modify(walk.level(), entry, prot)));
      }
    }
    tables.flushRange(table.cpu, table.root(), start, end);
    for (long at = start; markers && at < end; at += PAGE) {
      if (table.look(at) == PageTable.NOTHING && !table.isUffdWp() && !mark(at)) {
        return false;
      }
    }
    return true;
  }

  /** Takes all protection of a range away, and its markers. */
  public void resolve(long start, long end, long prot) {
    if (start >= end || !table.exists()) {
      return;
    }
    split(start, end, false);
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      int level = walk.level();
      if (format.isLeaf(level, entry)) {
        walk.set(format.bits().clearUffdWp(format.modify(level, entry, prot)));
      } else if (isProtected(format, level, entry)
          && table.classify(level, entry) == PageTable.NOTHING) {
        walk.set(PageTableFormat.EMPTY);
      }
    }
    tables.flushRange(table.cpu, table.root(), start, end);
  }

  /** All marks of protection go with a move ({@code vma_has_uffd_without_event_remap}). */
  public void forget(long start, long end) {
    if (start >= end || !table.exists()) {
      return;
    }
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      if (!isProtected(format, walk.level(), entry)) {
        continue;
      }
      int kind = table.classify(walk.level(), entry);
      if (kind == PageTable.NOTHING) {
        walk.set(PageTableFormat.EMPTY);
      } else if (kind == PageTable.GUARD) {
        walk.set(format.absent().clearUffdWp(entry));
      } else {
        walk.set(format.bits().clearUffdWp(entry));
      }
    }
  }

  private void split(long start, long end, boolean single) {
    table.huge().splitAt(start);
    table.huge().splitAt(end);
    for (long at = start; single && at < end; at += table.hugeBytes()) {
      table.huge().split(at);
    }
  }

  /**
   * The addresses in a range that are protected by markers.
   *
   * @param pagesToo whether also those of protected pages
   */
  public void protectedPages(long start, long end, boolean pagesToo, LongConsumer sink) {
    walk.over(table.root(), start, end);
    while (walk.next()) {
      int kind = table.classify(walk.level(), walk.entry());
      boolean counts = kind == PageTable.NOTHING || (pagesToo && kind >= PageTable.ZERO);
      if (counts && isProtected(format, walk.level(), walk.entry())) {
        long past = Math.min(end, walk.address() + walk.bytes());
        for (long at = Math.max(start, walk.address()); at < past; at += PAGE) {
          sink.accept(at);
        }
      }
    }
  }
}
