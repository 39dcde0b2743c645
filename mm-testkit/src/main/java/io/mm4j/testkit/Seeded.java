// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import org.apiguardian.api.API;

/**
 * Random numbers from a seed, the same in every release of Java: SplitMix64 (Steele, Lea, Flood,
 * OOPSLA 2014).
 */
@API(status = API.Status.MAINTAINED)
public final class Seeded {
  private long state;

  /** Begins a stream; streams of different seeds have nothing in common, neighbours included. */
  public Seeded(long seed) {
    state = mix(seed ^ 0x6D6D_346A_2D74_6B69L);
  }

  /** The next 64 bits. */
  public long next() {
    state += 0x9E37_79B9_7F4A_7C15L;
    return mix(state);
  }

  /** A number from 0 to {@code bound - 1}. */
  public int below(int bound) {
    return (int) below((long) bound);
  }

  /** A number from 0 to {@code bound - 1}. */
  public long below(long bound) {
    if (bound <= 0) {
      throw new IllegalArgumentException("nothing is below bound=" + bound);
    }
    return (next() >>> 1) % bound;
  }

  /** A number from {@code low} to {@code high}, both included. */
  public int between(int low, int high) {
    return low + below(high - low + 1);
  }

  /** True once in {@code n} times. */
  public boolean oneIn(int n) {
    return below(n) == 0;
  }

  /**
   * An order from 0 to {@code max}, each half as often as the one before: as allocations are in
   * life.
   */
  public int order(int max) {
    return Math.min(max, Long.numberOfTrailingZeros(next() | Long.MIN_VALUE));
  }

  /** An index into weights, each as often as its weight says. */
  public int weighted(int... weights) {
    int sum = 0;
    for (int weight : weights) {
      sum += weight;
    }
    int at = below(sum);
    int i = 0;
    while (at >= weights[i]) {
      at -= weights[i++];
    }
    return i;
  }

  private static long mix(long z) {
    long a = (z ^ (z >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
    long b = (a ^ (a >>> 27)) * 0x94D0_49BB_1331_11EBL;
    return b ^ (b >>> 31);
  }
}
