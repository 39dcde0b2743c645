// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.OptionSpec;
import io.mm4j.api.plugin.Options;
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
    return new Failing(inner.create(zone, options));
  }

  private final class Failing implements FrameAllocator {
    private final FrameAllocator frames;

    Failing(FrameAllocator frames) {
      this.frames = frames;
    }

    @Override
    public long allocate(int order, int migratetype) {
      return fails() ? NONE : frames.allocate(order, migratetype);
    }

    @Override
    public long allocateFrom(int fromOrder, int fromType, int order, int restType) {
      return fails() ? NONE : frames.allocateFrom(fromOrder, fromType, order, restType);
    }

    @Override
    public boolean take(long pfn, int order) {
      return frames.take(pfn, order);
    }

    @Override
    public void free(long pfn, int order, int migratetype) {
      frames.free(pfn, order, migratetype);
    }

    @Override
    public void freeToTail(long pfn, int order, int migratetype) {
      frames.freeToTail(pfn, order, migratetype);
    }

    @Override
    public int freePagesIn(long pfn, int order) {
      return frames.freePagesIn(pfn, order);
    }

    @Override
    public int freeOrderAt(long pfn) {
      return frames.freeOrderAt(pfn);
    }

    @Override
    public long head(int order, int migratetype) {
      return frames.head(order, migratetype);
    }

    @Override
    public int movePageblock(long pfn, int migratetype) {
      return frames.movePageblock(pfn, migratetype);
    }

    @Override
    public long freePages() {
      return frames.freePages();
    }

    @Override
    public long freeBlocks(int order) {
      return frames.freeBlocks(order);
    }

    @Override
    public long freeBlocks(int order, int migratetype) {
      return frames.freeBlocks(order, migratetype);
    }

    @Override
    public void forEachFree(FreeBlockVisitor visitor) {
      frames.forEachFree(visitor);
    }

    @Override
    public void validate() {
      frames.validate();
    }
  }
}
