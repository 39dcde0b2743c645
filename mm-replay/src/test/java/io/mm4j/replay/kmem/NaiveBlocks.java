// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** The free frames of one zone as a set of bits, and its blocks worked out anew when asked. */
final class NaiveBlocks {
  final long start;
  final long end;
  private final BitSet free = new BitSet();

  NaiveBlocks(long start, long end) {
    this.start = start;
    this.end = end;
  }

  boolean isFree(long pfn, int order) {
    return free.nextClearBit((int) pfn) >= pfn + (1L << order);
  }

  boolean isTaken(long pfn, int order) {
    int next = free.nextSetBit((int) pfn);
    return next < 0 || next >= pfn + (1L << order);
  }

  void set(long pfn, int order, boolean isFree) {
    free.set((int) pfn, (int) (pfn + (1L << order)), isFree);
  }

  /** The largest aligned blocks, ascending: pairs of frame and order. */
  List<long[]> blocks() {
    List<long[]> blocks = new ArrayList<>();
    for (long pfn = start; pfn < end; ) {
      int order = -1;
      for (int o = 0; o <= Pages.MAX_PAGE_ORDER; o++) {
        boolean fits = (pfn & ((1L << o) - 1)) == 0 && pfn + (1L << o) <= end;
        if (fits && isFree(pfn, o)) {
          order = o;
        }
      }
      if (order >= 0) {
        blocks.add(new long[] {pfn, order});
      }
      pfn += order >= 0 ? 1L << order : 1;
    }
    return blocks;
  }

  long[] counts() {
    long[] counts = new long[Counts.ORDERS];
    blocks().forEach(block -> counts[(int) block[1]]++);
    return counts;
  }
}
