// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.faults;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.KmemCache;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.api.slab.SlabAllocatorProvider.Floors;
import io.mm4j.api.slab.SlabReport;
import io.mm4j.api.slab.SlabReport.Kind;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.slab.naive.NaiveCache;
import io.mm4j.testkit.slab.naive.NaiveDebug;
import io.mm4j.testkit.slab.naive.NaiveSlabAllocator;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Allocators whose debug mode is wrong. */
final class DebugFaults {
  private DebugFaults() {}

  static List<Fault<SlabAllocatorProvider>> all() {
    return List.of(
        SlabFaults.fault(
            "blind-behind-objects",
            "The red zone behind an object is not looked at.",
            List.of("SL-K01", "SL-K05", "SL-K06", "SL-K10", "SL-27", "SL-35", "SL-44", "SL-60"),
            floors -> new Blind(floors, Kind.RIGHT_REDZONE)),
        SlabFaults.fault(
            "follows-any-link",
            "Whatever a free object says is the next one.",
            List.of("SL-63"),
            FollowsAnyLink::new),
        SlabFaults.fault(
            "blind-before-objects",
            "The red zone before an object is not looked at.",
            List.of("SL-27", "SL-35"),
            floors -> new Blind(floors, Kind.LEFT_REDZONE)),
        SlabFaults.fault(
            "blind-in-free-objects",
            "Poison is not looked at.",
            List.of("SL-K03", "SL-K04", "SL-28"),
            floors -> new Blind(floors, Kind.POISON)),
        SlabFaults.fault(
            "counts-to-two",
            "More than two errors of a cache are two.",
            List.of("SL-K02"),
            floors ->
                new NaiveSlabAllocator(floors) {
                  @Override
                  public synchronized long validateCache(Cpu cpu, KmemCache cache) {
                    return Math.min(2, super.validateCache(cpu, cache));
                  }
                }),
        SlabFaults.fault(
            "forgets-who-allocated",
            "Reports do not say who allocated.",
            List.of("SL-27"),
            floors ->
                reporting(
                    floors,
                    r ->
                        new SlabReport(
                            r.kind(), r.cacheName(), r.object(), r.paddr(), null, r.freed(), ""))),
        SlabFaults.fault(
            "forgets-who-freed",
            "Reports do not say who freed.",
            List.of("SL-29"),
            floors ->
                reporting(
                    floors,
                    r ->
                        new SlabReport(
                            r.kind(),
                            r.cacheName(),
                            r.object(),
                            r.paddr(),
                            r.allocated(),
                            null,
                            r.text()))),
        SlabFaults.fault(
            "one-track",
            "Who freed an object is written where it stood who allocated it.",
            List.of("SL-29"),
            floors ->
                reporting(
                    floors,
                    r ->
                        new SlabReport(
                            r.kind(),
                            r.cacheName(),
                            r.object(),
                            r.paddr(),
                            r.freed() == null ? r.allocated() : r.freed(),
                            r.freed(),
                            r.text()))),
        SlabFaults.fault(
            "clears-into-the-red-zone",
            "__GFP_ZERO clears 8 bytes behind the object as well.",
            List.of("SL-30"),
            ClearsMore::new));
  }

  private static NaiveSlabAllocator reporting(Floors floors, UnaryOperator<SlabReport> told) {
    return new NaiveSlabAllocator(floors) {
      @Override
      public void onReport(@Nullable Consumer<? super SlabReport> listener) {
        super.onReport(listener == null ? null : r -> listener.accept(told.apply(r)));
      }
    };
  }

  private static final class Blind extends NaiveSlabAllocator {
    private final Kind kind;

    Blind(Floors floors, Kind kind) {
      super(floors);
      this.kind = kind;
    }

    @Override
    protected NaiveDebug newDebug() {
      return new NaiveDebug(this) {
        @Override
        protected boolean area(
            Kind what, NaiveCache cache, long object, long from, long to, int value) {
          return what == kind || super.area(what, cache, object, from, to, value);
        }
      };
    }
  }

  private static final class FollowsAnyLink extends NaiveSlabAllocator {
    FollowsAnyLink(Floors floors) {
      super(floors);
    }

    @Override
    protected NaiveDebug newDebug() {
      return new NaiveDebug(this) {
        @Override
        protected boolean isLink(NaiveCache cache, NaiveCache.Slab slab, long next) {
          return true;
        }
      };
    }
  }

  private static final class ClearsMore extends NaiveSlabAllocator {
    ClearsMore(Floors floors) {
      super(floors);
    }

    @Override
    public synchronized long allocate(Cpu cpu, NaiveCache cache, int gfp, int node, int bytes) {
      long object = super.allocate(cpu, cache, gfp, node, bytes);
      if (object != NO_OBJECT && (gfp & Gfp.__GFP_ZERO) != 0) {
        memory.ram().asSlice(object + bytes, 8).fill((byte) 0);
      }
      return object;
    }
  }
}
