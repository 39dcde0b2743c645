// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.table;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.MisuseException;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.pagetable.Segmentation;
import io.mm4j.api.pagetable.TableCursor;
import io.mm4j.api.pagetable.TableShape;
import io.mm4j.vmalloc.entry.Entries;
import io.mm4j.vmalloc.root.Root;
import io.mm4j.vmalloc.root.Roots;
import io.mm4j.vmalloc.tlb.LinuxMmu;
import java.util.concurrent.atomic.AtomicLong;

/** The page tables {@code linux}: roots and what is below them. See {@link PageTables}. */
final class LinuxPageTables implements PageTables {
  private final PageTableFormat format;
  private final Entries entries;
  private final TableFrames frames;
  private final Roots roots;
  private final Trees trees;
  private final DirectMap directMap;
  private final Segmentation segmentation;
  private final Cpus cpus;
  private final LinuxMmu[] mmus;
  private final boolean lazy;
  private final int top;

  /** The first top entry of the kernel's, and one past the last. */
  private final int kernelFrom;

  private final int kernelTo;

  private final AtomicLong kernelGeneration = new AtomicLong();
  private final AtomicLong kernelSyncs = new AtomicLong();

  LinuxPageTables(PageTablesProvider.Floors floors, boolean lazy, boolean asids) {
    this.format = floors.format();
    this.entries = new Entries(floors.memory(), format);
    this.frames = new TableFrames(floors.pages(), floors.memory().memMap());
    this.roots = new Roots(floors.memory().memMap());
    this.trees = new Trees(format, entries, frames);
    this.directMap = new DirectMap(format, floors.layout());
    this.segmentation = Segments.of(floors.architecture(), format.shape().addressBits());
    this.cpus = floors.cpus();
    this.lazy = lazy;
    this.top = format.levels();
    this.kernelFrom = format.index(top, format.kernel().start());
    this.kernelTo = format.entries(top);
    this.mmus = new LinuxMmu[cpus.count()];
    for (int i = 0; i < mmus.length; i++) {
      mmus[i] = new LinuxMmu(format, entries, roots, kernelGeneration, asids);
    }
  }

  Roots roots() {
    return roots;
  }

  TableFrames frames() {
    return frames;
  }

  Trees trees() {
    return trees;
  }

  /** Whether other roots receive top entries of the kernel's at their first fault. */
  boolean isLazy() {
    return lazy;
  }

  @Override
  public PageTableFormat format() {
    return format;
  }

  @Override
  public long kernelRoot(Cpu cpu) {
    Root made = roots.kernel();
    if (made != null) {
      return made.pfn;
    }
    // Built where nobody sees it, as no lock is held while frames are allocated.
    long table = frames.take(cpu);
    if (table == NO_TABLE) {
      return NO_ROOT;
    }
    Root root = new Root(table, true);
    LinuxCursor cursor = new LinuxCursor(this, format, entries);
    boolean whole = directMap.map(cpu, root, cursor) && fill(cpu, root, cursor);
    if (whole && roots.add(root, top, () -> {})) {
      frames.useTop();
      return root.pfn;
    }
    long _ = trees.freeBelow(cpu, root, root.pfn, top, kernelFrom, kernelTo);
    frames.give(cpu, table);
    return whole ? kernelRoot(cpu) : NO_ROOT;
  }

