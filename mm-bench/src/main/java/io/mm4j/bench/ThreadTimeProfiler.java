// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.IterationResult;

/**
 * Measures the CPU time of the threads that run the benchmark in each measured iteration, without
 * compiler and collector, and reports it per operation as {@value CpuTimeResult#LABEL}: for pairs
 * of a few nanoseconds, for which the clock of the whole process is too coarse.
 */
public final class ThreadTimeProfiler implements InternalProfiler {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private long before;

  @Override
  public String getDescription() {
    return "CPU time of the benchmark's threads per operation";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    before = workersNs();
  }

  @Override
  public Collection<CpuTimeResult> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    return List.of(new CpuTimeResult(workersNs() - before, result.getMetadata().getMeasuredOps()));
  }

  private static long workersNs() {
    long sum = 0;
    for (Thread thread : Thread.getAllStackTraces().keySet()) {
      if (thread.getName().contains("jmh-worker")) {
        sum += Math.max(0, THREADS.getThreadCpuTime(thread.threadId()));
      }
    }
    return sum;
  }
}
