// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Pages;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apiguardian.api.API;

/**
 * Where everything lies in the addresses of a kernel, and of a process below it. Regions follow
 * each other without a gap, from address 0 to the highest one, the holes among them.
 *
 * <p>32 bits: arch/x86/mm/init_32.c {@code mem_init()} and pgtable_32_areas.h of Linux 2.6 to 6.18,
 * see {@link KernelForm}. 64 bits: Documentation/arch/x86/x86_64/mm.rst of Linux 6.18, without
 * address randomisation, and the direct map as long as RAM needs.
 *
 * @param architecture what kind of machine it is
 * @param addressBits 32, 48 or 57
 * @param form of 32 bits
 * @param highMemory {@code high_memory}: the address behind the last byte of lowmem
 * @param vmallocStart {@code VMALLOC_START}
 * @param vmallocEnd {@code VMALLOC_END}: one past the last address
 * @param regions all of them, ascending
 */
@API(status = API.Status.EXPERIMENTAL)
public record KernelLayout(
    Architecture architecture,
    int addressBits,
    KernelForm form,
    long highMemory,
    long vmallocStart,
    long vmallocEnd,
    List<KernelRegion> regions) {
  /** {@code VMALLOC_OFFSET}: the gap between lowmem and the vmalloc area. */
  public static final long VMALLOC_OFFSET = 8 << 20;

  private static final long IMAGE_64 = 0xffff_ffff_8000_0000L;

  /** Copies the list. */
  public KernelLayout {
    regions = List.copyOf(regions);
  }

  /** The layout of a machine with this much lowmem. */
  public static KernelLayout of(
      Architecture architecture, int addressBits, KernelForm form, long lowPfn) {
    long lowBytes = lowPfn << Pages.PAGE_SHIFT;
    if (addressBits == 57) {
      return wide(architecture, form, lowBytes, 57);
    }
    return architecture.is64Bit()
        ? wide(architecture, form, lowBytes, 48)
        : narrow(architecture, form, lowBytes);
  }

  private static KernelLayout narrow(Architecture architecture, KernelForm form, long lowBytes) {
    long offset = architecture.pageOffset();
    long high = offset + lowBytes;
    long start =
        form.older() ? (high + 2 * VMALLOC_OFFSET - 1) & -VMALLOC_OFFSET : high + VMALLOC_OFFSET;
    long end = form.vmallocEnd();
    Builder regions = new Builder(0);
    regions.to("user space", offset, false);
    regions.to("lowmem", high, false);
    regions.to("gap", start, true);
    regions.to("vmalloc", end, false);
    if (form.highmemSupport()) {
      regions.to("gap", form.pkmap(), true);
      regions.to("pkmap", form.pkmap() + form.pkmapPages() * Pages.PAGE_SIZE, false);
    }
    regions.to("gap", form.fixmapStart(), true);
    regions.to("fixmap", KernelForm.FIXMAP_END, false);
    regions.to("top", 1L << 32, true);
    return new KernelLayout(architecture, 32, form, high, start, end, regions.list);
  }

  private static KernelLayout wide(
      Architecture architecture, KernelForm form, long lowBytes, int bits) {
    boolean four = bits == 48;
    Builder regions = new Builder(0);
    regions.to("user space", four ? 0x7fff_ffff_f000L : 0xff_ffff_ffff_f000L, false);
    regions.to("guard hole", four ? 0x8000_0000_0000L : 0x100_0000_0000_0000L, true);
    regions.to("not canonical", four ? 0xffff_8000_0000_0000L : 0xff00_0000_0000_0000L, true);
    regions.to(
        "guard hole, hypervisor", four ? 0xffff_8800_0000_0000L : 0xff10_0000_0000_0000L, true);
    regions.to("LDT remap for PTI", four ? 0xffff_8880_0000_0000L : 0xff11_0000_0000_0000L, false);
    long direct = regions.next;
    long high = direct + lowBytes;
    regions.to("direct map", high, false);
    regions.to("direct map, no RAM", four ? 0xffff_c880_0000_0000L : 0xff91_0000_0000_0000L, true);
    regions.to("hole", four ? 0xffff_c900_0000_0000L : 0xffa0_0000_0000_0000L, true);
    long start = regions.next;
    long end = four ? 0xffff_e900_0000_0000L : 0xffd2_0000_0000_0000L;
    regions.to("vmalloc", end, false);
    regions.to("hole", four ? 0xffff_ea00_0000_0000L : 0xffd4_0000_0000_0000L, true);
    regions.to("vmemmap", four ? 0xffff_eb00_0000_0000L : 0xffd6_0000_0000_0000L, false);
    regions.to("hole", four ? 0xffff_ec00_0000_0000L : 0xffdf_0000_0000_0000L, true);
    regions.to("KASAN shadow", 0xffff_fc00_0000_0000L, false);
    regions.to("hole", 0xffff_fe00_0000_0000L, true);
    regions.to("cpu_entry_area", 0xffff_fe80_0000_0000L, false);
    regions.to("hole", 0xffff_ff00_0000_0000L, true);
    regions.to("%esp fixup stacks", 0xffff_ff80_0000_0000L, false);
    regions.to("hole", 0xffff_ffef_0000_0000L, true);
    regions.to("EFI region mapping", 0xffff_ffff_0000_0000L, false);
    regions.to("hole", IMAGE_64, true);
    regions.to("kernel image", IMAGE_64 + (512L << 20), false);
    regions.to("modules", 0xffff_ffff_ff00_0000L, false);
    regions.to("hole", 0xffff_ffff_ff57_0000L, true);
    regions.to("fixmap", 0xffff_ffff_ff60_0000L, false);
    regions.to("vsyscall", 0xffff_ffff_ff60_1000L, false);
    regions.to("hole", 0, true);
    return new KernelLayout(architecture, bits, form, high, start, end, regions.list);
  }

  /** Regions in a row. */
  private static final class Builder {
    final List<KernelRegion> list = new ArrayList<>();
    long next;

    Builder(long start) {
      next = start;
    }

    /** The next one reaches up to here; none if it would be empty. */
    void to(String name, long end, boolean hole) {
      if (end != next) {
        list.add(new KernelRegion(name, next, end - 1, hole));
      }
      next = end;
    }
  }

  /** The first region of this name. */
  public Optional<KernelRegion> region(String name) {
    return regions.stream().filter(r -> r.name().equals(name)).findFirst();
  }

  /** The region of an address. */
  public Optional<KernelRegion> find(long address) {
    return regions.stream().filter(r -> r.contains(address)).findFirst();
  }

  /** Whether an address is one of the vmalloc area: {@code is_vmalloc_addr()}. */
  public boolean isVmalloc(long address) {
    return Long.compareUnsigned(vmallocStart, address) <= 0
        && Long.compareUnsigned(address, vmallocEnd) < 0;
  }

  /** {@code VMALLOC_TOTAL} in KiB, as /proc/meminfo has it. */
  public long vmallocTotalKb() {
    // of 64 bits VMALLOC_END is the last address, not one past it
    return (vmallocEnd - vmallocStart - (architecture.is64Bit() ? 1 : 0)) >>> 10;
  }
}
