// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.naive;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.Segmentation;
import io.mm4j.api.pagetable.TableCursor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Page tables in few lines: every call begins at the root and reads RAM entry by entry. One thread.
 * What faults change are its protected methods.
 */
public class NaivePageTables implements PageTables {
  protected final PageTablesProvider.Floors floors;
  protected final PageTableFormat format;
  protected final PhysicalMemory memory;
  protected final MemMap map;
  protected final TreeSet<Long> roots = new TreeSet<>();
  protected final Map<Integer, NaiveMmu> mmus = new HashMap<>();
  protected final int top;
  protected long kernel = NO_ROOT;
  private long frames;
  private long syncs;

  /** On these floors. */
  public NaivePageTables(PageTablesProvider.Floors floors) {
    this.floors = floors;
    this.format = floors.format();
    this.memory = floors.memory();
    this.map = memory.memMap();
    this.top = format.levels();
  }

  /** Whether other roots receive the kernel's new top entries only at a fault. */
  protected boolean isLazy() {
    return floors.architecture() == Architecture.X86_32_24;
  }

  /** The entry at a physical address. */
  protected long read(long paddr) {
    return format.shape().entryBytes() == 8
        ? memory.getLong(paddr)
        : memory.getInt(paddr) & 0xffff_ffffL;
  }

  /** Writes it. */
  protected void write(long paddr, long entry) {
    if (format.shape().entryBytes() == 8) {
      memory.putLong(paddr, entry);
    } else {
      memory.putInt(paddr, (int) entry);
    }
  }

  /** Where an entry of a table is. */
  protected long slot(long tablePfn, int index) {
    return tablePfn * Pages.PAGE_SIZE + (long) index * format.shape().entryBytes();
  }

  protected final int kernelIndex() {
    return format.index(top, format.kernel().start());
  }

  @Override
  public PageTableFormat format() {
    return format;
  }

  /** With what tables are asked for. */
  protected int gfp() {
    return Gfp.GFP_KERNEL | Gfp.__GFP_ZERO;
  }

  @Override
  public long newTable(Cpu cpu) {
    long pfn = floors.pages().allocPages(cpu, gfp(), 0);
    if (pfn == PageAllocator.NO_PAGE) {
      return NO_TABLE;
    }
    map.hold(pfn, 0, FrameOwner.PAGE_TABLE, 0, 0, 0);
    frames++;
    return pfn;
  }

  @Override
  public void freeTable(Cpu cpu, long tablePfn) {
    checkSpare(tablePfn);
    release(cpu, tablePfn);
  }

  /** A table goes, whoever's it was. */
  protected void release(Cpu cpu, long tablePfn) {
    boolean last = map.drop(tablePfn, 0);
    if (last) {
      floors.pages().freePages(cpu, tablePfn, 0);
    }
    frames--;
  }

  protected final void checkSpare(long pfn) {
    if (pfn < 1
        || pfn >= map.endPfn()
        || map.owner(pfn) != FrameOwner.PAGE_TABLE
        || map.mapping(pfn) != 0) {
      throw new MisuseException("no spare table: pfn=" + pfn);
    }
  }

  /** Gives a spare table to a root. */
  protected void own(long tablePfn, long root, int level) {
    map.setMapping(tablePfn, root);
    map.setIndex(tablePfn, level);
  }

  @Override
  public long kernelRoot(Cpu cpu) {
    if (kernel != NO_ROOT) {
      return kernel;
    }
    long pfn = newTable(cpu);
    if (pfn == NO_TABLE) {
      return NO_ROOT;
    }
    own(pfn, pfn, top);
    roots.add(pfn);
    kernel = pfn;
    if (!mapRam(cpu) || !fill(cpu)) {
      freeBelow(cpu, pfn, top, kernelIndex(), format.entries(top));
      forget(cpu, pfn);
      kernel = NO_ROOT;
      return NO_ROOT;
    }
    return pfn;
  }

  private void forget(Cpu cpu, long root) {
    roots.remove(root);
    map.setMapping(root, 0);
    map.setIndex(root, 0);
    release(cpu, root);
  }

