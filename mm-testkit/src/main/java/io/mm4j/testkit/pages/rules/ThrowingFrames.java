// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.frames.faults.DelegatingFrames;

/** Frame allocators of one machine that find themselves corrupt at a call that is chosen. */
final class ThrowingFrames implements FrameAllocatorProvider {
  private final WideFrames inner = new WideFrames();
  private int left;
  private boolean thrown;

  /** From now on the n-th call that changes anything throws, over all zones; 0 for none. */
  void throwAt(int nth) {
    left = nth;
    thrown = false;
  }

  /** Whether it has thrown since. */
  boolean hasThrown() {
    return thrown;
  }

  private void count() {
    if (left > 0 && --left == 0) {
      thrown = true;
      throw new CorruptStateError("a list of free blocks leads nowhere");
    }
  }

  @Override
  public String name() {
    return inner.name();
  }

  @Override
  public String summary() {
    return inner.summary();
  }

  @Override
  public Capabilities capabilities() {
    return inner.capabilities();
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return new Throwing(zone, inner.create(zone, options));
  }

  private final class Throwing extends DelegatingFrames {
    Throwing(Zone zone, FrameAllocator frames) {
      super(zone, frames);
    }

    @Override
    public long allocate(int order, int migratetype) {
      count();
      return super.allocate(order, migratetype);
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      count();
      return super.allocateFrom(fromOrder, fromType, order, restType);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      count();
      super.free(pfn, order, migratetype);
    }

    @Override
    public void freeToTail(long pfn, int order, int migratetype) {
      count();
      super.freeToTail(pfn, order, migratetype);
    }

    @Override
    public boolean take(long pfn, int order) {
      count();
      return super.take(pfn, order);
    }

    @Override
    public int movePageblock(long pfn, int migratetype) {
      count();
      return super.movePageblock(pfn, migratetype);
    }
  }
}
