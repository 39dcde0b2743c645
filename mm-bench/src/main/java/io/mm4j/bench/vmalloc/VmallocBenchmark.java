// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.vmalloc;

import io.mm4j.api.Cpu;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.TableCursor;
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
 * vmalloc and vfree of so many pages, with the purges that become due; and as many pages taken,
 * mapped one by one through a cursor, unmapped and given back, which is what a caller without areas
 * would do. The peer keeps the CPU's allocator and its cursor, holds no frame and flushes nothing.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "-XX:+UseSerialGC",
      "-Xms512m",
      "-Xmx512m",
      "-Xbatch",
      "--enable-native-access=ALL-UNNAMED"
    })
public class VmallocBenchmark {
  private static final long PAGE = 4096;
  private static final int MOST = 512;
  private static final int GFP = Gfp.GFP_KERNEL | Gfp.__GFP_HIGHMEM;

  /** Pages of an area. */
  @Param({"1", "16", "512"})
  public int pages;

  private final Machine machine =
      new MachineConfig().memory(1L << 30).cpus(2).contents(Contents.TABLES).boot();
  private final Cpu cpu = machine.cpus().get(0);
  private final KernelSpace space = machine.kernelSpace();
  private final CpuPages allocator = machine.pages().on(cpu);
  private final TableCursor cursor = machine.pageTables().cursor();
  private final PageTableFormat format = machine.pageTables().format();
  private final long prot = format.kernelProt(PageTableFormat.READ | PageTableFormat.WRITE);
  private final long[] pfns = new long[MOST];

  /** Addresses of the peer's own, where tables are. */
  private long base;

  private long root;

  /** Makes the peer's tables, and uses all sizes. */
  @Setup
  public void setUp() {
    root = machine.pageTables().kernelRoot(cpu);
    base = space.layout().vmallocEnd() - (64 << 20);
    for (int i = 0; i < MOST; i++) {
      if (cursor.ensure(cpu, root, base + i * PAGE, 1) != 1) {
        throw new IllegalStateException("no memory for tables");
      }
    }
    int measured = pages;
    for (int size : new int[] {1, 16, MOST}) {
      pages = size;
      for (int i = 0; i < 3000; i++) {
        if (vmallocVfree() == KernelSpace.NO_ADDRESS || pairsMappedAndUnmapped() == 0) {
          throw new IllegalStateException("no memory");
        }
      }
    }
    pages = measured;
  }

  /** Closes the machine. */
  @TearDown
  public void tearDown() {
    machine.close();
  }

  /** An area comes and goes. */
  @Benchmark
  public long vmallocVfree() {
    long address = space.vmalloc(cpu, pages * PAGE);
    space.vfree(cpu, address);
    return address;
  }

  /** Pages of order 0, each mapped and unmapped. */
  @Benchmark
  public long pairsMappedAndUnmapped() {
    int count = pages;
    long sum = 0;
    for (int i = 0; i < count; i++) {
      pfns[i] = allocator.alloc(GFP, 0);
    }
    cursor.over(root, base, base + count * PAGE);
    for (int i = 0; i < count; i++) {
      int _ = cursor.seek(base + i * PAGE, 1);
      cursor.set(format.leaf(1, pfns[i], prot));
    }
    for (int i = 0; i < count; i++) {
      int _ = cursor.seek(base + i * PAGE, 1);
      sum += cursor.getAndClear();
    }
    for (int i = 0; i < count; i++) {
      allocator.free(pfns[i], 0);
    }
    return sum;
  }
}
