// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.List;
import org.apiguardian.api.API;

/**
 * What boot found out about memory: the map of the firmware and the zones that follow from it.
 *
 * @param map the firmware's map
 * @param nodes the nodes with their zones
 * @param lowPfn {@code max_low_pfn}: one past the last frame that has a permanent kernel address
 */
@API(status = API.Status.MAINTAINED)
public record MemoryLayout(MemoryMap map, List<Node> nodes, long lowPfn) {
  /** Copies the list. */
  public MemoryLayout {
    nodes = List.copyOf(nodes);
  }

  /** Lowmem ends where zone HighMem begins, or with the last zone. */
  public MemoryLayout(MemoryMap map, List<Node> nodes) {
    this(
        map,
        nodes,
        nodes.stream()
            .flatMap(n -> n.zones().stream())
            .mapToLong(z -> z.type() == ZoneType.HIGHMEM ? z.startPfn() : Long.MAX_VALUE)
            .min()
            .orElse(Long.MAX_VALUE));
  }

  /** One past the last frame of lowmem that there is. */
  public long lowmemEndPfn() {
    return Math.min(lowPfn, endPfn());
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
