// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.table;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.pagetable.TableShape;
import io.mm4j.vmalloc.entry.Entries;
import io.mm4j.vmalloc.root.Root;
import org.jspecify.annotations.Nullable;

/**
 * A place in the tables of a root.
 *
 * <p>It stands at an entry ({@code level > 0}), before the range ({@code BEFORE}) or behind it
 * ({@code level == 0}). {@code tables} has the tables on the way down to the entry, by level, as
 * physical addresses.
 */
final class LinuxCursor implements TableCursor {
  private static final int BEFORE = -1;

  private final LinuxPageTables owner;
  private final PageTableFormat format;
  private final TableShape shape;
  private final Entries entries;
  private final int top;
  private final int entryShift;
  private final int indexBits;
  private final long indexMask;
  private final int leafLevels;
  private final long present;
  private final long pageSize;
  private final long frame;
  private final long stray;
  private final long kernelStart;
  private final long lastOfUser;
  private final long[] tables = new long[TableShape.MAX_LEVELS + 1];

  private @Nullable Root root;
  private long start;
  private long last;
  private int level;
  private long address;
  private long paddr;

  LinuxCursor(LinuxPageTables owner, PageTableFormat format, Entries entries) {
    this.owner = owner;
    this.format = format;
    this.shape = format.shape();
    this.entries = entries;
    this.top = shape.levels();
    this.entryShift = entries.entryShift();
    this.indexBits = shape.indexBits();
    this.indexMask = (1L << indexBits) - 1;
    this.leafLevels = shape.leafLevels();
    this.present = format.bits().present();
    this.pageSize = format.bits().pageSize();
    this.frame = format.bits().frame();
    this.kernelStart = format.kernel().start();
    this.stray = format.bits().stray();
    long half = format.kernel().start();
    this.lastOfUser = (half < 0 ? 1L << (shape.addressBits() - 1) : half) - 1;
  }

  @Override
  public void over(long rootPfn, long from, long end) {
    Root known = root;
    if (known == null || known.pfn != rootPfn || !known.isAlive()) {
      known = owner.roots().get(rootPfn);
    }
    over(known, from, end);
  }

  void over(Root ofRoot, long from, long end) {
    long lastOne = end == 0 ? lastAddress() : end - 1;
    if (ofRoot.kernel) {
      checkKernels(from, end, lastOne);
    } else {
      if (from < 0
          || from > lastOfUser
          || Long.compareUnsigned(from, lastOne) > 0
          || isKernels(lastOne)) {
        throw outside("user", from, end);
      }
      // Between the halves there is nothing.
      lastOne = lastOne < 0 ? lastOfUser : Math.min(lastOne, lastOfUser);
    }
    root = ofRoot;
    start = from;
    last = lastOne;
    level = BEFORE;
    tables[top] = ofRoot.pfn << Pages.PAGE_SHIFT;
  }

  private boolean isKernels(long at) {
    return Long.compareUnsigned(at, kernelStart) >= 0;
  }

  private void checkKernels(long from, long end, long lastOne) {
    if (!isKernels(from)
        || Long.compareUnsigned(from, lastOne) > 0
        || !shape.isCanonical(from)
        || !shape.isCanonical(lastOne)) {
      throw outside("the kernel's", from, end);
    }
  }

  private MisuseException outside(String half, long from, long end) {
    return new MisuseException(
        String.format(
            "not a range of %s addresses: start=0x%x end=0x%x; the kernel's begin at 0x%x",
            half, from, end, kernelStart));
  }

  /** Whether an entry refers to a table. */
  private boolean isTable(int l, long entry) {
    return l > 1
        && (entry & present) != 0
        && ((entry & pageSize) == 0 || (leafLevels >>> l & 1) == 0);
  }

  private long slot(int l, long at) {
    return tables[l] + ((at >>> shift(l) & indexMask) << entryShift);
  }

  /** What end 0 means: the end of all addresses. */
  private long lastAddress() {
    return shape.addressBits() > 32 ? -1 : (1L << shape.addressBits()) - 1;
  }

  @Override
  public boolean next() {
    if (level > 0) {
      long lastOne = address | (1L << shift(level)) - 1;
      if (Long.compareUnsigned(lastOne, last) >= 0) {
        level = 0;
        return false;
      }
      return find(lastOne + 1, climb(lastOne + 1, level));
    }
    return level == BEFORE && find(start, top);
  }

  private int shift(int l) {
    return Pages.PAGE_SHIFT + (l - 1) * indexBits;
  }

