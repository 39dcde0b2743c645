// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import org.jspecify.annotations.Nullable;

/** Tells which blocks leave the free blocks of a zone and which come. */
final class FrameHooks {
  private final Zone zone;
  private final TraceSink sink;

  private FrameHooks(Zone zone, TraceSink sink) {
    this.zone = zone;
    this.sink = sink;
  }

  static FrameAllocator wrap(FrameAllocator frames, Zone zone, TraceSink sink) {
    FrameHooks hooks = new FrameHooks(zone, sink);
    sink.zoneCreated(zone, frames);
    return Forward.wrap(
        FrameAllocator.class,
        frames,
        new Forward.Hooks()
            .on("allocate", hooks::allocate)
            .on("allocateFrom", hooks::allocateFrom)
            .on("take", hooks::take)
            .on("free", hooks::free)
            .on("freeToTail", hooks::free)
            .on("freeRange", hooks::freeRange));
  }

  private @Nullable Object allocate(Forward.Call call) throws Throwable {
    Object pfn = call.proceed();
    taken(pfn, call.intAt(0), call.intAt(1));
    return pfn;
  }

  private @Nullable Object allocateFrom(Forward.Call call) throws Throwable {
    Object pfn = call.proceed();
    taken(pfn, call.intAt(2), call.intAt(3));
    return pfn;
  }

  private void taken(@Nullable Object pfn, int order, int migratetype) {
    if (pfn instanceof Long first && first != FrameAllocator.NONE) {
      sink.blockTaken(zone, first, order, migratetype);
    }
  }

  private @Nullable Object take(Forward.Call call) throws Throwable {
    Object done = call.proceed();
    if (Boolean.TRUE.equals(done)) {
      long pfn = call.longAt(0);
      sink.blockTaken(zone, pfn, call.intAt(1), zone.pageblocks().get(pfn));
    }
    return done;
  }

  private @Nullable Object free(Forward.Call call) throws Throwable {
    Object nothing = call.proceed();
    sink.blockFreed(zone, call.longAt(0), call.intAt(1), call.intAt(2));
    return nothing;
  }

  /** As the contract says of it: the largest aligned blocks, lowest first. */
  private @Nullable Object freeRange(Forward.Call call) throws Throwable {
    Object nothing = call.proceed();
    long end = call.longAt(1);
    int maxOrder = call.intAt(3);
    for (long pfn = call.longAt(0); pfn < end; ) {
      int order = Math.min(maxOrder, Long.numberOfTrailingZeros(pfn));
      while (pfn + (1L << order) > end) {
        order--;
      }
      sink.blockFreed(zone, pfn, order, call.intAt(2));
      pfn += 1L << order;
    }
    return nothing;
  }
}
