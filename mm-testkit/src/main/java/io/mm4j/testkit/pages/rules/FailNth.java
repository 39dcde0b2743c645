// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.frames.faults.DelegatingFrames;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Wraps a frame allocator and lets its n-th allocation fail as if memory were out, over all zones:
 * what the floor above must survive.
 */
public final class FailNth implements FrameAllocatorProvider {
  private final FrameAllocatorProvider inner;
  private final AtomicLong left;

  /**
   * Wraps a provider.
   *
   * @param nth which allocation fails, from 1; 0 for none
   */
  public FailNth(FrameAllocatorProvider inner, long nth) {
    this.inner = inner;
    this.left = new AtomicLong(nth);
  }

  private boolean fails() {
    return left.get() > 0 && left.decrementAndGet() == 0;
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
  public List<OptionSpec> options() {
    return inner.options();
  }

  @Override
  public Capabilities capabilities() {
    return inner.capabilities();
  }

  @Override
  public Capabilities capabilities(Options options) {
    return inner.capabilities(options);
  }

  @Override
  public FrameAllocator create(Zone zone, Options options) {
    return new Failing(zone, inner.create(zone, options));
  }

  private final class Failing extends DelegatingFrames {
    Failing(Zone zone, FrameAllocator frames) {
      super(zone, frames);
    }

    @Override
    public long allocate(int order, int migratetype) {
      return fails() ? NONE : inner.allocate(order, migratetype);
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      return fails() ? NONE : inner.allocateFrom(fromOrder, fromType, order, restType);
    }
  }
}
