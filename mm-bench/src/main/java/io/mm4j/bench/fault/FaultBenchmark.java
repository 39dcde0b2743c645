// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.fault;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.CpuPages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.call.Calls;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
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
 * Page faults and fork of a process with 1,000 VMAs of ten pages each, and the parts that a fault
 * consists of, each on its own. {@code fault_fork.c} does the same with a process of this machine.
 *
 * <p>Each fault that is measured is in a VMA other than the last one's. A fault counts with its
 * share of the unmapping that gives the pages back, as the pair of the page allocator does.
 *
 * <p>The loops count by a field that is always 1, so that they are not unrolled.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 6, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "-XX:+UseSerialGC",
      "-Xms512m",
      "-Xmx512m",
      "-Xbatch",
      "--enable-native-access=ALL-UNNAMED"
    })
public class FaultBenchmark {
  /** VMAs of the process. */
  private static final int VMAS = 1000;

  /** Pages of a VMA. */
  private static final int PAGES = 10;

  private static final int ALL = VMAS * PAGES;
  private static final int ROW = 1000;
  private static final long PAGE = 4096;
  private static final long TASK_SIZE = 0x7ffffffff000L;
  private static final long BASE = 0x7fff_0000_0000L;
  private static final long FILE = 0x7ffe_0000_0000L;
  private static final int READ_WRITE = 3;
  private static final int PRIVATE_ANONYMOUS = 0x22;
  private static final int PRIVATE = 2;
  private static final int FIXED = 0x10;

  /** Always 1. */
  public int stride = 1;

  /** Whether user pages have bytes. Without, nothing is zeroed or copied. */
  @Param({"ALL", "TABLES"})
  public Contents contents = Contents.ALL;

  private Floors floors = new Floors(Contents.ALL);
  private final long[] row = new long[ROW];
  private final long[] frames = new long[16];
  private final long[] spare = new long[ALL];
  private final long[] owned = new long[ALL];

  /** A machine with a process. */
  private static final class Floors {
    final Machine machine;
    final CpuPages pages;
    final Mm mm;
    final Calls calls;

    Floors(Contents contents) {
      machine = new MachineConfig().memory(512L << 20).cpus(1).contents(contents).boot();
      pages = machine.pages().on(machine.cpus().get(0));
      mm = space(machine);
      calls = new Calls(mm);
    }

    void close() {
      calls.exit();
      mm.context.close();
      machine.close();
    }
  }

  private static Mm space(Machine machine) {
    Frames frames =
        new Frames(machine.memory(), machine.pages(), machine.cpus().get(0), machine.pageTables());
    var provider =
        PluginRegistry.discover().provider(Spi.VMA_INDEX, Spi.VMA_INDEX.reference(), "a benchmark");
    MmLayout layout =
        new MmLayout(
            TASK_SIZE, TASK_SIZE, true, false, 0, 0, 0, 0, 0x1000000, 0x1000000, TASK_SIZE, 0, 0, 0,
            0);
    return new Mm(
        new AddressSpaceConfig(
            layout,
            ResourceLimit.INFINITY,
            ResourceLimit.INFINITY,
            8L << 20,
            8L << 20,
            Set.of(),
            MmSysctls.DEFAULTS,
            16L << 20,
            0,
            ThpMode.NEVER,
            false),
        new FloorContext(provider::create, frames));
  }

  /** Where the i-th VMA begins; a page lies between two. */
  private static long vma(int i) {
    return BASE + (PAGES + 1) * PAGE * i;
  }

