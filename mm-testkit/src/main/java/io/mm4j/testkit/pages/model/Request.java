// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.ZoneType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One request: {@code struct alloc_context} of mm/internal.h with its flags.
 *
 * @param cpu who asks
 * @param gfp its flags
 * @param order the block's order
 * @param type whose lists serve it
 * @param highest the highest zone that may serve
 * @param all the zones of all nodes, in order
 * @param nodes the nodes that may serve; null for all
 */
public record Request(
    Cpu cpu,
    int gfp,
    int order,
    int type,
    ZoneType highest,
    List<ModelZone> all,
    @Nullable NodeMask nodes) {
  /** The zones to ask, in order; the first is the preferred one. */
  List<ModelZone> zones() {
    NodeMask mask = nodes;
    return mask == null ? all : all.stream().filter(z -> mask.contains(z.zone.nodeId())).toList();
  }

  /** The same without the mask. */
  Request anywhere() {
    return new Request(cpu, gfp, order, type, highest, all, null);
  }

  /** {@code preferred_zoneref}; there is none if nothing can serve. */
  ModelZone preferred() {
    return zones().getFirst();
  }

  /** Whether a flag is set. */
  public boolean wants(int flag) {
    return AllocFlagsOf.has(gfp, flag);
  }
}
