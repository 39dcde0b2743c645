// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.vma;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.vma.VmaIndex;
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
import org.openjdk.jmh.annotations.Warmup;

/** The plugins of {@code vma-index}; the peer is {@link TreeMapBenchmark}. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 900, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {
      "-XX:+UseSerialGC",
      "-Xms512m",
      "-Xmx512m",
      "-XX:-BackgroundCompilation",
      "--sun-misc-unsafe-memory-access=allow"
    })
public class VmaIndexBenchmark {
  /** The plugin. */
  @Param({"rbtree", "maple"})
  public String plugin = "rbtree";

  /** How many VMAs it holds. */
  @Param({"1000", "10000", "100000"})
  public int vmas;

  private VmaLayout layout = new VmaLayout(1);
  private VmaIndex index = create("rbtree");
  private int at;
  private int move;

  private static VmaIndex create(String plugin) {
    return PluginRegistry.discover().provider(Spi.VMA_INDEX, plugin, "plugin").create();
  }

  /** Fills the index. */
  @Setup
  public void setUp() {
    layout = new VmaLayout(vmas);
    index = create(plugin);
    for (int i = 0; i < vmas; i++) {
      index.insert(layout.start[layout.place[i]], layout.end[layout.place[i]]);
    }
  }

  /** find_vma of random addresses. */
  @Benchmark
  public int find() {
    long[] addresses = layout.random;
    return index.find(addresses[at++ & (addresses.length - 1)]);
  }

  /** find_vma, eight addresses in each VMA. */
  @Benchmark
  public int findLocal() {
    long[] addresses = layout.local;
    return index.find(addresses[at++ & (addresses.length - 1)]);
  }

  /** Removes the VMA at an address, inserts another elsewhere. */
  @Benchmark
  public int removeInsert() {
    long[] moves = layout.moves;
    int from = move;
    move = from + 3 == moves.length ? 0 : from + 3;
    index.erase(index.find(moves[from] - 1));
    return index.insert(moves[from + 1], moves[from + 2]);
  }
}
