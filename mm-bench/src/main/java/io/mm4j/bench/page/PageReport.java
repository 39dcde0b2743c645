// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.page;

import io.mm4j.bench.Rounds;
import java.io.PrintStream;
import java.util.List;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the page benchmarks in one run with their peer and prints them as ratios: pairs through
 * {@code PageAllocator.on} (kept) and through {@code allocPages}, with one frame allocator and page
 * allocator loaded and with three.
 */
public final class PageReport {
  private static final List<String> METHODS =
      List.of(
          "keptPairsOfPages",
          "pairsOfPages",
          "keptPairsOfHeldPages",
          "keptPairsOfOrder3",
          "pairsOfOrder3",
          "pairsOfOrder4",
          "mix");

  private PageReport() {}

  /** Runs {@code args[0]} rounds (3 without) of one fork for each benchmark. */
  public static void main(String[] args) throws RunnerException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 3;
    Rounds measured = new Rounds("page.PageBenchmark", "page.StackBenchmark");
    measured.timedByThread().run(rounds, System.err);
    print(measured, System.out);
  }

  private static void print(Rounds measured, PrintStream out) {
    double peer = measured.cpuNs("pairsOfInts");
    out.printf("CPU time of the thread per pair; int[] pop and push %.2f ns%n", peer);
    out.printf("%-20s%28s%28s%n", "", "1 plugin loaded", "3 loaded");
    for (String method : METHODS) {
      out.printf("%-20s", method);
      for (String loaded : List.of("1", "3")) {
        String name = method + " " + loaded;
        double ns = measured.cpuNs(name);
        out.printf("%28s", "%.1f ns %.1fx %.2fB".formatted(ns, ns / peer, measured.bytes(name)));
      }
      out.println();
    }
  }
}
