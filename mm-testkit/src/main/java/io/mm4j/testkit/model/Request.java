// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.model;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.ZoneType;
import java.util.List;

/**
 * One request: {@code struct alloc_context} of mm/internal.h with its flags.
 *
 * @param cpu who asks
 * @param gfp its flags
 * @param order the block's order
 * @param type whose lists serve it
 * @param highest the highest zone that may serve
 * @param zones the zones to ask, in order; the first is the preferred one
 */
record Request(Cpu cpu, int gfp, int order, int type, ZoneType highest, List<ModelZone> zones) {
  /** {@code preferred_zoneref}; there is none if nothing can serve. */
  ModelZone preferred() {
    return zones.getFirst();
  }

  /** Whether a flag is set. */
  boolean wants(int flag) {
    return AllocFlagsOf.has(gfp, flag);
  }
}
