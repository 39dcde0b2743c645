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
 * prints what a fault and a forked page cost: without the zeroing or copying of the page, as a
 * ratio to what they consist of - a look-up of the VMA, a pair of the page allocator, a translation
 * - and beside the machine's own.
 */
public final class FaultReport {
  private static final List<String> PARTS = List.of("findVma", "pair", "translate");

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
    double parts = PARTS.stream().mapToDouble(measured::cpuNs).sum();
    double zeroing = measured.cpuNs("zeroedPair") - measured.cpuNs("pair");
    double copying = measured.cpuNs("copy");
    double fork = measured.cpuNs("fork");
    out.printf("CPU time of the thread; 1,000 VMAs, 10,000 pages%n");
    PARTS.forEach(part -> out.printf("  %-28s%8.1f ns%n", part, measured.cpuNs(part)));
    out.printf("  %-28s%8.1f ns%n", "together", parts);
    out.printf("  %-28s%8.1f ns%n", "zeroing a page", zeroing);
    out.printf("  %-28s%8.1f ns%n", "copying a page", copying);
    out.printf(
        "%n%-30s%11s%16s%10s%8s%12s%n", "", "all", "without bytes", "ratio", "B/op", "native");
    line(out, measured, machine, "anonymous", "anonymous", zeroing, parts);
    line(out, measured, machine, "presentPages", "-", 0, parts);
    line(out, measured, machine, "fileReads", "fileReads", 0, parts);
    line(out, measured, machine, "fork", "fork", 0, parts);
    line(out, measured, machine, "forkAndWrite", "forkAndWrite", copying, parts);
    out.printf(
        "%-30s%8.1f ns%13.1f ns%9.2fx%n",
        "a copy on write",
        measured.cpuNs("forkAndWrite") - fork,
        measured.cpuNs("forkAndWrite") - fork - copying,
        (measured.cpuNs("forkAndWrite") - fork - copying) / parts);
  }

  private static void line(
      PrintStream out,
      Rounds measured,
      @Nullable NativePeer machine,
      String method,
      String peer,
      double bytes,
      double parts) {
    double ns = measured.cpuNs(method);
    double theirs = machine == null ? Double.NaN : machine.cpuNs(peer);
    out.printf(
        "%-30s%8.1f ns%13.1f ns%9.2fx%8.2f%9.1f ns%n",
        method, ns, ns - bytes, (ns - bytes) / parts, measured.bytes(method), theirs);
  }
}
