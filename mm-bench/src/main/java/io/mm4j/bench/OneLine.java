// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import java.io.PrintStream;
import java.util.Collection;
import java.util.Locale;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.format.OutputFormat;

/** Says which benchmark runs, on one line each with the seconds that it measures, and no more. */
final class OneLine implements OutputFormat {
  private final PrintStream out;
  private final String round;

  OneLine(PrintStream out, int round, int rounds) {
    this.out = out;
    this.round = "round " + round + " of " + rounds;
  }

  @Override
  public void startBenchmark(BenchmarkParams params) {
    out.printf(
        Locale.ROOT,
        "%s: %s, %.1f s%n",
        round,
        Rounds.name(params),
        seconds(params.getWarmup()) + seconds(params.getMeasurement()));
  }

  private static double seconds(IterationParams iterations) {
    return iterations.getCount() * iterations.getTime().convertTo(MILLISECONDS) / 1000.0;
  }

  @Override
  public void iteration(BenchmarkParams params, IterationParams iteration, int number) {
    // not told
  }

  @Override
  public void iterationResult(
      BenchmarkParams params, IterationParams iteration, int number, IterationResult result) {
    // not told
  }

  @Override
  public void endBenchmark(BenchmarkResult result) {
    // the report tells it
  }

  @Override
  public void startRun() {
    // not told
  }

  @Override
  public void endRun(Collection<RunResult> results) {
    // the report tells them
  }

  @Override
  public void print(String text) {
    // JMH's own words
  }

  @Override
  public void println(String text) {
    // JMH's own words
  }

  @Override
  public void flush() {
    out.flush();
  }

  @Override
  public void close() {
    // the caller's stream
  }

  @Override
  public void verbosePrintln(String text) {
    // JMH's own words
  }

  @Override
  public void write(int data) {
    // what the forked JVM prints
  }

  @Override
  public void write(byte[] data) {
    // what the forked JVM prints
  }
}
