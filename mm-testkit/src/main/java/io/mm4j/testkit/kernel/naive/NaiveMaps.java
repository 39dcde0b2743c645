// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.naive;

import io.mm4j.api.Cpu;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;

/** Entries of the kernel's root, one at a time. */
final class NaiveMaps {
  static final long PAGE = 4096;

  private final PageTables tables;
  private final PageTableFormat format;

  NaiveMaps(KernelSpaceProvider.Floors floors) {
    tables = floors.tables();
    format = tables.format();
  }

  /** What may be read and written. */
  long prot() {
    return format.kernelProt(PageTableFormat.READ | PageTableFormat.WRITE);
  }

  PageTableFormat format() {
    return format;
  }

  /** Maps a leaf; false if there is no frame for a table. */
  boolean map(Cpu cpu, long at, int level, long pfn, long prot) {
    long root = tables.kernelRoot(cpu);
    if (root == PageTables.NO_ROOT) {
      return false;
    }
    TableCursor cursor = tables.cursor();
    if (cursor.ensure(cpu, root, at, level) != level) {
      return false;
    }
    cursor.set(format.leaf(level, pfn, prot));
    return true;
  }

  void unmap(Cpu cpu, long from, long to) {
    long root = tables.kernelRoot(cpu);
    if (root == PageTables.NO_ROOT) {
      return;
    }
    TableCursor cursor = tables.cursor();
    cursor.over(root, from, to);
    while (cursor.next()) {
      cursor.set(PageTableFormat.EMPTY);
    }
  }

  long pfn(Cpu cpu, long at) {
    long root = tables.kernelRoot(cpu);
    long paddr = root == PageTables.NO_ROOT ? -1 : tables.translate(root, at);
    return paddr == PageTables.NOT_MAPPED ? KernelSpace.NO_PAGE : paddr >>> 12;
  }

  /** Whether a leaf of this level could be put here. */
  boolean isFree(Cpu cpu, long at, int level) {
    long root = tables.kernelRoot(cpu);
    if (root == PageTables.NO_ROOT) {
      return false;
    }
    TableCursor cursor = tables.cursor();
    return cursor.seek(root, at, level) >= level && format.isNone(cursor.entry());
  }
}
