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
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the slab benchmarks with their peers in turns and prints CPU time, ratios to {@code
 * slub:sheaves=all}, and bytes allocated on the Java heap; last, {@link SlabGoals}.
 *
 * <p>A round has 83 forks of three seconds; a topic 5 to 28 of them. Libraries that are not on this
 * machine are left out, and said; so is jemalloc without room for its thread-local variables, which
 * the environment gives: {@code GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384}.
 */
public final class SlabReport {
  private static final List<String> LIBRARIES =
      List.of("glibc", "jemalloc", "mimalloc", "tcmalloc");

  /** What can be measured, with our benchmarks, those of libraries, and Netty's. */
  private enum Topic {
    PAIR("SlabBenchmark.Pairs.pair$", "MallocBenchmark.Pairs.pair$", ""),
    HEAP("SlabBenchmark.Pairs.heapPair$", "", ""),
    ARENA("SlabBenchmark.Pairs.arena", "", ""),
    MIX("SlabBenchmark.Mixed", "MallocBenchmark.Mixed", ""),
    REMOTE("RemoteBenchmark.Slub", "RemoteBenchmark.Libraries", ""),
    NETTY("", "", "NettyBenchmark");

    private final String ours;
    private final String libraries;
    private final String netty;

    Topic(String ours, String libraries, String netty) {
      this.ours = ours;
      this.libraries = libraries;
      this.netty = netty;
    }
  }

  private SlabReport() {}

  /**
   * {@code SOURCE ROUNDS [TOPIC,...] [BYTES,...]}: the C peer's source, rounds of one fork of each,
   * what to measure of pair, heap, arena, mix, remote and netty, and of which sizes.
   */
  public static void main(String[] args) throws RunnerException, IOException, InterruptedException {
    NativePeer peer = NativePeer.compile(Path.of(args[0]));
    int rounds = Integer.parseInt(args[1]);
    List<Topic> topics = new ArrayList<>();
    if (args.length > 2) {
      for (String name : args[2].split(",", -1)) {
        topics.add(Topic.valueOf(name.toUpperCase(Locale.ROOT)));
      }
    } else {
      topics.addAll(List.of(Topic.values()));
    }
    String[] sizes = args.length > 3 ? args[3].split(",", -1) : new String[0];
    List<String> libraries = new ArrayList<>();
    for (String library : LIBRARIES) {
      String why = whyNot(library);
      if (why.isEmpty()) {
        libraries.add(library);
      } else {
        System.out.println(library + ": left out, " + why);
      }
    }
    Map<String, Rounds> all = contenders(topics, libraries, sizes);
    for (int i = 1; i <= rounds; i++) {
      for (Map.Entry<String, Rounds> each : all.entrySet()) {
        long start = System.nanoTime();
        each.getValue().run(1, new PrintStream(PrintStream.nullOutputStream()));
        System.err.printf(
            "round %d of %d: %s, %d s%n",
            i, rounds, each.getKey(), (System.nanoTime() - start) / 1_000_000_000);
      }
      for (String library : libraries) {
        if (peer != null) {
          peer.run(library + " ", Malloc.file(library));
        }
      }
    }
    print(all, peer, System.out);
    SlabGoals.print(all, peer, System.out);
  }

  private static String whyNot(String library) {
    if (!Malloc.isThere(library)) {
      return "it is not on this machine";
    }
    String tunables = System.getenv().getOrDefault("GLIBC_TUNABLES", "");
    return library.equals("jemalloc") && !tunables.contains("optional_static_tls")
        ? "set GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384"
        : "";
  }

  private static Map<String, Rounds> contenders(
      List<Topic> topics, List<String> libraries, String... sizes) {
    Map<String, Rounds> all = new LinkedHashMap<>();
    String[] ours = names(topics, topic -> topic.ours);
    if (ours.length > 0) {
      add(all, "slub", new Rounds(ours), sizes);
    }
    String[] theirs = names(topics, topic -> topic.libraries);
    for (String library : libraries) {
      if (theirs.length > 0) {
        add(all, library, new Rounds(theirs).jvmArgs("-Dmm4j.malloc=" + library), sizes);
      }
    }
    String[] netty = names(topics, topic -> topic.netty);
    if (netty.length > 0) {
      add(all, "netty", new Rounds(netty), sizes);
      String[] fast = {
        "-Djmh.executor=CUSTOM", "-Djmh.executor.class=" + FastThreads.class.getName()
      };
      add(all, "netty-ftl", new Rounds(netty).jvmArgs(fast), sizes);
    }
    return all;
  }

  private static String[] names(List<Topic> topics, Function<Topic, String> which) {
    return topics.stream().map(which).filter(name -> !name.isEmpty()).toArray(String[]::new);
  }

  private static void add(Map<String, Rounds> all, String name, Rounds rounds, String... sizes) {
    Rounds timed = rounds.timedByThread();
    all.put(name, sizes.length == 0 ? timed : timed.only("bytes", sizes));
  }

  private static void print(Map<String, Rounds> all, @Nullable NativePeer peer, PrintStream out) {
    out.printf("%-12s%-28s%10s%12s%10s%n", "", "", "ns CPU", "slub is", "B/op");
    Rounds ours = all.getOrDefault("slub", new Rounds());
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
