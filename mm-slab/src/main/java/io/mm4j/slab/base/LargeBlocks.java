// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import java.util.concurrent.atomic.LongAdder;

/**
 * {@code kmalloc()} of more than the largest cache has: blocks straight from the page allocator,
 * {@code ___kmalloc_large_node()} and {@code free_large_kmalloc()} of mm/slub.c (Linux 6.18).
 *
 * <p>A CPU can keep some that were freed (Linux keeps none above order 3): they are tagged, and not
 * live.
 *
 * <p>Only the first frame of a block has a tag, which says its order: an address in the middle is
 * no object.
 */
final class LargeBlocks {
  /** The granule of their marks. */
  static final int SHIFT = 10;

  /** {@code GFP_SLAB_BUG_MASK}: zones where the kernel may have no address. */
  private static final int NOT_MAPPED = Gfp.__GFP_DMA32 | Gfp.__GFP_HIGHMEM;

  /** A CPU keeps blocks of so many bytes in all of one order, and none of a larger order. */
  private static final int KEPT = 1 << 20;

  private static final int MOST = 32;

  private final SlabBase<?, ?> slabs;
  private final LongAdder frames = new LongAdder();

  /** Whether CPUs keep blocks. */
  private final boolean keeps;

  LargeBlocks(SlabBase<?, ?> slabs, boolean keeps) {
    this.slabs = slabs;
    this.keeps = keeps;
  }

  long alloc(BaseCpu cpu, long bytes, int gfp, int nodeId) {
    int order = bytes < 0 || bytes > Long.MAX_VALUE / 2 ? 64 : Pages.orderOf(bytes);
    long pfn =
        order > Pages.MAX_PAGE_ORDER
            ? PageAllocator.NO_PAGE
            : cpu.pages.alloc((gfp & ~NOT_MAPPED) | Gfp.__GFP_COMP, order, nodeId);
    long paddr = SlabAllocator.NO_OBJECT;
    if (pfn != PageAllocator.NO_PAGE) {
      paddr = pfn << Pages.PAGE_SHIFT;
      slabs.memMap.setOwners(pfn, order, FrameOwner.SLAB);
      int tag = slabs.tag(KmemCache.largeId(order), slabs.nodeOf(pfn));
      slabs.frames.add(pfn, 0, tag, SHIFT);
      slabs.frames.setLive(paddr, SHIFT);
      frames.add(1L << order);
      int most = Math.min(KEPT >>> (Pages.PAGE_SHIFT + order), MOST);
      if (keeps && most > 0) {
        cpu.keepLarge(order, most);
      }
    }
    SlabEvents events = slabs.events();
    if (events != null) {
      events.step(
          cpu.cpu(),
          bytes
              + " bytes are more than the largest cache has ("
              + slabs.sizes.largest()
              + "): a block of order "
              + order
              + " from the page allocator");
      long given = order > Pages.MAX_PAGE_ORDER ? 0 : Pages.PAGE_SIZE << order;
      events.alloc(cpu.cpu(), null, paddr, bytes, given, gfp);
    }
    return paddr;
  }

  void free(BaseCpu cpu, long paddr) {
    int order = order(paddr);
    long pfn = paddr >>> Pages.PAGE_SHIFT;
    SlabEvents events = slabs.events();
    if (events != null) {
      events.step(cpu.cpu(), "a large block: order " + order + " goes back to the page allocator");
      events.free(cpu.cpu(), null, paddr);
    }
    slabs.frames.clearLive(paddr, SHIFT);
    giveBack(cpu, pfn, order);
  }

  private void giveBack(BaseCpu cpu, long pfn, int order) {
    slabs.frames.remove(pfn, 0);
    frames.add(-(1L << order));
    cpu.pages.free(pfn, order);
  }

  /** Gives the blocks that a CPU keeps back; by its owner or under its park lock. */
  long flush(BaseCpu cpu) {
    long pages = 0;
    for (int order = 0; order <= Pages.MAX_PAGE_ORDER; order++) {
      ObjectSheaf sheaf = cpu.largeOf(order);
      while (sheaf != null && !sheaf.isEmpty()) {
        giveBack(cpu, sheaf.pop() >>> Pages.PAGE_SHIFT, order);
        pages += 1L << order;
      }
    }
    return pages;
  }

  /** The order of a live large block. */
  int order(long paddr) {
    int id = slabs.frames.tag(paddr) / slabs.nodes;
    if (id == 0 || id >= KmemCache.FIRST_ID || !slabs.frames.isLive(paddr, SHIFT)) {
      throw new MisuseException(
          String.format("not an object: paddr=0x%x begins no large block", paddr));
    }
    return id - KmemCache.largeId(0);
  }

  long frames() {
    return frames.sum();
  }
}
