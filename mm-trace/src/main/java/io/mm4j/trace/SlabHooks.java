// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.api.slab.KmallocSizes;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.ObjectFrames;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Tells what a slab allocator does: its own steps if it has an event sink. Of one without, the
 * calls of {@link SlabAllocator} are told, and those of {@code on(cpu)} come to them.
 */
final class SlabHooks {
  private SlabHooks() {}

  static SlabAllocator wrap(SlabAllocator slabs, TraceSink sink) {
    if (slabs.watch(sink)) {
      return Forward.wrap(
          SlabAllocator.class,
          slabs,
          new Forward.Hooks()
              .on(
                  "watch",
                  call ->
                      slabs.watch(
                          call.arguments()[0] instanceof SlabEvents other
                              ? new Both(sink, other)
                              : sink)));
    }
    Requests requests = new Requests(slabs, sink);
    return throughSpi(
        slabs,
        new Forward.Hooks()
            .on("kmalloc", requests::kmalloc)
            .on("kzalloc", requests::kmalloc)
            .on("krealloc", requests::krealloc)
            .on("kfree", requests::kfree)
            .on("kmemCacheAlloc", requests::cacheAlloc)
            .on("kmemCacheFree", requests::cacheFree)
            .on("kmemCacheAllocBulk", requests::allocBulk)
            .on("kmemCacheFreeBulk", requests::freeBulk));
  }

  /** Lets requests fail as the knobs say; an allocator for one CPU asks the SPI then. */
  static SlabAllocator failing(SlabAllocator slabs, FaultKnobs knobs, TraceSink sink) {
    Requests requests = new Requests(slabs, sink);
    Forward.Hook kmalloc =
        call -> {
          if (!failsKmalloc(slabs, knobs, call.longAt(1), call.intAt(2))) {
            return call.proceed();
          }
          requests.toldKmalloc(call, 1, SlabAllocator.NO_OBJECT);
          return SlabAllocator.NO_OBJECT;
        };
    return throughSpi(
        slabs,
        new Forward.Hooks()
            .on("kmalloc", kmalloc)
            .on("kzalloc", kmalloc)
            .on(
                "krealloc",
                call -> {
                  long paddr = call.longAt(1);
                  long bytes = call.longAt(2);
                  long has = SlabAllocator.isZeroOrNull(paddr) ? 0 : slabs.ksize(paddr);
                  if (bytes <= has || !failsKmalloc(slabs, knobs, bytes, call.intAt(3))) {
                    return call.proceed();
                  }
                  requests.toldKmalloc(call, 2, SlabAllocator.NO_OBJECT);
                  return SlabAllocator.NO_OBJECT;
                })
            .on(
                "kmemCacheAlloc",
                call -> {
                  if (!knobs.failsObject(call.intAt(2), cache(call))) {
                    return call.proceed();
                  }
                  requests.told(call, cache(call), SlabAllocator.NO_OBJECT, call.intAt(2));
                  return SlabAllocator.NO_OBJECT;
                })
            .on(
                "kmemCacheAllocBulk",
                call ->
                    knobs.failsObject(call.intAt(2), cache(call))
                        ? Integer.valueOf(0)
                        : call.proceed()));
  }

  /** Large blocks are pages, and {@code failslab} does not see them. */
  private static boolean failsKmalloc(SlabAllocator slabs, FaultKnobs knobs, long bytes, int gfp) {
    KmemCache cache = bytes == 0 ? null : slabs.kmallocCache(bytes, gfp);
    return cache != null && knobs.failsObject(gfp, cache);
  }

  private static KmemCache cache(Forward.Call call) {
    return (KmemCache) call.arguments()[1];
  }

  /** A wrapper to whose hooks the calls of an allocator for one CPU come, too. */
  private static SlabAllocator throughSpi(SlabAllocator slabs, Forward.Hooks hooks) {
    SlabAllocator[] wrapped = new SlabAllocator[1];
    hooks.on("on", call -> new Calls(wrapped[0], (Cpu) call.arguments()[0]));
    wrapped[0] = Forward.wrap(SlabAllocator.class, slabs, hooks);
    return wrapped[0];
  }

  /** Requests at the SPI of an allocator that shows no inner steps. */
  private record Requests(SlabAllocator slabs, TraceSink sink) {
    @Nullable Object kmalloc(Forward.Call call) throws Throwable {
      Object paddr = call.proceed();
      if (paddr instanceof Long object) {
        toldKmalloc(call, 1, object);
      }
      return paddr;
    }

    /** Tells a request whose size is this argument, and the flags the next. */
    void toldKmalloc(Forward.Call call, int size, long object) {
      long bytes = call.longAt(size);
      int gfp = call.intAt(size + 1);
      KmemCache cache = slabs.kmallocCache(bytes, gfp);
      sink.alloc(cpu(call), cache, object, bytes, slabs.kmallocSizeRoundup(bytes), gfp);
    }

