// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * What a machine is like: zone DMA to 4 MiB, zone Normal behind it, of which the last two fifths of
 * all memory are node 1's if there are two. More nodes have equal parts of it.
 *
 * @param frames of all memory
 * @param distances for each node that to each
 * @param cpus on the nodes in turn
 */
record Shape(long frames, List<List<Integer>> distances, int cpus, Architecture architecture) {
  private static final List<List<Integer>> ONE = List.of(List.of(10));
  private static final List<List<Integer>> TWO = List.of(List.of(10, 20), List.of(20, 10));

  /** 20 MiB. */
  static final Shape USUAL = new Shape(5120, TWO, 2, Architecture.X86_64);

  /** The same on one node, so that both CPUs have the same lists. */
  static final Shape ONE_NODE = new Shape(5120, ONE, 2, Architecture.X86_64);

  /** Where zone DMA ends, and Normal begins. */
  static final long DMA_END = 1024;

  /** Small and large, with one CPU or several, of any architecture. */
  static Shape any(Seeded random) {
    Architecture[] all = Architecture.values();
    Architecture architecture = all[random.below(all.length)];
    long frames = List.of(5120L, 8193L, 8194L, 10_240L).get(random.below(4));
    int nodes = architecture == Architecture.X86_32_24 ? 1 : random.between(1, 2);
    return new Shape(frames, nodes == 1 ? ONE : TWO, random.between(1, 3), architecture);
  }

  /** Three or four nodes at any distance from each other, some as far as others. */
  static Shape far(Seeded random) {
    int nodes = random.between(3, 4);
    int[][] between = new int[nodes][nodes];
    for (int a = 0; a < nodes; a++) {
      between[a][a] = 10;
      for (int b = 0; b < a; b++) {
        between[a][b] = 16 + random.below(4);
        between[b][a] = between[a][b];
      }
    }
    List<List<Integer>> distances =
        Stream.of(between).map(row -> IntStream.of(row).boxed().toList()).toList();
    return new Shape(10_240, distances, random.between(1, nodes), Architecture.X86_64);
  }

  int nodes() {
    return distances.size();
  }

  /** The first frame of a node; behind the last one the end of memory. */
  private long start(int node) {
    return nodes() == 2 && node == 1 ? frames * 3 / 5 : frames * node / nodes();
  }

  int nodeOf(long paddr) {
    int node = nodes() - 1;
    while (paddr >>> Pages.PAGE_SHIFT < start(node)) {
      node--;
    }
    return node;
  }

  MemoryLayout layout() {
    MemoryMap map =
        new MemoryMap(
            List.of(new MemoryMap.Range(0, frames << Pages.PAGE_SHIFT, MemoryMap.Type.USABLE)));
    List<Node> nodes = new ArrayList<>();
    for (int node = 0; node < nodes(); node++) {
      List<Zone> zones = new ArrayList<>();
      if (node == 0) {
        zones.add(zone(ZoneType.DMA, 0, 0, DMA_END));
      }
      long first = node == 0 ? DMA_END : start(node);
      zones.add(zone(ZoneType.NORMAL, node, first, start(node + 1)));
      nodes.add(new Node(node, zones, distances.get(node)));
    }
    return new MemoryLayout(map, nodes);
  }

  private static Zone zone(ZoneType type, int node, long start, long end) {
    long first = Math.max(1, start); // frame 0 is nobody's
    return new Zone(type, node, first, end, end - first, end - first, Migratetype.MOVABLE);
  }

  @Override
  public String toString() {
    return (frames >>> 8)
        + " MiB"
        + (frames % 256 == 0 ? "" : " and " + frames % 256 + " pages")
        + (nodes() == 1 ? " on one node, " : " on " + nodes() + " nodes, ")
        + (nodes() > 2 ? "distances " + distances + ", " : "")
        + cpus
        + (cpus == 1 ? " CPU" : " CPUs")
        + (architecture == Architecture.X86_64 ? "" : ", " + architecture.id());
  }
}
