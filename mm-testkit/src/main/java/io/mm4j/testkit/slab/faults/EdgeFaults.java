// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import static io.mm4j.testkit.slab.faults.SlabFaults.fault;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CacheStats;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Allocators that are wrong where something ends, on purpose. */
final class EdgeFaults {
  private EdgeFaults() {}

  static List<Fault<SlabAllocatorProvider>> all() {
    return List.of(
        fault(
            "asks-nodes-by-number",
            "A node without free objects is helped out by the others in the order of numbers.",
            List.of("SL-80"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected List<Integer> standIns(int own) {
                    return super.standIns(own).stream().sorted().toList();
                  }
                }),
        fault(
            "counts-the-usual-order",
            "The frames of a slab are counted as if it had the usual order of its cache.",
            List.of("SL-74"),
            UsualFrames::new),
        fault(
            "low-memory-is-a-wish",
            "Where zone DMA is full kmalloc takes any memory.",
            List.of("SL-75"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmallocHere(Cpu cpu, long bytes, int gfp, int node) {
                    long got = super.kmallocHere(cpu, bytes, gfp, node);
                    boolean again = got == NO_OBJECT && (gfp & Gfp.__GFP_DMA) != 0;
                    return again ? super.kmallocHere(cpu, bytes, gfp & ~Gfp.__GFP_DMA, node) : got;
                  }
                }),
        fault(
            "one-object-more",
            "A refusal names the object that would lie behind the last one of a slab.",
            List.of("SL-81"),
            NamesBehind::new),
        fault(
            "smallest-are-all-normal",
            "What kmalloc gives of the smallest class is always of the normal kind.",
            List.of("SL-82"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public @Nullable NaiveCache kmallocCache(long bytes, int gfp) {
                    return super.kmallocCache(bytes, bytes <= 8 ? Gfp.GFP_KERNEL : gfp);
                  }
                }));
  }

  private static final class UsualFrames extends NaiveSlabAllocator {
    UsualFrames(Floors floors) {
      super(floors);
    }

    @Override
    protected NaiveCache cache(
        int id, KmemCacheArgs args, int flags, NaiveGeometry geometry, boolean kmalloc) {
      return new NaiveCache(id, args, flags, geometry, kmalloc) {
        @Override
        public CacheStats stats() {
          CacheStats s = super.stats();
          long pages = s.slabs() << order();
          return new CacheStats(
              s.activeObjects(),
              s.objects(),
              s.liveObjects(),
              s.activeSlabs(),
              s.slabs(),
              pages,
              0,
              0,
              0,
              0);
        }
      };
    }
  }

  private static final class NamesBehind extends NaiveSlabAllocator {
    NamesBehind(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      NaiveCache owner = cacheOf(paddr);
      try {
        super.release(cpu, cache, paddr);
      } catch (MisuseException e) {
        Long before = owner == null ? null : owner.live.lower(paddr);
        if (owner == null || before == null) {
          throw e;
        }
        long behind = before + (paddr - before) / owner.size() * owner.size();
        boolean inside = paddr < behind + owner.objectBytes();
        throw new MisuseException(
            e.getMessage() + (inside ? String.format(" object=0x%x", behind) : ""));
      }
    }
  }
}
