// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.vma;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.process.area.UnmappedArea;
import io.mm4j.process.call.Calls;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.Set;
import java.util.SplittableRandom;
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
import org.openjdk.jmh.annotations.Warmup;

/**
 * mmap and munmap of anonymous memory among 1,000 VMAs, and the parts that the two calls consist
 * of, each on its own. {@code mmap_pair.c} does the same with system calls.
 *
 * <p>The VMAs have a page each, alternate in their protection and lie three pages apart below
 * mmap_base. Where a mapping goes: {@code hole}, one page, hinted to a random hole between two of
 * them; {@code top}, four pages without a hint, too many for any hole, so that the search must pass
 * them all.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 700, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 200, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "-XX:+UseSerialGC",
      "-Xms256m",
      "-Xmx256m",
      "-XX:-BackgroundCompilation",
      "--sun-misc-unsafe-memory-access=allow"
    })
public class MmapPairBenchmark {
  private static final int VMAS = 1000;
  private static final long PAGE = 4096;
  private static final long TASK_SIZE = 0x7ffffffff000L;
  private static final long MMAP_BASE = 0x7ffff7fff000L;
  private static final int READ_WRITE = 3;
  private static final int PRIVATE_ANONYMOUS = 0x22;
  private static final int FIXED = 0x10;
  private static final long FLAGS =
      VmFlags.READ | VmFlags.WRITE | VmFlags.MAY_ACCESS | VmFlags.ACCOUNT;

  /** The index of the VMAs. */
  @Param({"rbtree", "maple"})
  public String plugin = "rbtree";

  /** Where the mapping goes. */
  @Param({"hole", "top"})
  public String place = "hole";

  private final long[] holes = new long[1 << 12];
  private int at;
  private boolean hinted;
  private long bytes;
  private long top;
  private Mm mm = space("rbtree");
  private Calls calls = new Calls(mm);
  private UnmappedArea area = new UnmappedArea(mm);

  private static Mm space(String plugin) {
    Machine machine = new MachineConfig().memory(64L << 20).contents(false).boot();
    Frames frames =
        new Frames(machine.memory(), machine.pages(), machine.cpus().get(0), machine.pageTables());
    var provider = PluginRegistry.discover().provider(Spi.VMA_INDEX, plugin, "plugin");
    MmLayout layout =
        new MmLayout(
            TASK_SIZE, MMAP_BASE, true, false, 0, 0, 0, 0, 0x1000000, 0x1000000, TASK_SIZE, 0, 0, 0,
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

  /** Maps the VMAs and picks the holes. */
  @Setup
  public void setUp() {
    mm = space(plugin);
    calls = new Calls(mm);
    area = new UnmappedArea(mm);
    for (int i = 0; i < VMAS; i++) {
      calls.mmap(vma(i), PAGE, i & 1, PRIVATE_ANONYMOUS | FIXED, -1, 0);
    }
    if (mm.vmas.size() != VMAS) {
      throw new IllegalStateException("vmas=" + mm.vmas.size());
    }
    SplittableRandom random = new SplittableRandom(42);
    for (int i = 0; i < holes.length; i++) {
      holes[i] = vma(1 + random.nextInt(VMAS - 1)) + PAGE;
    }
    hinted = place.equals("hole");
    bytes = hinted ? PAGE : 4 * PAGE;
    top = vma(VMAS - 1) - bytes;
    long address = placement();
    if (!hinted && address != top) {
      throw new IllegalStateException("top=" + top + " address=" + address);
    }
  }

  /** The i-th VMA from the top. */
  private static long vma(int i) {
    return MMAP_BASE - PAGE - 3 * PAGE * i;
  }

  private long hint() {
    return hinted ? holes[at++ & holes.length - 1] : 0;
  }

  private long address() {
    return hinted ? holes[at++ & holes.length - 1] : top;
  }

  /** Both calls. */
  @Benchmark
  public long pair() {
    long hint = hint();
    long address = calls.mmap(hint, bytes, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
    if (address <= 0 || (hint != 0 && address != hint) || calls.munmap(address, bytes) != 0) {
      throw new IllegalStateException("no pair: hint=" + hint + " address=" + address);
    }
    return address;
  }

  /** Where it goes: the search for a gap or the test of the hint. */
  @Benchmark
  public long placement() {
    return area.get(null, hint(), bytes, 0, PRIVATE_ANONYMOUS);
  }

  /** Whether it merges with its neighbours: it does not. */
  @Benchmark
  public @Nullable Object mergeDecision() {
    long start = address();
    long end = start + bytes;
    return mm.merger.mergeNew(
        mm.merger.request.forNew(
            mm.vmas.before(start), mm.vmas.find(end), start, end, start >> 12, FLAGS));
  }

  /** Its range into the index and out of it. */
  @Benchmark
  public int indexChange() {
    long start = address();
    int handle = mm.vmas.index().insert(start, start + bytes);
    mm.vmas.index().erase(handle);
    return handle;
  }

  /** The same with the object of the VMA, from the pool and back. */
  @Benchmark
  public Object vmaChange() {
    long start = address();
    Vma vma = mm.vmas.allocate(start, start + bytes);
    vma.flags = FLAGS;
    mm.vmas.insert(vma);
    mm.vmas.remove(vma);
    return vma;
  }

  /** Limits, the charge for memory that is promised, and the sums. */
  @Benchmark
  public boolean accounting() {
    long pages = bytes >> 12;
    boolean may = mm.accounting.mayExpand(FLAGS, pages) && mm.accounting.charge(pages);
    mm.accounting.add(FLAGS, pages);
    mm.accounting.add(FLAGS, -pages);
    mm.accounting.uncharge(pages);
    return may;
  }

  /** Unmapping pages, of which there are none, and page tables, which are not there either. */
  @Benchmark
  public long pageTables() {
    long start = address();
    mm.pages.ranges().zap(start, start + bytes, false, true, false);
    mm.pages.ranges().freeTables(start, start + bytes, start - PAGE, start + bytes);
    return mm.pages.tables();
  }

  /** What lies at an address. A pair asks five times or more, but mostly for what it found last. */
  @Benchmark
  public @Nullable Object lookUp() {
    return mm.vmas.find(address());
  }
}
