// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.kernel;

import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.CacheMode;
import org.apiguardian.api.API;

/**
 * The kernel's own mappings: vmalloc and vmap, ioremap, coherent memory for devices, kmap and the
 * fixmap. Models mm/vmalloc.c, arch/x86/mm/ioremap.c, kernel/dma/direct.c and mm/highmem.c of Linux
 * 6.18, over the allocator of addresses of the machine, its page tables and its page allocator.
 *
 * <p>Addresses are the kernel's. What has no room or no memory returns {@link #NO_ADDRESS}, and
 * everything is as before; a mistake of the caller is a {@link io.mm4j.api.MisuseException}.
 *
 * <p>An area has a guard page behind it, which nothing is mapped to. A freed area's addresses wait
 * for a purge, as the allocator says; its frames are free at once, as in Linux. A purge that is due
 * is made at the end of the free that made it due, where Linux has a worker do it.
 *
 * <p>Threads: any, with a CPU of their own; one lock guards the kernel's page tables, and is not
 * held while frames are allocated.
 */
@API(status = API.Status.EXPERIMENTAL)
public interface KernelSpace extends AutoCloseable {
  /** There is no room or no memory. */
  long NO_ADDRESS = 0;

  /** No frame is mapped there. */
  long NO_PAGE = -1;

  /** Where everything lies. */
  KernelLayout layout();

  /**
   * {@code vmalloc()}: pages from wherever they are, with addresses in a row.
   *
   * @param bytes 1 to 1 TiB, rounded up to pages; more than there is of RAM is not served
   * @throws io.mm4j.api.MisuseException if it is none of these
   */
  long vmalloc(Cpu cpu, long bytes);

  /** {@code vzalloc()}: the same, full of zeroes. */
  long vzalloc(Cpu cpu, long bytes);

  /** {@code vmalloc_user()}: full of zeroes, and may be mapped into a process. */
  long vmallocUser(Cpu cpu, long bytes);

  /** {@code vmalloc_32()}: of frames below 4 GiB. */
  long vmalloc32(Cpu cpu, long bytes);

  /** {@code vmalloc_huge()}: with huge pages as far as the size allows; on 64 bits. */
  long vmallocHuge(Cpu cpu, long bytes);

  /**
   * An area that gets each of its frames when it is first touched, at a {@link #fault}. Linux has
   * none such; its page tables and vmalloc's addresses are the same.
   */
  long vmallocAtTouch(Cpu cpu, long bytes);

  /**
   * {@code vfree()}.
   *
   * @param address what one of the calls above returned
   */
  void vfree(Cpu cpu, long address);

  /** {@code vfree_atomic()}: the same, later. */
  void vfreeAtomic(Cpu cpu, long address);

  /** Frees what {@link #vfreeAtomic} was given; returns how many areas. */
  int runDeferred(Cpu cpu);

  /**
   * {@code vmap()}: gives frames of the caller's addresses in a row.
   *
   * @param pfns the frames
   * @param count how many of them
   */
  long vmap(Cpu cpu, long[] pfns, int count);

  /** {@code vunmap()}: the frames stay the caller's. */
  void vunmap(Cpu cpu, long address);

  /** {@code vm_map_ram()}: as {@link #vmap}, without a guard page. */
  long vmMapRam(Cpu cpu, long[] pfns, int count);

  /** {@code vm_unmap_ram()}. */
  void vmUnmapRam(Cpu cpu, long address, int count);

  /** {@code vmalloc_to_page()}: the frame behind an address, or {@link #NO_PAGE}. */
  long vmallocToPfn(long address);

  /**
   * {@code ioremap()}, {@code ioremap_wc()} and so on: device memory, with this memory type.
   *
   * @param paddr any address that is not RAM
   * @return the address of its first byte; {@link #NO_ADDRESS} also if it is RAM or beyond what the
   *     CPU addresses
   */
  long ioremap(Cpu cpu, long paddr, long bytes, CacheMode mode);

  /** {@code iounmap()}. */
  void iounmap(Cpu cpu, long address);

  /**
   * {@code dma_alloc_coherent()} without an IOMMU: zeroed memory in a row that a device reaches.
   *
   * @param mask {@code coherent_dma_mask}: the highest bus address that the device can use
   */
  long dmaAllocCoherent(Cpu cpu, long bytes, long mask);

  /** The address by which the device knows the memory. */
  long busAddress(long address);

  /** {@code dma_free_coherent()}, with the size that was asked for. */
  void dmaFreeCoherent(Cpu cpu, long bytes, long address);

  /**
   * {@code kmap()}: an address for a frame; of high memory in the pkmap area, where Linux would
   * wait if it is full.
   */
  long kmap(Cpu cpu, long pfn);

  /** {@code kunmap()}. */
  void kunmap(Cpu cpu, long pfn);

  /** {@code kmap_local_page()}, {@code kmap_atomic()}: an address of this CPU's, as a stack. */
  long kmapLocal(Cpu cpu, long pfn);

  /** {@code kunmap_local()}: the last one of this CPU. */
  void kunmapLocal(Cpu cpu, long address);

  /** {@code fix_to_virt()}: the address of a slot, counted from the top. */
  long fixToVirt(int index);

  /** {@code set_fixmap()}: maps a page at a fixed address. */
  long setFixmap(Cpu cpu, int index, long paddr, CacheMode mode);

  /** {@code clear_fixmap()}. */
  void clearFixmap(Cpu cpu, int index);

  /** {@code kvmalloc()}: from the slab allocator if it is small or there is room, else vmalloc. */
  long kvmalloc(Cpu cpu, long bytes);

  /** {@code kvfree()}. */
  void kvfree(Cpu cpu, long address);

  /**
   * A page fault at an address of the kernel: {@code vmalloc_fault()}, and the first touch of a
   * page of {@link #vmallocAtTouch}.
   *
   * @param root the root that the CPU has loaded
   * @return whether the address is mapped now
   */
  boolean fault(Cpu cpu, long root, long address);

  /**
   * {@code /proc/vmallocinfo}, as {@code vmalloc_info_show()} of Linux 6.18 prints it: a line for
   * each area, by vmap node and address, then what waits for a purge.
   */
  String vmallocinfo();

  /** Frames that areas hold: {@code nr_vmalloc_pages}. */
  long vmallocPages();

  /** Purges what was freed, whether or not it is due; returns how many areas. */
  int purge(Cpu cpu);

  /** Compares areas, addresses, frames and tables; throws a CorruptStateError. */
  void validate();

  /** Frees everything. No call is legal afterwards. */
  @Override
  void close();
}
