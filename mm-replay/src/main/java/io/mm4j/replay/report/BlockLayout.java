// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import java.util.Arrays;

/**
 * Finds places for free blocks of given numbers, so that none of them is the free buddy of another:
 * two free buddies would be one larger block. Every free block lies in the first half of a chunk of
 * twice its size; what is left of the chunk is in use, and smaller blocks find room there.
 */
final class BlockLayout {
  private static final int MAX_ORDER = ReportedZone.ORDERS - 1;
  private static final int CHUNK = 1 << MAX_ORDER;

  /** Takes a block: its first page, counted from the beginning. */
  interface Sink {
    /** One block. */
    void block(long page, int order, int type);
  }

  /** Chunks in use of each order, by their first page. */
  private final long[][] used = new long[MAX_ORDER + 1][16];

  private final int[] count = new int[MAX_ORDER + 1];
  private long next;

  /**
   * Lays blocks out.
   *
   * @param rows free blocks by type and order
   * @return pages from the beginning to the end of the last chunk
   */
  static long layOut(long[][] rows, Sink sink) {
    BlockLayout layout = new BlockLayout();
    for (int type = 0; type < rows.length; type++) {
      Arrays.fill(layout.count, 0);
      for (int order = MAX_ORDER; order >= 0; order--) {
        for (long i = 0; i < rows[type][order]; i++) {
          sink.block(layout.place(order), order, type);
        }
      }
    }
    return layout.next;
  }

  private long place(int order) {
    if (order == MAX_ORDER) {
      next += CHUNK;
      return next - CHUNK;
    }
    long page = take(order + 1);
    put(order, page + (1L << order));
    return page;
  }

  /** A chunk in use of this order, split from a larger one if need be. */
  private long take(int order) {
    if (count[order] > 0) {
      return used[order][--count[order]];
    }
    if (order == MAX_ORDER) {
      next += CHUNK;
      return next - CHUNK;
    }
    long page = take(order + 1);
    put(order, page + (1L << order));
    return page;
  }

  private void put(int order, long page) {
    if (count[order] == used[order].length) {
      used[order] = Arrays.copyOf(used[order], 2 * count[order]);
    }
    used[order][count[order]++] = page;
  }
}
