// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.mm4j.slab.offheap.OffHeap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** One heap of 1 GiB for all threads of a benchmark. */
@State(Scope.Benchmark)
public class SharedHeap {
  private @Nullable OffHeap heap;
  private final AtomicInteger nextCpu = new AtomicInteger();

  /** Opens it. */
  @Setup(Level.Trial)
  public void open() {
    heap = OffHeap.builder(1L << 30).cpus(4).open();
  }

  /** Closes it. */
  @TearDown(Level.Trial)
  public void close() {
    heap().close();
  }

  OffHeap heap() {
    if (heap == null) {
      throw new IllegalStateException("not open");
    }
    return heap;
  }

  int nextCpu() {
    return nextCpu.getAndIncrement() & 3;
  }
}
