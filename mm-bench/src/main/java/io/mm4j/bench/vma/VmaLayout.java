// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.vma;

import java.util.SplittableRandom;

/**
 * The VMAs that every peer holds, and the addresses that it is asked for.
 *
 * <p>There are twice as many <i>places</i> as VMAs, 32 pages apart; a random half is taken. A VMA
 * has 1 to 16 pages and begins up to 15 pages into its place, so gaps have many sizes.
 */
final class VmaLayout {
  private static final long PAGE = 4096;
  private static final long BASE = 0x10000000L;
  private static final int ADDRESSES = 1 << 16;
  private static final int HITS = 8;
  private static final int MOVES = 1 << 16;

  /** The bounds of each place's VMA. */
  final long[] start;

  final long[] end;

  /** The places that are taken first, then those that are free. */
  final int[] place;

  /** Addresses in random VMAs. */
  final long[] random = new long[ADDRESSES];

  /** Addresses in random VMAs, eight in each before the next. */
  final long[] local = new long[ADDRESSES];

  /**
   * Removals, each with an insertion elsewhere, three numbers each: the end of the VMA that goes,
   * start and end of the one that comes. The second half undoes the first, so that the list can be
   * played round and round; it is read in order, so that it costs the caches little.
   */
  final long[] moves = new long[3 * MOVES];

  VmaLayout(int vmas) {
    SplittableRandom seeded = new SplittableRandom(42);
    start = new long[2 * vmas];
    end = new long[2 * vmas];
    place = new int[2 * vmas];
    for (int i = 0; i < 2 * vmas; i++) {
      start[i] = BASE + PAGE * (32L * i + seeded.nextInt(16));
      end[i] = start[i] + PAGE * (1 + seeded.nextInt(16));
      int j = seeded.nextInt(i + 1);
      place[i] = place[j];
      place[j] = i;
    }
    for (int i = 0; i < ADDRESSES; i++) {
      random[i] = address(place[seeded.nextInt(vmas)], seeded);
      local[i] =
          i % HITS == 0 ? random[i] : address((int) ((local[i - 1] - BASE) / (32 * PAGE)), seeded);
    }
    plan(vmas, seeded);
  }

  private long address(int at, SplittableRandom seeded) {
    return start[at] + seeded.nextLong(end[at] - start[at]);
  }

  private void plan(int vmas, SplittableRandom seeded) {
    int[] now = place.clone();
    for (int i = 0; i < MOVES / 2; i++) {
      int taken = seeded.nextInt(vmas);
      int free = vmas + seeded.nextInt(vmas);
      move(i, now[taken], now[free]);
      move(MOVES - 1 - i, now[free], now[taken]);
      int was = now[taken];
      now[taken] = now[free];
      now[free] = was;
    }
  }

  private void move(int at, int from, int to) {
    moves[3 * at] = end[from];
    moves[3 * at + 1] = start[to];
    moves[3 * at + 2] = end[to];
  }
}
