// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.buddy.linux.Zonelists.Zonelist;
import org.jspecify.annotations.Nullable;

/**
 * A request on its way: {@code struct alloc_context}. Reused; a CPU has one for each request that
 * is under way, as a reclaimer may allocate in the middle of another request.
 */
final class AllocContext {
  /** For a request within this one; made when first needed. */
  @Nullable AllocContext inner;

  final Cpu cpu;
  boolean busy;
  int gfp;
  int order;
  int migratetype;
  int highest;
  ZoneState[] zones = {};

  AllocContext(Cpu cpu) {
    this.cpu = cpu;
  }

  AllocContext of(int requestGfp, int requestOrder, int type, Zonelist list, boolean thisNode) {
    gfp = requestGfp;
    order = requestOrder;
    migratetype = type;
    highest = list.highest;
    zones = thisNode ? list.thisNode : list.zones;
    return this;
  }

  /** The zone that would be best. */
  ZoneState preferred() {
    return zones[0];
  }

  boolean wants(int flag) {
    return (gfp & flag) != 0;
  }
}
