// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.spike;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.pagetable.PageTableFormat;

/**
 * An address space in which every address is anonymous memory. Its page tables lie in frames; a
 * read or write that the tables do not allow is a fault, and the fault brings the page: zeroed when
 * it is new, copied when it is shared, from swap when it was reclaimed.
 */
final class ToyMm {

  private final ToyKernel kernel;
  private final PageTableFormat format;
  private final MemMap memMap;
  private final long pgd;
  private int faults;

  ToyMm(ToyKernel kernel, Cpu cpu) {
    this.kernel = kernel;
    this.format = kernel.format;
    this.memMap = kernel.memMap;
    this.pgd = newTable(cpu);
    kernel.spaces.add(this);
  }

  int faults() {
    return faults;
  }

  long read(Cpu cpu, long uaddr) {
    return kernel.memory.getLong(translate(cpu, uaddr, false));
  }

  void write(Cpu cpu, long uaddr, long value) {
    kernel.memory.putLong(translate(cpu, uaddr, true), value);
  }

  /** The physical address; whatever is missing is faulted in. */
  private long translate(Cpu cpu, long uaddr, boolean write) {
    long entry = entry(uaddr);
    if (!format.isPresent(1, entry) || (write && !format.bits().isWrite(entry))) {
      fault(cpu, uaddr, entry);
      entry = entry(uaddr);
    }
    entry = format.bits().mkyoung(write ? format.bits().mkdirty(entry) : entry);
    kernel.memory.putLong(slot(uaddr), entry);
    return (format.pfn(1, entry) << Pages.PAGE_SHIFT) + (uaddr & (Pages.PAGE_SIZE - 1));
  }

  /** {@code handle_mm_fault()}: anonymous page, copy on write, or swap in. */
  private void fault(Cpu cpu, long uaddr, long entry) {
    faults++;
    if (!format.isPresent(1, entry)) {
      long pfn = newPage(cpu, uaddr);
      if (entry != PageTableFormat.EMPTY) {
        kernel.swapIn(format.absent().offset(entry), pfn);
      }
      map(cpu, uaddr, pfn);
      return;
    }
    long shared = format.pfn(1, entry);
    if (memMap.mapcount(shared) == 1) {
      kernel.memory.putLong(slot(uaddr), format.bits().mkwrite(entry));
      return;
    }
    long pfn = newPage(cpu, uaddr);
    kernel.memory.copyPage(pfn, shared);
    unmap(cpu, uaddr);
    map(cpu, uaddr, pfn);
  }

  private long newPage(Cpu cpu, long uaddr) {
    long pfn = kernel.allocPage(cpu, Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_ZERO);
    memMap.setOwner(pfn, FrameOwner.ANON);
    memMap.setIndex(pfn, uaddr >>> Pages.PAGE_SHIFT);
    kernel.lru.addFirst(pfn);
    return pfn;
  }

  /** Takes the reference that the caller has for the page-table entry. */
  private void map(Cpu cpu, long uaddr, long pfn) {
    long slot = slotOrNew(cpu, uaddr);
    kernel.memory.putLong(slot, format.leaf(1, pfn, format.userProt(PageTableFormat.WRITE)));
    memMap.setMapcount(pfn, memMap.mapcount(pfn) + 1);
  }

  private void unmap(Cpu cpu, long uaddr) {
    long slot = slot(uaddr);
    long pfn = format.pfn(1, kernel.memory.getLong(slot));
    kernel.memory.putLong(slot, PageTableFormat.EMPTY);
    memMap.setMapcount(pfn, memMap.mapcount(pfn) - 1);
    if (memMap.refcount(pfn) == 1) {
      kernel.lru.remove(pfn);
    }
    kernel.pages.freePages(cpu, pfn, 0);
  }

  /** {@code fork()}: the child maps the same frames, and neither may write them any more. */
  ToyMm fork(Cpu cpu) {
    ToyMm child = new ToyMm(kernel, cpu);
    forEachPage(
        (uaddr, slot) -> {
          long entry = kernel.memory.getLong(slot);
          long readOnly = format.bits().wrprotect(entry);
          long pfn = format.pfn(1, entry);
          memMap.get(pfn);
          memMap.setMapcount(pfn, memMap.mapcount(pfn) + 1);
          kernel.memory.putLong(slot, readOnly);
          kernel.memory.putLong(child.slotOrNew(cpu, uaddr), readOnly);
        });
    return child;
  }

  /** {@code exit_mmap()}. */
  void exit(Cpu cpu) {
    forEachPage((uaddr, slot) -> unmap(cpu, uaddr));
    for (int i = 0; i < format.entries(2); i++) {
      long entry = kernel.memory.getLong((pgd << Pages.PAGE_SHIFT) + 8L * i);
      if (format.isPresent(1, entry)) {
        kernel.pages.freePages(cpu, format.pfn(1, entry), 0);
      }
    }
    kernel.pages.freePages(cpu, pgd, 0);
    kernel.spaces.remove(this);
  }

  /** Replaces the entry for a page if it maps this frame: what a walk of the reverse map does. */
  boolean replace(long pageIndex, long pfn, long newEntry) {
    long uaddr = pageIndex << Pages.PAGE_SHIFT;
    long entry = entry(uaddr);
    if (!format.isPresent(1, entry) || format.pfn(1, entry) != pfn) {
      return false;
    }
    kernel.memory.putLong(slot(uaddr), newEntry);
    return true;
  }

  /** The entry for a page, {@link PageTableFormat#EMPTY} where there is no table. */
  long entry(long uaddr) {
    long slot = slot(uaddr);
    return slot == 0 ? PageTableFormat.EMPTY : kernel.memory.getLong(slot);
  }

  /** The physical address of the entry for a page, 0 where there is no table. */
  private long slot(long uaddr) {
    long upper = kernel.memory.getLong(slotIn(pgd, 2, uaddr));
    return format.isPresent(2, upper) ? slotIn(format.tablePfn(upper), 1, uaddr) : 0;
  }

  private long slotOrNew(Cpu cpu, long uaddr) {
    long upper = slotIn(pgd, 2, uaddr);
    if (!format.isPresent(2, kernel.memory.getLong(upper))) {
      kernel.memory.putLong(upper, format.table(2, newTable(cpu)));
    }
    return slot(uaddr);
  }

  private long slotIn(long tablePfn, int level, long uaddr) {
    return (tablePfn << Pages.PAGE_SHIFT)
        + (long) format.index(level, uaddr) * format.shape().entryBytes();
  }

  private long newTable(Cpu cpu) {
    long pfn = kernel.allocPage(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_ZERO);
    memMap.setOwner(pfn, FrameOwner.PAGE_TABLE);
    return pfn;
  }

  private void forEachPage(PageVisitor visitor) {
    for (long uaddr = 0; uaddr < 1L << 30; uaddr += Pages.PAGE_SIZE) {
      if (slot(uaddr) == 0) {
        uaddr += (1L << format.shift(2)) - Pages.PAGE_SIZE;
      } else if (format.isPresent(1, entry(uaddr))) {
        visitor.page(uaddr, slot(uaddr));
      }
    }
  }

  @FunctionalInterface
  private interface PageVisitor {
    void page(long uaddr, long slot);
  }
}
