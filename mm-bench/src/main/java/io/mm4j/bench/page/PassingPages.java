// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A third page allocator: it passes calls on, so that they have met one class more. */
final class PassingPages implements PageAllocator {
  private final PageAllocator inner;

  PassingPages(PageAllocator inner) {
    this.inner = inner;
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order) {
    return inner.allocPages(cpu, gfp, order);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return inner.allocPages(cpu, gfp, order, nodeId);
  }

  @Override
  public void freePages(Cpu cpu, long pfn, int order) {
    inner.freePages(cpu, pfn, order);
  }

  @Override
  public void splitPage(long pfn, int order) {
    inner.splitPage(pfn, order);
  }

  @Override
  public void splitFolio(long pfn, int order, int toOrder) {
    inner.splitFolio(pfn, order, toOrder);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    return inner.allocPages(cpu, gfp, order, nodeId, nodes);
  }

  @Override
  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    return inner.allocContigRange(cpu, startPfn, endPfn, gfp);
  }

  @Override
  public void drainAllPages(Cpu cpu) {
    inner.drainAllPages(cpu);
  }

  @Override
  public List<ManagedZone> zones() {
    return inner.zones();
  }

  @Override
  public long pcpPages() {
    return inner.pcpPages();
  }

  @Override
  public void validate() {
    inner.validate();
  }
}
