// SPDX-License-Identifier: Apache-2.0

package io.mm4j.trace;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Looks whether a frame allocator gives frames out that are not free, and whether frames come back
 * to it that are free already. Works on the calls of its SPI.
 */
final class FrameChecks implements TraceSink {
  /** Which frames of a zone are free, from its first one on. */
  private final Map<Zone, BitSet> free = new HashMap<>();

  private final Consumer<? super String> listener;

  FrameChecks(Consumer<? super String> listener) {
    this.listener = listener;
  }

  @Override
  public void zoneCreated(Zone zone, FrameAllocator frames) {
    free.put(zone, new BitSet());
  }

  @Override
  public void blockTaken(Zone zone, long pfn, int order, int migratetype) {
    move(zone, pfn, order, false);
  }

  @Override
  public void blockFreed(Zone zone, long pfn, int order, int migratetype) {
    move(zone, pfn, order, true);
  }

  private void move(Zone zone, long pfn, int order, boolean comes) {
    BitSet frames = free.get(zone);
    long first = pfn - zone.startPfn();
    if (frames == null || first < 0 || first + (1L << order) > zone.spannedPages()) {
      listener.accept(
          "outside: " + block(zone, pfn, order) + " is none of its frames, at\n" + Holders.stack());
      return;
    }
    int from = (int) first;
    int to = from + (1 << order);
    int wrong = comes ? frames.nextSetBit(from) : frames.nextClearBit(from);
    if (wrong >= 0 && wrong < to) {
      listener.accept(
          String.format(
              "%s: %s %s, and frame 0x%x of it %s, at%n%s",
              comes ? "double free" : "overlap",
              block(zone, pfn, order),
              comes ? "comes to the free blocks" : "leaves the free blocks",
              zone.startPfn() + wrong,
              comes ? "is there already" : "is not there",
              Holders.stack()));
    }
    frames.set(from, to, comes);
  }

  private static String block(Zone zone, long pfn, int order) {
    return String.format("block pfn=0x%x order=%d of zone %s", pfn, order, zone);
  }
}
