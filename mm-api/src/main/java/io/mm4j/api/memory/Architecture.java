// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/**
 * What a kernel's architecture says about physical memory: where its zones end, how much it can
 * address, and where RAM appears in the kernel's address space. Addresses are bytes.
 *
 * <p>The linear map is a fixed offset: {@code __va(p) = p + PAGE_OFFSET}, for memory below {@link
 * #lowmemEnd()}; what lies above (HIGHMEM) has no permanent kernel address.
 */
@API(status = API.Status.MAINTAINED)
public enum Architecture {
  /** x86-64 with four levels: all RAM is in the linear map. */
  X86_64("x86-64", 0xffff_8880_0000_0000L, 1L << 46, 1L << 46),

  /**
   * x86-32 with highmem: lowmem ends so that 128 MiB stay for vmalloc below the pkmap area, at
   * 0x377fe000 as kernels of 2.6.2x to 4.14 print it; 4 GiB of physical addresses. Later kernels
   * have entry areas for each CPU and the LDT below the fixmap as well, which takes some MiB more,
   * by the configured number of CPUs.
   */
  X86_32("x86-32", 0xc000_0000L, 0x377f_e000L, 1L << 32),

  /** The same with physical address extension: 64 GiB. */
  X86_PAE("x86-pae", 0xc000_0000L, 0x377f_e000L, 1L << 36),

  /** x86-32 as in Linux 2.4: 896 MiB of lowmem. */
  X86_32_24("x86-32-2.4", 0xc000_0000L, 896L << 20, 1L << 32);

  private final String id;
  private final long pageOffset;
  private final long lowmemEnd;
  private final long physicalEnd;

  Architecture(String id, long pageOffset, long lowmemEnd, long physicalEnd) {
    this.id = id;
    this.pageOffset = pageOffset;
    this.lowmemEnd = lowmemEnd;
    this.physicalEnd = physicalEnd;
  }

  /** The name on the command line. */
  public String id() {
    return id;
  }

  /** {@code PAGE_OFFSET}: the kernel address of physical address 0. */
  public long pageOffset() {
    return pageOffset;
  }

  /** {@code MAXMEM}: one past the last physical address that can be in the linear map. */
  public long lowmemEnd() {
    return lowmemEnd;
  }

  /** One past the last physical address that the kernel can use. */
  public long physicalEnd() {
    return physicalEnd;
  }

  /**
   * {@code pageblock_order}: the order of a huge page, as far as the buddy allocator reaches. A
   * page directory entry of x86-32 without PAE maps 4 MiB: {@code HPAGE_PMD_ORDER} is 10 there, and
   * /proc/pagetypeinfo says 1024 pages per block.
   */
  public int pageblockOrder() {
    return this == X86_64 || this == X86_PAE ? 9 : 10;
  }

  /** Whether zones are DMA, DMA32 and Normal; otherwise DMA, Normal and HighMem. */
  public boolean is64Bit() {
    return this == X86_64;
  }

  /** {@code __va()}: the kernel address of a physical address in lowmem. */
  public long va(long paddr) {
    return paddr + pageOffset;
  }

  /** {@code __pa()}: the physical address of an address in the linear map. */
  public long pa(long kaddr) {
    return kaddr - pageOffset;
  }

  /** {@code page_address()}: the kernel address of a frame, or 0 if it is in HIGHMEM. */
  public long pageAddress(long pfn) {
    long paddr = pfn << Pages.PAGE_SHIFT;
    return paddr < lowmemEnd ? va(paddr) : 0;
  }

  /** {@code virt_to_page()} as a frame number: the frame of an address in the linear map. */
  public long virtToPfn(long kaddr) {
    return pa(kaddr) >>> Pages.PAGE_SHIFT;
  }
}
