// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.Pages;
import org.apiguardian.api.API;

/**
 * The entry points of the page allocator under the kernel's names, for code that reads like the
 * kernel's. Each ends in {@link PageAllocator#allocPages(Cpu, int, int, int)} or {@link
 * PageAllocator#freePages}; nothing is decided here. Models include/linux/gfp.h and the end of
 * mm/page_alloc.c (Linux 6.18).
 *
 * <p>Two families, as in the kernel: those that name a block by its first frame ({@code struct
 * page}, here a pfn, {@link PageAllocator#NO_PAGE} if there is none), and those that name it by its
 * address in the kernel's direct map (0 if there is none). The direct map begins at a fixed
 * address, so {@code __va} is an addition. {@code __free_pages}, which takes a frame, is {@link
 * #freePagesAt}; {@code free_pages}, which takes an address, is {@link #freePages}.
 *
 * <p>Threads: as the allocator; an instance belongs to one CPU. Allocates no Java objects.
 */
@API(status = API.Status.MAINTAINED)
public final class PageCalls {
  /** Where the direct map of a 64-bit machine begins. */
  public static final long PAGE_OFFSET_64 = 0xffff_8880_0000_0000L;

  /** Where the direct map of a 32-bit machine begins. */
  public static final long PAGE_OFFSET_32 = 0xc000_0000L;

  private final PageAllocator pages;
  private final Cpu cpu;
  private final long pageOffset;

  /**
   * The calls of one CPU.
   *
   * @param pageOffset kernel address of physical address 0
   */
  public PageCalls(PageAllocator pages, Cpu cpu, long pageOffset) {
    this.pages = pages;
    this.cpu = cpu;
    this.pageOffset = pageOffset;
  }

  /** {@code page_address()} of lowmem: the kernel address of a frame. */
  public long pageAddress(long pfn) {
    return pageOffset + (pfn << Pages.PAGE_SHIFT);
  }

  /** {@code virt_to_page()}: the frame of a kernel address in the direct map. */
  public long virtToPage(long kaddr) {
    return (kaddr - pageOffset) >>> Pages.PAGE_SHIFT;
  }

  /** {@code __pa()}. */
  public long pa(long kaddr) {
    return kaddr - pageOffset;
  }

  /** {@code __va()}. */
  public long va(long paddr) {
    return paddr + pageOffset;
  }

  /** {@code alloc_page()}: one frame, or {@link PageAllocator#NO_PAGE}. */
  public long allocPage(int gfp) {
    return pages.allocPages(cpu, gfp, 0);
  }

  /** {@code alloc_pages()}: a block, or {@link PageAllocator#NO_PAGE}. */
  public long allocPages(int gfp, int order) {
    return pages.allocPages(cpu, gfp, order);
  }

  /** {@code alloc_pages_node()}: a block, from this node if it can be. */
  public long allocPagesNode(int nodeId, int gfp, int order) {
    return pages.allocPages(cpu, gfp, order, nodeId);
  }

  /** {@code __alloc_pages_node()} with {@link Gfp#__GFP_THISNODE}: from this node or not at all. */
  public long allocPagesExactNode(int nodeId, int gfp, int order) {
    return pages.allocPages(cpu, gfp | Gfp.__GFP_THISNODE, order, nodeId);
  }

  /** {@code alloc_pages_bulk()}: see {@link PageAllocator#allocPagesBulk}. */
  public int allocPagesBulk(int gfp, long[] pfns, int wanted) {
    return pages.allocPagesBulk(cpu, gfp, PageAllocator.NUMA_NO_NODE, pfns, wanted);
  }

  /**
   * {@code __get_free_pages()}: the kernel address of a block, or 0. Highmem has no such address
   * and is not asked.
   */
  public long getFreePages(int gfp, int order) {
    long pfn = pages.allocPages(cpu, gfp & ~Gfp.__GFP_HIGHMEM, order);
    return pfn == PageAllocator.NO_PAGE ? 0 : pageAddress(pfn);
  }

  /** {@code __get_free_page()}: the kernel address of a frame, or 0. */
  public long getFreePage(int gfp) {
    return getFreePages(gfp, 0);
  }

  /** {@code get_zeroed_page()}, in the oldest kernels {@code get_free_page()}. */
  public long getZeroedPage(int gfp) {
    return getFreePages(gfp | Gfp.__GFP_ZERO, 0);
  }

  /** {@code __get_dma_pages()}: from zone DMA. */
  public long getDmaPages(int gfp, int order) {
    return getFreePages(gfp | Gfp.__GFP_DMA, order);
  }

  /** {@code __free_page()}. */
  public void freePageAt(long pfn) {
    pages.freePages(cpu, pfn, 0);
  }

  /** {@code __free_pages()}. */
  public void freePagesAt(long pfn, int order) {
    pages.freePages(cpu, pfn, order);
  }

  /** {@code free_page()}; 0 is nothing. */
  public void freePage(long kaddr) {
    freePages(kaddr, 0);
  }

  /** {@code free_pages()}; 0 is nothing. */
  public void freePages(long kaddr, int order) {
    if (kaddr != 0) {
      checkAligned(kaddr);
      pages.freePages(cpu, virtToPage(kaddr), order);
    }
  }

  /**
   * {@code alloc_pages_exact()}: as many pages as the bytes need, no more: the rest of the block of
   * a power of two goes back at once.
   *
   * @return the kernel address, or 0
   */
  public long allocPagesExact(long bytes, int gfp) {
    int order = Pages.orderOf(bytes);
    if (bytes <= 0 || order > Pages.MAX_PAGE_ORDER) {
      return 0;
    }
    // A compound block could not be split.
    long pfn = pages.allocPages(cpu, gfp & ~(Gfp.__GFP_HIGHMEM | Gfp.__GFP_COMP), order);
    if (pfn == PageAllocator.NO_PAGE) {
      return 0;
    }
    pages.splitPage(pfn, order);
    for (long p = pfn + pagesOf(bytes); p < pfn + (1L << order); p++) {
      pages.freePages(cpu, p, 0);
    }
    return pageAddress(pfn);
  }

  /** {@code free_pages_exact()}: the pages of {@link #allocPagesExact} with the same size. */
  public void freePagesExact(long kaddr, long bytes) {
    checkAligned(kaddr);
    long pfn = virtToPage(kaddr);
    for (long p = pfn; p < pfn + pagesOf(bytes); p++) {
      pages.freePages(cpu, p, 0);
    }
  }

  /** {@code split_page()}. */
  public void splitPage(long pfn, int order) {
    pages.splitPage(pfn, order);
  }

  /** {@code alloc_contig_range()}. */
  public boolean allocContigRange(long startPfn, long endPfn, int gfp) {
    return pages.allocContigRange(cpu, startPfn, endPfn, gfp);
  }

  /** {@code free_contig_range()}. */
  public void freeContigRange(long startPfn, long endPfn) {
    pages.freeContigRange(cpu, startPfn, endPfn);
  }

  /** {@code drain_all_pages()}. */
  public void drainAllPages() {
    pages.drainAllPages(cpu);
  }

  private static long pagesOf(long bytes) {
    return (bytes + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT;
  }

  private static void checkAligned(long kaddr) {
    if ((kaddr & (Pages.PAGE_SIZE - 1)) != 0) {
      throw new MisuseException("not the address of a page: kaddr=0x" + Long.toHexString(kaddr));
    }
  }
}
