// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;

/**
 * The entries of a {@link PageTable} that map 2 MiB at once. One of anonymous memory, or of the
 * huge zero page, has a table deposited with it, so that it can be split without memory.
 */
public final class HugeEntries {
  private final PageTable table;
  private final Frames frames;
  private final PageTables tables;
  private final PageTableFormat format;
  private final EntryBits bits;
  private final Cpu cpu;
  private final TableCursor at;
  private final long hugePages;
  private final long hugeBytes;

  HugeEntries(PageTable table) {
    this.table = table;
    this.frames = table.frames;
    this.tables = table.tables;
    this.format = table.format;
    this.bits = table.bits;
    this.cpu = table.cpu;
    this.at = table.at;
    this.hugePages = 1L << format.order(2);
    this.hugeBytes = format.bytes(2);
  }

  /** An entry for a huge page. */
  public long entry(long head, long prot) {
    return format.leaf(2, head, prot);
  }

  /** The same for the huge zero page. */
  public long zeroEntry(long head, long prot) {
    return bits.mkspecial(format.leaf(2, head, prot));
  }

  /** Whether the address belongs to a huge mapping. */
  public boolean isAt(long addr) {
    return at.seek(table.root(), addr, 2) == 2 && format.isLeaf(2, at.entry());
  }

  /** Whether the address belongs to a mapping of the huge zero page. */
  public boolean isZero(long addr) {
    return isAt(addr) && bits.isSpecial(at.entry());
  }

  /** A table to deposit, {@link PageTables#NO_TABLE} if memory is out. */
  public long newTable() {
    return tables.newTable(cpu);
  }

  /** Gives a table back that was not deposited. */
  public void freeTable(long unused) {
    tables.freeTable(cpu, unused);
  }

  /** Whether nothing is mapped in the 2 MiB around an address, not even a table. */
  public boolean fits(long addr) {
    return at.seek(table.root(), addr, 2) == 2 && format.isNone(at.entry());
  }

  /**
   * Maps 2 MiB at once, where {@link #fits}; the reference of a page is the caller's.
   *
   * @param deposit a table to keep for a split, unless it is {@link PageTables#NO_TABLE}
   */
  public void map(long addr, long value, long deposit) {
    int _ = at.seek(table.root(), addr, 2);
    at.set(value);
    if (deposit != PageTables.NO_TABLE) {
      at.deposit(deposit);
    }
    if (!bits.isSpecial(value)) {
      long head = format.pfn(2, value);
      frames.addEntireMapcount(head, 1);
      table.count(head, hugePages);
    }
  }

  /** Maps a cached folio of 2 MiB; its reference is the entry's own, and no table is deposited. */
  public void mapCached(long addr, long value) {
    frames.get(format.pfn(2, value));
    map(addr, value, PageTables.NO_TABLE);
  }

  /** A folio of the process takes the place of the huge zero page; its table stays. */
  public void changeZero(long addr, long value) {
    int _ = at.seek(table.root(), addr, 2);
    at.set(value);
    long head = format.pfn(2, value);
    frames.addEntireMapcount(head, 1);
    table.count(head, hugePages);
    long from = addr & -hugeBytes;
    tables.flushRange(cpu, table.root(), from, from + hugeBytes);
  }

  /**
   * {@code move_pages_huge_pmd}: a huge mapping with its deposited table leaves its place, and
   * stands at another, where {@link #fits}, as this entry of the same page.
   */
  public void move(long from, long to, long value) {
    int _ = at.seek(table.root(), from, 2);
    long _ = at.getAndClear();
    long deposit = at.withdraw();
    tables.flushRange(cpu, table.root(), from, from + hugeBytes);
    int _ = at.seek(table.root(), to, 2);
    at.set(value);
    at.deposit(deposit);
  }

  /** Removes a huge mapping, with its deposited table. */
  public void clear(long addr) {
    if (!isAt(addr)) {
      return;
    }
    long old = at.getAndClear();
    withdrawFor(at, old);
    long from = addr & -hugeBytes;
    tables.flushRange(cpu, table.root(), from, from + hugeBytes);
    forget(old);
  }

  /** Takes the deposited table of a huge mapping back that stood where the cursor does. */
  void withdrawFor(TableCursor cursor, long old) {
    if (hasDeposit(old)) {
      freeTable(cursor.withdraw());
    }
  }

  private boolean hasDeposit(long huge) {
    return bits.isSpecial(huge) || frames.isAnon(format.pfn(2, huge));
  }

  /** Sums, mapcount and reference of a huge entry that is gone. */
  private void forget(long old) {
    if (!bits.isSpecial(old)) {
      long head = format.pfn(2, old);
      frames.addEntireMapcount(head, -1);
      table.count(head, -hugePages);
      frames.put(head);
    }
  }

  /** The sums and mapcount only; the reference is given up after the flush. */
  void uncount(long head) {
    frames.addEntireMapcount(head, -1);
    table.count(head, -hugePages);
  }

  /** Splits the huge mapping around an address, unless the address is its border. */
  public void splitAt(long addr) {
    if ((addr & hugeBytes - 1) != 0 && table.exists()) {
      split(addr);
    }
  }

  /**
   * {@code __split_huge_pmd}: replaces the huge mapping around an address, if there is one, by
   * single entries of the deposited table. Pages of a file are unmapped instead: they come back
   * with the next fault.
   */
  public void split(long addr) {
    if (!isAt(addr)) {
      return;
    }
    long huge = at.entry();
    if (!hasDeposit(huge)) {
      clear(addr);
      return;
    }
    long from = addr & -hugeBytes;
    at.over(table.root(), from, from + hugeBytes);
    int _ = at.seek(from, 2);
    at.split(at.withdraw());
    if (bits.isSpecial(huge)) {
      long zero = table.zeroEntry(frames.zeroPage(), format.prot(2, huge));
      for (long a = from; a < from + hugeBytes; a += Pages.PAGE_SIZE) {
        int _ = at.seek(a, 1);
        at.set(zero);
      }
    } else {
      long head = format.pfn(2, huge);
      for (long i = 0; i < hugePages; i++) {
        frames.addMapcount(head + i, 1);
        if (i > 0) {
          frames.get(head);
        }
      }
      frames.addEntireMapcount(head, -1);
    }
    tables.flushRange(cpu, table.root(), from, from + hugeBytes);
  }
}
