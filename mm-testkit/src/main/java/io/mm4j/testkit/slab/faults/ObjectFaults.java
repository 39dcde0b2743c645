// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.MisuseException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Allocators that hand out or take back wrongly. */
final class ObjectFaults {
  private ObjectFaults() {}

  static List<Fault<SlabAllocatorProvider>> all() {
    return List.of(
        SlabFaults.fault(
            "hands-out-twice",
            "Every 9th object is the one before it.",
            List.of("SL-01"),
            Twice::new),
        SlabFaults.fault(
            "writes-to-the-last-one",
            "An allocation writes a link to the object that was handed out before.",
            List.of("SL-03"),
            WritesBack::new),
        SlabFaults.fault(
            "clears-32-bytes",
            "__GFP_ZERO clears the first 32 bytes.",
            List.of("SL-04"),
            ClearsFew::new),
        SlabFaults.fault(
            "frees-one-when-out-of-memory",
            "A request that fails frees a live object of its cache.",
            List.of("SL-08"),
            FreesOnFailure::new),
        SlabFaults.fault(
            "bulk-keeps-what-it-had",
            "A bulk that fails half way says how many it has.",
            List.of("SL-10"),
            HalfBulk::new),
        SlabFaults.fault(
            "loses-remote-frees",
            "An object that is freed on another CPU than it came from is never used again.",
            List.of("SL-11"),
            LosesRemote::new),
        SlabFaults.fault(
            "krealloc-loses-a-byte",
            "An object that krealloc has moved has lost its last byte.",
            List.of("SL-12"),
            LosesByte::new),
        SlabFaults.fault(
            "zeroes-what-was-asked",
            "Behind the bytes that were asked for an object is not cleared, but krealloc takes it"
                + " for cleared.",
            List.of("SL-12"),
            ZeroesWhatWasAsked::new),
        SlabFaults.fault(
            "takes-it-twice",
            "A free object is freed again, unless it was freed last.",
            List.of("SL-13"),
            FreesTwice::new),
        SlabFaults.fault(
            "rounds-pointers-down",
            "A place within an object frees the object.",
            List.of("SL-14"),
            RoundsDown::new),
        SlabFaults.fault(
            "counts-padding-in",
            "What lies behind an object is said to be in it.",
            List.of("SL-14"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized void kfree(Cpu cpu, long paddr) {
                    NaiveCache cache = SlabAllocator.isZeroOrNull(paddr) ? null : cacheOf(paddr);
                    Long object = cache == null ? null : cache.live.floor(paddr);
                    if (cache != null && object != null && paddr - object == cache.objectBytes()) {
                      throw new MisuseException(
                          String.format("paddr=0x%x lies in object=0x%x", paddr, object));
                    }
                    super.kfree(cpu, paddr);
                  }
                }),
        SlabFaults.fault(
            "twice-after-seconds",
            "After some seconds an object is handed out twice.",
            List.of("SL-36"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long allocate(
                      Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
                    return cache.live.size() == 100 && floors.clock().nowNs() > 10_000_000_000L
                        ? cache.live.first()
                        : super.allocate(cpu, cache, gfp, node, bytes);
                  }
                }),
        SlabFaults.fault(
            "zero-bytes-are-one",
            "kmalloc(0) gives an object of the smallest class.",
            List.of("SL-15"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmallocHere(Cpu cpu, long bytes, int gfp, int node) {
                    return super.kmallocHere(cpu, bytes == 0 ? 1 : bytes, gfp, node);
                  }
                }),
        SlabFaults.fault(
            "large-blocks-twice-as-large",
            "More than the largest class gets the next order.",
            List.of("SL-16"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmallocHere(Cpu cpu, long bytes, int gfp, int node) {
                    return super.kmallocHere(cpu, bytes > 8192 ? bytes * 2 : bytes, gfp, node);
                  }
                }),
        SlabFaults.fault(
            "no-dma",
            "kmalloc with __GFP_DMA is served as any other.",
            List.of("SL-17"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmallocHere(Cpu cpu, long bytes, int gfp, int node) {
                    return super.kmallocHere(cpu, bytes, gfp & ~Gfp.__GFP_DMA, node);
                  }
                }),
        SlabFaults.fault(
            "reclaimable-as-any",
            "kmalloc with __GFP_RECLAIMABLE is served as any other, beside caches of the kind.",
            List.of("SL-17"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long kmallocHere(Cpu cpu, long bytes, int gfp, int node) {
                    return super.kmallocHere(cpu, bytes, gfp & ~Gfp.__GFP_RECLAIMABLE, node);
                  }
                }),
        SlabFaults.fault(
            "no-node",
            "__GFP_THISNODE is forgotten, and the other node preferred.",
            List.of("SL-17"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long allocate(
                      Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
                    boolean this1 = (gfp & Gfp.__GFP_THISNODE) != 0 && node >= 0;
                    return super.allocate(cpu, cache, gfp, this1 ? 1 - node : node, bytes);
                  }
                }),
        SlabFaults.fault(
            "one-object-at-hand-for-all",
            "The last freed object is kept for the next request without a lock.",
            List.of("SL-31"),
            AtHand::new));
  }

