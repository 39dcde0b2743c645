// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.testkit.pages.naive.NaivePageAllocator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Passes every call on; a fault overrides one. */
public class DelegatingPages implements PageAllocator {
  public final Floors floors;
  public final MemMap map;
  public final PageAllocator inner;

  public DelegatingPages(Floors floors) {
    this.floors = floors;
    this.map = floors.memory().memMap();
    this.inner = new NaivePageAllocator(floors);
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
