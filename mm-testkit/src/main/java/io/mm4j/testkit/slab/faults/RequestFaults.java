// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Allocators that ask for the wrong thing, or share what is not to be shared. */
final class RequestFaults {
  private RequestFaults() {}

  /** An allocator whose caches say something else of themselves. */
  private static SlabAllocator saying(Floors floors, UnaryOperator<CacheStats> change) {
    return new NaiveSlabAllocator(floors) {
      @Override
      protected NaiveCache cache(
          int id, KmemCacheArgs args, int flags, NaiveGeometry geometry, boolean own) {
        return new NaiveCache(id, args, flags, geometry, own) {
          @Override
          public CacheStats stats() {
            return change.apply(super.stats());
          }
        };
      }
    };
  }

  /** The same, and CPUs keep so many objects. */
  private static CacheStats keeping(CacheStats s, long kept) {
    long live = s.liveObjects();
    return new CacheStats(live, s.objects(), live, s.slabs(), s.slabs(), s.pages(), 0, 0, 0, kept);
  }

  /** The same, and so many slabs are on nodes' lists and in the hands of CPUs. */
  private static CacheStats listing(CacheStats s, long partial, long ofCpus) {
    return new CacheStats(
        s.activeObjects(),
        s.objects(),
        s.liveObjects(),
        s.activeSlabs(),
        s.slabs(),
        s.pages(),
        partial,
        0,
        ofCpus,
        0);
  }

  static List<Fault<SlabAllocatorProvider>> all() {
    return List.of(
        SlabFaults.fault(
            "a-hundred-caches",
            "From the hundredth cache on every new one is the last that was made.",
            List.of("SL-40"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected @Nullable NaiveCache mergeable(KmemCacheArgs args) {
                    return caches.size() > 100 ? caches.getFirst() : super.mergeable(args);
                  }
                }),
        SlabFaults.fault(
            "this-node-always",
            "Every object is of the CPU's own node.",
            List.of("SL-41"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long allocate(
                      Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
                    return node < 0
                        ? super.allocate(cpu, cache, gfp | Gfp.__GFP_THISNODE, cpu.nodeId(), bytes)
                        : super.allocate(cpu, cache, gfp, node, bytes);
                  }
                }),
        SlabFaults.fault(
            "waits-for-everybody",
            "Pages for slabs are asked for as if everybody could wait.",
            List.of("SL-42"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long allocate(
                      Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
                    return super.allocate(cpu, cache, gfp | Gfp.GFP_KERNEL, node, bytes);
                  }
                }),
        SlabFaults.fault(
            "from-any-cpuset",
            "Pages for slabs are asked for without the caller's bounds to his cpuset.",
            List.of("SL-64"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long allocate(
                      Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
                    return super.allocate(cpu, cache, gfp & ~Gfp.__GFP_HARDWALL, node, bytes);
                  }
                }),
        SlabFaults.fault(
            "says-it-has-partial-slabs",
            "Statistics tell of a slab on a node's list, and there is none.",
            List.of("SL-65", "SL-66"),
            floors -> saying(floors, s -> listing(s, 1, 0))),
        SlabFaults.fault(
            "shrinks-by-slabs",
            "A shrink says how many slabs it gave back, not how many frames.",
            List.of("SL-45"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmemCacheShrink(Cpu cpu, KmemCache cache) {
                    return super.kmemCacheShrink(cpu, cache) >> cache.order();
                  }
                }),
        SlabFaults.fault(
            "arrays-without-limits",
            "Caches say that they have arrays, and keep every slab.",
            List.of("SL-46"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected NaiveCache cache(
                      int id, KmemCacheArgs args, int flags, NaiveGeometry geometry, boolean own) {
                    return new NaiveCache(id, args, flags, geometry, own) {
                      @Override
                      public Tunables tunables() {
                        return new Tunables(120, 60, 8);
                      }
                    };
                  }
                }),
        SlabFaults.fault(
            "slab-c-by-name",
            "The caches of kmalloc are called as mm/slab.c calls them, and nothing else is its.",
            List.of("SL-47", "SL-48"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected NaiveCache cache(
                      int id, KmemCacheArgs args, int flags, NaiveGeometry geometry, boolean own) {
                    String name = own ? "size-" + args.objectBytes() : args.name();
                    KmemCacheArgs named = KmemCacheArgs.of(name, args.objectBytes());
                    return super.cache(id, own ? named : args, flags, geometry, own);
                  }
                }),
        SlabFaults.fault(
            "slob-by-name",
            "The caches of kmalloc are called as mm/slob.c's one is, and nothing else is its.",
            List.of("SL-49"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected NaiveCache cache(
                      int id, KmemCacheArgs args, int flags, NaiveGeometry geometry, boolean own) {
                    KmemCacheArgs named = KmemCacheArgs.of("kmalloc", args.objectBytes());
                    return super.cache(id, own ? named : args, flags, geometry, own);
                  }
                }),
        SlabFaults.fault(
            "says-it-has-cpu-slabs",
            "Statistics tell of a slab that a CPU works with, and there is none.",
            List.of("SL-50"),
            floors -> saying(floors, s -> listing(s, 0, Math.min(1, s.slabs())))),
        SlabFaults.fault(
            "refuses-while-others-work",
            "While another CPU is at work every cache counts as in use.",
            List.of("SL-51", "SL-73"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
                    for (Cpu other : floors.cpus().all()) {
                      if (other.parkLock().isLocked()) {
                        throw new MisuseException("destroyed with objects in use: " + cache);
                      }
                    }
                    super.kmemCacheDestroy(cpu, cache);
                  }
                }),
        SlabFaults.fault(
            "keeps-far-objects",
            "Every object that is free counts as kept by a CPU.",
            List.of("SL-52"),
            floors -> saying(floors, s -> keeping(s, s.objects() - s.liveObjects()))),
        SlabFaults.fault(
            "keeps-what-it-gives",
            "A CPU keeps an object for each slab, whatever it gives.",
            List.of("SL-53", "SL-72"),
            floors -> saying(floors, s -> keeping(s, s.slabs()))),
        SlabFaults.fault(
            "merges-all-the-same",
            "slab_nomerge changes nothing.",
            List.of("SL-43"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected boolean merges() {
                    return true;
                  }
                }));
  }
}
