// SPDX-License-Identifier: Apache-2.0
package io.mm4j.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A peer in C, compiled by gcc when a report starts: each run prints lines of a name in 24 columns
 * and CPU nanoseconds.
 */
public final class NativePeer {
  private static final int NAME_COLUMNS = 24;

  private final Path binary;
  private final Map<String, List<Double>> all = new HashMap<>();

  private NativePeer(Path binary) {
    this.binary = binary;
  }

  /** Compiles it; null when there is no gcc or it fails, after a word on standard error. */
  public static @Nullable NativePeer compile(Path source) throws IOException, InterruptedException {
    Path binary = Files.createTempFile("mm4j-peer", "");
    binary.toFile().deleteOnExit();
    try {
      Process gcc =
          new ProcessBuilder(
                  "gcc",
                  "-O2",
                  "-pthread",
                  "-fno-builtin",
                  "-o",
                  binary.toString(),
                  source.toString(),
                  "-lm")
              .inheritIO()
              .start();
      return gcc.waitFor() == 0 ? new NativePeer(binary) : null;
    } catch (IOException e) {
      System.err.println("no gcc: the C peer is left out");
      return null;
    }
  }

  /** Runs it once and keeps what it prints. */
  public void run() throws IOException {
    run("", null);
  }

  /**
   * The same with a library that is loaded before all others.
   *
   * @param prefix before each name
   * @param preload the library; null for none
   */
  public void run(String prefix, @Nullable Path preload) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(binary.toString());
    if (preload != null) {
      builder.environment().put("LD_PRELOAD", preload.toString());
    }
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    for (String line : out.lines().toList()) {
      String name = prefix + line.substring(0, NAME_COLUMNS).strip();
      String ns = line.substring(NAME_COLUMNS).replace("ns", "").strip();
      all.computeIfAbsent(name, key -> new ArrayList<>()).add(Double.parseDouble(ns));
    }
  }

  /** The median of the runs, NaN when it never printed that name. */
  public double cpuNs(String name) {
    List<Double> values = new ArrayList<>(all.getOrDefault(name, List.of()));
    Collections.sort(values);
    return values.isEmpty() ? Double.NaN : values.get(values.size() / 2);
  }
}
