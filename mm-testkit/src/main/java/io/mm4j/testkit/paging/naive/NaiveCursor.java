// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.naive;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import java.util.ArrayDeque;
import java.util.Deque;

/** A cursor that remembers an address and a level, and begins at the root each time. */
public class NaiveCursor implements TableCursor {
  protected final NaivePageTables tables;
  protected final PageTableFormat format;
  private long root = PageTables.NO_ROOT;
  private long start;
  private long last;
  private long address;
  private int level;
  private boolean before;

  /** At no place. */
  public NaiveCursor(NaivePageTables tables) {
    this.tables = tables;
    this.format = tables.format;
  }

  private long lastOfAll() {
    return format.shape().addressBits() > 32 ? -1 : 0xffff_ffffL;
  }

  @Override
  public void over(long ofRoot, long from, long end) {
    tables.checkRoot(ofRoot);
    long to = end == 0 ? lastOfAll() : end - 1;
    boolean ofKernel = ofRoot == tables.kernel;
    int width = format.shape().addressBits();
    if (!ofKernel && width > 32 && !format.kernel().contains(to) && to >>> (width - 1) != 0) {
      to = (1L << (width - 1)) - 1; // nothing is between the halves
    }
    if (Long.compareUnsigned(from, to) > 0
        || format.kernel().contains(from) != ofKernel
        || format.kernel().contains(to) != ofKernel
        || !format.shape().isCanonical(from)
        || !format.shape().isCanonical(to)) {
      throw new MisuseException(String.format("no range: start=0x%x end=0x%x", from, end));
    }
    root = ofRoot;
    start = from;
    last = to;
    level = 0;
    before = true;
  }

  @Override
  public boolean next() {
    if (level == 0 && !before) {
      return false;
    }
    long at = start;
    if (level > 0) {
      long end = address | format.bytes(level) - 1;
      if (Long.compareUnsigned(end, last) >= 0) {
        level = 0;
        before = false;
        return false;
      }
      at = end + 1;
    }
    before = false;
    while (true) {
      int l = lowest(at, 1);
      long entry = tables.read(slot(at, l));
      if (isMet(l, entry)) {
        address = at & -format.bytes(l);
        level = l;
        return true;
      }
      long end = at | format.bytes(l) - 1;
      if (Long.compareUnsigned(end, last) >= 0) {
        level = 0;
        return false;
      }
      at = end + 1;
    }
  }

  /** Whether a walk stops at an entry that is no table. */
  protected boolean isMet(int l, long entry) {
    return !format.isNone(entry);
  }

  /** The level down to which there are tables for an address. */
  private int lowest(long at, int floor) {
    int l = tables.top;
    while (l > floor && format.isTable(l, tables.read(slot(at, l)))) {
      l--;
    }
    return l;
  }

  /** Where the entry of a level for an address is; there are tables down to it. */
  private long slot(long at, int wanted) {
    long table = root;
    for (int l = tables.top; l > wanted; l--) {
      table = format.tablePfn(tables.read(tables.slot(table, format.index(l, at))));
    }
    return tables.slot(table, format.index(wanted, at));
  }

  @Override
  public int seek(long at, int wanted) {
    if (root == PageTables.NO_ROOT
        || Long.compareUnsigned(at, start) < 0
        || Long.compareUnsigned(at, last) > 0
        || wanted < 1
        || wanted > tables.top) {
      throw new MisuseException(String.format("outside the range: address=0x%x", at));
    }
    tables.checkRoot(root);
    level = lowest(at, wanted);
    address = at & -format.bytes(level);
    before = false;
    return level;
  }

  @Override
  public int ensure(Cpu cpu, long at, int wanted) {
    Deque<Integer> made = new ArrayDeque<>();
    while (true) {
      int reached = seek(at, wanted);
      if (reached == wanted || !format.isNone(entry())) {
        return reached;
      }
      long table = tables.newTable(cpu);
      if (table == PageTables.NO_TABLE) {
        unwind(cpu, at, made);
        level = 0;
        return NO_MEMORY;
      }
      if (seek(at, wanted) == reached && format.isNone(entry())) {
        populate(table);
        made.push(reached);
      } else {
        tables.freeTable(cpu, table);
      }
    }
  }

  /** Takes the tables back that were put below entries of these levels, the lowest first. */
  protected void unwind(Cpu cpu, long at, Deque<Integer> made) {
    while (root != tables.kernel && !made.isEmpty()) {
      int l = seek(at, made.pop());
      long table = format.tablePfn(entry());
      tables.write(slot(at, l), PageTableFormat.EMPTY);
      tables.freeTree(cpu, table, l - 1);
    }
  }

  private void check() {
    if (level == 0) {
      throw new MisuseException("at no entry");
    }
  }

  @Override
  public long root() {
    return root;
  }

  @Override
  public int level() {
    check();
    return level;
  }

