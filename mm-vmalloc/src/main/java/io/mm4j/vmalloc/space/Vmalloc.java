// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.PageTableFormat;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Areas with frames of their own: {@code __vmalloc_node_range()}, {@code vfree()}, and those whose
 * frames come at the first touch.
 *
 * <p>Steps of a request: addresses; the place for the list of frames; the frames, each held as the
 * area's; the tables; the entries. If one fails, the steps before it are undone.
 */
final class Vmalloc {
  private static final long NO_ADDRESS = KernelSpace.NO_ADDRESS;
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;
  private static final int ANYWHERE = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM;

  /** Pages of an area, whatever the machine has. */
  private static final int LARGEST = 1 << 28;

  private final VmAreas areas;
  private final Mapper mapper;
  private final PageAllocator pages;
  private final MemMap memMap;
  private final boolean wide;
  private final @Nullable CpuPages[] pagesOf;
  private final Deque<Long> deferred = new ArrayDeque<>();
  private final AtomicLong held = new AtomicLong();
  private final int hugeOrder;

  Vmalloc(KernelSpaceProvider.Floors floors, VmAreas areas, Mapper mapper) {
    this.areas = areas;
    this.mapper = mapper;
    this.pages = floors.pages();
    this.memMap = floors.memory().memMap();
    this.wide = floors.architecture().is64Bit();
    this.pagesOf = new CpuPages[floors.cpus().count()];
    this.hugeOrder = mapper.format().order(2);
  }

  long vmalloc(Cpu cpu, long bytes) {
    return make(cpu, bytes, ANYWHERE, false, false, "vmalloc");
  }

  long vzalloc(Cpu cpu, long bytes) {
    return make(cpu, bytes, ANYWHERE | Gfp.__GFP_ZERO, false, false, "vzalloc");
  }

  long vmallocUser(Cpu cpu, long bytes) {
    return make(cpu, bytes, ANYWHERE | Gfp.__GFP_ZERO, true, false, "vmalloc_user");
  }

  /** On 32 bits lowmem is what 32-bit devices reach. */
  long vmalloc32(Cpu cpu, long bytes) {
    return make(
        cpu, bytes, Gfp.GFP_KERNEL | (wide ? Gfp.__GFP_DMA32 : 0), false, false, "vmalloc_32");
  }

  long vmallocHuge(Cpu cpu, long bytes) {
    return make(cpu, bytes, ANYWHERE, false, mayBeHuge(bytes), "vmalloc_huge");
  }

  /** What kmalloc has no object for; {@code VM_ALLOW_HUGE_VMAP} as for the one above. */
  long kvmalloc(Cpu cpu, long bytes) {
    return make(cpu, bytes, ANYWHERE, false, mayBeHuge(bytes), "kvmalloc");
  }

  private boolean mayBeHuge(long bytes) {
    return wide && bytes >= 1L << hugeOrder << Pages.PAGE_SHIFT;
  }

  private long make(Cpu cpu, long bytes, int gfp, boolean user, boolean huge, String caller) {
    long size = wholePages(bytes);
    if (size >>> Pages.PAGE_SHIFT > totalPages()) {
      return NO_ADDRESS;
    }
    if (huge) {
      long step = 1L << hugeOrder << Pages.PAGE_SHIFT;
      long whole = (size + step - 1) & -step;
      long address = make(cpu, whole, hugeOrder, gfp, user, caller);
      if (address != NO_ADDRESS) {
        return address;
      }
    }
    return make(cpu, size, 0, gfp, user, caller);
  }

  private static long wholePages(long bytes) {
    if (bytes <= 0 || bytes >>> Pages.PAGE_SHIFT >= LARGEST) {
      throw new MisuseException(
          "no size of an area: bytes=" + bytes + " allowed=1.." + ((long) LARGEST << 12));
    }
    return (bytes + Pages.PAGE_SIZE - 1) & -Pages.PAGE_SIZE;
  }

  /** {@code totalram_pages()}. */
  private long totalPages() {
    long total = 0;
    List<ManagedZone> zones = pages.zones();
    for (int i = 0; i < zones.size(); i++) {
      total += zones.get(i).zone().managedPages();
    }
    return total;
  }

  /** With blocks of this order throughout; NO_ADDRESS, and nothing has changed, without them. */
  private long make(Cpu cpu, long size, int order, int gfp, boolean user, String caller) {
    int count = (int) (size >>> Pages.PAGE_SHIFT);
    long align = Pages.PAGE_SIZE << order;
    VmArea area = areas.make(cpu, VmArea.Kind.VMALLOC, size, align, true, count, caller);
    if (area == null) {
      return NO_ADDRESS;
    }
    area.user = user;
    area.order = order;
    int effort = order > 0 ? Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY : 0;
    if (!keepList(cpu, area)
        || !fill(cpu, area, gfp | effort)
        || !mapper.prepare(cpu, area.address, area.mappedEnd(), order > 0 ? 2 : 1)) {
      release(cpu, area);
      return NO_ADDRESS;
    }
    if (order > 0) {
      mapHuge(cpu, area);
    } else {
      mapper.map(area.address, area.pfns, 0, count, mapper.format().kernelProt(RW));
    }
    areas.keep(area);
    return area.address;
  }

