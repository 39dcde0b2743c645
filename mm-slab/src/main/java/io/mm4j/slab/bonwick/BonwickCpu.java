// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.bonwick;

import io.mm4j.api.Cpu;
import io.mm4j.api.slab.ObjectSheaf;
import io.mm4j.slab.base.BaseCpu;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** One CPU: its array of each cache. */
final class BonwickCpu extends BaseCpu {
  /** {@code struct array_cache}. */
  static final class CpuArray {
    final BonwickCache cache;
    final ObjectSheaf objects;

    /** Whether it was filled since the last reaping. */
    boolean touched;

    CpuArray(BonwickCache cache) {
      this.cache = cache;
      objects = new ObjectSheaf(cache.id(), cache.objectBytes(), cache.shift, cache.limit);
    }
  }

  private final BonwickAllocator slabs;

  /** By cache; made when the CPU first comes to it. */
  private @Nullable CpuArray[] arrays = new @Nullable CpuArray[64];

  /** Objects that go back to their slabs. */
  private long[] leaving = new long[256];

  long nextReapNs = Reaper.CPU_NS;

  BonwickCpu(BonwickAllocator slabs, Cpu cpu) {
    super(slabs, cpu);
    this.slabs = slabs;
  }

  /** Its array of a cache; null if the cache has none. */
  @Nullable CpuArray of(BonwickCache cache) {
    CpuArray known = ifAny(cache);
    return known != null || cache.limit == 0 ? known : make(cache);
  }

  /** The same if it has ever come to it, or null. */
  @Nullable CpuArray ifAny(BonwickCache cache) {
    return cache.id() < arrays.length ? arrays[cache.id()] : null;
  }

  private CpuArray make(BonwickCache cache) {
    CpuArray made = new CpuArray(cache);
    if (cache.id() >= arrays.length) {
      arrays = Arrays.copyOf(arrays, Math.max(cache.id() + 1, arrays.length * 2));
    }
    arrays[cache.id()] = made;
    if (cache.isDebug()) {
      return made; // each call comes the slow way
    }
    setSheaf(made.objects);
    if (cache.kmallocIndex >= 0) {
      setKmalloc(cache.kmallocType, cache.kmallocIndex, made.objects);
    }
    if (slabs.events() == null) {
      made.objects.open();
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

  /** A cache is gone. */
  void forget(BonwickCache cache) {
    if (ifAny(cache) != null) {
      unsetSheaf(cache.id());
      arrays[cache.id()] = null;
    }
  }
}
