// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.naive;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Passes every call on to another page allocator; what differs from that one overrides a call. */
public class PassingPages implements PageAllocator {
  public final PageAllocator inner;

  public PassingPages(PageAllocator inner) {
    this.inner = inner;
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return inner.allocPages(cpu, gfp, order, nodeId);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    return nodes == null
        ? allocPages(cpu, gfp, order, nodeId)
        : inner.allocPages(cpu, gfp, order, nodeId, nodes);
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
  public boolean allocContigRange(Cpu cpu, long startPfn, long endPfn, int gfp) {
    return inner.allocContigRange(cpu, startPfn, endPfn, gfp);
  }

  @Override
  public void drainAllPages(Cpu cpu) {
    inner.drainAllPages(cpu);
  }

  @Override
  public void freeBlocksChanged() {
    inner.freeBlocksChanged();
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
