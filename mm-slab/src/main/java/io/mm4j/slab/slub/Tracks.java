// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.Cpu;
import io.mm4j.api.slab.SlabReport.Track;
import io.mm4j.slab.base.CallerNames;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Who allocated and who freed an object: two {@code struct track} behind it, in RAM. The address of
 * the caller is a number here, of the method that called the allocator.
 *
 * <pre>
 *   0 caller (8) | 8 stack handle, 0 (4) | 12 cpu (4) | 16 pid, 0 (4) | 24 when, ns (8)
 * </pre>
 */
final class Tracks {
  private static final int CPU = 12;
  private static final int WHEN = 24;

  private final SlubAllocator slabs;
  private final MemorySegment ram;
  private final CallerNames callers = new CallerNames();

  Tracks(SlubAllocator slabs) {
    this.slabs = slabs;
    this.ram = slabs.ram;
  }

  private long place(SlubCache cache, long object, boolean alloc) {
    return object + cache.layout.infoEnd() + (alloc ? 0 : ObjectLayout.TRACK);
  }

  /** Forgets both. */
  void clear(SlubCache cache, long object) {
    ram.asSlice(place(cache, object, true), 2 * ObjectLayout.TRACK).fill((byte) 0);
  }

  /** Writes who calls now. */
  void set(Cpu cpu, SlubCache cache, long object, boolean alloc) {
    long at = place(cache, object, alloc);
    ram.set(JAVA_LONG, at, callers.numberOfCaller());
    ram.set(JAVA_INT, at + CPU, cpu.id());
    ram.set(JAVA_LONG, at + WHEN, slabs.clock.nowNs());
  }

  @Nullable Track get(SlubCache cache, long object, boolean alloc) {
    long at = place(cache, object, alloc);
    String caller = callers.name(ram.get(JAVA_LONG, at));
    return caller == null
        ? null
        : new Track(caller, ram.get(JAVA_INT, at + CPU), ram.get(JAVA_LONG, at + WHEN));
  }
}
