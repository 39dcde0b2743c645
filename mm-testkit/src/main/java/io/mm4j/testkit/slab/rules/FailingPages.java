// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.pages.naive.NaivePageAllocator;
import io.mm4j.testkit.pages.naive.PassingPages;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A page allocator that refuses some requests: the n-th and the one after it, since whoever asks
 * for a slab asks once more for a smaller one.
 */
final class FailingPages extends PassingPages {
  /**
   * A request.
   *
   * @param gfp its flags
   * @param order of the block
   * @param node that was asked for, or -1
   * @param served whether there was a block for it
   */
  record Request(int gfp, int order, int node, boolean served) {
    @Override
    public String toString() {
      return "order=" + order + " node=" + node + " " + Gfp.format(gfp) + (served ? " served" : "");
    }
  }

  /** For {@link #provider}: nothing is refused before {@link #failAt}. */
  static final long LATER = -1;

  private long left;
  private boolean armed;
  private boolean failed;
  private long refused;
  private Consumer<? super Request> listener = request -> {};

  private FailingPages(PageAllocator inner, long nth) {
    super(inner);
    this.left = nth;
    this.armed = nth > 0;
  }

  /** That of a machine which was booted with one. */
  static FailingPages of(Machine machine) {
    if (machine.pages() instanceof FailingPages failing) {
      return failing;
    }
    throw new IllegalStateException("the machine's page allocator is " + machine.pages());
  }

  /** Refuses the n-th request from now on and the one after it; none for 0. */
  synchronized void failAt(long nth) {
    left = nth;
    armed = nth > 0;
    failed = false;
  }

  /** Refuses so many requests from now on. */
  synchronized void refuseNext(long count) {
    refused = count;
  }

  /** Tells somebody of every request from now on. */
  synchronized void listen(Consumer<? super Request> whom) {
    listener = whom;
  }

  /** Whether a request was refused since then. */
  synchronized boolean hasFailed() {
    return failed;
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
    refused--;
    boolean refuses = refused >= 0 || (armed && (left == 0 || left == -1));
    failed |= refuses;
    return refuses;
  }

  private synchronized long told(int gfp, int order, int nodeId, long pfn) {
    listener.accept(new Request(gfp, order, nodeId, pfn != NO_PAGE));
    return pfn;
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId) {
    long pfn = fails() ? NO_PAGE : inner.allocPages(cpu, gfp, order, nodeId);
    return told(gfp, order, nodeId, pfn);
  }

  @Override
  public long allocPages(Cpu cpu, int gfp, int order, int nodeId, @Nullable NodeMask nodes) {
    long pfn = fails() ? NO_PAGE : inner.allocPages(cpu, gfp, order, nodeId, nodes);
    return told(gfp, order, nodeId, pfn);
  }
}
