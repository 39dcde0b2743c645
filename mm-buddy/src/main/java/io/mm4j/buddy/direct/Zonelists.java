// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.direct;

import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.ManagedZone;
import java.util.ArrayList;
import java.util.List;

/**
 * In which order the zones are tried: for every preferred node and highest zone, the nodes by
 * distance (the lower number first at equal distance), and in each node the zones from the highest
 * down. Models {@code build_zonelists()} of mm/page_alloc.c.
 */
final class Zonelists {
  private final ManagedZone[][][] lists;

  Zonelists(List<Node> nodes, List<ManagedZone> zones) {
    lists = new ManagedZone[nodes.size()][ZoneType.TYPES][];
    for (Node node : nodes) {
      List<Node> near = new ArrayList<>(nodes);
      near.sort(
          (a, b) -> {
            int byDistance = Integer.compare(distance(node, a), distance(node, b));
            return byDistance != 0 ? byDistance : Integer.compare(a.id(), b.id());
          });
      for (ZoneType highest : ZoneType.values()) {
        List<ManagedZone> list = new ArrayList<>();
        for (Node n : near) {
          zones.stream()
              .filter(z -> z.zone().nodeId() == n.id())
              .filter(z -> z.zone().type().compareTo(highest) <= 0)
              .sorted((a, b) -> b.zone().type().compareTo(a.zone().type()))
              .forEach(list::add);
        }
        lists[node.id()][highest.code()] = list.toArray(ManagedZone[]::new);
      }
    }
  }

  private static int distance(Node from, Node to) {
    return to.id() < from.distances().size() ? from.distances().get(to.id()) : 20;
  }

  /** The zones to try, in order. The array is shared; nobody writes to it. */
  ManagedZone[] of(int nodeId, ZoneType highest) {
    return lists[nodeId][highest.code()];
  }
}