  private void mapHuge(Cpu cpu, VmArea area) {
    long prot = mapper.format().kernelProt(RW);
    int step = 1 << hugeOrder;
    for (int i = 0; i < area.count; i += step) {
      long at = area.address + ((long) i << Pages.PAGE_SHIFT);
      if (mapper.isFree(cpu, at, 2)) {
        mapper.map(at, 2, area.pfns[i], prot);
      } else {
        // pages were mapped here before, and their table stays
        mapper.map(area.address, area.pfns, i, i + step, prot);
      }
    }
  }

  /** Linux has the list of frames in memory of vmalloc, too, if it is larger than a page. */
  private boolean keepList(Cpu cpu, VmArea area) {
    long bytes = (long) area.count * (wide ? 8 : 4);
    if (bytes <= Pages.PAGE_SIZE) {
      return true;
    }
    area.listArea = make(cpu, wholePages(bytes), 0, ANYWHERE | Gfp.__GFP_ZERO, false, area.caller);
    return area.listArea != NO_ADDRESS;
  }

  private CpuPages of(Cpu cpu) {
    CpuPages mine = pagesOf[cpu.id()];
    if (mine == null) {
      mine = pages.on(cpu);
      pagesOf[cpu.id()] = mine;
    }
    return mine;
  }

  /** {@code vm_area_alloc_pages()}. */
  private boolean fill(Cpu cpu, VmArea area, int gfp) {
    CpuPages from = of(cpu);
    int order = area.order;
    int filled = 0;
    while (filled < area.count) {
      long pfn = from.alloc(gfp, order);
      if (pfn == PageAllocator.NO_PAGE) {
        break;
      }
      memMap.hold(pfn, order, FrameOwner.VMALLOC, 0, area.address, filled);
      for (int i = 0; i < 1 << order; i++) {
        area.pfns[filled++] = pfn + i;
      }
    }
    area.filled = filled;
    held.addAndGet(filled);
    return filled == area.count;
  }

  long atTouch(Cpu cpu, long bytes) {
    long size = wholePages(bytes);
    VmArea area =
        areas.make(cpu, VmArea.Kind.VMALLOC, size, Pages.PAGE_SIZE, true, 0, "vmalloc_at_touch");
    if (area == null) {
      return NO_ADDRESS;
    }
    area.atTouch = true;
    areas.keep(area);
    return area.address;
  }

  /** The first touch of a page of such an area; false if it is none, or there is no frame. */
  boolean touch(Cpu cpu, long address) {
    VmArea area = areas.find(address);
    if (area == null || !area.atTouch || address >= area.mappedEnd()) {
      return false;
    }
    long at = address & -Pages.PAGE_SIZE;
    CpuPages from = of(cpu);
    long pfn = from.alloc(ANYWHERE | Gfp.__GFP_ZERO, 0);
    if (pfn == PageAllocator.NO_PAGE) {
      return false;
    }
    memMap.hold(
        pfn, 0, FrameOwner.VMALLOC, 0, area.address, (at - area.address) >>> Pages.PAGE_SHIFT);
    held.incrementAndGet();
    boolean prepared = mapper.prepare(cpu, at, at + Pages.PAGE_SIZE, 1);
    if (!prepared || !mapper.mapIfFree(at, pfn, mapper.format().kernelProt(RW))) {
      giveBack(cpu, pfn, 0); // another CPU was first, if it was not for a table
      return prepared;
    }
    return true;
  }

  void vfree(Cpu cpu, long address) {
    if (address != NO_ADDRESS) {
      release(cpu, areas.take(address, VmArea.Kind.VMALLOC, "vfree"));
    }
  }

  void defer(long address) {
    synchronized (deferred) {
      deferred.addLast(address);
    }
  }

  int runDeferred(Cpu cpu) {
    int count = 0;
    while (true) {
      Long address;
      synchronized (deferred) {
        address = deferred.pollFirst();
      }
      if (address == null) {
        return count;
      }
      vfree(cpu, address);
      count++;
    }
  }

  /** Gives addresses, frames and the place of their list back. */
  void release(Cpu cpu, VmArea area) {
    List<Long> touched = area.atTouch ? mapper.pfns(area.address, area.mappedEnd()) : List.of();
    areas.remove(cpu, area);
    if (area.atTouch) {
      touched.forEach(pfn -> giveBack(cpu, pfn, 0));
    }
    CpuPages to = of(cpu);
    int order = area.order;
    for (int i = 0; i < area.filled; i += 1 << order) {
      long pfn = area.pfns[i];
      if (memMap.drop(pfn, order)) {
        to.free(pfn, order);
      }
    }
    held.addAndGet(-area.filled);
    long list = area.listArea;
    areas.forget(cpu, area);
    if (list != NO_ADDRESS) {
      release(cpu, areas.take(list, VmArea.Kind.VMALLOC, "vfree"));
    }
  }

  private void giveBack(Cpu cpu, long pfn, int order) {
    if (memMap.drop(pfn, order)) {
      of(cpu).free(pfn, order);
    }
    held.addAndGet(-(1L << order));
  }

  /** {@code nr_vmalloc_pages}. */
  long held() {
    return held.get();
  }
}
