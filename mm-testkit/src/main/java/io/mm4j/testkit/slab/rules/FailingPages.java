// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.pages.naive.NaivePageAllocator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A page allocator that refuses some requests: the n-th and the one after it, since whoever asks
 * for a slab asks once more for a smaller one.
 */
final class FailingPages implements PageAllocator {
  private final PageAllocator inner;
  private long left;

  private FailingPages(PageAllocator inner, long nth) {
    this.inner = inner;
    this.left = nth;
  }

  /** Refuses the n-th request; none for 0. */
  static PageAllocatorProvider provider(long nth) {
    return new PageAllocatorProvider() {
      @Override
      public String name() {
        return "naive";
      }

      @Override
      public String summary() {
        return "refuses some requests, for tests";
      }

      @Override
      public Capabilities capabilities() {
        return new Capabilities(true, true, false);
      }

      @Override
      public PageAllocator create(Floors floors, Options options) {
        PageAllocator naive = new NaivePageAllocator(floors);
        return nth == 0 ? naive : new FailingPages(naive, nth);
      }
    };
  }

  private synchronized boolean fails() {
    left--;
    return left == 0 || left == -1;
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    return fails() ? NO_PAGE : inner.allocPages(cpu, gfp, order, nodeId);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    return fails() ? NO_PAGE : inner.allocPages(cpu, gfp, order, nodeId, nodes);
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