  /** The direct map. */
  protected boolean mapRam(Cpu cpu) {
    long end = floors.layout().lowmemEndPfn() << 12;
    boolean good = mapRange(cpu, 0, Math.min(end, 1 << 20));
    for (MemoryMap.Range range : floors.layout().map().ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        long from = Math.max(1 << 20, Pages.pfnUp(range.start()) << 12);
        good = good && mapRange(cpu, from, Math.min(end, Pages.pfnDown(range.end()) << 12));
      }
    }
    return good;
  }

  private boolean mapRange(Cpu cpu, long from, long to) {
    long prot = format.kernelProt(PageTableFormat.READ | PageTableFormat.WRITE);
    TableCursor cursor = cursor();
    long at = from;
    while (at < to) {
      int level = top;
      while (level > 1
          && (!format.shape().hasLeafs(level)
              || at % format.bytes(level) != 0
              || to - at < format.bytes(level))) {
        level--;
      }
      if (cursor.ensure(cpu, kernel, format.kernel().directMap() + at, level) != level) {
        return false;
      }
      cursor.set(format.leaf(level, at >>> 12, prot));
      at += format.bytes(level);
    }
    return true;
  }

  private boolean fill(Cpu cpu) {
    TableCursor cursor = cursor();
    for (long at = format.kernel().filledStart();
        at != format.kernel().filledEnd();
        at += format.bytes(top)) {
      if (cursor.ensure(cpu, kernel, at, top - 1) != top - 1) {
        return false;
      }
    }
    return true;
  }

  @Override
  public long newRoot(Cpu cpu) {
    if (kernelRoot(cpu) == NO_ROOT) {
      return NO_ROOT;
    }
    long pfn = newTable(cpu);
    if (pfn == NO_TABLE) {
      return NO_ROOT;
    }
    own(pfn, pfn, top);
    copyKernelHalf(pfn);
    roots.add(pfn);
    for (int i = 0; format.entries(top) == 4 && i < kernelIndex(); i++) {
      if (cursor().ensure(cpu, pfn, i * format.bytes(top), top - 1) != top - 1) {
        freeBelow(cpu, pfn, top, 0, kernelIndex());
        forget(cpu, pfn);
        return NO_ROOT;
      }
    }
    return pfn;
  }

  /** What a new root shares. */
  protected void copyKernelHalf(long root) {
    for (int i = kernelIndex(); i < format.entries(top); i++) {
      write(slot(root, i), read(slot(kernel, i)));
    }
  }

  /** A top entry of the kernel's has changed. */
  protected void publish(int index, long entry) {
    for (long root : roots) {
      write(slot(root, index), entry);
    }
  }

  /** A deposited table is the last of its row: for a fault. */
  public final void forgetNext(long tablePfn) {
    map.setPrivateData(tablePfn, 0);
  }

  protected final void checkRoot(long root) {
    if (!roots.contains(root)) {
      throw new MisuseException("no root: pfn=" + root);
    }
  }

  @Override
  public void freeRoot(Cpu cpu, long root) {
    checkRoot(root);
    if (root == kernel || mmus.values().stream().anyMatch(mmu -> mmu.root() == root)) {
      throw new MisuseException("the root is in use: pfn=" + root);
    }
    checkEmpty(root, top, 0, kernelIndex(), 0);
    freeBelow(cpu, root, top, 0, kernelIndex());
    mmus.values().forEach(mmu -> mmu.forgetRoot(root));
    forget(cpu, root);
  }

  /** Refuses a table with anything but tables below. */
  protected void checkEmpty(long tablePfn, int level, int from, int to, long start) {
    for (int i = from; i < to; i++) {
      long entry = read(slot(tablePfn, i));
      long at = start + i * format.bytes(level);
      if (format.isTable(level, entry)) {
        checkEmpty(format.tablePfn(entry), level - 1, 0, format.entries(level - 1), at);
      } else if (!format.isNone(entry)) {
        throw new MisuseException(String.format("an entry is left: address=0x%x", at));
      }
    }
    if (map.privateData(tablePfn) != 0) {
      throw new MisuseException(String.format("a deposited table is left: address=0x%x", start));
    }
  }

  /** Frees what is below some entries; returns how many. */
  protected long freeBelow(Cpu cpu, long tablePfn, int level, int from, int to) {
    long freed = 0;
    for (int i = from; level > 1 && i < to; i++) {
      long entry = read(slot(tablePfn, i));
      if (format.isTable(level, entry)) {
        write(slot(tablePfn, i), PageTableFormat.EMPTY);
        freed += freeTree(cpu, format.tablePfn(entry), level - 1);
      }
    }
    for (long pfn = map.privateData(tablePfn); pfn != 0; ) {
      long next = map.privateData(pfn);
      release(cpu, pfn);
      freed++;
      pfn = next;
    }
    map.setPrivateData(tablePfn, 0);
    return freed;
  }

  /** Frees a table and what is below it. */
  protected long freeTree(Cpu cpu, long tablePfn, int level) {
    long freed = freeBelow(cpu, tablePfn, level, 0, format.entries(level));
    release(cpu, tablePfn);
    return freed + 1;
  }

  @Override
  public boolean syncKernel(long root, long address) {
    checkRoot(root);
    if (kernel == NO_ROOT
        || !format.shape().isCanonical(address)
        || !format.kernel().contains(address)) {
      return false;
    }
    int index = format.index(top, address);
    long wanted = read(slot(kernel, index));
    if (read(slot(root, index)) == 0 && wanted != 0) {
      write(slot(root, index), wanted);
      syncs++;
    }
    return translate(kernel, address) != NOT_MAPPED;
  }

  @Override
  public TableCursor cursor() {
    return new NaiveCursor(this);
  }

  @Override
  public long translate(long root, long address) {
    return walk(root, address, (level, pfn, index, entry) -> {});
  }

  @Override
  public long walk(long root, long address, Step step) {
    if (!format.shape().isCanonical(address)) {
      return NOT_MAPPED;
    }
    long table = root;
    for (int level = top; level > 0; level--) {
      int index = format.index(level, address);
      long entry = read(slot(table, index));
      step.read(level, table, index, entry);
      if (!format.bits().isMapped(entry)) {
        return NOT_MAPPED;
      }
      if (format.isLeaf(level, entry)) {
        return (format.pfn(level, entry) << 12) + (address & format.bytes(level) - 1);
      }
      if ((entry & format.bits().pageSize()) != 0) {
        return NOT_MAPPED;
      }
      table = format.tablePfn(entry);
    }
    return NOT_MAPPED;
  }

  @Override
  public long tables(long root, int level) {
    checkRoot(root);
    boolean ofKernel = root == kernel;
    int from = ofKernel ? kernelIndex() : 0;
    int to = ofKernel ? format.entries(top) : kernelIndex();
    return count(root, top, from, to, level);
  }

  private long count(long tablePfn, int level, int from, int to, int wanted) {
    long found = 0;
    for (int i = from; level > 1 && i < to; i++) {
      long entry = read(slot(tablePfn, i));
      if (format.isTable(level, entry)) {
        found += level - 1 == wanted ? 1 : 0;
        found += count(format.tablePfn(entry), level - 1, 0, format.entries(level - 1), wanted);
      }
    }
    for (long pfn = map.privateData(tablePfn); pfn != 0; pfn = map.privateData(pfn)) {
      found += level - 1 == wanted ? 1 : 0;
    }
    return found;
  }

  @Override
  public long tableFrames() {
    return frames;
  }

  @Override
  public Mmu mmu(Cpu cpu) {
    return mmus.computeIfAbsent(cpu.id(), id -> newMmu());
  }

  /** One CPU's. */
  protected NaiveMmu newMmu() {
    return new NaiveMmu(this);
  }

  @Override
  public void flushRange(Cpu cpu, long root, long start, long end) {
    checkRoot(root);
    forget(cpu, root, start, end);
  }

  @Override
  public void flushRoot(Cpu cpu, long root) {
    flushRange(cpu, root, 0, format.kernel().start());
  }

  @Override
  public void flushKernelRange(Cpu cpu, long start, long end) {
    forget(cpu, NO_ROOT, start, end);
  }

  private void forget(Cpu cpu, long root, long start, long end) {
    mmus.forEach(
        (id, mmu) -> {
          mmu.forget(root, start, end);
          if (id != cpu.id() && (root == NO_ROOT || mmu.root() == root)) {
            mmu.asked();
          }
        });
  }

  @Override
  public Segmentation segmentation() {
    boolean wide = format.shape().addressBits() > 32;
    List<Long> table = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      table.add(0L);
    }
    boolean old = floors.architecture() == Architecture.X86_32_24;
    int code = wide || old ? 2 : 12;
    long accessed = old ? 0 : 1L << 40;
    table.set(code, (wide ? 0x00af_9a00_0000_ffffL : 0x00cf_9a00_0000_ffffL) | accessed);
    table.set(code + 1, 0x00cf_9200_0000_ffffL | accessed);
    int userCode = wide ? 6 : code + 2;
    int userData = wide ? 5 : code + 3;
    table.set(userCode, (wide ? 0x00af_fa00_0000_ffffL : 0x00cf_fa00_0000_ffffL) | accessed);
    table.set(userData, 0x00cf_f200_0000_ffffL | accessed);
    return segments(table, wide, code, userCode, userData);
  }

  /** The same with these descriptors. */
  protected Segmentation segments(
      List<Long> table, boolean wide, int code, int userCode, int userData) {
    return new Segmentation(
        table,
        wide,
        format.shape().addressBits(),
        code * 8,
        code * 8 + 8,
        userCode * 8 + 3,
        userData * 8 + 3);
  }

  @Override
  public long kernelSyncs() {
    return syncs;
  }

  @Override
  public void validate() {
    for (long root : roots) {
      for (int i = kernelIndex(); i < format.entries(top); i++) {
        long byHardware = format.bits().accessed() | format.bits().dirty();
        long mine = read(slot(root, i)) & ~byHardware;
        long wanted = read(slot(kernel, i)) & ~byHardware;
        CorruptStateError.check(
            mine == wanted || (isLazy() && mine == 0), "kernel half of root=" + root);
      }
    }
  }

  @Override
  public void close() {
    Cpu cpu = floors.cpus().get(0);
    for (long root : List.copyOf(roots)) {
      boolean ofKernel = root == kernel;
      int from = ofKernel ? kernelIndex() : 0;
      freeBelow(cpu, root, top, from, ofKernel ? format.entries(top) : kernelIndex());
      forget(cpu, root);
    }
    kernel = NO_ROOT;
  }
}
