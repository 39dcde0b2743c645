// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.naive;

import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import java.util.BitSet;

/** Early boot in whole frames: a bit for each that is free; the highest fit is given. */
final class NaiveBoot implements BootAllocator {
  private final BitSet free = new BitSet();

  NaiveBoot(MemoryLayout layout) {
    for (MemoryMap.Range range : layout.map().ranges()) {
      if (range.type() == MemoryMap.Type.USABLE) {
        int first = (int) ((range.start() + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT);
        int end = (int) (range.end() >>> Pages.PAGE_SHIFT);
        free.set(Math.min(first, end), end);
      }
    }
  }

  @Override
  public void reserve(long start, long bytes) {
    free.clear(first(start), end(start + bytes));
  }

  @Override
  public void free(long start, long bytes) {
    free.set(first(start), end(start + bytes));
  }

  @Override
  public long alloc(long bytes, long align, long min, long max, int nodeId) {
    int frames = end(bytes);
    long step = Math.max(align, Pages.PAGE_SIZE);
    long top = max == 0 ? (long) free.length() << Pages.PAGE_SHIFT : max;
    for (long at = (top - bytes) & -step; at >= min; at -= step) {
      int first = first(at);
      if (free.nextClearBit(first) >= first + frames) {
        free.clear(first, first + frames);
        return at;
      }
    }
    return NONE;
  }

  @Override
  public void handOver(RangeVisitor visitor) {
    int from = free.nextSetBit(0);
    while (from >= 0) {
      int to = free.nextClearBit(from);
      visitor.range(from, to);
      from = free.nextSetBit(to);
    }
    free.clear();
  }

  private static int first(long paddr) {
    return (int) (paddr >>> Pages.PAGE_SHIFT);
  }

  private static int end(long paddr) {
    return (int) ((paddr + Pages.PAGE_SIZE - 1) >>> Pages.PAGE_SHIFT);
  }
}