  @Override
  public long address() {
    check();
    return address;
  }

  @Override
  public long bytes() {
    check();
    return format.bytes(level);
  }

  @Override
  public long paddr() {
    check();
    return slot(address, level);
  }

  @Override
  public long entry() {
    return tables.read(paddr());
  }

  @Override
  public void set(long entry) {
    if (format.isTable(level(), entry()) || format.isTable(level, entry)) {
      throw new MisuseException(String.format("a table is no entry: address=0x%x", address));
    }
    put(entry);
  }

  private void put(long entry) {
    tables.write(paddr(), entry);
    if (root == tables.kernel && level == tables.top) {
      tables.publish(format.index(level, address), entry);
    }
  }

  @Override
  public long getAndClear() {
    long entry = entry();
    set(PageTableFormat.EMPTY);
    return entry;
  }

  @Override
  public void populate(long tablePfn) {
    tables.checkSpare(tablePfn);
    if (level() == 1 || !format.isNone(entry())) {
      throw new MisuseException(String.format("no place for a table: address=0x%x", address));
    }
    tables.own(tablePfn, root, level - 1);
    long entry = format.table(level, tablePfn);
    if (root == tables.kernel && level == tables.top && tables.isLazy()) {
      tables.write(paddr(), entry);
    } else {
      put(entry);
    }
  }

  @Override
  public void split(long tablePfn) {
    tables.checkSpare(tablePfn);
    long huge = entry();
    if (level() == 1
        || !format.isLeaf(level, huge)
        || (!format.bits().isMapped(huge) && !format.bits().isProtnone(huge))) {
      throw new MisuseException(String.format("no huge leaf: address=0x%x", address));
    }
    int below = level - 1;
    for (int i = 0; i < format.entries(below); i++) {
      tables.write(tables.slot(tablePfn, i), part(huge, i));
    }
    tables.own(tablePfn, root, below);
    put(format.table(level, tablePfn));
    long at = Long.compareUnsigned(address, start) < 0 ? start : address;
    int _ = seek(at, below);
  }

  /** What a huge leaf becomes at a place of the table that replaces it. */
  protected long part(long huge, int i) {
    int below = level - 1;
    long pfn = format.pfn(level, huge) + ((long) i << format.order(below));
    return format.leaf(below, pfn, format.prot(level, huge));
  }

  @Override
  public void deposit(long tablePfn) {
    tables.checkSpare(tablePfn);
    if (level() == 1) {
      throw new MisuseException("no deposit at level 1");
    }
    tables.own(tablePfn, root, level - 1);
    long holder = paddr() >>> 12;
    tables.map.setPrivateData(tablePfn, tables.map.privateData(holder));
    tables.map.setPrivateData(holder, tablePfn);
  }

  @Override
  public long withdraw() {
    long holder = paddr() >>> 12;
    long pfn = level() == 1 ? 0 : tables.map.privateData(holder);
    if (pfn == 0) {
      return PageTables.NO_TABLE;
    }
    tables.map.setPrivateData(holder, tables.map.privateData(pfn));
    tables.map.setPrivateData(pfn, 0);
    tables.own(pfn, 0, 0);
    return pfn;
  }

  @Override
  public long freeTables(Cpu cpu, long floor, long ceiling) {
    level = 0;
    before = false;
    if (root == tables.kernel) {
      return 0;
    }
    long end = ceiling == 0 ? lastOfAll() : ceiling - 1;
    long _ = free(cpu, root, tables.top, 0, floor, end, false);
    return free(cpu, root, tables.top, 0, floor, end, true);
  }

  private long free(
      Cpu cpu, long tablePfn, int l, long base, long floor, long end, boolean really) {
    long freed = 0;
    int entries = l == tables.top ? tables.kernelIndex() : format.entries(l);
    for (int i = 0; l > 1 && i < entries; i++) {
      long entry = tables.read(tables.slot(tablePfn, i));
      long child = base + i * format.bytes(l);
      long childEnd = child + format.bytes(l) - 1;
      if (!format.isTable(l, entry) || childEnd < start || child > last) {
        continue;
      }
      long table = format.tablePfn(entry);
      if (isFree(child, childEnd, floor, end)) {
        if (really) {
          tables.write(tables.slot(tablePfn, i), PageTableFormat.EMPTY);
          freed += tables.freeTree(cpu, table, l - 1);
        } else {
          tables.checkEmpty(table, l - 1, 0, format.entries(l - 1), child);
        }
      } else {
        freed += free(cpu, table, l - 1, child, floor, end, really);
      }
    }
    return freed;
  }

  /** Whether nobody else has an address of a table that covers these. */
  protected boolean isFree(long first, long lastOne, long floor, long end) {
    return Long.compareUnsigned(first, floor) >= 0 && Long.compareUnsigned(lastOne, end) <= 0;
  }
}
