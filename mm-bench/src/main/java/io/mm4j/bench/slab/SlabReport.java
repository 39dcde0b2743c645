// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.mm4j.bench.NativePeer;
import io.mm4j.bench.Rounds;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the slab benchmarks with their peers in turns and prints CPU time, ratios to {@code
 * slub:sheaves=all}, and bytes allocated on the Java heap.
 *
 * <p>Libraries that are not on this machine are left out, and said. jemalloc can be loaded only
 * with room for its thread-local variables: {@code
 * GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384}.
 */
public final class SlabReport {
  private static final List<String> LIBRARIES =
      List.of("glibc", "jemalloc", "mimalloc", "tcmalloc");
  private static final List<String> TOPICS = List.of("pair", "arena", "mix", "remote", "netty");

  private SlabReport() {}

  /**
   * {@code SOURCE ROUNDS [TOPIC,...] [BYTES,...]}: the C peer's source, rounds of one fork of each,
   * what to measure, and of which sizes.
   */
  public static void main(String[] args) throws RunnerException, IOException, InterruptedException {
    NativePeer peer = NativePeer.compile(Path.of(args[0]));
    int rounds = Integer.parseInt(args[1]);
    List<String> topics = args.length > 2 ? List.of(args[2].split(",", -1)) : TOPICS;
    String[] sizes = args.length > 3 ? args[3].split(",", -1) : new String[0];
    Map<String, Rounds> all = contenders(topics, sizes);
    for (int i = 1; i <= rounds; i++) {
      System.err.printf("round %d of %d%n", i, rounds);
      for (Map.Entry<String, Rounds> each : all.entrySet()) {
        each.getValue().run(1, new PrintStream(PrintStream.nullOutputStream()));
      }
      for (String library : LIBRARIES) {
        if (peer != null && Malloc.isThere(library)) {
          peer.run(library + " ", Malloc.file(library));
        }
      }
    }
    print(all, peer, System.out);
  }

  private static Map<String, Rounds> contenders(List<String> topics, String... sizes) {
    Map<String, Rounds> all = new LinkedHashMap<>();
    List<String> ours = new ArrayList<>();
    List<String> theirs = new ArrayList<>();
    List<String> netty = new ArrayList<>();
    if (topics.contains("pair")) {
      ours.add("SlabBenchmark.Pairs.(pair|heapPair)$");
      theirs.add("MallocBenchmark.Pairs.pair$");
      netty.add("NettyBenchmark.Pairs.pair$");
    }
    if (topics.contains("arena")) {
      ours.add("SlabBenchmark.Pairs.arena");
    }
    if (topics.contains("mix")) {
      ours.add("SlabBenchmark.Mixed");
      theirs.add("MallocBenchmark.Mixed");
      netty.add("NettyBenchmark.Mixed");
    }
    if (topics.contains("remote")) {
      ours.add("RemoteBenchmark");
    }
    add(all, "slub", new Rounds(ours.toArray(String[]::new)).timedByThread(), sizes);
    for (String library : LIBRARIES) {
      if (!Malloc.isThere(library)) {
        System.out.println(library + ": not on this machine, left out");
      } else if (!theirs.isEmpty()) {
        Rounds peers = new Rounds(theirs.toArray(String[]::new)).timedByThread();
        add(all, library, peers.jvmArgs("-Dmm4j.malloc=" + library), sizes);
      }
    }
    if (topics.contains("netty") && !netty.isEmpty()) {
      String[] names = netty.toArray(String[]::new);
      add(all, "netty", new Rounds(names).timedByThread(), sizes);
      Rounds fast = new Rounds(names).timedByThread();
      add(
          all,
          "netty-ftl",
          fast.jvmArgs(
              "-Djmh.executor=CUSTOM", "-Djmh.executor.class=" + FastThreads.class.getName()),
          sizes);
    }
    return all;
  }

  private static void add(Map<String, Rounds> all, String name, Rounds rounds, String... sizes) {
    all.put(name, sizes.length == 0 ? rounds : rounds.only("bytes", sizes));
  }

  private static void print(Map<String, Rounds> all, @Nullable NativePeer peer, PrintStream out) {
    out.printf("%-12s%-28s%10s%12s%10s%n", "", "", "ns CPU", "slub is", "B/op");
    Rounds ours = all.get("slub");
    if (ours == null) {
      return;
    }
    all.forEach(
        (who, rounds) -> {
          for (String name : rounds.names()) {
            double ns = rounds.cpuNs(name);
            String same = same(name);
            String ratio =
                who.equals("slub") || !ours.has(same)
                    ? ""
                    : "%.2f x".formatted(ours.cpuNs(same) / ns);
            out.printf("%-12s%-28s%10.2f%12s%10.2f%n", who, name, ns, ratio, rounds.bytes(name));
          }
        });
    for (String name : ours.names()) {
      for (String library : LIBRARIES) {
        double ns = peer == null ? Double.NaN : peer.cpuNs(library + " " + name);
        if (!Double.isNaN(ns)) {
          String ratio = "%.2f x".formatted(ours.cpuNs(name) / ns);
          out.printf("%-12s%-28s%10.2f%12s%n", library + " in C", name, ns, ratio);
        }
      }
    }
  }

  /** The benchmark of ours that a peer's is compared with: without the kind of Netty's. */
  private static String same(String name) {
    return name.replace(" adaptive", "").replace(" pooled", "");
  }
}
