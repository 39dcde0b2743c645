// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.vmalloc.VmallocAllocator;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The kernel's mappings {@code linux}. See {@link KernelSpace}; devices and kmap have classes. */
final class LinuxSpace implements KernelSpace {
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;
  private static final int LARGEST_MAP = 1 << 28;

  private final KernelSpaceProvider.Floors floors;
  private final KernelLayout layout;
  private final VmallocAllocator areas;
  private final PageTables tables;
  private final PageAllocator pages;
  private final MemMap memMap;
  private final Mapper mapper;
  private final Devices devices;
  private final HighMemory highMemory;
  private final Map<Long, VmArea> known = new ConcurrentHashMap<>();
  private final Deque<Long> deferred = new ArrayDeque<>();
  private final AtomicLong held = new AtomicLong();
  private final int hugeOrder;

  LinuxSpace(KernelSpaceProvider.Floors floors) {
    this.floors = floors;
    layout = floors.kernelLayout();
    areas = floors.areas();
    tables = floors.tables();
    pages = floors.pages();
    memMap = floors.memory().memMap();
    mapper = new Mapper(tables);
    devices = new Devices(this, floors, mapper);
    highMemory = new HighMemory(floors, mapper);
    hugeOrder = tables.format().order(2);
  }

  @Override
  public KernelLayout layout() {
    return layout;
  }

  @Override
  public long vmalloc(Cpu cpu, long bytes) {
    return vmalloc(cpu, bytes, Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM, false, false, "vmalloc");
  }

  @Override
  public long vzalloc(Cpu cpu, long bytes) {
    int gfp = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM | Gfp.__GFP_ZERO;
    return vmalloc(cpu, bytes, gfp, false, false, "vzalloc");
  }

  @Override
  public long vmallocUser(Cpu cpu, long bytes) {
    int gfp = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM | Gfp.__GFP_ZERO;
    return vmalloc(cpu, bytes, gfp, true, false, "vmalloc_user");
  }

  @Override
  public long vmalloc32(Cpu cpu, long bytes) {
    int zone = floors.architecture().is64Bit() ? Gfp.GFP_DMA32 : 0;
    return vmalloc(cpu, bytes, Gfp.GFP_KERNEL | zone, false, false, "vmalloc_32");
  }

  @Override
  public long vmallocHuge(Cpu cpu, long bytes) {
    boolean huge = floors.architecture().is64Bit() && bytes >= 1L << hugeOrder << Pages.PAGE_SHIFT;
    int gfp = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM;
    return vmalloc(cpu, bytes, gfp, false, huge, "vmalloc_huge");
  }

  /** {@code __vmalloc_node_range()}. */
  private long vmalloc(Cpu cpu, long bytes, int gfp, boolean user, boolean huge, String caller) {
    long size = checkSize(bytes);
    if (huge) {
      long address = huge(cpu, size, gfp, caller);
      if (address != NO_ADDRESS) {
        return address;
      }
    }
    VmArea area = area(cpu, VmArea.Kind.VMALLOC, size, Pages.PAGE_SIZE, true, caller);
    if (area == null) {
      return NO_ADDRESS;
    }
    area.user = user;
    area.pfns = new long[area.count];
    boolean good = keepList(cpu, area);
    while (good && area.filled < area.count) {
      good = fill(cpu, area, 0, gfp);
    }
    good = good && mapper.prepare(cpu, area.address, area.mappedEnd(), 1);
    if (!good) {
      release(cpu, area);
      return NO_ADDRESS;
    }
    mapper.map(cpu, area.address, area.pfns, 0, area.count, mapper.format().kernelProt(RW));
    known.put(area.address, area);
    return area.address;
  }

