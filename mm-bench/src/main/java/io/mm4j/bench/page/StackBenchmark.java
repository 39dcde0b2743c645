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

/**
 * The peer of the pairs: a bare stack of ints, sixteen popped and sixteen pushed.
 *
 * <p>The loops count by a field that is always 1, here and in {@link PageBenchmark}: the JIT
 * compiler does not unroll a loop whose stride it does not know, so that the body is one pop or one
 * push.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 300, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 3,
    jvmArgsAppend = {"-XX:+UseSerialGC", "-Xms512m", "-Xmx512m", "-Xbatch"})
public class StackBenchmark {
  private static final int ROW = 16;

  private final int[] stack = new int[4096];
  private final long[] row = new long[ROW];
  private int top = 2048;

  /** Always 1. */
  public int stride = 1;

  /** Pops and pushes. */
  @Benchmark
  @OperationsPerInvocation(ROW)
  public long pairsOfInts() {
    long sum = 0;
    int step = stride;
    for (int i = 0; i < ROW; i += step) {
      row[i] = stack[--top];
      sum += row[i];
    }
    for (int i = 0; i < ROW; i += step) {
      stack[top++] = (int) row[i];
    }
    return sum;
  }
}
