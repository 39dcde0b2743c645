// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench.fault;

import io.mm4j.bench.NativePeer;
import io.mm4j.bench.Rounds;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs {@link FaultBenchmark} in rounds, faults and forks of this machine once in each round, and
 * prints what a fault and a forked page cost, as a ratio to what they consist of - a look-up of the
 * VMA, a pair of the page allocator, a translation - and beside the machine's own. The ratio is
 * that of pages without bytes, so that nothing is zeroed or copied: among so many pages that drives
 * everything else out of the caches, too.
 */
public final class FaultReport {
  private static final List<String> PARTS = List.of("findVma", "pair", "translate");

  private static final String FULL = "ALL";
  private static final String BARE = "TABLES";

  private FaultReport() {}

  /** {@code args}: the C source of the peer, then the number of rounds (3 without). */
  public static void main(String[] args) throws RunnerException, IOException, InterruptedException {
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 3;
    NativePeer machine = args.length > 0 ? NativePeer.compile(Path.of(args[0])) : null;
    Rounds measured = new Rounds("fault.FaultBenchmark").timedByThread();
    for (int round = 0; round < rounds; round++) {
      measured.run(1, System.err);
      if (machine != null) {
        machine.run();
      }
    }
    print(measured, machine, System.out);
  }

  private static void print(Rounds measured, @Nullable NativePeer machine, PrintStream out) {
    double parts = PARTS.stream().mapToDouble(part -> ns(measured, part, BARE)).sum();
    out.printf("CPU time of the thread; 1,000 VMAs, 10,000 pages%n");
    PARTS.forEach(part -> out.printf("  %-28s%8.1f ns%n", part, ns(measured, part, BARE)));
    out.printf("  %-28s%8.1f ns%n", "together", parts);
    out.printf("  %-28s%8.1f ns%n", "pair, of 10,000 pages", ns(measured, "pairOfAll", BARE));
    out.printf("  %-28s%8.1f ns%n", "zeroing, of 10,000 pages", ns(measured, "zeroing", FULL));
    out.printf("  %-28s%8.1f ns%n", "copying, of 10,000 pages", ns(measured, "copying", FULL));
    out.printf(
        "%n%-20s%20s%10s%8s%14s%12s%n",
        "", "pages without bytes", "ratio", "B/op", "with bytes", "native");
    for (String method : List.of("anonymous", "presentPages", "fileReads", "fork")) {
      String peer = method.equals("presentPages") ? "-" : method;
      double theirs = machine == null ? Double.NaN : machine.cpuNs(peer);
      line(out, measured, method, ns(measured, method, BARE), ns(measured, method, FULL), parts);
      out.printf("%9.1f ns%n", theirs);
    }
    double theirs =
        machine == null ? Double.NaN : machine.cpuNs("forkAndWrite") - machine.cpuNs("fork");
    line(out, measured, "forkAndWrite", copy(measured, BARE), copy(measured, FULL), parts);
    out.printf("%9.1f ns%n", theirs);
  }

  private static double copy(Rounds measured, String contents) {
    return ns(measured, "forkAndWrite", contents) - ns(measured, "fork", contents);
  }

  private static double ns(Rounds measured, String method, String contents) {
    return measured.cpuNs(method + " " + contents);
  }

  private static void line(
      PrintStream out, Rounds measured, String method, double bare, double full, double parts) {
    out.printf(
        "%-20s%17.1f ns%9.2fx%8.2f%11.1f ns",
        method.equals("forkAndWrite") ? "copy on write" : method,
        bare,
        bare / parts,
        measured.bytes(method + " " + BARE),
        full);
  }
}
