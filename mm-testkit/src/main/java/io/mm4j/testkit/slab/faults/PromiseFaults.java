// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectConstructor;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import java.util.List;

/** Allocators that break a promise only on paths that are seldom taken. */
final class PromiseFaults {
  private PromiseFaults() {}

  static List<Fault<SlabAllocatorProvider>> all() {
    return List.of(
        SlabFaults.fault(
            "constructs-again",
            "Objects in use are constructed once more when another one is handed out.",
            List.of("SL-32"),
            ConstructsAgain::new),
        SlabFaults.fault(
            "half-a-bulk",
            "A bulk that fails half way keeps what it has.",
            List.of("SL-33"),
            HalfBulk::new),
        SlabFaults.fault(
            "krealloc-revives",
            "krealloc of what is no live object gives a new one.",
            List.of("SL-34"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long krealloc(Cpu cpu, long paddr, long bytes, int gfp) {
                    try {
                      return super.krealloc(cpu, paddr, bytes, gfp);
                    } catch (MisuseException e) {
                      return kmalloc(cpu, bytes, gfp);
                    }
                  }
                }),
        SlabFaults.fault(
            "counts-to-64k",
            "Of more than 65535 objects the first is handed out again.",
            List.of("SL-36"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long allocate(
                      Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
                    return cache.live.size() > 0xffff
                        ? cache.live.first()
                        : super.allocate(cpu, cache, gfp, node, bytes);
                  }
                }),
        SlabFaults.fault(
            "some-leak",
            "A refused destroy does not say which object is in use.",
            List.of("SL-K09"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
                    try {
                      super.kmemCacheDestroy(cpu, cache);
                    } catch (MisuseException e) {
                      throw new MisuseException("objects in use: cache=" + cache.name());
                    }
                  }
                }));
  }

  private static final class ConstructsAgain extends NaiveSlabAllocator {
    ConstructsAgain(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      ObjectConstructor ctor = cache.ctor();
      if (ctor != null && cache.live.size() > 3) {
        ctor.construct(cache.live.first());
      }
      return super.allocate(cpu, cache, gfp, node, bytes);
    }
  }

  private static final class HalfBulk extends NaiveSlabAllocator {
    HalfBulk(Floors floors) {
      super(floors);
    }

    @Override
    public int kmemCacheAllocBulk(Cpu cpu, KmemCache cache, int gfp, long[] objects, int count) {
      for (int i = 0; i < count; i++) {
        objects[i] = kmemCacheAlloc(cpu, cache, gfp);
        if (objects[i] == NO_OBJECT) {
          return 0;
        }
      }
      return count;
    }
  }
}
