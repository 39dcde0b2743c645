// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.pagetable.CacheMode;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.slab.SlabAllocator;
import java.util.List;

/**
 * The kernel's mappings {@code linux}: what {@link KernelSpace} offers, each kind in a class of its
 * own; here are vmap and kvmalloc, which need little.
 */
final class LinuxSpace implements KernelSpace {
  private static final int RW = PageTableFormat.READ | PageTableFormat.WRITE;

  private final KernelSpaceProvider.Floors floors;
  private final KernelLayout layout;
  private final PageTables tables;
  private final Mapper mapper;
  private final VmAreas areas;
  private final Vmalloc vmalloc;
  private final Devices devices;
  private final HighMemory highMemory;
  private final VmallocInfo info;

  LinuxSpace(KernelSpaceProvider.Floors floors) {
    this.floors = floors;
    layout = floors.kernelLayout();
    tables = floors.tables();
    mapper = new Mapper(tables, floors.cpus().count());
    areas = new VmAreas(floors, mapper);
    vmalloc = new Vmalloc(floors, areas, mapper);
    devices = new Devices(floors, areas, mapper);
    highMemory = new HighMemory(floors, mapper);
    info = new VmallocInfo(floors, areas);
  }

  @Override
  public KernelLayout layout() {
    return layout;
  }

  @Override
  public long vmalloc(Cpu cpu, long bytes) {
    return vmalloc.vmalloc(cpu, bytes);
  }

  @Override
  public long vzalloc(Cpu cpu, long bytes) {
    return vmalloc.vzalloc(cpu, bytes);
  }

  @Override
  public long vmallocUser(Cpu cpu, long bytes) {
    return vmalloc.vmallocUser(cpu, bytes);
  }

  @Override
  public long vmalloc32(Cpu cpu, long bytes) {
    return vmalloc.vmalloc32(cpu, bytes);
  }

  @Override
  public long vmallocHuge(Cpu cpu, long bytes) {
    return vmalloc.vmallocHuge(cpu, bytes);
  }

  @Override
  public long vmallocAtTouch(Cpu cpu, long bytes) {
    return vmalloc.atTouch(cpu, bytes);
  }

  @Override
  public boolean fault(Cpu cpu, long root, long address) {
    if (tables.syncKernel(root, address)) {
      return true;
    }
    boolean touched = vmalloc.touch(cpu, address);
    if (touched) {
      boolean _ = tables.syncKernel(root, address);
    }
    return touched;
  }

  @Override
  public void vfree(Cpu cpu, long address) {
    vmalloc.vfree(cpu, address);
  }

  @Override
  public void vfreeAtomic(Cpu cpu, long address) {
    vmalloc.defer(address);
  }

  @Override
  public int runDeferred(Cpu cpu) {
    return vmalloc.runDeferred(cpu);
  }

  @Override
  public long vmap(Cpu cpu, long[] pfns, int count) {
    return vmap(cpu, VmArea.Kind.VMAP, pfns, count, true);
  }

  private long vmap(Cpu cpu, VmArea.Kind kind, long[] pfns, int count, boolean guard) {
    if (count <= 0 || count > pfns.length) {
      throw new MisuseException("frames to map: count=" + count + " given=" + pfns.length);
    }
    for (int i = 0; i < count; i++) {
      if (pfns[i] < 0 || pfns[i] >= floors.layout().endPfn()) {
        throw new MisuseException("no frame: pfns[" + i + "]=" + pfns[i]);
      }
    }
    long size = (long) count << Pages.PAGE_SHIFT;
    VmArea area = areas.make(cpu, kind, size, Pages.PAGE_SIZE, guard, count, kind.text);
    if (area == null) {
      return NO_ADDRESS;
    }
    if (!mapper.prepare(cpu, area.address, area.mappedEnd(), 1)) {
      areas.release(cpu, area);
      return NO_ADDRESS;
    }
    System.arraycopy(pfns, 0, area.pfns, 0, count);
    mapper.map(area.address, pfns, 0, count, mapper.format().kernelProt(RW));
    areas.keep(area);
    return area.address;
  }

  @Override
  public void vunmap(Cpu cpu, long address) {
    if (address != NO_ADDRESS) {
      areas.release(cpu, areas.take(address, VmArea.Kind.VMAP, "vunmap"));
    }
  }

  @Override
  public long vmMapRam(Cpu cpu, long[] pfns, int count) {
    return vmap(cpu, VmArea.Kind.RAM, pfns, count, false);
  }

  @Override
  public void vmUnmapRam(Cpu cpu, long address, int count) {
    VmArea area = areas.get(address);
    if (area != null && area.kind == VmArea.Kind.RAM && area.count != count) {
      throw new MisuseException(
          String.format(
              "vm_unmap_ram of another size: address=0x%x count=%d mapped=%d",
              address, count, area.count));
    }
    areas.release(cpu, areas.take(address, VmArea.Kind.RAM, "vm_unmap_ram"));
  }

  @Override
  public long vmallocToPfn(long address) {
    if (!layout.isVmalloc(address)) {
      throw new MisuseException(
          String.format(
              "no address of the vmalloc area: address=0x%x allowed=0x%x..0x%x",
              address, layout.vmallocStart(), layout.vmallocEnd() - 1));
    }
    return mapper.pfn(address);
  }

  @Override
  public long ioremap(Cpu cpu, long paddr, long bytes, CacheMode mode) {
    return devices.ioremap(cpu, paddr, bytes, mode);
  }

  @Override
  public void iounmap(Cpu cpu, long address) {
    areas.release(cpu, areas.take(address & -Pages.PAGE_SIZE, VmArea.Kind.IOREMAP, "iounmap"));
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
        return paddr + directMap();
      }
      if (small) {
        return NO_ADDRESS;
      }
    }
    return vmalloc.kvmalloc(cpu, bytes);
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

  @Override
  public String vmallocinfo() {
    return info.text();
  }

  @Override
  public long vmallocPages() {
    return vmalloc.held();
  }

  @Override
  public int purge(Cpu cpu) {
    return areas.purge(cpu);
  }

  @Override
  public void validate() {
    long frames = 0;
    for (VmArea area : areas.all()) {
      areas.validate(area);
      if (area.kind == VmArea.Kind.VMALLOC) {
        frames += area.atTouch ? mapper.pfns(area.address, area.mappedEnd()).size() : area.filled;
      }
    }
    CorruptStateError.check(
        frames == vmalloc.held(),
        "frames of areas: walked=" + frames + " counted=" + vmalloc.held());
  }

  @Override
  public void close() {
    Cpu cpu = floors.cpus().get(0);
    int _ = runDeferred(cpu);
    List<VmArea> all = areas.all();
    // whoever has a list first: the area of the list goes along
    all.sort((a, b) -> Boolean.compare(a.listArea == NO_ADDRESS, b.listArea == NO_ADDRESS));
    for (VmArea area : all) {
      if (areas.get(area.address) == area) {
        VmArea taken = areas.take(area.address, area.kind, "close");
        if (taken.kind == VmArea.Kind.VMALLOC) {
          vmalloc.release(cpu, taken);
        } else {
          areas.release(cpu, taken);
        }
      }
    }
    devices.close(cpu);
    int _ = purge(cpu);
  }

  /** Such as {@code linux: 3 areas, 8 frames}. */
  @Override
  public String toString() {
    return "linux: " + areas.all().size() + " areas, " + vmalloc.held() + " frames";
  }
}
