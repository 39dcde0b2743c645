// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.slab.CpuSlabs;
import io.mm4j.slab.offheap.OffHeap;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** {@code slab=slub:sheaves=all}: addresses with the CPU given, and the Arena adapter. */
public final class SlabBenchmark {
  private static final int GFP = Gfp.GFP_KERNEL;

  private SlabBenchmark() {}

  /** Pairs of a size. */
  public static class Pairs extends AddressRun {
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
  public static class Mixed extends AddressMix {
    private @Nullable CpuSlabs slabs;

    /** Takes a CPU and fills the places. */
    @Setup
    public void setUp(SharedHeap shared) {
      OffHeap heap = shared.heap();
      int number = shared.nextCpu();
      slabs = heap.machine().slabs().on(heap.machine().cpus().get(number));
      super.fill(number);
    }

    @Override
    @SuppressWarnings("NullAway") // set up before
    long take(int bytes) {
      return slabs.kmalloc(bytes, GFP);
    }

    @Override
    @SuppressWarnings("NullAway") // set up before
    void free(long address) {
      slabs.kfree(address);
    }
  }
}
