// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.Migratetype;
import io.mm4j.buddy.linux.Zonelists.Zonelist;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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

  /** The zones to look at, in order, and the mask that they are of; null for all nodes. */
  ZoneState[] zones = {};

  @Nullable NodeMask nodes;

  /** The zones without the mask. */
  private ZoneState[] unmasked = {};

  /** The zones that a mask left of a list last time. */
  private ZoneState[] masked = {};

  private ZoneState[] maskedFrom = {};
  private @Nullable NodeMask maskedBy;

  AllocContext(Cpu cpu) {
    this.cpu = cpu;
  }

  AllocContext of(
      int requestGfp,
      int requestOrder,
      int type,
      Zonelist list,
      boolean thisNode,
      @Nullable NodeMask mask) {
    gfp = requestGfp;
    order = requestOrder;
    migratetype = type;
    highest = list.highest;
    unmasked = thisNode ? list.thisNode : list.zones;
    nodes = mask;
    zones = mask == null ? unmasked : masked(unmasked, mask);
    return this;
  }

  /** Makes an object only if list or mask are others than the last time. */
  @SuppressWarnings("ReferenceEquality") // the very list, not one with the same zones
  private ZoneState[] masked(ZoneState[] all, NodeMask mask) {
    if (all != maskedFrom || !Objects.equals(mask, maskedBy)) {
      List<ZoneState> left = new ArrayList<>();
      for (ZoneState zone : all) {
        if (mask.contains(zone.zone.nodeId())) {
          left.add(zone);
        }
      }
      masked = left.toArray(ZoneState[]::new);
      maskedFrom = all;
      maskedBy = mask;
    }
    return masked;
  }

  /** From now on every node may serve. */
  void ignoreNodes() {
    zones = unmasked;
    nodes = null;
  }

  /** The nodes whose frames would help; null for all. */
  @Nullable NodeMask helpful() {
    return wants(Gfp.__GFP_THISNODE) ? preferred().nodeOnly : nodes;
  }

  /** The zone that would be best. */
  ZoneState preferred() {
    return zones[0];
  }

  boolean wants(int flag) {
    return (gfp & flag) != 0;
  }

  /** What is asked for and where it is looked for, in words. */
  String describe() {
    StringBuilder list = new StringBuilder();
    for (ZoneState zone : zones) {
      list.append(list.isEmpty() ? "" : ", then ").append(zone);
    }
    return String.format(
        "order %d, %s: migratetype %s, %slooks at %s",
        order,
        Gfp.format(gfp),
        Migratetype.name(migratetype),
        nodes == null ? "" : "nodes " + nodes + " only, ",
        list);
  }
}
