// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.frame;

import io.mm4j.bench.Rounds;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the frame allocators in rounds, the C peer once in each round if there is a gcc, and prints
 * ratios with their goals.
 */
public final class FrameReport {
  private static final Map<String, String> IN_C =
      Map.of(
          "order0", "order 0, 10k live",
          "order3", "order 3, 10k live",
          "mixed", "mixed orders, 10k live");

  private FrameReport() {}

  /** {@code args}: the C source of the peer, then the number of rounds (3 without). */
  public static void main(String[] args) throws RunnerException, IOException, InterruptedException {
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 3;
    Path peer = args.length > 0 ? compile(Path.of(args[0])) : null;
    Map<String, List<Double>> c = new HashMap<>();
    Rounds measured = new Rounds("FrameAllocatorBenchmark");
    for (int round = 0; round < rounds; round++) {
      measured.run(1, System.err);
      if (peer != null) {
        runPeer(peer, c);
      }
    }
    print(measured, c, System.out);
  }

  private static @Nullable Path compile(Path source) throws IOException, InterruptedException {
    Path binary = Files.createTempFile("mm4j-buddy", "");
    try {
      Process gcc =
          new ProcessBuilder("gcc", "-O2", "-o", binary.toString(), source.toString())
              .inheritIO()
              .start();
      return gcc.waitFor() == 0 ? binary : null;
    } catch (IOException e) {
      System.err.println("no gcc: the C peer is left out");
      return null;
    }
  }

  private static void runPeer(Path peer, Map<String, List<Double>> c) throws IOException {
    Process process = new ProcessBuilder(peer.toString()).start();
    for (String line :
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList()) {
      String name = line.substring(0, 24).strip();
      String ns = line.substring(24).replace("ns", "").strip();
      c.computeIfAbsent(name, key -> new ArrayList<>()).add(Double.parseDouble(ns));
    }
  }

  private static void print(Rounds measured, Map<String, List<Double>> c, PrintStream out) {
    out.println("CPU time per pair (free + allocate): ns, x its peer, bytes allocated");
    for (String name : measured.names()) {
      String method = name.substring(0, name.indexOf(' '));
      double ns = measured.cpuNs(name);
      String ratio = "";
      List<Double> peer = c.get(IN_C.getOrDefault(method, ""));
      if (peer != null) {
        List<Double> sorted = new ArrayList<>(peer);
        Collections.sort(sorted);
        ratio = String.format("%.2fx C (goal for buddy 1.5)", ns / sorted.get(sorted.size() / 2));
      }
      out.printf("%-24s%9.1f ns  %-36s%6.1f B%n", name, ns, ratio, measured.bytes(name));
    }
    c.forEach((name, all) -> out.printf("%-24s%s ns in C%n", name, all));
  }
}
