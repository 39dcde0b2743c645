// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.table;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.PageTables;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The frames of tables: taken from the page allocator full of zeroes ({@code GFP_PGTABLE_USER} as
 * {@code pagetable_alloc} passes it on), held as page tables, and given back. Counts how many there
 * are, and how many of them belong to no root.
 */
final class TableFrames {
  private static final int GFP = Gfp.GFP_KERNEL_ACCOUNT | Gfp.__GFP_ZERO | Gfp.__GFP_COMP;

  private final PageAllocator pages;
  private final MemMap memMap;
  private final AtomicLong all = new AtomicLong();
  private final AtomicLong spare = new AtomicLong();

  TableFrames(PageAllocator pages, MemMap memMap) {
    this.pages = pages;
    this.memMap = memMap;
  }

  /** A table that belongs to nobody, or NO_TABLE. */
  long take(Cpu cpu) {
    long pfn = pages.allocPages(cpu, GFP, 0);
    if (pfn == PageAllocator.NO_PAGE) {
      return PageTables.NO_TABLE;
    }
    memMap.hold(pfn, 0, FrameOwner.PAGE_TABLE, 0, 0, 0);
    all.getAndIncrement();
    spare.getAndIncrement();
    return pfn;
  }

  /** Gives a table that belongs to nobody back. */
  void give(Cpu cpu, long pfn) {
    checkSpare(pfn);
    if (memMap.drop(pfn, 0)) {
      pages.freePages(cpu, pfn, 0);
    }
    all.getAndDecrement();
    spare.getAndDecrement();
  }

  /** Refuses what is no table, or one that is in use. */
  void checkSpare(long pfn) {
    if (pfn <= 0
        || pfn >= memMap.endPfn()
        || memMap.owner(pfn) != FrameOwner.PAGE_TABLE
        || memMap.mapping(pfn) != 0) {
      throw new MisuseException("not a table that belongs to nobody: pfn=" + pfn);
    }
  }

  /** A spare table belongs to a root from now on. */
  void use(long pfn, long root, int level) {
    memMap.setMapping(pfn, root);
    memMap.setIndex(pfn, level);
    spare.getAndDecrement();
  }

  /** A top table is in use; its row is the registry's. */
  void useTop() {
    spare.getAndDecrement();
  }

  /** A top table that the registry has forgotten belongs to nobody. */
  void unuseTop() {
    spare.getAndIncrement();
  }

  /** A table belongs to nobody from now on. */
  void unuse(long pfn) {
    memMap.setMapping(pfn, 0);
    memMap.setIndex(pfn, 0);
    memMap.setPrivateData(pfn, 0);
    spare.getAndIncrement();
  }

  /** The table that was deposited last with this one, or 0. */
  long deposited(long pfn) {
    return memMap.privateData(pfn);
  }

  /** Puts a table in front of those that are deposited with another one. */
  void deposit(long pfn, long root, int level, long with) {
    use(pfn, root, level);
    memMap.setPrivateData(pfn, memMap.privateData(with));
    memMap.setPrivateData(with, pfn);
  }

  /** Takes the first one off again, or NO_TABLE. */
  long withdraw(long with) {
    long pfn = memMap.privateData(with);
    if (pfn == 0) {
      return PageTables.NO_TABLE;
    }
    memMap.setPrivateData(with, memMap.privateData(pfn));
    unuse(pfn);
    return pfn;
  }

  MemMap memMap() {
    return memMap;
  }

  long all() {
    return all.get();
  }

  long spare() {
    return spare.get();
  }
}