  /** The level at which the table of an address is still the one that is remembered. */
  private int climb(long at, int from) {
    int l = from;
    while (l < top && (at >>> shift(l) & indexMask) == 0) {
      l++;
    }
    return l;
  }

  private boolean find(long from, int fromLevel) {
    long at = from;
    int l = fromLevel;
    while (true) {
      int shift = shift(l);
      long slot = slot(l, at);
      long entry = entries.get(slot);
      if ((entry & ~stray) == 0) {
        long lastOne = at | (1L << shift) - 1;
        if (Long.compareUnsigned(lastOne, last) >= 0) {
          level = 0;
          return false;
        }
        at = lastOne + 1;
        l = climb(at, l);
      } else if (isTable(l, entry)) {
        l--;
        tables[l] = entry & frame;
      } else {
        stand(at, l, slot);
        return true;
      }
    }
  }

  private void stand(long at, int l, long slot) {
    address = at & -1L << shift(l);
    level = l;
    paddr = slot;
  }

  @Override
  public int seek(long at, int lowest) {
    Root here = placed();
    if (Long.compareUnsigned(at, start) < 0
        || Long.compareUnsigned(at, last) > 0
        || lowest < 1
        || lowest > top) {
      throw new MisuseException(
          String.format(
              "outside the range of the cursor: root=%d address=0x%x level=%d start=0x%x last=0x%x",
              here.pfn, at, lowest, start, last));
    }
    int l = top;
    while (true) {
      long slot = slot(l, at);
      if (l == lowest) {
        stand(at, l, slot);
        return l;
      }
      long entry = entries.get(slot);
      if (!isTable(l, entry)) {
        stand(at, l, slot);
        return l;
      }
      l--;
      tables[l] = entry & frame;
    }
  }

  private Root placed() {
    Root here = root;
    if (here == null || !here.isAlive()) {
      throw new MisuseException("the cursor has no range, or its root is gone");
    }
    return here;
  }

  @Override
  public int ensure(Cpu cpu, long at, int lowest) {
    Root here = placed();
    int firstMade = 0;
    while (true) {
      int reached = seek(at, lowest);
      if (reached == lowest || !format.isNone(entry())) {
        return reached;
      }
      long table = owner.newTable(cpu);
      if (table == PageTables.NO_TABLE) {
        if (firstMade > 0 && !here.kernel) {
          seek(at, firstMade);
          long upper = entry();
          entries.put(paddr, PageTableFormat.EMPTY);
          long _ = owner.trees().free(cpu, here, format.tablePfn(upper), firstMade - 1);
        }
        level = 0;
        return NO_MEMORY;
      }
      if (seek(at, lowest) == reached && format.isNone(entry())) {
        put(here, table);
        firstMade = Math.max(firstMade, reached);
      } else {
        owner.freeTable(cpu, table);
      }
    }
  }

  @Override
  public long root() {
    return placed().pfn;
  }

  @Override
  public int level() {
    checkStanding();
    return level;
  }

  @Override
  public long address() {
    checkStanding();
    return address;
  }

  @Override
  public long bytes() {
    checkStanding();
    return 1L << shift(level);
  }

  @Override
  public long paddr() {
    checkStanding();
    return paddr;
  }

  private void checkStanding() {
    if (level <= 0) {
      throw new MisuseException("the cursor stands at no entry");
    }
  }

  @Override
  public long entry() {
    checkStanding();
    return entries.get(paddr);
  }

  @Override
  public void set(long entry) {
    checkStanding();
    if (level > 1 && (format.isTable(level, entries.get(paddr)) || format.isTable(level, entry))) {
      throw new MisuseException(
          String.format(
              "a table is not set or replaced as an entry: address=0x%x level=%d entry=0x%x"
                  + " now=0x%x",
              address, level, entry, entries.get(paddr)));
    }
    write(placed(), entry);
  }

  @Override
  public int setRow(long[] values, int count) {
    checkStanding();
    Root _ = placed();
    int index = (int) (address >>> Pages.PAGE_SHIFT & indexMask);
    int writes = (int) Math.min(count, indexMask + 1 - index);
    long lastOne = address + ((long) writes << Pages.PAGE_SHIFT) - 1;
    if (level != 1
        || count < 1
        || count > values.length
        || Long.compareUnsigned(lastOne, last | (Pages.PAGE_SIZE - 1)) > 0) {
      throw new MisuseException(
          String.format(
              "no row of level 1 in the range of the cursor: level=%d address=0x%x count=%d"
                  + " given=%d last=0x%x",
              level, address, count, values.length, last));
    }
    entries.putRow(paddr, values, writes);
    address += (long) (writes - 1) << Pages.PAGE_SHIFT;
    paddr += (long) (writes - 1) << entryShift;
    return writes;
  }

