// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import java.util.Random;

/**
 * The random mix that all peers play: a place of 10000 is chosen, its object freed, and one of
 * another size, log-uniform from 16 bytes to 8 KiB, put there.
 */
final class Mix {
  static final int LIVE = 10_000;
  private static final int SCRIPT = 1 << 15;

  private final int[] places = new int[SCRIPT];
  private final int[] sizes = new int[SCRIPT];
  private int at;

  Mix(long seed) {
    Random random = new Random(seed);
    for (int i = 0; i < SCRIPT; i++) {
      places[i] = random.nextInt(LIVE);
      sizes[i] = size(random);
    }
  }

  /** The sizes that the places begin with. */
  static int[] first(long seed) {
    Random random = new Random(seed);
    int[] first = new int[LIVE];
    for (int i = 0; i < LIVE; i++) {
      first[i] = size(random);
    }
    return first;
  }

  private static int size(Random random) {
    return (int) (16 * Math.pow(512, random.nextDouble()));
  }

  /** Moves on. */
  void step() {
    at = (at + 1) & (SCRIPT - 1);
  }

  int place() {
    return places[at];
  }

  int size() {
    return sizes[at];
  }
}
