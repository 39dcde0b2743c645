// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.Cpu;
import io.mm4j.api.KernelLock;
import io.mm4j.api.LockClass;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelForm;
import io.mm4j.api.kernel.KernelRegion;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;

/**
 * Addresses for frames that have none: the pkmap area, the slots of each CPU in the fixmap, and the
 * fixmap itself. Models mm/highmem.c and arch/x86/mm/pgtable.c.
 *
 * <p>A slot of the pkmap area has a count, as in Linux: 0 free, 1 no longer used and not yet
 * flushed, more: used. When the search wraps, all slots of 1 become free with one flush.
 */
final class HighMemory {
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;

  /** {@code KM_MAX_IDX}: slots of a CPU. */
  private static final int LOCAL_SLOTS = 16;

  /** Fixmap slots below those are for {@code set_fixmap()}; slot 0 is a hole. */
  private static final int FIRST_LOCAL = 64;

  private final KernelSpaceProvider.Floors floors;
  private final Mapper mapper;
  private final PageTables tables;
  private final KernelLock lock = new KernelLock(LockClass.VMAP, "kmap");
  private final int[] counts;
  private final long[] pfns;
  private int lastSlot = -1;
  private final long[][] local;
  private final int[] depth;
  private final long fixmapStart;
  private final long fixmapTop;

  HighMemory(KernelSpaceProvider.Floors floors, Mapper mapper) {
    this.floors = floors;
    this.mapper = mapper;
    this.tables = floors.tables();
    int slots = floors.kernelLayout().form().pkmapPages();
    counts = new int[slots];
    pfns = new long[slots];
    local = new long[floors.cpus().count()][LOCAL_SLOTS];
    depth = new int[floors.cpus().count()];
    KernelRegion fixmap = floors.kernelLayout().region("fixmap").orElseThrow();
    fixmapStart = fixmap.start();
    fixmapTop = floors.architecture().is64Bit() ? fixmap.last() + 1 : KernelForm.FIXMAP_END;
  }

  /** {@code page_address()}, or NO_ADDRESS of high memory. */
  private long lowmemAddress(long pfn) {
    if (pfn < 0 || pfn >= floors.layout().endPfn()) {
      throw new MisuseException("no frame: pfn=" + pfn);
    }
    return pfn < floors.layout().lowmemEndPfn()
        ? mapper.format().kernel().directMap() + (pfn << Pages.PAGE_SHIFT)
        : KernelSpace.NO_ADDRESS;
  }

  private long slotAddress(int slot) {
    return floors.kernelLayout().form().pkmap() + ((long) slot << Pages.PAGE_SHIFT);
  }

