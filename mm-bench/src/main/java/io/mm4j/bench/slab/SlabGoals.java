// SPDX-License-Identifier: Apache-2.0

package io.mm4j.bench.slab;

import io.mm4j.bench.NativePeer;
import io.mm4j.bench.Rounds;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the slab allocator is to reach beside its peers, and what it does; of what was measured. */
final class SlabGoals {
  private static final List<Integer> SMALL = List.of(64, 256, 1024, 4096);
  private static final List<String> THREE = List.of("glibc", "jemalloc", "mimalloc");
  private static final List<String> FOUR = List.of("glibc", "jemalloc", "mimalloc", "tcmalloc");

  private final Map<String, Rounds> all;
  private final Rounds slub;
  private final PrintStream out;

  private SlabGoals(Map<String, Rounds> all, Rounds slub, PrintStream out) {
    this.all = all;
    this.slub = slub;
    this.out = out;
  }

  /** Prints a line for each goal whose both sides were measured. */
  static void print(Map<String, Rounds> all, @Nullable NativePeer peer, PrintStream out) {
    Rounds slub = all.get("slub");
    if (slub != null) {
      new SlabGoals(all, slub, out).run(peer);
    }
  }

  private void run(@Nullable NativePeer peer) {
    out.printf("%n%-44s%10s%10s%10s%8s%8s%n", "goal", "slub", "peer", "ratio", "most", "B/op");
    for (int bytes : SMALL) {
      String pair = "pair " + bytes;
      line(pair + " / best of three by downcall", pair, least(THREE, pair), 0.6);
      line(pair + " / tcmalloc by downcall", pair, least(List.of("tcmalloc"), pair), 0.8);
    }
    String large = "pair 65536";
    line(large + " / best of four by downcall", large, least(FOUR, large), 1.0);
    for (String mix : List.of("mix", "mixOfTwo")) {
      line(mix + " / mimalloc by downcall", mix, least(List.of("mimalloc"), mix), 0.6);
    }
    for (int bytes : List.of(64, 256, 1024, 4096, 65536)) {
      String jdk = "arenaOfTheJdk " + bytes;
      double peers = slub.has(jdk) ? slub.cpuNs(jdk) : Double.NaN;
      line("arena " + bytes + " / Arena.ofConfined", "arena " + bytes, peers, 0.5);
    }
    double remote = peer == null ? Double.NaN : peer.cpuNs("mimalloc remote");
    line("remote / mimalloc in C", "remote", remote, 2);
  }

  /** The least of these libraries; NaN if one of them was not measured. */
  private double least(List<String> libraries, String name) {
    return libraries.stream().mapToDouble(library -> cpuNs(library, name)).min().orElse(Double.NaN);
  }

  private double cpuNs(String library, String name) {
    Rounds rounds = all.get(library);
    return rounds == null || !rounds.has(name) ? Double.NaN : rounds.cpuNs(name);
  }

  private void line(String goal, String name, double peer, double most) {
    if (!Double.isNaN(peer) && slub.has(name)) {
      double ours = slub.cpuNs(name);
      String met = ours / peer <= most ? "" : "  missed";
      out.printf(
          "%-44s%10.2f%10.2f%8.2f x%8.1f%8.2f%s%n",
          goal, ours, peer, ours / peer, most, slub.bytes(name), met);
    }
  }
}
