// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.Cpu;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import io.mm4j.testkit.slab.naive.NaiveSlabs;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The naive allocator, wrong on purpose: its allocations are counted without a lock. A provider as
 * a service loader makes it, so that its calls can be interrupted.
 */
public final class UnlockedSlabs implements SlabAllocatorProvider {
  static final String NAME = "counts-without-a-lock";

  private final NaiveSlabs naive = new NaiveSlabs(NAME, Counting::new);

  /** As a service loader makes it. */
  public UnlockedSlabs() {}

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String summary() {
    return naive.summary();
  }

  @Override
  public List<Setting> settings() {
    return naive.settings();
  }

  @Override
  public Capabilities capabilities() {
    return naive.capabilities();
  }

  @Override
  public SlabAllocator create(Floors floors, Options options) {
    return naive.create(floors, options);
  }

  /** Only allocations are counted so, or what is lost of them could make up for lost frees. */
  @SuppressWarnings("UnsynchronizedOverridesSynchronized") // that is what is wrong
  private static final class Counting extends NaiveSlabAllocator {
    private final AtomicInteger freed = new AtomicInteger();
    private int allocated;

    Counting(Floors floors) {
      super(floors);
    }

    @Override
    @SuppressWarnings("UnsynchronizedOverridesSynchronized") // that is what is wrong
    public long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = super.allocate(cpu, cache, gfp, node, bytes);
      allocated += object == NO_OBJECT ? 0 : 1;
      return object;
    }

    @Override
    public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      int change = cacheOf(paddr) == null ? 0 : 1;
      super.release(cpu, cache, paddr);
      freed.addAndGet(change);
    }

    @Override
    public void validate() {
      super.validate();
      long live = caches().stream().mapToLong(cache -> cache.stats().liveObjects()).sum();
      int count = allocated - freed.get();
      CorruptStateError.check(live == count, "live=" + live + " count=" + count);
    }
  }
}
