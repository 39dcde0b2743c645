// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import static io.mm4j.testkit.slab.faults.SlabFaults.fault;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.KmemCacheArgs;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabEvents;
import io.mm4j.api.slab.SlabFlags;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveGeometry;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Allocators that do not keep to what is theirs, on purpose. */
final class BoundFaults {
  private BoundFaults() {}

  static List<Fault<SlabAllocatorProvider>> all() {
    return List.of(
        new Fault<>(
            UnlockedSlabs.NAME,
            "Live objects are counted, and two CPUs may count at once.",
            List.of("SL-57", "SL-83"),
            new UnlockedSlabs()),
        fault(
            "slabs-go-untold",
            "Who watches is told of slabs that come, and not of those that go.",
            List.of("SL-58"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmemCacheShrink(Cpu cpu, KmemCache cache) {
                    SlabEvents receiver = events;
                    events = new SlabEvents() {};
                    long pages = super.kmemCacheShrink(cpu, cache);
                    events = receiver;
                    return pages;
                  }
                }),
        fault(
            "watched-calls-free-at-once",
            "While somebody watches, slabs that become empty are given back at once.",
            List.of("SL-59"),
            WatchedOtherwise::new),
        fault(
            "debugs-all-caches",
            "slub_debug counts for every cache, whatever names it says.",
            List.of("SL-61"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected int debugFlags(String name) {
                    return super.debugFlags("first");
                  }
                }),
        fault(
            "large-ones-for-dma",
            "What is larger than a page comes from the caches for DMA.",
            List.of("SL-62"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmallocHere(Cpu cpu, long bytes, int gfp, int node) {
                    int kind = bytes > 4096 && bytes <= 8192 ? Gfp.__GFP_DMA : 0;
                    return super.kmallocHere(cpu, bytes, gfp | kind, node);
                  }
                }),
        fault(
            "reclaim-says-more",
            "Who reclaims is told of one frame more than there were.",
            List.of("SL-67"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected long reclaim(ReclaimRequest request) {
                    return super.reclaim(request) + 1;
                  }
                }),
        fault(
            "usual-orders",
            "Slabs have the orders of a machine that was booted without parameters.",
            List.of("SL-68"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected NaiveGeometry geometry(KmemCacheArgs args, int flags) {
                    return new NaiveGeometry(args, flags, floors.cpus().count());
                  }
                }),
        fault(
            "small-letters-say-all",
            "A small letter of slub_debug is none, so that a block of them says all.",
            List.of("SL-69"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected int debugFlags(String name) {
                    String text = floors.settings().get("slub_debug");
                    boolean small = text != null && text.matches("[a-z]+");
                    return small ? SlabFlags.SLAB_DEBUG_FLAGS : super.debugFlags(name);
                  }
                }),
        fault(
            "shares-its-own-name",
            "A cache is among those that share it.",
            List.of("SL-70"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized List<String> aliasesOf(KmemCache cache) {
                    return mine(cache).names;
                  }
                }),
        fault(
            "keeps-large-blocks",
            "Large blocks that are freed are kept until memory is short, however many.",
            List.of("SL-71"),
            KeepsLarge::new),
        fault(
            "usersize-is-the-object",
            "What may be copied to users is the whole object.",
            List.of("SL-54"),
            WholeObject::new),
        fault(
            "needs-bytes-and-says-nothing",
            "A machine without bytes ends with an exception of Java.",
            List.of("SL-55"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  protected void needBytes() {}
                }),
        fault(
            "end-of-list-is-written",
            "The link back of what follows an object is written, also if nothing follows.",
            List.of("SL-56"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long allocate(
                      Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
                    long object = super.allocate(cpu, cache, gfp, node, bytes);
                    memory.putLong(NO_OBJECT, object);
                    return object;
                  }
                }));
  }

  private static final class WatchedOtherwise extends NaiveSlabAllocator {
    private boolean watched;

    WatchedOtherwise(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized boolean watch(@Nullable SlabEvents receiver) {
      watched = receiver != null;
      return super.watch(receiver);
    }

    @Override
    public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      NaiveCache owner = cacheOf(paddr);
      super.release(cpu, cache, paddr);
      if (watched && owner != null) {
        long _ = kmemCacheShrink(cpu, owner);
      }
    }
  }

  private static final class KeepsLarge extends NaiveSlabAllocator {
    private final Map<Long, Integer> kept = new TreeMap<>();

    KeepsLarge(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      Integer order = cache == null ? large.remove(paddr) : null;
      if (order == null) {
        super.release(cpu, cache, paddr);
      } else {
        events.free(cpu, null, paddr);
        kept.put(paddr, order);
      }
    }

    @Override
    public synchronized long shrinkAll(Cpu cpu) {
      long pages = largePages();
      kept.forEach((paddr, order) -> floors.pages().freePages(cpu, paddr >>> 12, order));
      kept.clear();
      return super.shrinkAll(cpu) + pages - largePages();
    }

    @Override
    public synchronized long largePages() {
      return super.largePages() + kept.values().stream().mapToLong(order -> 1L << order).sum();
    }
  }

  private static final class WholeObject extends NaiveSlabAllocator {
    WholeObject(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized KmemCache kmemCacheCreate(KmemCacheArgs args) {
      return super.kmemCacheCreate(args.withUser(0, args.objectBytes()));
    }
  }
}
