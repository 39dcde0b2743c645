// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTableFormat;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What devices need: their registers in the kernel's addresses ({@code __ioremap_caller()} of
 * arch/x86/mm/ioremap.c), and memory that they reach ({@code dma_direct_alloc()} of
 * kernel/dma/direct.c).
 */
final class Devices {
  private static final long DMA_ZONE_MASK = (1L << 24) - 1;
  private static final long DMA32_ZONE_MASK = (1L << 32) - 1;

  private final VmAreas areas;
  private final KernelSpaceProvider.Floors floors;
  private final Mapper mapper;
  private final MemMap memMap;

  /** Coherent memory: first frame and order. */
  private final Map<Long, Integer> coherent = new ConcurrentHashMap<>();

  Devices(KernelSpaceProvider.Floors floors, VmAreas areas, Mapper mapper) {
    this.areas = areas;
    this.floors = floors;
    this.mapper = mapper;
    this.memMap = floors.memory().memMap();
  }

  long ioremap(Cpu cpu, long paddr, long bytes, CacheMode mode) {
    long last = paddr + bytes - 1;
    if (bytes <= 0 || paddr < 0 || last < paddr) {
      throw new MisuseException(
          String.format("no physical range: paddr=0x%x bytes=%d", paddr, bytes));
    }
    PageTableFormat format = mapper.format();
    long highest = Math.min(floors.architecture().physicalEnd() * 64, 1L << 52) - 1;
    long most = floors.architecture().is64Bit() ? highest : floors.architecture().physicalEnd() - 1;
    if (last > most || isRam(paddr, last)) {
      return KernelSpace.NO_ADDRESS;
    }
    long start = paddr & -Pages.PAGE_SIZE;
    long size = ((last - start) & -Pages.PAGE_SIZE) + Pages.PAGE_SIZE;
    // aligned to its size, so that large leafs can map it
    int maxShift = format.shift(floors.architecture().is64Bit() ? 3 : 2);
    int shift = 64 - Long.numberOfLeadingZeros(size - 1);
    long align = 1L << Math.clamp(shift, Pages.PAGE_SHIFT, maxShift);
    VmArea area = areas.make(cpu, VmArea.Kind.IOREMAP, size, align, true, 0, "ioremap");
    if (area == null) {
      return KernelSpace.NO_ADDRESS;
    }
    area.paddr = start;
    long prot =
        format.withCache(format.kernelProt(PageTableFormat.READ | PageTableFormat.WRITE), mode);
    for (long done = 0; done < size; ) {
      long at = area.address + done;
      int level = level(at, start + done, size - done);
      while (level > 1 && !mapper.isFree(cpu, at, level)) {
        level--;
      }
      if (!mapper.prepare(cpu, at, at + format.bytes(level), level)) {
        areas.release(cpu, area);
        return KernelSpace.NO_ADDRESS;
      }
      mapper.map(at, level, (start + done) >>> Pages.PAGE_SHIFT, prot);
      done += format.bytes(level);
    }
    areas.keep(area);
    return area.address + (paddr - start);
  }

  /** The largest leaf for a place; never one of the top table, whose entries others have copied. */
  private int level(long at, long paddr, long left) {
    PageTableFormat format = mapper.format();
    for (int level = Math.min(3, format.levels() - 1); level > 1; level--) {
      long bytes = format.bytes(level);
      if (format.shape().hasLeafs(level) && ((at | paddr) & (bytes - 1)) == 0 && left >= bytes) {
        return level;
      }
    }
    return 1;
  }

  private boolean isRam(long first, long last) {
    for (MemoryMap.Range range : floors.layout().map().ranges()) {
      if (range.type() == MemoryMap.Type.USABLE && first < range.end() && last >= range.start()) {
        return true;
      }
    }
    return false;
  }

  long allocCoherent(Cpu cpu, long bytes, long mask) {
    if (bytes <= 0 || mask <= 0) {
      throw new MisuseException("no coherent memory: bytes=" + bytes + " mask=" + mask);
    }
    long pages = (bytes + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
    int order = 64 - Long.numberOfLeadingZeros(pages - 1);
    if (order > Pages.MAX_PAGE_ORDER) {
      return KernelSpace.NO_ADDRESS;
    }
    boolean wide = floors.architecture().is64Bit();
    int zone =
        mask <= DMA_ZONE_MASK ? Gfp.GFP_DMA : mask <= DMA32_ZONE_MASK && wide ? Gfp.GFP_DMA32 : 0;
    while (true) {
      long pfn = floors.pages().allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_ZERO | zone, order);
      if (pfn == PageAllocator.NO_PAGE) {
        return KernelSpace.NO_ADDRESS;
      }
      long last = (pfn << Pages.PAGE_SHIFT) + (pages << Pages.PAGE_SHIFT) - 1;
      if (Long.compareUnsigned(last, mask) <= 0) {
        memMap.hold(pfn, order, FrameOwner.KERNEL, 0, 0, 0);
        coherent.put(pfn, order);
        return directMap() + (pfn << Pages.PAGE_SHIFT);
      }
      floors.pages().freePages(cpu, pfn, order);
      // the device does not reach it: look in a lower zone
      if (zone == Gfp.GFP_DMA) {
        return KernelSpace.NO_ADDRESS;
      }
      zone = wide && zone == 0 ? Gfp.GFP_DMA32 : Gfp.GFP_DMA;
    }
  }

  private long directMap() {
    return mapper.format().kernel().directMap();
  }

  long busAddress(long address) {
    long paddr = address - directMap();
    if (!coherent.containsKey(paddr >>> Pages.PAGE_SHIFT)) {
      throw new MisuseException(
          String.format("no coherent memory begins here: address=0x%x", address));
    }
    return paddr;
  }

  void freeCoherent(Cpu cpu, long bytes, long address) {
    long pfn = busAddress(address) >>> Pages.PAGE_SHIFT;
    int order = coherent.getOrDefault(pfn, -1);
    long pages = (bytes + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
    if (pages < 1 || 64 - Long.numberOfLeadingZeros(pages - 1) != order) {
      throw new MisuseException(
          String.format("coherent memory of another size: address=0x%x bytes=%d", address, bytes));
    }
    coherent.remove(pfn);
    free(cpu, pfn, order);
  }

  private void free(Cpu cpu, long pfn, int order) {
    if (memMap.drop(pfn, order)) {
      floors.pages().freePages(cpu, pfn, order);
    }
  }

  void close(Cpu cpu) {
    coherent.forEach((pfn, order) -> free(cpu, pfn, order));
    coherent.clear();
  }
}
