// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.vmalloc;

import io.mm4j.bench.Rounds;
import java.io.PrintStream;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the benchmarks of vmalloc in one run with their peers and prints them as ratios: areas
 * beside pages mapped one by one, and {@code rbtree} beside {@code vmlist}.
 */
public final class VmallocReport {
  private VmallocReport() {}

  /** Runs {@code args[0]} rounds (3 without) of one fork for each benchmark. */
  public static void main(String[] args) throws RunnerException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 3;
    Rounds measured = new Rounds("vmalloc.VmallocBenchmark", "vmalloc.AddressBenchmark");
    measured.timedByThread().run(rounds, System.err);
    print(measured, System.out);
  }

  private static void print(Rounds measured, PrintStream out) {
    out.println("CPU time of the thread for each page; vmalloc and vfree, purges included");
    out.printf(
        "%5s %15s %26s %8s %7s%n",
        "pages", "vmalloc + vfree", "pair + map + unmap (peer)", "", "B/op");
    for (int pages : new int[] {1, 16, 512}) {
      double area = measured.cpuNs("vmallocVfree " + pages) / pages;
      double peer = measured.cpuNs("pairsMappedAndUnmapped " + pages) / pages;
      out.printf(
          "%5d %12.1f ns %23.1f ns %7.2fx %7.2f%n",
          pages, area, peer, area / peer, measured.bytes("vmallocVfree " + pages));
    }
    double tree = measured.cpuNs("behindTenThousand rbtree");
    double list = measured.cpuNs("behindTenThousand vmlist");
    out.printf(
        "a hole behind the 10,000th area: rbtree %.1f ns, vmlist %.1f ns, %.1fx%n",
        tree, list, list / tree);
  }
}
