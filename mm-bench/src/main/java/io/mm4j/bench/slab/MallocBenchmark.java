// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** malloc libraries by critical downcalls: the pairs and the mix of {@link SlabBenchmark}. */
public final class MallocBenchmark {
  private MallocBenchmark() {}

  /** Pairs of a size. */
  public static class Pairs extends AddressRun {
    /** Bytes of an object. */
    @Param({"64", "256", "1024", "4096", "65536"})
    public int bytes;

    /** An address out and back. */
    @Benchmark
    public long pair() {
      long address = Malloc.malloc(bytes);
      Malloc.free(address);
      return address;
    }
  }

  /** The random mix. */
  public static class Mixed extends AddressMix {
    /** Fills the places. */
    @Setup
    public void setUp() {
      super.fill(1);
    }

    @Override
    long take(int bytes) {
      return Malloc.malloc(bytes);
    }

    @Override
    void free(long address) {
      Malloc.free(address);
    }
  }
}
