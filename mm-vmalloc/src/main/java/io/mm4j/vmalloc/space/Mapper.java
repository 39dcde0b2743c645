// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.Cpu;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes the kernel's page tables: {@code vmap_pages_range()}, {@code vunmap_range()}. The tables
 * that a range needs are made first, one by one, without the lock, as allocating may reclaim. Then
 * entries are written a table at a time.
 */
final class Mapper {
  /** As many entries as a table of any format has, all of them nothing. */
  private static final long[] NOTHING = new long[1024];

  private final PageTables tables;
  private final PageTableFormat format;
  private final TableCursor cursor;
  private final long[] row = new long[NOTHING.length];
  private final KernelLock lock = new KernelLock(LockClass.PAGE_TABLE, "kernel page tables", -1);

  /** A cursor of each CPU for {@link #prepare}; null while it is in use. */
  private final @Nullable TableCursor[] making;

  /** The kernel's root, once it was made. */
  private volatile long made = PageTables.NO_ROOT;

  Mapper(PageTables tables, int cpus) {
    this.tables = tables;
    this.format = tables.format();
    this.cursor = tables.cursor();
    this.making = new TableCursor[cpus];
  }

  PageTableFormat format() {
    return format;
  }

  /** The frame that is mapped here, or NO_PAGE: {@code vmalloc_to_pfn()}. */
  long pfn(long address) {
    long root = made;
    long paddr =
        root == PageTables.NO_ROOT ? PageTables.NOT_MAPPED : tables.translate(root, address);
    return paddr == PageTables.NOT_MAPPED ? KernelSpace.NO_PAGE : paddr >>> Pages.PAGE_SHIFT;
  }

  /**
   * Makes the tables down to a level for a range.
   *
   * @return false if there is no memory for them; those that were made stay
   */
  boolean prepare(Cpu cpu, long start, long end, int level) {
    long root = tables.kernelRoot(cpu);
    if (root == PageTables.NO_ROOT) {
      return false;
    }
    made = root;
    TableCursor mine = making[cpu.id()];
    making[cpu.id()] = null; // whoever reclaims for this CPU meanwhile takes another one
    if (mine == null) {
      mine = tables.cursor();
    }
    boolean good = prepare(cpu, mine, root, start, end, level);
    making[cpu.id()] = mine;
    return good;
  }

  private boolean prepare(Cpu cpu, TableCursor mine, long root, long start, long end, int level) {
    mine.over(root, start, end);
    long step = format.bytes(level + 1);
    for (long at = start; at < end; at = (at & -step) + step) {
      if (mine.ensure(cpu, at, level) != level) {
        return false;
      }
      if (end - at <= step - (at & (step - 1))) {
        break;
      }
    }
    return true;
  }

  /** Maps frames in a row; the tables are there. */
  void map(long address, long[] pfns, int from, int to, long prot) {
    lock.lock();
    try {
      long at = address + ((long) from << Pages.PAGE_SHIFT);
      cursor.over(made, at, address + ((long) to << Pages.PAGE_SHIFT));
      for (int i = from; i < to; ) {
        int _ = cursor.seek(at, 1);
        int count = inTable(at, to - i);
        for (int k = 0; k < count; k++) {
          row[k] = format.leaf(1, pfns[i + k], prot);
        }
        cursor.setRow(row, count);
        i += count;
        at += (long) count << Pages.PAGE_SHIFT;
      }
    } finally {
      lock.unlock();
    }
  }

  /** How many of the pages from here on have their entries in the same table of level 1. */
  private int inTable(long at, long pages) {
    return (int) Math.min(pages, format.entries(1) - format.index(1, at));
  }

  /**
   * Whether a leaf of this level can be put here: there is no table of the level below, which stays
   * once it was made ({@code pmd_free_pte_page()} of Linux frees an empty one).
   */
  boolean isFree(Cpu cpu, long address, int level) {
    long root = tables.kernelRoot(cpu);
    if (root == PageTables.NO_ROOT) {
      return false;
    }
    lock.lock();
    try {
      int reached = cursor.seek(root, address, level);
      return format.isNone(cursor.entry()) && reached >= level;
    } finally {
      lock.unlock();
    }
  }

  /** Maps one leaf of any level; the tables are there. */
  void map(long address, int level, long pfn, long prot) {
    lock.lock();
    try {
      int _ = cursor.seek(made, address, level);
      cursor.set(format.leaf(level, pfn, prot));
    } finally {
      lock.unlock();
    }
  }

  /** Maps a page, unless somebody else was first; the tables are there. */
  boolean mapIfFree(long address, long pfn, long prot) {
    lock.lock();
    try {
      int _ = cursor.seek(made, address, 1);
      boolean free = format.isNone(cursor.entry());
      if (free) {
        cursor.set(format.leaf(1, pfn, prot));
      }
      return free;
    } finally {
      lock.unlock();
    }
  }

  /** Removes what is mapped in a range, whole leafs; tables stay. */
  void unmap(long start, long end) {
    if (made == PageTables.NO_ROOT) {
      return;
    }
    lock.lock();
    try {
      cursor.over(made, start, end);
      for (long at = start; at < end; ) {
        int level = cursor.seek(at, 1);
        if (level == 1) {
          int count = inTable(at, (end - at) >>> Pages.PAGE_SHIFT);
          cursor.setRow(NOTHING, count);
          at += (long) count << Pages.PAGE_SHIFT;
        } else {
          if (!format.isNone(cursor.entry())) {
            cursor.set(PageTableFormat.EMPTY);
          }
          at = cursor.address() + cursor.bytes();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** The frames that are mapped in a range, page by page. */
  List<Long> pfns(long start, long end) {
    List<Long> pfns = new ArrayList<>();
    if (made == PageTables.NO_ROOT) {
      return pfns;
    }
    lock.lock();
    try {
      cursor.over(made, start, end);
      while (cursor.next()) {
        pfns.add(format.pfn(cursor.level(), cursor.entry()));
      }
    } finally {
      lock.unlock();
    }
    return pfns;
  }
}