  /** {@code preallocate_vmalloc_pages()}. */
  private boolean fill(Cpu cpu, Root root, LinuxCursor cursor) {
    long end = format.kernel().filledEnd();
    for (long at = format.kernel().filledStart(); at != end; at += format.bytes(top)) {
      cursor.over(root, at, at + 1);
      if (cursor.ensure(cpu, at, top - 1) != top - 1) {
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
    long table = frames.take(cpu);
    if (table == NO_TABLE) {
      return NO_ROOT;
    }
    Root root = new Root(table, false);
    boolean _ = roots.add(root, top, () -> copyKernelHalf(root));
    frames.useTop();
    LinuxCursor cursor = new LinuxCursor(this, format, entries);
    for (int i = 0; format.shape().topEntries() <= 4 && i < kernelFrom; i++) {
      cursor.over(root, i * format.bytes(top), (i + 1) * format.bytes(top));
      if (cursor.ensure(cpu, i * format.bytes(top), top - 1) == TableCursor.NO_MEMORY) {
        freeAll(cpu, root, 0, kernelFrom);
        return NO_ROOT;
      }
    }
    return root.pfn;
  }

  private void copyKernelHalf(Root root) {
    Root kernel = roots.kernel();
    for (int i = kernelFrom; kernel != null && i < kernelTo; i++) {
      entries.put(entries.paddr(root.pfn, i), entries.get(entries.paddr(kernel.pfn, i)));
    }
  }

  /** {@code sync_global_pgds()}: a top entry of the kernel's root is written in all of them. */
  void publish(int index, long entry) {
    roots.forEach(root -> entries.put(entries.paddr(root.pfn, index), entry));
  }

  @Override
  public void freeRoot(Cpu cpu, long rootPfn) {
    Root root = roots.get(rootPfn);
    if (root.kernel) {
      throw new MisuseException("the kernel's root stays as long as the machine: root=" + rootPfn);
    }
    for (int i = 0; i < mmus.length; i++) {
      if (mmus[i].hasLoaded(root)) {
        throw new MisuseException("a CPU has the root loaded: root=" + rootPfn + " cpu=" + i);
      }
    }
    trees.checkEmpty(root.pfn, top, 0, kernelFrom, 0);
    freeAll(cpu, root, 0, kernelFrom);
  }

  private void freeAll(Cpu cpu, Root root, int from, int to) {
    long _ = trees.freeBelow(cpu, root, root.pfn, top, from, to);
    roots.remove(root);
    frames.unuseTop();
    frames.give(cpu, root.pfn);
  }

  @Override
  public boolean syncKernel(long rootPfn, long address) {
    Root root = roots.get(rootPfn);
    Root kernel = roots.kernel();
    if (kernel == null
        || !format.shape().isCanonical(address)
        || !format.kernel().contains(address)) {
      return false;
    }
    int index = format.index(top, address);
    long wanted = entries.get(entries.paddr(kernel.pfn, index));
    long mine = entries.paddr(root.pfn, index);
    if (!format.isPresent(top, wanted)) {
      return false;
    }
    if (format.isNone(entries.get(mine))) {
      entries.put(mine, wanted);
      kernelSyncs.getAndIncrement();
    }
    return translate(kernel.pfn, address) != NOT_MAPPED;
  }

  @Override
  public TableCursor cursor() {
    return new LinuxCursor(this, format, entries);
  }

  @Override
  public long newTable(Cpu cpu) {
    return frames.take(cpu);
  }

  @Override
  public void freeTable(Cpu cpu, long tablePfn) {
    frames.give(cpu, tablePfn);
  }

  @Override
  public long translate(long root, long address) {
    return entries.translate(root, address);
  }

  @Override
  public long walk(long root, long address, Step step) {
    return entries.walk(roots.get(root).pfn, address, step);
  }

  @Override
  public long tables(long root, int level) {
    return roots.get(root).tables(level);
  }

  @Override
  public long tableFrames() {
    return frames.all();
  }

  @Override
  public Mmu mmu(Cpu cpu) {
    return mmus[cpu.id()];
  }

  @Override
  public void flushRange(Cpu cpu, long rootPfn, long start, long end) {
    Root root = roots.get(rootPfn);
    mmus[cpu.id()].flush(root, root.nextGeneration(), start, end);
  }

  @Override
  public void flushRoot(Cpu cpu, long rootPfn) {
    flushRange(cpu, rootPfn, 0, 0);
  }

  @Override
  public void flushKernelRange(Cpu cpu, long start, long end) {
    mmus[cpu.id()].flushKernel(kernelGeneration.incrementAndGet(), start, end);
  }

  @Override
  public Segmentation segmentation() {
    return segmentation;
  }

  @Override
  public long kernelSyncs() {
    return kernelSyncs.get();
  }

  @Override
  public void validate() {
    Root kernel = roots.kernel();
    long all = frames.spare();
    for (Root root : roots.all()) {
      long[] found = new long[TableShape.MAX_LEVELS + 1];
      int from = root.kernel ? kernelFrom : 0;
      trees.count(root, root.pfn, top, from, root.kernel ? kernelTo : kernelFrom, found);
      all++;
      for (int level = 1; level <= TableShape.MAX_LEVELS; level++) {
        CorruptStateError.check(
            found[level] == root.tables(level),
            String.format(
                "root=%d level=%d tables=%d counted=%d",
                root.pfn, level, found[level], root.tables(level)));
        all += found[level];
      }
      if (kernel != null) {
        checkKernelHalf(root, kernel);
      }
    }
    CorruptStateError.check(
        all == frames.all(), "table frames: walked=" + all + " counted=" + frames.all());
  }

  private void checkKernelHalf(Root root, Root kernel) {
    long byHardware = format.bits().accessed() | format.bits().dirty();
    for (int i = kernelFrom; i < kernelTo; i++) {
      long wanted = entries.get(entries.paddr(kernel.pfn, i)) & ~byHardware;
      long mine = entries.get(entries.paddr(root.pfn, i)) & ~byHardware;
      CorruptStateError.check(
          mine == wanted || (lazy && mine == PageTableFormat.EMPTY),
          String.format(
              "top entry of the kernel: root=%d index=%d entry=0x%x kernel=0x%x",
              root.pfn, i, mine, wanted));
    }
  }

  /** When the machine closes every CPU is at rest, so any of them will do. */
  @Override
  public void close() {
    Cpu cpu = cpus.get(0);
    for (Root root : roots.all()) {
      freeAll(cpu, root, root.kernel ? kernelFrom : 0, root.kernel ? kernelTo : kernelFrom);
    }
  }
}
