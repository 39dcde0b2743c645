// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.vma;

import io.mm4j.bench.NativePeer;
import io.mm4j.bench.Rounds;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs {@link MmapPairBenchmark} in rounds, the same system calls of this machine once in each
 * round, and prints what a pair costs, as a ratio to the machine's own, and what it consists of.
 */
public final class MmapPairReport {
  private static final List<String> PLACES = List.of("hole", "top");
  private static final List<String> PLUGINS = List.of("rbtree", "maple");

  private record Part(String title, String method) {}

  private static final List<Part> PARTS =
      List.of(
          new Part("placement", "placement"),
          new Part("a look-up", "lookUp"),
          new Part("merge decision", "mergeDecision"),
          new Part("index insert + erase", "indexChange"),
          new Part("  with the VMA's object", "vmaChange"),
          new Part("accounting", "accounting"),
          new Part("page tables", "pageTables"));

  private MmapPairReport() {}

  /** {@code args}: the C source of the peer, then the number of rounds (3 without). */
  public static void main(String[] args) throws RunnerException, IOException, InterruptedException {
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 3;
    NativePeer machine = args.length > 0 ? NativePeer.compile(Path.of(args[0])) : null;
    Rounds measured = new Rounds("MmapPairBenchmark");
    for (int round = 0; round < rounds; round++) {
      measured.run(1, System.err);
      if (machine != null) {
        machine.run();
      }
    }
    print(measured, machine, System.out);
  }

  private static void print(Rounds measured, @Nullable NativePeer machine, PrintStream out) {
    out.println("mmap + munmap among 1,000 VMAs, CPU time: ns, x this machine's (goal), bytes");
    for (String place : PLACES) {
      double peer = machine == null ? Double.NaN : machine.cpuNs(place);
      for (String plugin : PLUGINS) {
        String name = "pair " + place + " " + plugin;
        double ns = measured.cpuNs(name);
        out.printf(
            "%-6s%-9s%7.0f ns (500)  %s1/%.0f (1/10)  %.0f B%n",
            place,
            plugin,
            ns,
            ns <= 500 && !(ns > peer / 10) ? "" : "!",
            peer / ns,
            measured.bytes(name));
      }
    }
    if (machine != null) {
      out.printf(
          "this machine: hole %.0f ns, top %.0f ns, getppid %.0f ns%n",
          machine.cpuNs("hole"), machine.cpuNs("top"), machine.cpuNs("getppid"));
    }
    out.printf("%n%-25s", "each part alone, ns");
    PLACES.forEach(place -> PLUGINS.forEach(plugin -> out.printf("%14s", place + " " + plugin)));
    out.println();
    for (Part part : PARTS) {
      out.printf("%-25s", part.title);
      for (String place : PLACES) {
        for (String plugin : PLUGINS) {
          String name = part.method + " " + place + " " + plugin;
          out.printf("%14.0f", measured.cpuNs(name));
        }
      }
      out.println();
    }
  }
}
