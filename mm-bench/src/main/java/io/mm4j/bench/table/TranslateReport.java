// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.table;

import io.mm4j.bench.Rounds;
import java.io.PrintStream;
import java.util.List;
import org.openjdk.jmh.runner.RunnerException;

/** Runs the page-table benchmarks in one run with their peers and prints them as ratios. */
public final class TranslateReport {
  private TranslateReport() {}

  /** Runs {@code args[0]} rounds (3 without) of one fork for each benchmark. */
  public static void main(String[] args) throws RunnerException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 3;
    Rounds measured = new Rounds("table.TranslateBenchmark");
    measured.timedByThread().run(rounds, System.err);
    print(measured, System.out);
  }

  private static void print(Rounds measured, PrintStream out) {
    out.println("CPU time of the thread; all four formats loaded; peers with constants");
    out.printf(
        "%-8s %12s %12s %6s %10s %14s %14s %6s %10s%n",
        "", "translate", "bare walk", "", "B/op", "map + unmap", "2 bare walks", "", "B/op");
    for (String format : List.of("x86-64", "la57", "x86-32", "x86-pae")) {
      double walk = measured.cpuNs("translate " + format);
      double bare = measured.cpuNs("bareWalk " + format);
      double pair = measured.cpuNs("mapUnmap " + format);
      double two = measured.cpuNs("twoBareWalks " + format);
      out.printf(
          "%-8s %9.2f ns %9.2f ns %5.2fx %10.2f %11.2f ns %11.2f ns %5.2fx %10.2f%n",
          format,
          walk,
          bare,
          walk / bare,
          measured.bytes("translate " + format),
          pair,
          two,
          pair / two,
          measured.bytes("mapUnmap " + format));
    }
  }
}
