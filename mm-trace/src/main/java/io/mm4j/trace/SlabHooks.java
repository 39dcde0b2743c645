// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.Cpu;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocator;
import io.mm4j.api.slab.SlabEvents;
import org.jspecify.annotations.Nullable;

/**
 * Tells what a slab allocator does: its own steps if it has an event sink. Of one without, the
 * calls of {@link SlabAllocator} are told, and those of {@code on(cpu)} are not.
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
    return Forward.wrap(
        SlabAllocator.class,
        slabs,
        new Forward.Hooks()
            .on("kmalloc", call -> kmalloc(call, slabs, sink))
            .on("kzalloc", call -> kmalloc(call, slabs, sink))
            .on("kmemCacheAlloc", call -> cacheAlloc(call, sink))
            .on(
                "kfree",
                call -> {
                  long paddr = call.longAt(1);
                  sink.free((Cpu) call.arguments()[0], slabs.cacheOf(paddr), paddr);
                  return call.proceed();
                })
            .on(
                "kmemCacheFree",
                call -> {
                  sink.free(
                      (Cpu) call.arguments()[0], (KmemCache) call.arguments()[1], call.longAt(2));
                  return call.proceed();
                }));
  }

  /** Lets requests at the SPI fail as the knobs say; those of {@code on(cpu)} do not. */
  static SlabAllocator failing(SlabAllocator slabs, FaultKnobs knobs) {
    Forward.Hook kmalloc =
        call ->
            knobs.failsObject(call.intAt(2), call.longAt(1))
                ? SlabAllocator.NO_OBJECT
                : call.proceed();
    return Forward.wrap(
        SlabAllocator.class,
        slabs,
        new Forward.Hooks()
            .on("kmalloc", kmalloc)
            .on("kzalloc", kmalloc)
            .on(
                "kmemCacheAlloc",
                call ->
                    knobs.failsObject(
                            call.intAt(2), ((KmemCache) call.arguments()[1]).objectBytes())
                        ? SlabAllocator.NO_OBJECT
                        : call.proceed()));
  }

  private static @Nullable Object kmalloc(Forward.Call call, SlabAllocator slabs, TraceSink sink)
      throws Throwable {
    Object paddr = call.proceed();
    if (paddr instanceof Long object) {
      long bytes = call.longAt(1);
      int gfp = call.intAt(2);
      KmemCache cache = slabs.kmallocCache(bytes, gfp);
      sink.alloc(
          (Cpu) call.arguments()[0], cache, object, bytes, slabs.kmallocSizeRoundup(bytes), gfp);
    }
    return paddr;
  }

  private static @Nullable Object cacheAlloc(Forward.Call call, TraceSink sink) throws Throwable {
    Object paddr = call.proceed();
    KmemCache cache = (KmemCache) call.arguments()[1];
    if (paddr instanceof Long object) {
      sink.alloc(
          (Cpu) call.arguments()[0],
          cache,
          object,
          cache.objectBytes(),
          cache.size(),
          call.intAt(2));
    }
    return paddr;
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