  private static final class ZeroesWhatWasAsked extends NaiveSlabAllocator {
    ZeroesWhatWasAsked(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = super.allocate(cpu, cache, gfp, node, bytes);
      int rest = cache.objectBytes() - bytes;
      if (object != NO_OBJECT && rest > 0) {
        MemorySegment _ = memory.ram().asSlice(object + bytes, rest).fill((byte) -1);
      }
      return object;
    }
  }

  private static final class Twice extends NaiveSlabAllocator {
    private final Map<NaiveCache, Long> last = new HashMap<>();
    private int count;

    Twice(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      Long before = last.get(cache);
      if (++count % 9 == 0 && before != null && cache.live.contains(before)) {
        return before;
      }
      long object = super.allocate(cpu, cache, gfp, node, bytes);
      last.put(cache, object);
      return object;
    }
  }

  private static final class WritesBack extends NaiveSlabAllocator {
    private long last;

    WritesBack(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = super.allocate(cpu, cache, gfp, node, bytes);
      if (last != 0) {
        memory.putLong(last, object);
      }
      last = object;
      return object;
    }
  }

  private static final class ClearsFew extends NaiveSlabAllocator {
    ClearsFew(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = super.allocate(cpu, cache, gfp & ~Gfp.__GFP_ZERO, node, bytes);
      if (object != NO_OBJECT && (gfp & Gfp.__GFP_ZERO) != 0) {
        memory.ram().asSlice(object, Math.min(32, cache.bytes)).fill((byte) 0);
      }
      return object;
    }
  }

  private static final class FreesOnFailure extends NaiveSlabAllocator {
    FreesOnFailure(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = super.allocate(cpu, cache, gfp, node, bytes);
      if (object == NO_OBJECT && !cache.live.isEmpty()) {
        release(cpu, cache, cache.live.first());
      }
      return object;
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
          return i;
        }
      }
      return count;
    }
  }

  private static final class LosesRemote extends NaiveSlabAllocator {
    private final Map<Long, Integer> cameFrom = new HashMap<>();

    LosesRemote(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = super.allocate(cpu, cache, gfp, node, bytes);
      cameFrom.put(object, cpu.id());
      return object;
    }

    @Override
    public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      NaiveCache owner = cacheOf(paddr);
      Integer from = cameFrom.get(paddr);
      if (owner != null && owner.live.contains(paddr) && from != null && from != cpu.id()) {
        owner.live.remove(paddr);
        return;
      }
      super.release(cpu, cache, paddr);
    }

    @Override
    public synchronized void validate() {}
  }

  private static final class LosesByte extends NaiveSlabAllocator {
    LosesByte(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long krealloc(Cpu cpu, long paddr, long bytes, int gfp) {
      long before = ksize(paddr);
      long object = super.krealloc(cpu, paddr, bytes, gfp);
      if (object != paddr && before > 0 && bytes > 0) {
        memory.putByte(object + before - 1, (byte) 0x7e);
      }
      return object;
    }
  }

  private static final class FreesTwice extends NaiveSlabAllocator {
    private long last;

    FreesTwice(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      NaiveCache owner = cacheOf(paddr);
      if (owner != null && paddr != last && !owner.live.contains(paddr)) {
        return;
      }
      super.release(cpu, cache, paddr);
      last = paddr;
    }
  }

  private static final class RoundsDown extends NaiveSlabAllocator {
    RoundsDown(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      NaiveCache owner = cacheOf(paddr);
      long freed = paddr;
      if (owner != null) {
        Long object = owner.live.floor(paddr);
        freed = object != null && paddr < object + owner.bytes ? object : paddr;
      }
      super.release(cpu, cache, freed);
    }
  }

  @SuppressWarnings("UnsynchronizedOverridesSynchronized") // that is what is wrong
  private static final class AtHand extends NaiveSlabAllocator {
    private volatile long atHand;

    AtHand(Floors floors) {
      super(floors);
    }

    @Override
    public long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = atHand;
      if (object != 0 && cache.name().equals("threads")) {
        LockSupport.parkNanos(100_000);
        atHand = 0;
        return object;
      }
      return super.allocate(cpu, cache, gfp, node, bytes);
    }

    @Override
    public void release(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      if (cache != null && cache.name().equals("threads") && atHand == 0) {
        atHand = paddr;
      } else {
        super.release(cpu, cache, paddr);
      }
    }
  }
}
