// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

/**
 * The order of the entries of a node in one long, so that an entry comes or goes without any other
 * being moved: the <i>permutation</i> of Masstree (Mao, Kohler and Morris, EuroSys 2012).
 *
 * <p><b>Layout.</b> Sixteen numbers of four bits. The lowest is the count of entries. Above it
 * stand the places 1 to 15 of a node, each once: first those of the entries in address order, then
 * those that are free. The <i>rank</i> of an entry is its position in that order, from 0.
 *
 * <p>All methods are shifts and masks without a jump.
 */
final class Order {
  /** No entries. */
  static final long EMPTY = 0xfedcba9876543210L;

  private static final long ONES = 0x1111111111111111L;

  private Order() {}

  /** The number of entries. */
  static int count(long order) {
    return (int) order & 15;
  }

  /** The place of the entry of a rank; for the rank {@code count} and above, a free place. */
  static int place(long order, int rank) {
    return (int) (order >>> (4 * rank + 4)) & 15;
  }

  /** The rank of the entry at a place. */
  static int rank(long order, int place) {
    long differs = (order | 15) ^ (place * ONES & ~15L);
    long zero = (differs - ONES) & ~differs & (ONES << 3);
    return (Long.numberOfTrailingZeros(zero) >>> 2) - 1;
  }

  /** The place that {@link #enter} takes; there must be a free one. */
  static int spare(long order) {
    return (int) (order >>> 60);
  }

  /** The order with one more entry of that rank, at the {@link #spare} place. */
  static long enter(long order, int rank) {
    int shift = 4 * rank + 4;
    long low = (1L << shift) - 1;
    return ((order & low) | (order >>> 60 << shift) | ((order & ~low) << 4)) + 1;
  }

  /** The order without the entry of that rank; its place is the next {@link #spare}. */
  static long remove(long order, int rank) {
    int shift = 4 * rank + 4;
    long low = (1L << shift) - 1;
    return ((order & low) | (order >>> 4 & ~low) | ((order >>> shift) << 60)) - 1;
  }

  /** Whether it is a count and each place once. */
  static boolean isValid(long order) {
    int seen = 0;
    for (int rank = 0; rank < 15; rank++) {
      seen |= 1 << place(order, rank);
    }
    return seen == 0xfffe;
  }
}
