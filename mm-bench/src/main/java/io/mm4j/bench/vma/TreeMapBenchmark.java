// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.vma;

import java.util.Objects;
import java.util.TreeMap;
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
 * The peer: java.util.TreeMap from the end of a VMA to its object, so that find_vma is one {@code
 * higherEntry}.
 */
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
public class TreeMapBenchmark {
  /** What a caller keeps of a VMA. */
  public static final class Vma {
    long start;
    long end;
  }

  /** How many VMAs it holds. */
  @Param({"1000", "10000", "100000"})
  public int vmas;

  private VmaLayout layout = new VmaLayout(1);
  private int at;
  private int move;
  private final TreeMap<Long, Vma> map = new TreeMap<>();

  /** Fills the map. */
  @Setup
  public void setUp() {
    layout = new VmaLayout(vmas);
    for (int i = 0; i < vmas; i++) {
      Vma vma = new Vma();
      vma.start = layout.start[layout.place[i]];
      vma.end = layout.end[layout.place[i]];
      map.put(vma.end, vma);
    }
  }

  /** find_vma of random addresses. */
  @Benchmark
  public Vma find() {
    long[] addresses = layout.random;
    return map.higherEntry(addresses[at++ & (addresses.length - 1)]).getValue();
  }

  /** find_vma, eight addresses in each VMA. */
  @Benchmark
  public Vma findLocal() {
    long[] addresses = layout.local;
    return map.higherEntry(addresses[at++ & (addresses.length - 1)]).getValue();
  }

  /** Removes a VMA by its key, inserts it elsewhere. */
  @Benchmark
  public @Nullable Vma removeInsert() {
    long[] moves = layout.moves;
    int from = move;
    move = from + 3 == moves.length ? 0 : from + 3;
    Vma vma = Objects.requireNonNull(map.remove(moves[from]));
    vma.start = moves[from + 1];
    vma.end = moves[from + 2];
    return map.put(vma.end, vma);
  }
}
