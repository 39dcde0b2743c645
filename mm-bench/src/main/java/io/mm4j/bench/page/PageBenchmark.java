// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.page;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.CompilerControl;
import org.openjdk.jmh.annotations.Fork;
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
 * Pairs of an allocation and a free on {@code page-allocator=linux}: sixteen out, sixteen back; the
 * loops are those of {@link StackBenchmark}. With {@code loaded=3} machines with three other frame
 * allocators and page allocators have run the same code before, so that no call site sees one
 * plugin only.
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
public class PageBenchmark {
  private static final int ROW = 16;
  private static final int LIVE = 10_000;
  private static final int SCRIPT = 1 << 14;

  /** Always 1. */
  public int stride = 1;

  /** How many plugins of each kind have run in this JVM. */
  @Param({"1", "3"})
  public int loaded;

  private final List<Machine> machines = new ArrayList<>();
  private @Nullable PageAllocator pages;
  private @Nullable MemMap memMap;
  private @Nullable Cpu cpu;
  private @Nullable CpuPages kept;
  private final long[] row = new long[ROW];
  private final long[] live = new long[LIVE];
  private final int[] orders = new int[LIVE];
  private final int[] places = new int[SCRIPT];
  private final int[] nextOrders = new int[SCRIPT];
  private int at;

  /** Boots the machine that is measured, and the others before it. */
  @Setup
  public void setUp() {
    List<String> plugins =
        loaded == 1
            ? List.of("buddy linux")
            : List.of("bitmap linux", "llfree direct", "buddy direct", "buddy linux");
    for (String plugin : plugins) {
      String[] names = plugin.split(" ", 2);
      Machine machine = boot(names[0], names[1]);
      machines.add(machine);
      boolean third = plugin.equals("buddy direct");
      PageAllocator allocator = third ? new PassingPages(machine.pages()) : machine.pages();
      pages = allocator;
      memMap = machine.memory().memMap();
      Cpu first = machine.cpus().get(0);
      cpu = first;
      kept = allocator.on(first);
      Random random = new Random(1);
      for (int i = 0; i < LIVE; i++) {
        orders[i] = order(random);
        live[i] = allocator.allocPages(first, Gfp.GFP_KERNEL, orders[i]);
      }
      for (int i = 0; i < SCRIPT; i++) {
        places[i] = random.nextInt(LIVE);
        nextOrders[i] = order(random);
      }
      for (int i = 0; i < 2000; i++) {
        pairsOfPages();
        keptPairsOfHeldPages();
        pairsOfOrder3();
        keptPairsOfPages();
        keptPairsOfOrder3();
        mix();
      }
    }
  }

  private static Machine boot(String frames, String pages) {
    return new MachineConfig()
        .memory(4L << 30)
        .contents(false)
        .plugin("page-allocator=" + pages)
        .plugin("frame-allocator=" + frames)
        .boot();
  }

  /** Order k with probability 2^-(k+1), at most 8. */
  private static int order(Random random) {
    return Math.min(8, Integer.numberOfTrailingZeros(random.nextInt() | 1 << 9));
  }

  /** Closes the machines. */
  @TearDown
  public void tearDown() {
    for (Machine machine : machines) {
      machine.close();
    }
    machines.clear();
  }

  /** A page out and back through the per-cpu list. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long pairsOfPages() {
    return pairs(0);
  }

  /** A block of order 3 through its per-cpu list. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long pairsOfOrder3() {
    return pairs(3);
  }

  /** A block of order 4, which no per-cpu list keeps: zone lock, split, merge. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long pairsOfOrder4() {
    return pairs(4);
  }

  /** Compiled for each order by itself, as callers name theirs: the order is a constant in it. */
  @CompilerControl(CompilerControl.Mode.INLINE)
  private long pairs(int order) {
    PageAllocator allocator = pages;
    Cpu owner = cpu;
    if (allocator == null || owner == null) {
      throw new IllegalStateException("not set up");
    }
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      row[i] = allocator.allocPages(owner, Gfp.GFP_KERNEL, order);
      sum += row[i];
    }
    for (int i = 0; i < ROW; i += step) {
      allocator.freePages(owner, row[i], order);
    }
    return sum;
  }

  /** A page out and back through the CPU's own allocator. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long keptPairsOfPages() {
    return keptPairs(0);
  }

  /**
   * The same for a page of a process: held as anonymous memory while it is out, and dropped. What
   * it takes beyond {@link #keptPairsOfPages} is what holding costs.
   */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long keptPairsOfHeldPages() {
    CpuPages allocator = kept;
    MemMap map = memMap;
    if (allocator == null || map == null) {
      throw new IllegalStateException("not set up");
    }
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      long pfn = allocator.alloc(Gfp.GFP_KERNEL, 0);
      map.hold(pfn, 0, FrameOwner.ANON, PageFlags.PG_UPTODATE, 0x1001, i);
      row[i] = pfn;
      sum += pfn;
    }
    for (int i = 0; i < ROW; i += step) {
      if (map.drop(row[i], 0)) {
        allocator.free(row[i], 0);
      }
    }
    return sum;
  }

  /** A block of order 3 the same way. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long keptPairsOfOrder3() {
    return keptPairs(3);
  }

  @CompilerControl(CompilerControl.Mode.INLINE)
  private long keptPairs(int order) {
    CpuPages allocator = kept;
    if (allocator == null) {
      throw new IllegalStateException("not set up");
    }
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      row[i] = allocator.alloc(Gfp.GFP_KERNEL, order);
      sum += row[i];
    }
    for (int i = 0; i < ROW; i += step) {
      allocator.free(row[i], order);
    }
    return sum;
  }

  /** One of 10,000 live blocks of mixed orders is freed, and another one taken. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long mix() {
    PageAllocator allocator = pages;
    Cpu owner = cpu;
    if (allocator == null || owner == null) {
      throw new IllegalStateException("not set up");
    }
    long sum = 0;
    for (int i = 0; i < ROW; i++) {
      int step = at++ & SCRIPT - 1;
      int place = places[step];
      allocator.freePages(owner, live[place], orders[place]);
      orders[place] = nextOrders[step];
      live[place] = allocator.allocPages(owner, Gfp.GFP_KERNEL, orders[place]);
      sum += live[place];
    }
    return sum;
  }
}