  private int slotOf(long pfn) {
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] > 0 && pfns[i] == pfn) {
        return i;
      }
    }
    return -1;
  }

  /** {@code kmap_high()}. */
  long kmap(Cpu cpu, long pfn) {
    long address = lowmemAddress(pfn);
    if (address != KernelSpace.NO_ADDRESS) {
      return address;
    }
    long end = slotAddress(counts.length);
    if (!mapper.prepare(cpu, slotAddress(0), end, 1)) {
      return KernelSpace.NO_ADDRESS;
    }
    lock.lock();
    try {
      int slot = slotOf(pfn);
      if (slot < 0) {
        slot = freeSlot(cpu);
        if (slot < 0) {
          return KernelSpace.NO_ADDRESS;
        }
        pfns[slot] = pfn;
        counts[slot] = 1;
        mapper.map(slotAddress(slot), 1, pfn, mapper.format().kernelProt(RW));
      }
      counts[slot]++;
      return slotAddress(slot);
    } finally {
      lock.unlock();
    }
  }

  /** {@code map_new_virtual()}, without waiting. */
  private int freeSlot(Cpu cpu) {
    for (int tried = 0; tried < counts.length; tried++) {
      lastSlot = (lastSlot + 1) % counts.length;
      if (lastSlot == 0) {
        flushUnused(cpu);
      }
      if (counts[lastSlot] == 0) {
        return lastSlot;
      }
    }
    return -1;
  }

  /** {@code flush_all_zero_pkmaps()}. */
  private void flushUnused(Cpu cpu) {
    boolean any = false;
    for (int i = 0; i < counts.length; i++) {
      if (counts[i] == 1) {
        counts[i] = 0;
        mapper.unmap(slotAddress(i), slotAddress(i + 1));
        any = true;
      }
    }
    if (any) {
      tables.flushKernelRange(cpu, slotAddress(0), slotAddress(counts.length));
    }
  }

  /** {@code kunmap_high()}: the slot stays mapped until the next flush. */
  void kunmap(long pfn) {
    if (lowmemAddress(pfn) != KernelSpace.NO_ADDRESS) {
      return;
    }
    lock.lock();
    try {
      int slot = slotOf(pfn);
      if (slot < 0 || counts[slot] < 2) {
        throw new MisuseException("kunmap of a frame that is not mapped: pfn=" + pfn);
      }
      counts[slot]--;
    } finally {
      lock.unlock();
    }
  }

  private int localIndex(Cpu cpu, int slot) {
    return FIRST_LOCAL + cpu.id() * LOCAL_SLOTS + slot;
  }

  /** {@code __kmap_local_pfn_prot()}. */
  long kmapLocal(Cpu cpu, long pfn) {
    long address = lowmemAddress(pfn);
    if (address != KernelSpace.NO_ADDRESS) {
      return address;
    }
    int slot = depth[cpu.id()];
    if (slot == LOCAL_SLOTS) {
      throw new MisuseException(
          "more local mappings than a CPU has slots: cpu=" + cpu.id() + " slots=" + LOCAL_SLOTS);
    }
    long at = fixToVirt(localIndex(cpu, slot));
    if (!mapper.prepare(cpu, at, at + Pages.PAGE_SIZE, 1)) {
      return KernelSpace.NO_ADDRESS;
    }
    mapper.map(at, 1, pfn, mapper.format().kernelProt(RW));
    local[cpu.id()][slot] = at;
    depth[cpu.id()]++;
    return at;
  }

  /** {@code kunmap_local_indexed()}: only this CPU ever used it, so its own TLB is flushed. */
  void kunmapLocal(Cpu cpu, long address) {
    long page = address & -Pages.PAGE_SIZE;
    if (page < fixmapStart || page >= fixmapTop) {
      return; // lowmem
    }
    int slot = depth[cpu.id()] - 1;
    if (slot < 0 || local[cpu.id()][slot] != page) {
      throw new MisuseException(
          String.format("not the last local mapping of CPU %d: address=0x%x", cpu.id(), address));
    }
    mapper.unmap(page, page + Pages.PAGE_SIZE);
    tables.mmu(cpu).flushOne(page);
    depth[cpu.id()]--;
  }

  long fixToVirt(int index) {
    long address = fixmapTop - ((long) index << Pages.PAGE_SHIFT);
    if (index < 1 || address < fixmapStart) {
      throw new MisuseException(
          "no slot of the fixmap: index="
              + index
              + " slots="
              + ((fixmapTop - fixmapStart) >>> Pages.PAGE_SHIFT));
    }
    return address;
  }

  long setFixmap(Cpu cpu, int index, long paddr, CacheMode mode) {
    long at = fixToVirt(index);
    if (index >= FIRST_LOCAL || (paddr & (Pages.PAGE_SIZE - 1)) != 0 || paddr < 0) {
      throw new MisuseException(
          String.format(
              "a fixed address is for one page and slots below %d: index=%d paddr=0x%x",
              FIRST_LOCAL, index, paddr));
    }
    if (!mapper.prepare(cpu, at, at + Pages.PAGE_SIZE, 1)) {
      return KernelSpace.NO_ADDRESS;
    }
    PageTableFormat format = mapper.format();
    long prot = format.withCache(format.kernelProt(RW), mode);
    mapper.map(at, 1, paddr >>> Pages.PAGE_SHIFT, prot);
    tables.flushKernelRange(cpu, at, at + Pages.PAGE_SIZE);
    return at;
  }

  void clearFixmap(Cpu cpu, int index) {
    long at = fixToVirt(index);
    mapper.unmap(at, at + Pages.PAGE_SIZE);
    tables.flushKernelRange(cpu, at, at + Pages.PAGE_SIZE);
  }
}
