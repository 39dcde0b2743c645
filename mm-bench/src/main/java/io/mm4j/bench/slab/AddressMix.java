// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Threads;

/** The random mix of whoever deals in addresses; a JVM knows one subclass. */
public abstract class AddressMix extends AddressRun {
  private final long[] live = new long[Mix.LIVE];
  private @Nullable Mix mix;

  AddressMix() {}

  abstract long take(int bytes);

  abstract void free(long address);

  /** Fills the places. */
  final void fill(long seed) {
    mix = new Mix(seed);
    int[] sizes = Mix.first(seed);
    for (int i = 0; i < Mix.LIVE; i++) {
      live[i] = take(sizes[i]);
    }
  }

  @SuppressWarnings("NullAway") // filled before
  private long step() {
    Mix script = mix;
    script.step();
    int place = script.place();
    free(live[place]);
    long address = take(script.size());
    live[place] = address;
    return address;
  }

  /** One thread. */
  @Benchmark
  public long mix() {
    return step();
  }

  /** Two threads, each its own objects. */
  @Benchmark
  @Threads(2)
  public long mixOfTwo() {
    return step();
  }
}
