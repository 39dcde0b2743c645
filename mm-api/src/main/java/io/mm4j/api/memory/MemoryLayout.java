// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.List;
import org.apiguardian.api.API;

/**
 * What boot found out about memory: the map of the firmware and the zones that follow from it.
 *
 * @param map the firmware's map
 * @param nodes the nodes with their zones
 */
@API(status = API.Status.MAINTAINED)
public record MemoryLayout(MemoryMap map, List<Node> nodes) {
  /** Copies the list. */
  public MemoryLayout {
    nodes = List.copyOf(nodes);
  }

  /** All zones, node by node, lowest first. */
  public List<Zone> zones() {
    return nodes.stream().flatMap(n -> n.zones().stream()).toList();
  }

  /** One past the highest frame of any zone. */
  public long endPfn() {
    return zones().stream().mapToLong(Zone::endPfn).max().orElse(0);
  }
}
