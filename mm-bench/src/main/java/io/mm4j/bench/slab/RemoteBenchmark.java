// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CpuSlabs;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Remote free: this thread allocates 64 bytes, another one frees them, through a ring of 4096. An
 * invocation is 4096 objects; the CPU time is this thread's, the wall time that of both.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "-XX:+UseSerialGC",
      "-Xms512m",
      "-Xmx512m",
      "--enable-native-access=ALL-UNNAMED"
    })
public abstract class RemoteBenchmark {
  static final int RING = 4096;
  private static final VarHandle SLOTS = MethodHandles.arrayElementVarHandle(long[].class);

  private final long[] ring = new long[RING];
  private volatile boolean stopped;
  private @Nullable Thread freer;

  /** Slub's, on two CPUs. */
  public static class Slub extends RemoteBenchmark {
    private @Nullable CpuSlabs mine;
    private @Nullable CpuSlabs theirs;

    /** Takes two CPUs. */
    @Setup(Level.Trial)
    public void setUp(SharedHeap shared) {
      var machine = shared.heap().machine();
      mine = machine.slabs().on(machine.cpus().get(0));
      theirs = machine.slabs().on(machine.cpus().get(1));
      super.start();
    }

    @Override
    @SuppressWarnings("NullAway") // set up before
    long take() {
      return mine.kmalloc(64, Gfp.GFP_KERNEL);
    }

    @Override
    @SuppressWarnings("NullAway") // set up before
    void free(long object) {
      theirs.kfree(object);
    }
  }

  /** A library's. */
  public static class Libraries extends RemoteBenchmark {
    /** Starts the other thread. */
    @Setup(Level.Trial)
    public void setUp() {
      super.start();
    }

    @Override
    long take() {
      return Malloc.malloc(64);
    }

    @Override
    void free(long object) {
      Malloc.free(object);
    }
  }

  /** This thread allocates. */
  abstract long take();

  /** The other one frees. */
  abstract void free(long object);

  private void start() {
    freer = Thread.ofPlatform().daemon().name("freer").start(this::freeAll);
  }

  /** Stops the other thread. */
  @TearDown(Level.Trial)
  public void tearDown() throws InterruptedException {
    stopped = true;
    if (freer != null) {
      freer.join();
    }
  }

  private void freeAll() {
    int at = 0;
    while (!stopped) {
      long object = (long) SLOTS.getAcquire(ring, at);
      if (object == 0) {
        Thread.onSpinWait();
        continue;
      }
      SLOTS.setRelease(ring, at, 0L);
      at = (at + 1) & (RING - 1);
      free(object);
    }
  }

  /** One round of the ring. */
  @Benchmark
  @OperationsPerInvocation(RING)
  public void remote() {
    for (int at = 0; at < RING; at++) {
      while ((long) SLOTS.getAcquire(ring, at) != 0) {
        Thread.onSpinWait();
      }
      SLOTS.setRelease(ring, at, take());
    }
  }
}
