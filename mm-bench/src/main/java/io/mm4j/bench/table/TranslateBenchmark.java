// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.table;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
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
 * Translations of random addresses in 64 MiB of mapped pages, and mapping and unmapping a page,
 * beside {@link BareWalk}s of the same tables. Before that the tables of all four formats are used
 * as often, so that the JIT compiler cannot take the format for a constant.
 *
 * <p>The loops count by a field that is always 1, so that they are not unrolled.
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
public class TranslateBenchmark {
  private static final int ROW = 64;
  private static final int PAGES = 16384;
  private static final long BASE = 0x1000_0000L;
  private static final Map<String, Architecture> FORMATS = new LinkedHashMap<>();

  static {
    FORMATS.put("x86-64", Architecture.X86_64);
    FORMATS.put("la57", Architecture.X86_64);
    FORMATS.put("x86-32", Architecture.X86_32);
    FORMATS.put("x86-pae", Architecture.X86_PAE);
  }

  /** A machine with page tables, and the bare walk of them. */
  private static final class Side {
    final Machine machine;
    final PageTables tables;
    final Cpu cpu;
    final long root;
    final TableCursor cursor;
    final BareWalk bare;
    final long leaf;

    Side(String format) {
      machine =
          new MachineConfig()
              .architecture(FORMATS.getOrDefault(format, Architecture.X86_64))
              .memory(256L << 20)
              .contents(Contents.TABLES)
              .plugin("page-table=" + format)
              .boot();
      tables = machine.pageTables();
      cpu = machine.cpus().get(0);
      root = tables.newRoot(cpu);
      cursor = tables.cursor();
      PageTableFormat f = tables.format();
      long prot = f.userProt(PageTableFormat.READ | PageTableFormat.WRITE);
      for (int i = 0; i < PAGES; i++) {
        if (cursor.ensure(cpu, root, BASE + i * 4096L, 1) != 1) {
          throw new IllegalStateException("no memory for tables");
        }
        cursor.set(f.leaf(1, 1000 + i, prot));
      }
      leaf = f.leaf(1, 77, prot);
      bare = BareWalk.of(format, machine.memory().ram(), root);
    }

    long mapUnmap(long at) {
      int _ = cursor.ensure(cpu, root, at, 1);
      cursor.set(leaf);
      return cursor.seek(root, at, 1) + cursor.getAndClear();
    }
  }

  /** Whose tables are measured. */
  @Param({"x86-64", "la57", "x86-32", "x86-pae"})
  public String format = "x86-64";

  /** Always 1. */
  public int stride = 1;

  private Side side = new Side("x86-64");
  private final Map<String, Side> sides = new LinkedHashMap<>();
  private final long[] addresses = new long[ROW];
  private final long[] holes = new long[ROW];

  /** Makes the tables of all formats, and uses each of them alike. */
  @Setup
  public void setUp() {
    side.machine.close();
    Random random = new Random(7);
    for (int i = 0; i < ROW; i++) {
      addresses[i] = BASE + random.nextInt(PAGES) * 4096L + random.nextInt(4096);
      holes[i] = BASE + ((long) PAGES + i) * 4096L;
    }
    FORMATS.keySet().forEach(name -> sides.put(name, new Side(name)));
    long sum = 0;
    for (int i = 0; i < 30_000; i++) {
      for (Side any : sides.values()) {
        long address = addresses[i % ROW];
        sum += any.tables.translate(any.root, address);
        sum += any.mapUnmap(holes[i % ROW]);
        if (any.tables.translate(any.root, address) != any.bare.translate(address)) {
          throw new IllegalStateException("the peer translates otherwise: " + sum);
        }
      }
    }
    side = sides.getOrDefault(format, side);
  }

  /** Closes the machines. */
  @TearDown
  public void tearDown() {
    sides.values().forEach(any -> any.machine.close());
  }

  /** The plugin's walk. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long translate() {
    PageTables tables = side.tables;
    long root = side.root;
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      sum += tables.translate(root, addresses[i]);
    }
    return sum;
  }

  /** The same with constants. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long bareWalk() {
    BareWalk bare = side.bare;
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      sum += bare.translate(addresses[i]);
    }
    return sum;
  }

  /** A page is mapped where a table is, and unmapped. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long mapUnmap() {
    Side mine = side;
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      sum += mine.mapUnmap(holes[i]);
    }
    return sum;
  }

  /** Two bare walks to the entry, one that sets it and one that clears it. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long twoBareWalks() {
    BareWalk bare = side.bare;
    long leaf = side.leaf;
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      bare.put(bare.slot(holes[i]), leaf);
      long slot = bare.slot(holes[i]);
      bare.put(slot, 0);
      sum += slot;
    }
    return sum;
  }
}
