// SPDX-License-Identifier: Apache-2.0

package io.mm4j.slab.slub;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mm4j.api.Cpu;
import io.mm4j.api.slab.SlabReport.Track;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
  private final Map<String, Integer> numbers = new HashMap<>();
  private final List<String> callers = new ArrayList<>(List.of(""));

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
    ram.set(JAVA_LONG, at, number(caller()));
    ram.set(JAVA_INT, at + CPU, cpu.id());
    ram.set(JAVA_LONG, at + WHEN, slabs.clock.nowNs());
  }

  @Nullable Track get(SlubCache cache, long object, boolean alloc) {
    long at = place(cache, object, alloc);
    long number = ram.get(JAVA_LONG, at);
    synchronized (callers) {
      return number <= 0 || number >= callers.size()
          ? null
          : new Track(
              callers.get((int) number),
              ram.get(JAVA_INT, at + CPU),
              ram.get(JAVA_LONG, at + WHEN));
    }
  }

  private int number(String caller) {
    synchronized (callers) {
      return numbers.computeIfAbsent(
          caller,
          c -> {
            callers.add(c);
            return callers.size() - 1;
          });
    }
  }

  /** {@code _RET_IP_}: the first method on the stack that is not of a slab allocator. */
  private static String caller() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames
                    .filter(
                        f ->
                            !f.getClassName().startsWith("io.mm4j.slab.slub.")
                                && !f.getClassName().startsWith("io.mm4j.slab.base.")
                                && !f.getClassName().startsWith("io.mm4j.api.slab."))
                    .findFirst()
                    .map(
                        f -> {
                          String name = f.getClassName();
                          String simple = name.substring(name.lastIndexOf('.') + 1);
                          return simple + "." + f.getMethodName() + ":" + f.getLineNumber();
                        })
                    .orElse("unknown"));
  }
}
