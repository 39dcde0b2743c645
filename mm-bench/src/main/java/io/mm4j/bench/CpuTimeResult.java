// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench;

import java.util.Collection;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.Aggregator;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ResultRole;
import org.openjdk.jmh.util.SingletonStatistics;
import org.openjdk.jmh.util.Statistics;

/** CPU time and operations, added up separately and divided once. */
public final class CpuTimeResult extends Result<CpuTimeResult> {
  /** The label of the secondary result. */
  public static final String LABEL = "cpu.time";

  private static final long serialVersionUID = 1L;

  private final long cpuNs;
  private final long ops;

  /** CPU time in ns over a number of operations. */
  public CpuTimeResult(long cpuNs, long ops) {
    super(ResultRole.SECONDARY, LABEL, statistics(cpuNs, ops), "ns/op", AggregationPolicy.AVG);
    this.cpuNs = cpuNs;
    this.ops = ops;
  }

  private static Statistics statistics(long cpuNs, long ops) {
    return new SingletonStatistics(ops == 0 ? Double.NaN : (double) cpuNs / ops);
  }

  @Override
  protected Aggregator<CpuTimeResult> getThreadAggregator() {
    return CpuTimeResult::sum;
  }

  @Override
  protected Aggregator<CpuTimeResult> getIterationAggregator() {
    return CpuTimeResult::sum;
  }

  private static CpuTimeResult sum(Collection<CpuTimeResult> results) {
    long cpuNs = 0;
    long ops = 0;
    for (CpuTimeResult result : results) {
      cpuNs += result.cpuNs;
      ops += result.ops;
    }
    return new CpuTimeResult(cpuNs, ops);
  }
}
