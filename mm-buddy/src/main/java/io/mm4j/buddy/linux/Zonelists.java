// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.ZoneType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a request looks, and in which order: the nodes by distance, and the zones of each from the
 * highest that may serve down. Models {@code build_zonelists()} and {@code find_next_best_node()}
 * of mm/page_alloc.c (Linux 6.18).
 */
final class Zonelists {
  private static final int MAX_NUMNODES = 1024;

  private Zonelists() {}

  /**
   * The order of the nodes for each node: itself, then the nearest; among equals those with a
   * higher number than one's own, those that fewer others have chosen as their next. Nodes without
   * memory ({@code N_MEMORY}) are in nobody's order and are no next of anybody. Linux would rather
   * have nodes without CPUs, too, but when it makes the lists at boot no node has any yet.
   */
  static List<List<Integer>> nodeOrders(List<Node> nodes) {
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
      orders.add(order);
    }
    return orders;
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

  /** What a request of one kind walks. */
  static final class Zonelist {
    /** The kind of zone that serves at most, as an index into the protection arrays. */
    final int highest;

    /** Nearest node first, each from the highest zone down. */
    final ZoneState[] zones;

    /** As above, of the first node only. */
    final ZoneState[] thisNode;

    /** The first zone, if any, and what it keeps from requests of this kind. */
    final @Nullable ZoneState preferred;

    final long reserve;

    Zonelist(int highest, ZoneState[] zones, ZoneState[] thisNode) {
      this.highest = highest;
      this.zones = zones;
      this.thisNode = thisNode;
      this.preferred = zones.length == 0 ? null : zones[0];
      this.reserve = zones.length == 0 ? 0 : zones[0].protection[highest];
    }
  }

  /**
   * Builds the list for requests of one kind on one node.
   *
   * @param local the node
   * @param nodeOrder the nodes that it asks
   * @param kinds the kinds of zone of this machine
   * @param highest the highest kind that may serve
   */
  static Zonelist build(
      List<ZoneState> zones,
      int local,
      List<Integer> nodeOrder,
      List<ZoneType> kinds,
      ZoneType highest) {
    List<ZoneState> all = new ArrayList<>();
    List<ZoneState> own = new ArrayList<>();
    for (int node : nodeOrder) {
      for (int k = kinds.size() - 1; k >= 0; k--) {
        ZoneType kind = kinds.get(k);
        if (kind.compareTo(highest) > 0 || kind == ZoneType.DEVICE) {
          continue;
        }
        for (ZoneState zone : zones) {
          if (zone.zone.nodeId() == node && zone.zone.type() == kind) {
            all.add(zone);
            if (node == local) {
              own.add(zone);
            }
          }
        }
      }
    }
    return new Zonelist(
        index(kinds, highest), all.toArray(ZoneState[]::new), own.toArray(ZoneState[]::new));
  }

  /** The place of a kind of zone, or of the next lower one that this machine knows. */
  static int index(List<ZoneType> kinds, ZoneType type) {
    int index = 0;
    for (int k = 0; k < kinds.size(); k++) {
      if (kinds.get(k).compareTo(type) <= 0) {
        index = k;
      }
    }
    return index;
  }
}