  /** With huge pages throughout; NO_ADDRESS if there are not enough of them. */
  private long huge(Cpu cpu, long size, int gfp, String caller) {
    long step = 1L << hugeOrder << Pages.PAGE_SHIFT;
    long whole = (size + step - 1) & -step;
    VmArea area = area(cpu, VmArea.Kind.VMALLOC, whole, step, true, caller);
    if (area == null) {
      return NO_ADDRESS;
    }
    area.order = hugeOrder;
    area.pfns = new long[area.count];
    boolean good = keepList(cpu, area);
    while (good && area.filled < area.count) {
      good = fill(cpu, area, hugeOrder, gfp | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY);
    }
    good = good && mapper.prepare(cpu, area.address, area.mappedEnd(), 2);
    if (good) {
      long prot = mapper.format().kernelProt(RW);
      for (int i = 0; i < area.count; i += 1 << hugeOrder) {
        long at = area.address + ((long) i << Pages.PAGE_SHIFT);
        if (mapper.isFree(cpu, at, 2)) {
          mapper.map(cpu, at, 2, area.pfns[i], prot);
        } else {
          // pages were mapped here before, and their table stays
          mapper.map(cpu, area.address, area.pfns, i, i + (1 << hugeOrder), prot);
        }
      }
      known.put(area.address, area);
      return area.address;
    }
    release(cpu, area);
    return NO_ADDRESS;
  }

  /** Linux has the list of frames in memory of vmalloc, too, if it is larger than a page. */
  private boolean keepList(Cpu cpu, VmArea area) {
    long bytes = (long) area.count * (floors.architecture().is64Bit() ? 8 : 4);
    if (bytes <= Pages.PAGE_SIZE) {
      return true;
    }
    area.listArea =
        vmalloc(
            cpu, bytes, Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM, false, false, area.caller + " pages");
    return area.listArea != NO_ADDRESS;
  }

  private boolean fill(Cpu cpu, VmArea area, int order, int gfp) {
    long pfn = pages.allocPages(cpu, gfp, order);
    if (pfn == PageAllocator.NO_PAGE) {
      return false;
    }
    memMap.hold(pfn, order, FrameOwner.VMALLOC, 0, area.address, area.filled);
    for (int i = 0; i < 1 << order; i++) {
      area.pfns[area.filled++] = pfn + i;
    }
    held.addAndGet(1L << order);
    return true;
  }

  private static long checkSize(long bytes) {
    if (bytes <= 0 || bytes >> Pages.PAGE_SHIFT >= LARGEST_MAP) {
      throw new MisuseException("no size of an area: bytes=" + bytes);
    }
    return (bytes + Pages.PAGE_SIZE - 1) & -Pages.PAGE_SIZE;
  }

  /**
   * {@code __get_vm_area_node()}: addresses with a guard page behind them; if there is no room,
   * after a purge.
   *
   * @return null if there is none
   */
  @Nullable VmArea area(
      Cpu cpu, VmArea.Kind kind, long size, long align, boolean guard, String caller) {
    long bytes = guard ? size + Pages.PAGE_SIZE : size;
    long address = areas.alloc(cpu, bytes, align, layout.vmallocStart(), layout.vmallocEnd());
    if (address == VmallocAllocator.NO_ADDRESS && purge(cpu) + areas.shrink() > 0) {
      address = areas.alloc(cpu, bytes, align, layout.vmallocStart(), layout.vmallocEnd());
    }
    return address == VmallocAllocator.NO_ADDRESS
        ? null
        : new VmArea(kind, address, bytes, (int) (size >>> Pages.PAGE_SHIFT), caller);
  }

  void keep(VmArea area) {
    known.put(area.address, area);
  }

  /** Takes a known area out. */
  VmArea remove(long address, VmArea.Kind kind, String call) {
    VmArea area = known.get(address);
    if (area == null || area.kind != kind) {
      throw new MisuseException(
          String.format(
              "%s of what is no such area: address=0x%x%s",
              call, address, area == null ? "" : " is " + area.kind.text));
    }
    known.remove(address);
    return area;
  }