  /** A top entry of the kernel is everybody's. */
  private void write(Root here, long entry) {
    entries.put(paddr, entry);
    if (here.kernel && level == top) {
      owner.publish(shape.index(top, address), entry);
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
    Root here = placed();
    owner.frames().checkSpare(tablePfn);
    if (level() == 1 || !format.isNone(entry())) {
      throw new MisuseException(
          String.format(
              "a table is put where nothing is, above level 1: address=0x%x level=%d entry=0x%x",
              address, level, entry()));
    }
    put(here, tablePfn);
  }

  private void put(Root here, long tablePfn) {
    owner.frames().use(tablePfn, here.pfn, level - 1);
    here.count(level - 1, 1);
    long entry = format.table(level, tablePfn);
    if (here.kernel && level == top && owner.isLazy()) {
      entries.put(paddr, entry);
    } else {
      write(here, entry);
    }
  }

  @Override
  public void split(long tablePfn) {
    Root here = placed();
    owner.frames().checkSpare(tablePfn);
    long huge = entry();
    boolean usable = (huge & (format.bits().present() | format.bits().protNone())) != 0;
    if (level() == 1 || !format.isLeaf(level, huge) || !usable) {
      throw new MisuseException(
          String.format(
              "only a valid leaf above level 1 is split: address=0x%x level=%d entry=0x%x",
              address, level, huge));
    }
    int below = level - 1;
    long prot = format.prot(level, huge);
    long pfn = format.pfn(level, huge);
    long step = 1L << format.order(below);
    for (int i = 0; i < format.entries(below); i++) {
      entries.put(entries.paddr(tablePfn, i), format.leaf(below, pfn + i * step, prot));
    }
    owner.frames().use(tablePfn, here.pfn, below);
    here.count(below, 1);
    write(here, format.table(level, tablePfn));
    long at = Long.compareUnsigned(address, start) < 0 ? start : address;
    int _ = seek(at, below);
  }

  @Override
  public void deposit(long tablePfn) {
    Root here = placed();
    owner.frames().checkSpare(tablePfn);
    if (level() == 1) {
      throw new MisuseException("no table is deposited with a table of level 1: level=1");
    }
    owner.frames().deposit(tablePfn, here.pfn, level - 1, paddr >>> Pages.PAGE_SHIFT);
    here.count(level - 1, 1);
  }

  @Override
  public long withdraw() {
    Root here = placed();
    if (level() == 1) {
      return PageTables.NO_TABLE;
    }
    long table = owner.frames().withdraw(paddr >>> Pages.PAGE_SHIFT);
    if (table != PageTables.NO_TABLE) {
      here.count(level - 1, -1);
    }
    return table;
  }

  @Override
  public long freeTables(Cpu cpu, long floor, long ceiling) {
    Root here = placed();
    level = 0;
    if (here.kernel) {
      return 0;
    }
    long lastFree = ceiling == 0 ? lastAddress() : ceiling - 1;
    long _ = free(cpu, here, here.pfn, top, 0, floor, lastFree, true);
    return free(cpu, here, here.pfn, top, 0, floor, lastFree, false);
  }

  /** Frees, or only checks, the tables below the entries of one that lie in the range. */
  private long free(
      Cpu cpu,
      Root here,
      long tablePfn,
      int l,
      long base,
      long floor,
      long lastFree,
      boolean checksOnly) {
    long freed = 0;
    long span = 1L << shift(l);
    long lastOfTable = base + (span << indexBits) - 1;
    long from = Math.max(start, base);
    long to = l == top ? last : Math.min(last, lastOfTable);
    for (int i = shape.index(l, from); i <= shape.index(l, to); i++) {
      long slot = entries.paddr(tablePfn, i);
      long entry = entries.get(slot);
      if (!isTable(l, entry)) {
        continue;
      }
      long child = base + i * span;
      long below = format.tablePfn(entry);
      if (Long.compareUnsigned(child, floor) >= 0
          && Long.compareUnsigned(child + span - 1, lastFree) <= 0) {
        if (checksOnly) {
          owner.trees().checkEmpty(below, l - 1, 0, format.entries(l - 1), child);
        } else {
          entries.put(slot, PageTableFormat.EMPTY);
          freed += owner.trees().free(cpu, here, below, l - 1);
        }
      } else if (l > 2) {
        freed += free(cpu, here, below, l - 1, child, floor, lastFree, checksOnly);
      }
    }
    return freed;
  }
}
