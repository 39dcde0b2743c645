// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.memory.ZoneType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a request looks, and in which order: the nodes as {@link io.mm4j.api.memory.NodeFallback}
 * says, and the zones of each from the highest that may serve down. Models {@code
 * build_zonelists()} of mm/page_alloc.c (Linux 6.18).
 */
final class Zonelists {
  private Zonelists() {}

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