  /** Unmaps an area, and gives addresses and frames back. */
  void release(Cpu cpu, VmArea area) {
    if (tables.kernelRoot(cpu) != PageTables.NO_ROOT) {
      mapper.unmap(cpu, area.address, area.mappedEnd());
    }
    if (!floors.areasCan().lazy()) {
      tables.flushKernelRange(cpu, area.address, area.mappedEnd());
    }
    areas.free(cpu, area.address);
    if (area.kind == VmArea.Kind.VMALLOC) {
      for (int i = 0; i < area.count; i += 1 << area.order) {
        if (area.atTouch ? area.pfns[i] > 0 : i < area.filled) {
          giveBack(cpu, area.pfns[i], area.order);
        }
      }
    }
    VmArea list = area.listArea == NO_ADDRESS ? null : known.remove(area.listArea);
    if (list != null) {
      release(cpu, list);
    }
    if (areas.isPurgeDue()) {
      int _ = purge(cpu);
    }
  }

  private void giveBack(Cpu cpu, long pfn, int order) {
    if (memMap.drop(pfn, order)) {
      pages.freePages(cpu, pfn, order);
    }
    held.addAndGet(-(1L << order));
  }

  @Override
  public int purge(Cpu cpu) {
    return areas.purge((start, end) -> tables.flushKernelRange(cpu, start, end));
  }

  @Override
  public long vmallocAtTouch(Cpu cpu, long bytes) {
    long size = checkSize(bytes);
    VmArea area = area(cpu, VmArea.Kind.VMALLOC, size, Pages.PAGE_SIZE, true, "vmalloc_at_touch");
    if (area == null) {
      return NO_ADDRESS;
    }
    area.atTouch = true;
    area.pfns = new long[area.count];
    known.put(area.address, area);
    return area.address;
  }

