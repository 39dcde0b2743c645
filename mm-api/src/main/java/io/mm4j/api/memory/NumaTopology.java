// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apiguardian.api.API;

/**
 * Which memory belongs to which node, and how far the nodes are from each other.
 *
 * @param memory for each node by number, its range of frames; ascending, without overlap
 * @param distances for each node by number, the distance to each node; 10 is local
 */
@API(status = API.Status.MAINTAINED)
public record NumaTopology(List<Span> memory, List<List<Integer>> distances) {
  /** {@code LOCAL_DISTANCE}. */
  public static final int LOCAL = 10;

  /** {@code REMOTE_DISTANCE}. */
  public static final int REMOTE = 20;

  private static final long FAKE_UNIT = (32L << 20) >>> Pages.PAGE_SHIFT;

  /**
   * The frames of a node.
   *
   * @param startPfn the first
   * @param endPfn one past the last
   */
  public record Span(long startPfn, long endPfn) {}

  /** Copies the lists, and checks that every node has a distance to every node. */
  public NumaTopology {
    memory = List.copyOf(memory);
    distances = distances.stream().map(List::copyOf).toList();
    int nodes = memory.size();
    if (distances.size() != nodes || distances.stream().anyMatch(d -> d.size() != nodes)) {
      throw new InputException(
          "distances " + distances, "numa", nodes + " rows of " + nodes + " distances");
    }
    for (int i = 0; i < nodes; i++) {
      for (int j = 0; j < nodes; j++) {
        int d = distances.get(i).get(j);
        if (i == j ? d != LOCAL : d < LOCAL || d > 255) {
          throw new InputException(
              "distance " + d + " from node " + i + " to node " + j, "numa", "10 at home, to 255");
        }
      }
    }
  }

  /** One node with all memory. */
  public static NumaTopology single(MemoryMap map) {
    return new NumaTopology(
        List.of(new Span(0, map.endOfRam() >>> Pages.PAGE_SHIFT)), List.of(List.of(LOCAL)));
  }

  /**
   * {@code numa=fake=N}: nodes of about equal size, in multiples of 32 MiB, holes not counted; the
   * last takes what is left. They are one physical node, so all distances are local. Models {@code
   * split_nodes_interleave()} of mm/numa_emulation.c for one physical node.
   */
  public static NumaTopology fake(MemoryMap map, int nodes) {
    long end = map.endOfRam() >>> Pages.PAGE_SHIFT;
    long each = map.usablePages(0, end) / nodes;
    long size = each & -FAKE_UNIT;
    if (size == 0) {
      throw new InputException(
          nodes + " nodes of " + (each >>> 8) + " MiB", "numa=fake=", "nodes of at least 32 MiB");
    }
    long larger = (each - size) * nodes / FAKE_UNIT;
    long dma32End = (1L << 32) >>> Pages.PAGE_SHIFT;
    List<Span> spans = new ArrayList<>();
    for (long start = 0; start < end; ) {
      long stop = start + size + (spans.size() < larger ? FAKE_UNIT : 0);
      while (stop < end && map.usablePages(start, stop) < size) {
        stop += FAKE_UNIT;
      }
      if (stop < dma32End && map.usablePages(stop, dma32End) < FAKE_UNIT) {
        stop = dma32End;
      }
      if (spans.size() == nodes - 1 || stop >= end || map.usablePages(stop, end) < size) {
        stop = end;
      }
      spans.add(new Span(start, stop));
      start = stop;
    }
    return of(spans, LOCAL);
  }

  /** Nodes with one distance between any two. */
  public static NumaTopology of(List<Span> spans, int distance) {
    List<List<Integer>> distances = new ArrayList<>();
    for (int i = 0; i < spans.size(); i++) {
      List<Integer> row = new ArrayList<>(Collections.nCopies(spans.size(), distance));
      row.set(i, LOCAL);
      distances.add(row);
    }
    return new NumaTopology(spans, distances);
  }
}
