// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.ArrayList;
import java.util.List;
import org.apiguardian.api.API;

/**
 * Which nodes stand in for a node that has nothing to give, and in which order: pages are looked
 * for in this order, and so are free objects. Models {@code find_next_best_node()} and {@code
 * build_zonelists()} of mm/page_alloc.c (Linux 6.18).
 */
@API(status = API.Status.EXPERIMENTAL)
public final class NodeFallback {
  private static final int MAX_NUMNODES = 1024;

  private NodeFallback() {}

  /**
   * The order of the nodes for each node: itself, then the nearest; among equals those with a
   * higher number than one's own, those that fewer others have chosen as their next. Nodes without
   * memory ({@code N_MEMORY}) are in nobody's order and are no next of anybody. Linux would rather
   * have nodes without CPUs, too, but when it makes the lists at boot no node has any yet.
   *
   * @param nodes all of a machine, by number
   * @return for each of them the numbers of those with memory; takes time cubic in their number
   */
  public static List<List<Integer>> orders(List<Node> nodes) {
    long[] load = new long[nodes.size()];
    List<List<Integer>> orders = new ArrayList<>();
    List<Node> withMemory = nodes.stream().filter(n -> !n.zones().isEmpty()).toList();
    for (Node local : nodes) {
      List<Integer> order = new ArrayList<>();
      int previous = local.id();
      while (order.size() < withMemory.size()) {
        int next = nextBest(local, withMemory, order, load);
        if (!local.distances().get(next).equals(local.distances().get(previous))) {
          load[next]++;
        }
        order.add(next);
        previous = next;
      }
      orders.add(List.copyOf(order));
    }
    return List.copyOf(orders);
  }

  private static int nextBest(Node local, List<Node> nodes, List<Integer> used, long[] load) {
    if (!used.contains(local.id()) && nodes.contains(local)) {
      return local.id();
    }
    long least = Long.MAX_VALUE;
    int best = -1;
    for (Node node : nodes) {
      int n = node.id();
      if (used.contains(n)) {
        continue;
      }
      long value = local.distances().get(n);
      value += n < local.id() ? 1 : 0;
      value = value * MAX_NUMNODES + load[n];
      if (value < least) {
        least = value;
        best = n;
      }
    }
    return best;
  }
}
