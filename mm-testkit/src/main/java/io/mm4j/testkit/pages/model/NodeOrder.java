// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Which zones are asked, and in which order: node by node, the nearest first, and on each node from
 * the highest zone that the request may use to the lowest.
 *
 * <p>Written from {@code find_next_best_node}, {@code build_zonelists} and {@code
 * build_zonerefs_node} of mm/page_alloc.c and {@code gfp_zone} of include/linux/gfp.h (Linux 6.18).
 * Of nodes at one distance a lower number than one's own counts as one further, and so does a node
 * that has CPUs; then the one that heads fewer lists is taken, then the lower number.
 */
public class NodeOrder {
  private static final int DMA = 0x1;
  private static final int HIGHMEM = 0x2;
  private static final int DMA32 = 0x4;
  private static final int MOVABLE = 0x8;
  private static final int THISNODE = 0x20_0000;

  private final List<ZoneType> kinds;
  private final List<Zone> zones;
  private final List<List<Integer>> orders = new ArrayList<>();

  /**
   * The orders of a machine.
   *
   * @param kinds the kinds of zone that its kernel knows
   * @param zones those that have memory
   * @param distances for each node the distance to each
   */
  public NodeOrder(List<ZoneType> kinds, List<Zone> zones, List<List<Integer>> distances) {
    this.kinds = List.copyOf(kinds);
    this.zones = List.copyOf(zones);
    int[] load = new int[distances.size()];
    for (int node = 0; node < distances.size(); node++) {
      orders.add(order(node, distances.get(node), load));
    }
  }

  /** Repeatedly the best of those that are left. */
  private List<Integer> order(int own, List<Integer> distance, int[] load) {
    List<Integer> left = new ArrayList<>();
    for (int n = 0; n < distance.size(); n++) {
      int node = n;
      if (zones.stream().anyMatch(z -> z.nodeId() == node)) {
        left.add(n);
      }
    }
    List<Integer> order = new ArrayList<>();
    int before = own;
    while (!left.isEmpty()) {
      Integer best =
          left.contains(own) ? own : left.stream().min(better(own, distance, load)).get();
      if (!distance.get(best).equals(distance.get(before))) {
        load[best]++;
      }
      left.remove(/* element */ best);
      order.add(best);
      before = best;
    }
    return order;
  }

  /** How nodes are preferred by a node that is not among them. */
  protected Comparator<Integer> better(int own, List<Integer> distance, int[] load) {
    Comparator<Integer> near = Comparator.comparingInt(n -> distance.get(n) + (n < own ? 1 : 0));
    return near.thenComparingInt(n -> load[n]).thenComparingInt(n -> n);
  }

  /** The nodes in the order in which a node asks them. */
  public List<Integer> nodes(int own) {
    return List.copyOf(orders.get(own));
  }

  /**
   * The highest kind of zone that a request may use.
   *
   * @param kinds those that the kernel knows; Normal stands in for one that it does not know
   */
  public static ZoneType highest(int gfp, List<ZoneType> kinds) {
    ZoneType named =
        switch (gfp & (DMA | DMA32 | HIGHMEM)) {
          case DMA -> ZoneType.DMA;
          case DMA32 -> ZoneType.DMA32;
          case HIGHMEM -> (gfp & MOVABLE) != 0 ? ZoneType.MOVABLE : ZoneType.HIGHMEM;
          case 0 -> ZoneType.NORMAL;
          default -> throw new IllegalArgumentException("two zones in gfp=" + gfp);
        };
    return kinds.contains(named) ? named : ZoneType.NORMAL;
  }

  /**
   * The zones that a request asks, in order.
   *
   * @param gfp its flags
   * @param node the node that it prefers
   */
  public List<Zone> zones(int gfp, int node) {
    List<Zone> result = new ArrayList<>();
    ZoneType highest = highest(gfp, kinds);
    for (int n : (gfp & THISNODE) != 0 ? List.of(node) : orders.get(node)) {
      zones.stream()
          .filter(z -> z.nodeId() == n && z.type().compareTo(highest) <= 0)
          .sorted(Comparator.comparing(Zone::type).reversed())
          .forEach(result::add);
    }
    return result;
  }
}
