// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** malloc libraries by critical downcalls: the pairs and the mix of {@link SlabBenchmark}. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 150, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "-XX:+UseSerialGC",
      "-Xms512m",
      "-Xmx512m",
      "--enable-native-access=ALL-UNNAMED"
    })
public class MallocBenchmark {
  /** Pairs of a size. */
  public static class Pairs extends MallocBenchmark {
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
  public static class Mixed extends MallocBenchmark {
    private final long[] live = new long[Mix.LIVE];
    private final Mix mix = new Mix(1);

    /** Fills the places. */
    @Setup
    public void setUp() {
      Random random = new Random(1);
      for (int i = 0; i < Mix.LIVE; i++) {
        live[i] = Malloc.malloc(Mix.size(random));
      }
    }

    private long step() {
      mix.step();
      int place = mix.place();
      Malloc.free(live[place]);
      long address = Malloc.malloc(mix.size());
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
}
