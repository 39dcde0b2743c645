// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.base;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmemCache;
import org.jspecify.annotations.Nullable;

/** One CPU of a {@link SlabBase}: its slow paths are the allocator's. */
public class BaseCpu extends CpuSlabs {
  /** Where its slabs come from. */
  public final CpuPages pages;

  private final SlabBase<?, ?> slabs;

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

  /** {@link #clear}, for the allocator. */
  final void zero(long paddr, int bytes) {
    clear(paddr, bytes);
  }
}
