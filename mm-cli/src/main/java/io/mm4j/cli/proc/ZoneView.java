// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.page.ManagedZone;
import java.util.List;

/**
 * What the files about zones are made from.
 *
 * @param map the firmware's memory map
 * @param zones node by node, lowest first
 */
public record ZoneView(MemoryMap map, List<ManagedZone> zones) {
  /** Copies the list. */
  public ZoneView {
    zones = List.copyOf(zones);
  }
}
