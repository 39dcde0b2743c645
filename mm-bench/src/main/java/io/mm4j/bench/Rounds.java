// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.profile.Profiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Runs benchmarks in rounds of one fork each, so that peers take turns and a slow minute of the
 * machine hits all of them, and keeps the CPU time and the allocation of each.
 */
public final class Rounds {
  private final List<String> includes;
  private Class<? extends Profiler> profiler = CpuTimeProfiler.class;
  private String[] jvmArgs = {};
  private final Map<String, String[]> params = new TreeMap<>();
  private final Map<String, List<Double>> cpuNs = new TreeMap<>();
  private final Map<String, List<Double>> bytes = new TreeMap<>();

  /** Of all benchmarks that match one of the regular expressions. */
  public Rounds(String... includes) {
    this.includes = List.of(includes);
  }

  /** Measures the CPU time of the benchmark's threads from now on, not that of the process. */
  public Rounds timedByThread() {
    profiler = ThreadTimeProfiler.class;
    return this;
  }

  /** Starts each JVM with these arguments before its own. */
  public Rounds jvmArgs(String... arguments) {
    jvmArgs = arguments.clone();
    return this;
  }

  /** Only with these values of a parameter. */
  public Rounds only(String param, String... values) {
    params.put(param, values.clone());
    return this;
  }

  /** Whether a benchmark has run. */
  public boolean has(String name) {
    return cpuNs.containsKey(name);
  }

  /** Runs them so many times; {@code progress} hears of each benchmark. */
  public void run(int rounds, PrintStream progress) throws RunnerException {
    for (int round = 1; round <= rounds; round++) {
      OptionsBuilder options = new OptionsBuilder();
      includes.forEach(options::include);
      params.forEach(options::param);
      options
          .forks(1)
          .jvmArgsPrepend(jvmArgs)
          .verbosity(VerboseMode.SILENT)
          .addProfiler(profiler)
          .addProfiler(GCProfiler.class);
      Runner runner = new Runner(options.build(), new OneLine(progress, round, rounds));
      for (RunResult result : runner.run()) {
        String name = name(result.getParams());
        add(cpuNs, name, secondary(result, CpuTimeResult.LABEL));
        add(bytes, name, secondary(result, "gc.alloc.rate.norm"));
      }
    }
  }

  /** {@code method} and the values of its parameters, in the order of their names. */
  static String name(BenchmarkParams params) {
    String method = params.getBenchmark();
    StringBuilder name = new StringBuilder(method.substring(method.lastIndexOf('.') + 1));
    for (String key : params.getParamsKeys()) {
      name.append(' ').append(params.getParam(key));
    }
    return name.toString();
  }

  private static double secondary(RunResult result, String label) {
    var results = result.getSecondaryResults();
    for (String key : results.keySet()) {
      if (key.endsWith(label)) {
        return results.get(key).getScore();
      }
    }
    throw new IllegalStateException("no such result: label=" + label + " of " + results.keySet());
  }

  private static void add(Map<String, List<Double>> map, String name, double score) {
    map.computeIfAbsent(name, key -> new ArrayList<>()).add(score);
  }

  /** Every benchmark that ran: {@code method value value}. */
  public List<String> names() {
    return List.copyOf(cpuNs.keySet());
  }

  /** The median of the rounds: CPU time in ns per operation. */
  public double cpuNs(String name) {
    return median(cpuNs, name);
  }

  /** The median of the rounds: bytes allocated per operation. */
  public double bytes(String name) {
    return median(bytes, name);
  }

  private static double median(Map<String, List<Double>> map, String name) {
    List<Double> values = map.get(name);
    if (values == null) {
      throw new IllegalArgumentException("no such benchmark: name=" + name + " of " + map.keySet());
    }
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
