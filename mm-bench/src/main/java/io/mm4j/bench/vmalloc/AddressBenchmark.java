// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.vmalloc;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.vmalloc.VmallocAllocator;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A pair of an allocation of addresses and its free where the first hole that is large enough lies
 * behind 10,000 areas, with a hole too small before every one of them; the purges that become due
 * are made. The areas are larger than any pool takes, so that {@code rbtree} searches its tree.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {"-XX:+UseSerialGC", "-Xms512m", "-Xmx512m", "-Xbatch"})
public class AddressBenchmark {
  private static final long PAGE = 4096;
  private static final int AREAS = 10_000;
  private static final long BYTES = 300 * PAGE;

  /** The allocator. */
  @Param({"rbtree", "vmlist"})
  public String plugin = "rbtree";

  private Machine machine = new MachineConfig().memory(64L << 20).contents(false).boot();
  private VmallocAllocator areas = machine.vmalloc();
  private Cpu cpu = machine.cpus().get(0);
  private long start;
  private long end;

  /** Makes the areas and the holes. */
  @Setup
  public void setUp() {
    machine.close();
    machine =
        new MachineConfig()
            .memory(64L << 20)
            .contents(false)
            .cpus(2)
            .plugin("vmalloc=" + plugin)
            .boot();
    areas = machine.vmalloc();
    cpu = machine.cpus().get(0);
    start = machine.kernelLayout().vmallocStart();
    end = machine.kernelLayout().vmallocEnd();
    long[] small = new long[AREAS];
    for (int i = 0; i < AREAS; i++) {
      small[i] = areas.alloc(cpu, 2 * PAGE, PAGE, start, end);
      if (areas.alloc(cpu, 2 * PAGE, PAGE, start, end) == VmallocAllocator.NO_ADDRESS) {
        throw new IllegalStateException("no room");
      }
    }
    for (long address : small) {
      areas.free(cpu, address);
    }
    int _ = areas.purge((from, to) -> {});
    int _ = areas.shrink();
    long first = behindTenThousand();
    if (first < start + 4 * AREAS * PAGE) {
      throw new IllegalStateException("a hole before the last area: " + Long.toHexString(first));
    }
  }

  /** Closes the machine. */
  @TearDown
  public void tearDown() {
    machine.close();
  }

  /** Addresses come and go. */
  @Benchmark
  public long behindTenThousand() {
    long address = areas.alloc(cpu, BYTES, PAGE, start, end);
    areas.free(cpu, address);
    if (areas.isPurgeDue()) {
      int _ = areas.purge((from, to) -> {});
    }
    return address;
  }
}