    /** As the kernel does it: the new object, and the old one goes. */
    @Nullable Object krealloc(Forward.Call call) throws Throwable {
      long before = call.longAt(1);
      KmemCache old = SlabAllocator.isZeroOrNull(before) ? null : slabs.cacheOf(before);
      Object paddr = call.proceed();
      if (paddr instanceof Long object && object != before) {
        if (call.longAt(2) > 0) {
          toldKmalloc(call, 2, object);
        }
        if (object != SlabAllocator.NO_OBJECT && !SlabAllocator.isZeroOrNull(before)) {
          sink.free(cpu(call), old, before);
        }
      }
      return paddr;
    }

    @Nullable Object kfree(Forward.Call call) throws Throwable {
      long paddr = call.longAt(1);
      sink.free(cpu(call), slabs.cacheOf(paddr), paddr);
      return call.proceed();
    }

    @Nullable Object cacheAlloc(Forward.Call call) throws Throwable {
      Object paddr = call.proceed();
      if (paddr instanceof Long object) {
        told(call, cache(call), object, call.intAt(2));
      }
      return paddr;
    }

    void told(Forward.Call call, KmemCache cache, long object, int gfp) {
      sink.alloc(cpu(call), cache, object, cache.objectBytes(), cache.size(), gfp);
    }

    @Nullable Object cacheFree(Forward.Call call) throws Throwable {
      sink.free(cpu(call), cache(call), call.longAt(2));
      return call.proceed();
    }

    @Nullable Object allocBulk(Forward.Call call) throws Throwable {
      Object got = call.proceed();
      long[] objects = (long[]) call.arguments()[3];
      for (int i = 0; got instanceof Integer count && i < count; i++) {
        told(call, cache(call), objects[i], call.intAt(2));
      }
      return got;
    }

    @Nullable Object freeBulk(Forward.Call call) throws Throwable {
      long[] objects = (long[]) call.arguments()[2];
      for (int i = 0; i < call.intAt(3); i++) {
        KmemCache cache = (KmemCache) call.arguments()[1];
        sink.free(cpu(call), cache == null ? slabs.cacheOf(objects[i]) : cache, objects[i]);
      }
      return call.proceed();
    }

    private static Cpu cpu(Forward.Call call) {
      return (Cpu) call.arguments()[0];
    }
  }

  /** An allocator for one CPU without objects of its own: all goes through the SPI. */
  private static final class Calls extends CpuSlabs {
    private final SlabAllocator slabs;

    Calls(SlabAllocator slabs, Cpu cpu) {
      super(cpu, 1, new ObjectFrames(), MemorySegment.NULL, KmallocSizes.SLUB.small());
      this.slabs = slabs;
    }

    @Override
    protected long allocSlow(KmemCache cache, int gfp, int nodeId) {
      return nodeId == SlabAllocator.NUMA_NO_NODE
          ? slabs.kmemCacheAlloc(cpu(), cache, gfp)
          : slabs.kmemCacheAlloc(cpu(), cache, gfp, nodeId);
    }

    @Override
    protected long kmallocSlow(long bytes, int gfp, int nodeId) {
      return nodeId == SlabAllocator.NUMA_NO_NODE
          ? slabs.kmalloc(cpu(), bytes, gfp)
          : slabs.kmalloc(cpu(), bytes, gfp, nodeId);
    }

    @Override
    protected void freeSlow(@Nullable KmemCache cache, long paddr) {
      if (cache == null) {
        slabs.kfree(cpu(), paddr);
      } else {
        slabs.kmemCacheFree(cpu(), cache, paddr);
      }
    }
  }

  /** Two receivers; words go to the second. */
  private record Both(SlabEvents first, SlabEvents second) implements SlabEvents {
    @Override
    public void alloc(
        Cpu cpu, @Nullable KmemCache cache, long paddr, long bytesReq, long bytesAlloc, int gfp) {
      first.alloc(cpu, cache, paddr, bytesReq, bytesAlloc, gfp);
      second.alloc(cpu, cache, paddr, bytesReq, bytesAlloc, gfp);
    }

    @Override
    public void free(Cpu cpu, @Nullable KmemCache cache, long paddr) {
      first.free(cpu, cache, paddr);
      second.free(cpu, cache, paddr);
    }

    @Override
    public void newSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      first.newSlab(cpu, cache, pfn, order);
      second.newSlab(cpu, cache, pfn, order);
    }

    @Override
    public void discardSlab(Cpu cpu, KmemCache cache, long pfn, int order) {
      first.discardSlab(cpu, cache, pfn, order);
      second.discardSlab(cpu, cache, pfn, order);
    }

    @Override
    public void step(Cpu cpu, String text) {
      second.step(cpu, text);
    }
  }
}
