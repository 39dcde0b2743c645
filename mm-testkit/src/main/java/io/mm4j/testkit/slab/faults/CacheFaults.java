// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Allocators whose caches are wrong. */
final class CacheFaults {
  private CacheFaults() {}

  private static final int RED = SlabFlags.SLAB_RED_ZONE | SlabFlags.SLAB_NO_MERGE;

  static List<Fault<SlabAllocatorProvider>> all() {
    return List.of(
        geometry(
            "no-alignment",
            "The alignment of a cache is that of a pointer.",
            "SL-02",
            (args, flags) ->
                new NaiveGeometry(args.withAlign(0), flags & ~SlabFlags.SLAB_HWCACHE_ALIGN, 2)),
        geometry(
            "link-in-constructed-objects",
            "The link of a free object lies in it, with a constructor, too.",
            "SL-05",
            (args, flags) -> new NaiveGeometry(bare(args), flags, 2)),
        geometry(
            "link-in-rcu-objects",
            "The link of a free object lies in it, with RCU, too.",
            "SL-21",
            (args, flags) -> new NaiveGeometry(args, flags & ~SlabFlags.SLAB_TYPESAFE_BY_RCU, 2)),
        geometry(
            "one-cpu",
            "Slabs are as large as on a machine with one CPU.",
            "SL-24",
            (args, flags) -> new NaiveGeometry(args, flags, 1)),
        SlabFaults.fault(
            "one-object-too-many",
            "A slab has one object more than there is room for.",
            List.of("SL-06"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected int objects(NaiveCache cache, int order) {
                    return super.objects(cache, order) + 1;
                  }
                }),
        SlabFaults.fault(
            "uses-red-zones",
            "ksize of an object with a red zone and no poison counts what is behind the object.",
            List.of("SL-24"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long ksize(long paddr) {
                    NaiveCache cache = cacheOf(paddr);
                    return cache != null && cache.flags() == RED
                        ? cache.size()
                        : super.ksize(paddr);
                  }
                }),
        SlabFaults.fault(
            "never-shrinks",
            "Empty slabs are kept.",
            List.of("SL-06"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmemCacheShrink(Cpu cpu, KmemCache cache) {
                    return 0;
                  }
                }),
        SlabFaults.fault(
            "forgets-large-blocks",
            "largePages() is always 0.",
            List.of("SL-07"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public long largePages() {
                    return 0;
                  }
                }),
        SlabFaults.fault(
            "destroys-with-objects",
            "A cache with objects in use is destroyed without a word.",
            List.of("SL-09"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
                    for (long object : List.copyOf(mine(cache).live)) {
                      release(cpu, cache, object);
                    }
                    super.kmemCacheDestroy(cpu, cache);
                  }
                }),
        SlabFaults.fault(
            "classes-end-too-early",
            "A request of a whole class gets the next one.",
            List.of("SL-18"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public long kmallocSizeRoundup(long bytes) {
                    return super.kmallocSizeRoundup(bytes == 0 ? 0 : bytes + 1);
                  }
                }),
        SlabFaults.fault(
            "an-alias-takes-all-along",
            "When an alias is destroyed the objects of all aliases are freed.",
            List.of("SL-19"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
                    if (cache.aliases() > 0) {
                      for (long object : List.copyOf(mine(cache).live)) {
                        release(cpu, cache, object);
                      }
                    }
                    super.kmemCacheDestroy(cpu, cache);
                  }
                }),
        SlabFaults.fault(
            "no-reclaimer",
            "Nobody asks the allocator when pages run out.",
            List.of("SL-20"),
            floors -> {
              class NoReclaimer extends NaiveSlabAllocator {
                NoReclaimer(Floors f) {
                  super(f);
                  reclaimer.close();
                }
              }
              return new NoReclaimer(floors);
            }),
        SlabFaults.fault(
            "close-does-nothing",
            "Empty slabs are still in use when the allocator is closed.",
            List.of("SL-22"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public void close() {}
                }),
        SlabFaults.fault(
            "lists-destroyed-caches",
            "caches() has caches that were destroyed.",
            List.of("SL-23"),
            ListsAll::new),
        SlabFaults.fault(
            "no-class-of-96",
            "65 to 96 bytes come from the class of 128.",
            List.of("SL-25"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public @Nullable NaiveCache kmallocCache(long bytes, int gfp) {
                    return super.kmallocCache(bytes > 64 && bytes <= 96 ? 128 : bytes, gfp);
                  }
                }),
        merges(
            "shares-what-users-see",
            "A cache with a part for user space shares its slabs.",
            args -> args.withUser(0, 0)),
        merges(
            "shares-other-pages",
            "A cache of reclaimable pages shares the slabs of one that is not.",
            args -> args.withFlags(args.flags() & ~SlabFlags.SLAB_RECLAIM_ACCOUNT)));
  }

  private static KmemCacheArgs bare(KmemCacheArgs args) {
    int place = KmemCacheArgs.NO_OFFSET;
    return new KmemCacheArgs(
        args.name(), args.objectBytes(), args.align(), args.flags(), 0, 0, null, place, 0);
  }

  private static Fault<SlabAllocatorProvider> geometry(
      String name,
      String what,
      String rule,
      BiFunction<KmemCacheArgs, Integer, NaiveGeometry> geometry) {
    return SlabFaults.fault(
        name,
        what,
        List.of(rule),
        floors ->
            new NaiveSlabAllocator(floors) {
              @Override
              protected NaiveGeometry geometry(KmemCacheArgs args, int flags) {
                return geometry.apply(args, flags);
              }
            });
  }

  private static Fault<SlabAllocatorProvider> merges(
      String name, String what, UnaryOperator<KmemCacheArgs> seen) {
    return SlabFaults.fault(
        name,
        what,
        List.of("SL-26"),
        floors ->
            new NaiveSlabAllocator(floors) {
              @Override
              protected @Nullable NaiveCache mergeable(KmemCacheArgs args) {
                return super.mergeable(seen.apply(args));
              }
            });
  }

  private static final class ListsAll extends NaiveSlabAllocator {
    private final List<KmemCache> gone = new ArrayList<>();

    ListsAll(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized void kmemCacheDestroy(Cpu cpu, KmemCache cache) {
      super.kmemCacheDestroy(cpu, cache);
      gone.add(cache);
    }

    @Override
    public synchronized List<KmemCache> caches() {
      List<KmemCache> all = new ArrayList<>(super.caches());
      all.addAll(gone);
      return all;
    }
  }
}
