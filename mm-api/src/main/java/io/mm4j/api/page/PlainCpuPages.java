// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameStates;

/** Of an allocator without fast paths: every call is the allocator's. */
final class PlainCpuPages extends CpuPages {
  private final PageAllocator pages;

  PlainCpuPages(PageAllocator pages, Cpu cpu) {
    super(cpu, FrameStates.NONE);
    this.pages = pages;
  }

  @Override
  protected long allocSlow(int gfp, int order, int nodeId) {
    return pages.allocPages(cpu(), gfp, order, nodeId);
  }

  @Override
  protected void freeSlow(long pfn, int order) {
    pages.freePages(cpu(), pfn, order);
  }

  @Override
  protected void prepare(long pfn, int order) {
    throw new UnsupportedOperationException("no list is open");
  }

  @Override
  protected boolean release(long pfn, int order) {
    return false;
  }

  @Override
  protected void finish(long pfn, int gfp, int order) {
    throw new UnsupportedOperationException("no list is open");
  }
}
