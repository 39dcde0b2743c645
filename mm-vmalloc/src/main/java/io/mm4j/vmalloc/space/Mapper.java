// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.Cpu;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;

/**
 * Writes the kernel's page tables: {@code vmap_pages_range()}, {@code vunmap_range()}. The tables
 * that a range needs are made first, one by one, without the lock, as allocating may reclaim.
 */
final class Mapper {
  private final PageTables tables;
  private final PageTableFormat format;
  private final TableCursor cursor;
  private final KernelLock lock = new KernelLock(LockClass.PAGE_TABLE, "kernel page tables", -1);

  Mapper(PageTables tables) {
    this.tables = tables;
    this.format = tables.format();
    this.cursor = tables.cursor();
  }

  PageTableFormat format() {
    return format;
  }

  /** The kernel's root, or NO_ROOT if there is no memory for it. */
  long root(Cpu cpu) {
    return tables.kernelRoot(cpu);
  }

  /**
   * Makes the tables down to a level for a range.
   *
   * @return false if there is no memory for them; those that were made stay
   */
  boolean prepare(Cpu cpu, long start, long end, int level) {
    long root = root(cpu);
    if (root == PageTables.NO_ROOT) {
      return false;
    }
    TableCursor making = tables.cursor();
    making.over(root, start, end);
    long step = format.bytes(level + 1);
    for (long at = start; at < end; at = (at & -step) + step) {
      if (making.ensure(cpu, at, level) != level) {
        return false;
      }
      if (end - at <= step - (at & (step - 1))) {
        break;
      }
    }
    return true;
  }

  /** Maps frames in a row; the tables are there. */
  void map(Cpu cpu, long address, long[] pfns, int from, int to, long prot) {
    lock.lock();
    try {
      cursor.over(
          root(cpu),
          address + ((long) from << Pages.PAGE_SHIFT),
          address + ((long) to << Pages.PAGE_SHIFT));
      for (int i = from; i < to; i++) {
        int _ = cursor.seek(address + ((long) i << Pages.PAGE_SHIFT), 1);
        cursor.set(format.leaf(1, pfns[i], prot));
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Whether a leaf of this level can be put here: there is no table of the level below, which stays
   * once it was made ({@code pmd_free_pte_page()} of Linux frees an empty one).
   */
  boolean isFree(Cpu cpu, long address, int level) {
    long root = root(cpu);
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
  void map(Cpu cpu, long address, int level, long pfn, long prot) {
    lock.lock();
    try {
      int _ = cursor.seek(root(cpu), address, level);
      cursor.set(format.leaf(level, pfn, prot));
    } finally {
      lock.unlock();
    }
  }

  /** Removes what is mapped in a range; tables stay. */
  void unmap(Cpu cpu, long start, long end) {
    lock.lock();
    try {
      cursor.over(root(cpu), start, end);
      while (cursor.next()) {
        cursor.set(PageTableFormat.EMPTY);
      }
    } finally {
      lock.unlock();
    }
  }
}
