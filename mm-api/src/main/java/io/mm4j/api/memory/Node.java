// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.List;
import org.apiguardian.api.API;

/**
 * A NUMA node: its zones, lowest first, and how far the other nodes are. Models {@code pg_data_t}.
 *
 * @param id the node's number
 * @param zones its populated zones, lowest first
 * @param distances to each node by number; 10 is itself, 20 a usual neighbour
 */
@API(status = API.Status.MAINTAINED)
public record Node(int id, List<Zone> zones, List<Integer> distances) {
  /** Copies the lists. */
  public Node {
    zones = List.copyOf(zones);
    distances = List.copyOf(distances);
  }
}
