// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.slab.offheap.OffHeap;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
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

/** {@code slab=slub:sheaves=all}: addresses with the CPU given, and the Arena adapter. */
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
public class SlabBenchmark {
  private static final int GFP = Gfp.GFP_KERNEL;

  /** Pairs of a size. */
  public static class Pairs extends SlabBenchmark {
    /** Bytes of an object. */
    @Param({"64", "256", "1024", "4096", "65536"})
    public int bytes;

    private @Nullable CpuSlabs slabs;
    private @Nullable OffHeap heap;

    /** Takes a CPU. */
    @Setup
    public void setUp(SharedHeap shared) {
      heap = shared.heap();
      slabs = heap.machine().slabs().on(heap.machine().cpus().get(shared.nextCpu()));
    }

    /** An address out and back. */
    @Benchmark
    @SuppressWarnings("NullAway") // set up before
    public long pair() {
      CpuSlabs mine = slabs;
      long paddr = mine.kmalloc(bytes, GFP);
      mine.kfree(paddr);
      return paddr;
    }

    /** The same through the heap, which finds a CPU for each call. */
    @Benchmark
    @SuppressWarnings("NullAway") // set up before
    public long heapPair() {
      long offset = heap.malloc(bytes);
      heap.free(offset);
      return offset;
    }

    /** An arena with one segment, zeroed. */
    @Benchmark
    @SuppressWarnings("NullAway") // set up before
    public long arena() {
      try (Arena arena = heap.confinedArena()) {
        return arena.allocate(bytes, 8).address();
      }
    }

    /** The JDK's. */
    @Benchmark
    public long arenaOfTheJdk() {
      try (Arena arena = Arena.ofConfined()) {
        return arena.allocate(bytes, 8).address();
      }
    }
  }

  /** The random mix. */
  public static class Mixed extends SlabBenchmark {
    private final long[] live = new long[Mix.LIVE];
    private @Nullable Mix mix;
    private @Nullable CpuSlabs slabs;

    /** Takes a CPU and fills the places. */
    @Setup
    public void setUp(SharedHeap shared) {
      OffHeap heap = shared.heap();
      int number = shared.nextCpu();
      CpuSlabs mine = heap.machine().slabs().on(heap.machine().cpus().get(number));
      slabs = mine;
      mix = new Mix(number);
      Random random = new Random(number);
      for (int i = 0; i < Mix.LIVE; i++) {
        live[i] = mine.kmalloc(Mix.size(random), GFP);
      }
    }

    @SuppressWarnings("NullAway") // set up before
    private long step() {
      Mix script = mix;
      CpuSlabs mine = slabs;
      script.step();
      int place = script.place();
      mine.kfree(live[place]);
      long paddr = mine.kmalloc(script.size(), GFP);
      live[place] = paddr;
      return paddr;
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
