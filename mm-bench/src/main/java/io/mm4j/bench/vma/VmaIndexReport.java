// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.vma;

import io.mm4j.bench.Rounds;
import java.io.PrintStream;
import java.util.List;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the index benchmarks and prints each as a ratio to java.util.TreeMap, with its goal.
 * Look-ups with locality are compared with TreeMap's random ones: the goal says what a cache of the
 * VMA found last is worth. TreeMap's own figures, with locality too, stand below.
 */
public final class VmaIndexReport {
  private static final List<String> SIZES = List.of("1000", "10000", "100000");

  private record Row(String title, String method, String plugin, List<Double> goals) {}

  private static final List<Row> ROWS =
      List.of(
          new Row("find_vma, random", "find", "rbtree", List.of(1.0, 0.9, 0.7)),
          new Row("find_vma, random", "find", "maple", List.of(0.8, 0.6, 0.35)),
          new Row("find_vma, 8 in a VMA", "findLocal", "rbtree", List.of(0.2, 0.2, 0.2)),
          new Row("find_vma, 8 in a VMA", "findLocal", "maple", List.of(0.2, 0.2, 0.2)),
          new Row("remove + insert", "removeInsert", "rbtree", List.of(1.0, 0.9, 0.7)),
          new Row("remove + insert", "removeInsert", "maple", List.of(0.8, 0.6, 0.27)));

  private VmaIndexReport() {}

  /** Runs {@code args[0]} rounds (3 without) of one fork for each benchmark. */
  public static void main(String[] args) throws RunnerException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 3;
    Rounds measured = new Rounds("VmaIndexBenchmark", "TreeMapBenchmark");
    measured.run(rounds, System.err);
    print(measured, System.out);
  }

  private static void print(Rounds measured, PrintStream out) {
    out.println("CPU time per operation: ns, x java.util.TreeMap (goal), bytes allocated");
    out.printf("%-22s%-9s%24s%24s%24s%n", "", "", "1,000 VMAs", "10,000", "100,000");
    for (Row row : ROWS) {
      out.printf("%-22s%-9s", row.title, row.plugin);
      for (int i = 0; i < SIZES.size(); i++) {
        String name = row.method + " " + row.plugin + " " + SIZES.get(i);
        double ns = measured.cpuNs(name);
        String peer = row.method.equals("findLocal") ? "find" : row.method;
        double ratio = ns / measured.cpuNs(peer + " " + SIZES.get(i));
        String ok = ratio <= row.goals.get(i) ? "" : "!";
        out.printf(
            "%24s",
            "%.0f %s%.2fx (%.2f) %.0fB"
                .formatted(ns, ok, ratio, row.goals.get(i), measured.bytes(name)));
      }
      out.println();
    }
    for (String method : List.of("find", "findLocal", "removeInsert")) {
      out.printf("%-31s", "TreeMap " + method);
      for (String size : SIZES) {
        String name = method + " " + size;
        out.printf("%24s", "%.0f %.0fB".formatted(measured.cpuNs(name), measured.bytes(name)));
      }
      out.println();
    }
  }
}
