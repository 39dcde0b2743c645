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
import org.openjdk.jmh.annotations.Param;
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
public class RemoteBenchmark {
  static final int RING = 4096;
  private static final VarHandle SLOTS = MethodHandles.arrayElementVarHandle(long[].class);

  /** Whose objects. */
  @Param({"slub", "malloc"})
  public String kind = "";

  private final long[] ring = new long[RING];
  private volatile boolean stopped;
  private @Nullable Thread freer;
  private @Nullable CpuSlabs mine;

  /** Starts the other thread. */
  @Setup(Level.Trial)
  public void setUp(SharedHeap shared) {
    var machine = shared.heap().machine();
    mine = machine.slabs().on(machine.cpus().get(0));
    CpuSlabs theirs = machine.slabs().on(machine.cpus().get(1));
    boolean slub = kind.equals("slub");
    freer = Thread.ofPlatform().daemon().name("jmh-worker-freer").start(() -> free(theirs, slub));
  }

  /** Stops it. */
  @TearDown(Level.Trial)
  public void tearDown() throws InterruptedException {
    stopped = true;
    if (freer != null) {
      freer.join();
    }
  }

  private void free(CpuSlabs theirs, boolean slub) {
    int at = 0;
    while (!stopped) {
      long object = (long) SLOTS.getAcquire(ring, at);
      if (object == 0) {
        Thread.onSpinWait();
        continue;
      }
      SLOTS.setRelease(ring, at, 0L);
      at = (at + 1) & (RING - 1);
      if (slub) {
        theirs.kfree(object);
      } else {
        Malloc.free(object);
      }
    }
  }

  /** One round of the ring. */
  @Benchmark
  @OperationsPerInvocation(RING)
  @SuppressWarnings("NullAway") // set up before
  public void remote() {
    CpuSlabs slabs = mine;
    boolean slub = kind.equals("slub");
    for (int at = 0; at < RING; at++) {
      while ((long) SLOTS.getAcquire(ring, at) != 0) {
        Thread.onSpinWait();
      }
      long object = slub ? slabs.kmalloc(64, Gfp.GFP_KERNEL) : Malloc.malloc(64);
      SLOTS.setRelease(ring, at, object);
    }
  }
}
