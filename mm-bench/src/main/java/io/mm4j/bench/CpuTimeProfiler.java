// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.IterationResult;

/**
 * Measures the CPU time of the whole process in each measured iteration, collector and compiler
 * included, and reports it per operation as {@value CpuTimeResult#LABEL}. On a shared machine wall
 * time says little; this is what the project's benchmarks are judged by.
 *
 * <p>The figure of a fork is the sum of its CPU time over the sum of its operations. The clock
 * ticks as the operating system's does: iterations of 100 ms or more.
 */
public final class CpuTimeProfiler implements InternalProfiler {
  private static final OperatingSystemMXBean OS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private long before;

  @Override
  public String getDescription() {
    return "CPU time of the process per operation";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    before = OS.getProcessCpuTime();
  }

  @Override
  public Collection<CpuTimeResult> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    long cpuNs = OS.getProcessCpuTime() - before;
    return List.of(new CpuTimeResult(cpuNs, result.getMetadata().getMeasuredOps()));
  }
}
