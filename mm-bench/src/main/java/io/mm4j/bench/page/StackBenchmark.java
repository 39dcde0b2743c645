// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.page;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The peer of the order-0 pair: a bare stack of ints, sixteen popped and sixteen pushed. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 400, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {"-XX:+UseSerialGC", "-Xms512m", "-Xmx512m"})
public class StackBenchmark {
  private static final int ROW = 16;

  private final int[] stack = new int[4096];
  private final long[] row = new long[ROW];
  private int top = 2048;

  /** Pops and pushes. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long pairsOfInts() {
    long sum = 0;
    for (int i = 0; i < ROW; i++) {
      row[i] = stack[--top];
      sum += row[i];
    }
    for (int i = 0; i < ROW; i++) {
      stack[top++] = (int) row[i];
    }
    return sum;
  }
}
