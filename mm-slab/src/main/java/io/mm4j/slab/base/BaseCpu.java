// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectSheaf;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** One CPU of a {@link SlabBase}: its slow paths are the allocator's. */
public class BaseCpu extends CpuSlabs {
  /** Where its slabs come from. */
  public final CpuPages pages;

  /** How often it has given back all that it kept since others could ask for it. */
  final AtomicLong answers = new AtomicLong();

  private final SlabBase<?, ?> slabs;

  /** Large blocks at hand, by order; made when the first of an order comes. */
  private final @Nullable ObjectSheaf[] large = new @Nullable ObjectSheaf[Pages.MAX_PAGE_ORDER + 1];

  /** With nothing open. */
  protected BaseCpu(SlabBase<?, ?> slabs, Cpu cpu) {
    super(cpu, slabs.nodes, slabs.frames, slabs.ram, slabs.sizeIndex);
    this.slabs = slabs;
    this.pages = slabs.pages.on(cpu);
  }

  @Override
  protected final long allocSlow(KmemCache cache, int gfp, int nodeId) {
    return slabs.allocSlow(cpu().id(), cache, gfp, nodeId);
  }

  @Override
  protected final long kmallocSlow(long bytes, int gfp, int nodeId) {
    return slabs.kmallocSlow(cpu().id(), bytes, gfp, nodeId);
  }

  @Override
  protected final void freeSlow(@Nullable KmemCache cache, long paddr) {
    slabs.freeSlow(cpu().id(), cache, paddr);
  }

  /** Keeps blocks of this order at hand from now on, so many at most. */
  final void keepLarge(int order, int most) {
    if (large[order] == null) {
      int bytes = (int) Pages.PAGE_SIZE << order;
      ObjectSheaf sheaf = new ObjectSheaf(KmemCache.largeId(order), bytes, LargeBlocks.SHIFT, most);
      large[order] = sheaf;
      setSheaf(sheaf);
      setKmalloc(KMALLOC_NORMAL, Pages.PAGE_SHIFT + order, sheaf);
      if (slabs.events() == null) {
        sheaf.open();
      }
    }
  }

  /** The blocks of an order at hand, or null. */
  final @Nullable ObjectSheaf largeOf(int order) {
    return large[order];
  }

  /** {@link #closeSheaves}. */
  public final void close() {
    closeSheaves();
  }

  /** {@link #openSheaves}. */
  public final void open() {
    openSheaves();
  }

  /** {@link #clear}, for the allocator. */
  final void zero(long paddr, int bytes) {
    clear(paddr, bytes);
  }
}
