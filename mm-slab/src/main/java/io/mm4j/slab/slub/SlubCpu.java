// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameList;
import io.mm4j.slab.base.BaseCpu;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** One CPU: what it keeps of each cache. */
final class SlubCpu extends BaseCpu {
  private final SlubAllocator slabs;

  /** By cache; made when the CPU first comes to it. */
  private @Nullable CpuCache[] caches = new @Nullable CpuCache[64];

  /** Objects that go back to their slabs, and slabs that have changed by it. */
  private long[] leaving = new long[64];

  private long[] changed = new long[64];

  SlubCpu(SlubAllocator slabs, Cpu cpu) {
    super(slabs, cpu);
    this.slabs = slabs;
  }

  /** What it keeps of a cache. */
  CpuCache of(SlubCache cache) {
    CpuCache known = cache.id() < caches.length ? caches[cache.id()] : null;
    return known == null ? make(cache) : known;
  }

  /** The same if it has ever come to it, or null. */
  @Nullable CpuCache ifAny(SlubCache cache) {
    return cache.id() < caches.length ? caches[cache.id()] : null;
  }

  private CpuCache make(SlubCache cache) {
    CpuCache made = new CpuCache(cache, new FrameList(slabs.memMap));
    if (cache.id() >= caches.length) {
      caches = Arrays.copyOf(caches, Math.max(cache.id() + 1, caches.length * 2));
    }
    caches[cache.id()] = made;
    if (made.main != null) {
      setSheaf(made.main);
      if (cache.kmallocIndex >= 0) {
        setKmalloc(cache.kmallocType, cache.kmallocIndex, made.main);
      }
      if (slabs.events() == null) {
        made.main.open();
      }
    }
    return made;
  }

  /** Room for objects that go back. */
  long[] leaving(int count) {
    if (leaving.length < count) {
      leaving = new long[count];
    }
    return leaving;
  }

  /** Room for slabs that need something more. */
  long[] changed(int count) {
    if (changed.length < count) {
      changed = new long[count];
    }
    return changed;
  }

  /** A cache is gone. */
  void forget(SlubCache cache) {
    if (ifAny(cache) != null) {
      unsetSheaf(cache.id());
      caches[cache.id()] = null;
    }
  }
}