  /** Maps the VMAs and fills them. */
  @Setup
  public void setUp() {
    floors.close();
    floors = new Floors(contents);
    Mm mm = floors.mm;
    Calls calls = floors.calls;
    for (int i = 0; i < VMAS; i++) {
      calls.mmap(vma(i), PAGES * PAGE, READ_WRITE, PRIVATE_ANONYMOUS | FIXED, -1, 0);
    }
    MappedFile file = new MappedFile("file", MappedFile.Kind.EXT4, ROW * 16 * PAGE, at -> 1);
    mm.descriptors.put(3, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    calls.mmap(FILE, ROW * 16 * PAGE, READ_WRITE, PRIVATE | FIXED, 3, 0);
    Random random = new Random(7);
    for (int i = 0; i < ROW; i++) {
      row[i] = vma(i);
    }
    for (int i = ROW - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      long other = row[j];
      row[j] = row[i];
      row[i] = other;
    }
    for (int i = 0; i < VMAS; i++) {
      for (int k = 0; k < PAGES; k++) {
        write(vma(i) + k * PAGE);
      }
    }
    if (mm.vmas.size() != VMAS + 1 || mm.pages.rss() != ALL) {
      throw new IllegalStateException("vmas=" + mm.vmas.size() + " rss=" + mm.pages.rss());
    }
    for (int k = 0; k < PAGES; k++) {
      for (int i = 0; i < ROW; i++) {
        owned[k * ROW + i] = mm.pages.pageAt(row[i] + k * PAGE);
      }
    }
    for (int i = 0; i < frames.length; i++) {
      frames[i] = floors.pages.alloc(Gfp.GFP_HIGHUSER_MOVABLE, 0);
    }
  }

  private void write(long address) {
    if (floors.calls.attempt(address, Touch.Access.WRITE) != TouchOutcome.Kind.OK) {
      throw new IllegalStateException("no page: address=" + address);
    }
  }

  /** Closes the floors.machine. */
  @TearDown
  public void tearDown() {
    for (long frame : frames) {
      floors.pages.free(frame, 0);
    }
    floors.close();
  }

  /** The first write to each page, in another VMA each time, and the unmapping of all pages. */
  @Benchmark
  @OperationsPerInvocation(ALL)
  public long anonymous() {
    floors.mm.pages.ranges().zap(BASE, vma(VMAS), false, true, false);
    int step = stride;
    for (int k = 0; k < PAGES; k += step) {
      for (int i = 0; i < ROW; i += step) {
        write(row[i] + k * PAGE);
      }
    }
    return floors.mm.pages.rss();
  }

  /** A write to a page that is there: what the fault costs when it finds nothing to do. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long presentPages() {
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      write(row[i] + PAGE);
    }
    return floors.mm.pages.rss();
  }

  /** A read of a cached file, which maps sixteen pages, and their unmapping. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long fileReads() {
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      if (floors.calls.attempt(FILE + i * 16L * PAGE, Touch.Access.READ) != TouchOutcome.Kind.OK) {
        throw new IllegalStateException("no page: i=" + i);
      }
    }
    floors.mm.pages.ranges().zap(FILE, FILE + ROW * 16 * PAGE, false, true, false);
    return floors.mm.pages.rss();
  }

  /** Fork, and exit of the child, for each page that it has. */
  @Benchmark
  @OperationsPerInvocation(ALL)
  public long fork() {
    Mm child = child();
    new Calls(child).exit();
    return child.vmas.size();
  }

  /** The same with a write of the child to every page between the two. */
  @Benchmark
  @OperationsPerInvocation(ALL)
  public long forkAndWrite() {
    Mm child = child();
    Calls its = new Calls(child);
    int step = stride;
    for (int k = 0; k < PAGES; k += step) {
      for (int i = 0; i < ROW; i += step) {
        if (its.attempt(row[i] + k * PAGE, Touch.Access.WRITE) != TouchOutcome.Kind.OK) {
          throw new IllegalStateException("no copy: i=" + i);
        }
      }
    }
    its.exit();
    return child.vmas.size();
  }

  private Mm child() {
    Mm child = floors.calls.fork();
    if (child == null) {
      throw new IllegalStateException("no child");
    }
    return child;
  }

  /** What lies at an address. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public @Nullable Object findVma() {
    Object found = null;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      found = floors.mm.vmas.find(row[i]);
    }
    return found;
  }

  /** Pages out of the page allocator and back. */
  @Benchmark
  @OperationsPerInvocation(16)
  public long pair() {
    CpuPages pages = floors.pages;
    long sum = 0;
    int step = stride;
    for (int i = 0; i < 16; i += step) {
      sum += frames[i];
      pages.free(frames[i], 0);
    }
    for (int i = 0; i < 16; i += step) {
      frames[i] = pages.alloc(Gfp.GFP_HIGHUSER_MOVABLE, 0);
    }
    return sum;
  }

  /** Where a byte is. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long translate() {
    PageTables tables = floors.machine.pageTables();
    long root = floors.mm.pages.root();
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      sum += tables.translate(root, row[i] + PAGE);
    }
    return sum;
  }

  /** As many pages as the process has out of the page allocator, and back. */
  @Benchmark
  @OperationsPerInvocation(ALL)
  public long pairOfAll() {
    CpuPages pages = floors.pages;
    int step = stride;
    for (int i = 0; i < ALL; i += step) {
      spare[i] = pages.alloc(Gfp.GFP_HIGHUSER_MOVABLE, 0);
    }
    for (int i = 0; i < ALL; i += step) {
      pages.free(spare[i], 0);
    }
    return spare[0];
  }

  /** The pages of the process become zero, in the order in which it writes to them. */
  @Benchmark
  @OperationsPerInvocation(ALL)
  public long zeroing() {
    PhysicalMemory memory = floors.machine.memory();
    int step = stride;
    for (int i = 0; i < ALL; i += step) {
      memory.clearPages(owned[i], 0);
    }
    return owned[0];
  }

  /** Half of the pages of the process are copied into the other half. */
  @Benchmark
  @OperationsPerInvocation(ALL / 2)
  public long copying() {
    PhysicalMemory memory = floors.machine.memory();
    int step = stride;
    for (int i = 0; i < ALL / 2; i += step) {
      memory.copyPage(owned[i], owned[ALL / 2 + i]);
    }
    return owned[0];
  }
}
