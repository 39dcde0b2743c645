// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.table;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.vmalloc.entry.Entries;
import io.mm4j.vmalloc.root.Root;
import io.mm4j.vmalloc.root.Roots;

/**
 * What is done to a table with all that lies below it: looking whether it is empty, freeing,
 * checking. Recursive, at most five levels deep.
 */
final class Trees {
  private final PageTableFormat format;
  private final Entries entries;
  private final TableFrames frames;

  Trees(PageTableFormat format, Entries entries, TableFrames frames) {
    this.format = format;
    this.entries = entries;
    this.frames = frames;
  }

  /**
   * Refuses a table below which something is left.
   *
   * @param start the first address that it covers
   */
  void checkEmpty(long tablePfn, int level, int from, int to, long start) {
    for (int i = from; i < to; i++) {
      long entry = entries.get(entries.paddr(tablePfn, i));
      if (!format.isNone(entry)) {
        long address = start + ((long) i << format.shift(level));
        if (!format.isTable(level, entry)) {
          throw new MisuseException(
              String.format(
                  "a table with an entry cannot be freed: address=0x%x level=%d entry=0x%x"
                      + " tablePfn=%d",
                  address, level, entry, tablePfn));
        }
        long below = format.tablePfn(entry);
        checkEmpty(below, level - 1, 0, format.entries(level - 1), address);
      }
    }
    if (frames.deposited(tablePfn) != 0) {
      throw new MisuseException(
          String.format(
              "a table with a deposited table cannot be freed: address=0x%x level=%d tablePfn=%d"
                  + " deposited=%d",
              start, level, tablePfn, frames.deposited(tablePfn)));
    }
  }

  /**
   * Frees the tables below some entries of a table, which become empty, and what is deposited with
   * it. Leafs are left where they are.
   *
   * @return how many
   */
  long freeBelow(Cpu cpu, Root root, long tablePfn, int level, int from, int to) {
    long freed = 0;
    for (int i = from; level > 1 && i < to; i++) {
      long paddr = entries.paddr(tablePfn, i);
      long entry = entries.get(paddr);
      if (format.isTable(level, entry)) {
        entries.put(paddr, PageTableFormat.EMPTY);
        freed += free(cpu, root, format.tablePfn(entry), level - 1);
      }
    }
    for (long pfn = frames.withdraw(tablePfn); pfn > 0; pfn = frames.withdraw(tablePfn)) {
      root.count(level - 1, -1);
      frames.give(cpu, pfn);
      freed++;
    }
    return freed;
  }

  /** Frees a table and all tables below it; returns how many. */
  long free(Cpu cpu, Root root, long tablePfn, int level) {
    long freed = 1 + freeBelow(cpu, root, tablePfn, level, 0, format.entries(level));
    root.count(level, -1);
    frames.unuse(tablePfn);
    frames.give(cpu, tablePfn);
    return freed;
  }

  /** Counts the tables below some entries of a table, by level, and checks whose they are. */
  void count(Root root, long tablePfn, int level, int from, int to, long[] found) {
    for (int i = from; level > 1 && i < to; i++) {
      long entry = entries.get(entries.paddr(tablePfn, i));
      if (format.isTable(level, entry)) {
        long below = format.tablePfn(entry);
        found[level - 1]++;
        checkTable(root, below, level - 1);
        count(root, below, level - 1, 0, format.entries(level - 1), found);
      }
    }
    for (long d = frames.deposited(tablePfn); d != 0 && level > 1; d = frames.deposited(d)) {
      found[level - 1]++;
      checkTable(root, d, level - 1);
    }
  }

  private void checkTable(Root root, long pfn, int level) {
    MemMap map = frames.memMap();
    boolean good =
        pfn > 0
            && pfn < map.endPfn()
            && map.owner(pfn) == FrameOwner.PAGE_TABLE
            && map.mapping(pfn) == root.pfn
            && Roots.level(map.index(pfn)) == level
            && map.refcount(pfn) == 1;
    if (!good) {
      throw new CorruptStateError(
          "no table of this root: root=" + root.pfn + " level=" + level + " tablePfn=" + pfn);
    }
  }
}
