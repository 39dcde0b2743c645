// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

/**
 * Indices of external fragmentation over free blocks counted by order, as mm/vmstat.c of Linux 6.18
 * computes them: integers in thousandths, rounded down.
 */
public final class Fragmentation {
  private Fragmentation() {}

  /**
   * {@code unusable_free_index()}: which part of the free memory cannot serve a request of this
   * order. 0 is none of it, 1000 all of it, also when nothing is free.
   */
  public static int unusableThousandths(long[] blocks, int order) {
    long free = 0;
    long suitable = 0;
    for (int o = 0; o < blocks.length; o++) {
      free += blocks[o] << o;
      if (o >= order) {
        suitable += blocks[o] << o;
      }
    }
    return free == 0 ? 1000 : (int) ((free - suitable) * 1000 / free);
  }

  /** The same as a part of 1, not rounded. */
  public static double unusable(long[] blocks, int order) {
    double free = 0;
    double small = 0;
    for (int o = 0; o < blocks.length; o++) {
      free += (double) blocks[o] * (1L << o);
      if (o < order) {
        small += (double) blocks[o] * (1L << o);
      }
    }
    return free == 0 ? 1 : small / free;
  }

  /**
   * {@code __fragmentation_index()}: why a request of this order fails - towards 0 for lack of
   * memory, towards 1000 for fragmentation; -1000 where it would not fail; 0 when nothing is free.
   */
  public static int extfragThousandths(long[] blocks, int order) {
    long free = 0;
    long count = 0;
    for (int o = 0; o < blocks.length; o++) {
      free += blocks[o] << o;
      count += blocks[o];
      if (o >= order && blocks[o] > 0) {
        return -1000;
      }
    }
    if (count == 0) {
      return 0;
    }
    return 1000 - (int) ((1000 + free * 1000 / (1L << order)) / count);
  }
}
