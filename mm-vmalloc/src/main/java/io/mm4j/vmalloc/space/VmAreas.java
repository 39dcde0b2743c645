// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.space;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.kernel.KernelLayout;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.kernel.KernelSpaceProvider;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.vmalloc.VmallocAllocator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Areas as addresses and what is mapped there: {@code __get_vm_area_node()} and {@code
 * remove_vm_area()}. Frames are their callers'.
 */
final class VmAreas {
  private final KernelLayout layout;
  private final VmallocAllocator addresses;
  private final PageTables tables;
  private final Mapper mapper;
  private final AreaTable known = new AreaTable();
  private final boolean lazy;

  VmAreas(KernelSpaceProvider.Floors floors, Mapper mapper) {
    this.layout = floors.kernelLayout();
    this.addresses = floors.areas();
    this.tables = floors.tables();
    this.mapper = mapper;
    this.lazy = floors.areasCan().lazy();
  }

  VmallocAllocator addresses() {
    return addresses;
  }

  /**
   * Addresses, with a guard page behind them; if there is no room, after a purge. Nobody finds the
   * area before {@link #keep}.
   *
   * @param frames how many it shall have room for
   * @return null if there is none
   */
  @Nullable VmArea make(
      Cpu cpu, VmArea.Kind kind, long size, long align, boolean guard, int frames, String caller) {
    long bytes = guard ? size + Pages.PAGE_SIZE : size;
    long address = place(cpu, bytes, align);
    if (address == VmallocAllocator.NO_ADDRESS && purge(cpu) + addresses.shrink() > 0) {
      address = place(cpu, bytes, align);
    }
    return address == VmallocAllocator.NO_ADDRESS
        ? null
        : known.make(kind, address, bytes, (int) (size >>> Pages.PAGE_SHIFT), frames, caller);
  }

  private long place(Cpu cpu, long bytes, long align) {
    return addresses.alloc(cpu, bytes, align, layout.vmallocStart(), layout.vmallocEnd());
  }

  void keep(VmArea area) {
    known.put(area);
  }

  /** The area that begins here, or null. */
  @Nullable VmArea get(long address) {
    return known.get(address);
  }

  /** The area that an address lies in, or null. */
  @Nullable VmArea find(long address) {
    long start = addresses.find(address);
    return start == VmallocAllocator.NO_ADDRESS ? null : known.get(start);
  }

  /** Takes a known area out. */
  VmArea take(long address, VmArea.Kind kind, String call) {
    return known.take(address, kind, call);
  }

  List<VmArea> all() {
    return known.all();
  }

  /** Unmaps an area that nobody finds any more, and gives its addresses back. */
  void remove(Cpu cpu, VmArea area) {
    mapper.unmap(area.address, area.mappedEnd());
    if (!lazy) {
      tables.flushKernelRange(cpu, area.address, area.mappedEnd());
    }
    addresses.free(cpu, area.address);
  }

  /** What was removed may be used again; a purge that is due is made. */
  void forget(Cpu cpu, VmArea area) {
    known.recycle(area);
    if (addresses.isPurgeDue()) {
      int _ = purge(cpu);
    }
  }

  /** Both, for areas without frames of their own. */
  void release(Cpu cpu, VmArea area) {
    remove(cpu, area);
    forget(cpu, area);
  }

  int purge(Cpu cpu) {
    return addresses.purge((start, end) -> tables.flushKernelRange(cpu, start, end));
  }

  /** Compares an area with the addresses in use and with the page tables. */
  void validate(VmArea area) {
    CorruptStateError.check(
        addresses.bytes(area.address) == area.bytes,
        String.format("an area without addresses: address=0x%x", area.address));
    for (int i = 0; i < area.count && area.kind != VmArea.Kind.IOREMAP && !area.atTouch; i++) {
      long at = area.address + ((long) i << Pages.PAGE_SHIFT);
      CorruptStateError.check(
          mapper.pfn(at) == area.pfns[i],
          String.format("address=0x%x leads elsewhere than pfn=%d", at, area.pfns[i]));
    }
    if (area.mappedEnd() < area.address + area.bytes) {
      CorruptStateError.check(
          mapper.pfn(area.mappedEnd()) == KernelSpace.NO_PAGE,
          String.format("something is mapped to a guard page: 0x%x", area.mappedEnd()));
    }
  }
}