  @Override
  public boolean fault(Cpu cpu, long root, long address) {
    if (tables.syncKernel(root, address)) {
      return true;
    }
    VmArea area = known.get(areas.find(address));
    long page = area == null ? -1 : (address - area.address) >>> Pages.PAGE_SHIFT;
    if (area == null || !area.atTouch || page >= area.count || area.pfns[(int) page] != 0) {
      return false;
    }
    long at = area.address + (page << Pages.PAGE_SHIFT);
    long pfn = pages.allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM | Gfp.__GFP_ZERO, 0);
    if (pfn == PageAllocator.NO_PAGE) {
      return false;
    }
    if (!mapper.prepare(cpu, at, at + Pages.PAGE_SIZE, 1)) {
      pages.freePages(cpu, pfn, 0);
      return false;
    }
    memMap.hold(pfn, 0, FrameOwner.VMALLOC, 0, area.address, page);
    area.pfns[(int) page] = pfn;
    area.filled++;
    held.incrementAndGet();
    mapper.map(cpu, at, 1, pfn, mapper.format().kernelProt(RW));
    boolean _ = tables.syncKernel(root, address);
    return true;
  }

  @Override
  public void vfree(Cpu cpu, long address) {
    if (address != NO_ADDRESS) {
      release(cpu, remove(address, VmArea.Kind.VMALLOC, "vfree"));
    }
  }

  @Override
  public void vfreeAtomic(Cpu cpu, long address) {
    synchronized (deferred) {
      deferred.addLast(address);
    }
  }

  @Override
  public int runDeferred(Cpu cpu) {
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

  @Override
  public long vmap(Cpu cpu, long[] pfns, int count) {
    return vmap(cpu, VmArea.Kind.VMAP, pfns, count, true);
  }

  private long vmap(Cpu cpu, VmArea.Kind kind, long[] pfns, int count, boolean guard) {
    if (count <= 0 || count > pfns.length) {
      throw new MisuseException("frames to map: count=" + count + " given=" + pfns.length);
    }
    long size = (long) count << Pages.PAGE_SHIFT;
    VmArea area = area(cpu, kind, size, Pages.PAGE_SIZE, guard, kind.text);
    if (area == null) {
      return NO_ADDRESS;
    }
    if (!mapper.prepare(cpu, area.address, area.mappedEnd(), 1)) {
      release(cpu, area);
      return NO_ADDRESS;
    }
    area.pfns = pfns.clone();
    mapper.map(cpu, area.address, pfns, 0, count, mapper.format().kernelProt(RW));
    known.put(area.address, area);
    return area.address;
  }

  @Override
  public void vunmap(Cpu cpu, long address) {
    release(cpu, remove(address, VmArea.Kind.VMAP, "vunmap"));
  }

  @Override
  public long vmMapRam(Cpu cpu, long[] pfns, int count) {
    return vmap(cpu, VmArea.Kind.RAM, pfns, count, false);
  }

  @Override
  public void vmUnmapRam(Cpu cpu, long address, int count) {
    VmArea area = known.get(address);
    if (area != null && area.kind == VmArea.Kind.RAM && area.count != count) {
      throw new MisuseException(
          String.format(
              "vm_unmap_ram of another size: address=0x%x count=%d mapped=%d",
              address, count, area.count));
    }
    release(cpu, remove(address, VmArea.Kind.RAM, "vm_unmap_ram"));
  }

  @Override
  public long vmallocToPfn(long address) {
    if (!layout.isVmalloc(address)) {
      throw new MisuseException(
          String.format("no address of the vmalloc area: address=0x%x", address));
    }
    long root = tables.kernelRoot(floors.cpus().get(0));
    long paddr = root == PageTables.NO_ROOT ? NO_PAGE : tables.translate(root, address);
    return paddr == PageTables.NOT_MAPPED ? NO_PAGE : paddr >>> Pages.PAGE_SHIFT;
  }

  @Override
  public long ioremap(Cpu cpu, long paddr, long bytes, CacheMode mode) {
    return devices.ioremap(cpu, paddr, bytes, mode);
  }

  @Override
  public void iounmap(Cpu cpu, long address) {
    release(cpu, remove(address & -Pages.PAGE_SIZE, VmArea.Kind.IOREMAP, "iounmap"));
  }

  @Override
  public long dmaAllocCoherent(Cpu cpu, long bytes, long mask) {
    return devices.allocCoherent(cpu, bytes, mask);
  }

  @Override
  public long busAddress(long address) {
    return devices.busAddress(address);
  }

  @Override
  public void dmaFreeCoherent(Cpu cpu, long bytes, long address) {
    devices.freeCoherent(cpu, bytes, address);
  }

  @Override
  public long kmap(Cpu cpu, long pfn) {
    return highMemory.kmap(cpu, pfn);
  }

  @Override
  public void kunmap(Cpu cpu, long pfn) {
    highMemory.kunmap(pfn);
  }

  @Override
  public long kmapLocal(Cpu cpu, long pfn) {
    return highMemory.kmapLocal(cpu, pfn);
  }

  @Override
  public void kunmapLocal(Cpu cpu, long address) {
    highMemory.kunmapLocal(cpu, address);
  }

  @Override
  public long fixToVirt(int index) {
    return highMemory.fixToVirt(index);
  }

  @Override
  public long setFixmap(Cpu cpu, int index, long paddr, CacheMode mode) {
    return highMemory.setFixmap(cpu, index, paddr, mode);
  }

  @Override
  public void clearFixmap(Cpu cpu, int index) {
    highMemory.clearFixmap(cpu, index);
  }

  @Override
  public long kvmalloc(Cpu cpu, long bytes) {
    SlabAllocator slabs = floors.slabs();
    if (slabs != null && bytes > 0) {
      int gfp = Gfp.GFP_KERNEL;
      boolean small = bytes <= Pages.PAGE_SIZE;
      long paddr =
          slabs.kmalloc(cpu, bytes, small ? gfp : gfp | Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY);
      if (paddr > 0) {
        return floors.architecture().va(paddr) - floors.architecture().pageOffset() + directMap();
      }
      if (small) {
        return NO_ADDRESS;
      }
    }
    return vmalloc(cpu, bytes);
  }

  @Override
  public void kvfree(Cpu cpu, long address) {
    SlabAllocator slabs = floors.slabs();
    if (layout.isVmalloc(address)) {
      vfree(cpu, address);
    } else if (slabs != null && address != NO_ADDRESS) {
      slabs.kfree(cpu, address - directMap());
    }
  }

  private long directMap() {
    return mapper.format().kernel().directMap();
  }

  /** {@code vmalloc_info_show()}. */
  @Override
  public String vmallocinfo() {
    StringBuilder text = new StringBuilder();
    int digits = floors.architecture().is64Bit() ? 16 : 8;
    String range = "0x%0" + digits + "x-0x%0" + digits + "x %7d";
    areas.forEach(
        (start, end) -> {
          text.append(String.format(Locale.ROOT, range, start, end, end - start));
          VmArea area = known.get(start);
          if (area != null) {
            describe(text, area, digits);
          }
          text.append('\n');
        });
    return text.toString();
  }

  private void describe(StringBuilder text, VmArea area, int digits) {
    text.append(' ').append(area.caller);
    if (area.kind == VmArea.Kind.RAM) {
      return;
    }
    if (area.kind != VmArea.Kind.IOREMAP) {
      text.append(" pages=").append(area.atTouch ? area.filled : area.count);
    } else {
      String form = " phys=0x%0" + digits + "x";
      text.append(String.format(Locale.ROOT, form, area.paddr));
    }
    text.append(' ').append(area.kind.text);
    text.append(area.user ? " user" : "");
    text.append(area.listArea != NO_ADDRESS ? " vpages" : "");
    if (area.kind == VmArea.Kind.VMALLOC && floors.layout().nodes().size() >= 1) {
      nodes(text, area);
    }
  }

  private void nodes(StringBuilder text, VmArea area) {
    long[] counts = new long[floors.layout().nodes().size()];
    for (long pfn : area.pfns) {
      for (int n = 0; pfn > 0 && n < counts.length; n++) {
        boolean here =
            floors.layout().nodes().get(n).zones().stream()
                .anyMatch(z -> pfn >= z.startPfn() && pfn < z.endPfn());
        counts[n] += here ? 1 : 0;
      }
    }
    for (int n = 0; n < counts.length; n++) {
      if (counts[n] > 0) {
        text.append(" N").append(n).append('=').append(counts[n]);
      }
    }
  }

  @Override
  public long vmallocPages() {
    return held.get();
  }

  @Override
  public void validate() {
    long frames = 0;
    for (VmArea area : known.values()) {
      CorruptStateError.check(
          areas.bytes(area.address) == area.bytes,
          String.format("an area without addresses: address=0x%x", area.address));
      if (area.kind == VmArea.Kind.VMALLOC) {
        frames += area.filled;
      }
      if (area.kind != VmArea.Kind.IOREMAP && !area.atTouch) {
        for (int i = 0; i < area.count; i++) {
          long at = area.address + ((long) i << Pages.PAGE_SHIFT);
          CorruptStateError.check(
              vmallocToPfn(at) == area.pfns[i],
              String.format("address=0x%x leads elsewhere than pfn=%d", at, area.pfns[i]));
        }
      }
      if (area.mappedEnd() < area.address + area.bytes) {
        CorruptStateError.check(
            vmallocToPfn(area.mappedEnd()) == NO_PAGE,
            String.format("something is mapped to a guard page: 0x%x", area.mappedEnd()));
      }
    }
    CorruptStateError.check(
        frames == held.get(), "frames of areas: walked=" + frames + " counted=" + held.get());
  }

  @Override
  public void close() {
    Cpu cpu = floors.cpus().get(0);
    int _ = runDeferred(cpu);
    List<VmArea> all = new ArrayList<>(known.values());
    for (VmArea area : all) {
      if (known.remove(area.address) != null) {
        release(cpu, area);
      }
    }
    devices.close(cpu);
    int _ = purge(cpu);
  }
}
