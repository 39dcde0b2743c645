// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.model;

import io.mm4j.api.Cpus;
import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.PageAllocatorProvider.Floors;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.Pressure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The machine as the model sees it: what its parts share. */
public final class State {
  final Choices choices;
  final Settings settings;
  final PhysicalMemory memory;
  public final MemMap map;
  final Cpus cpus;
  final Pressure pressure;
  final List<ManagedZone> managed;
  final List<ModelZone> zones = new ArrayList<>();
  final NodeOrder order;
  private final Map<Integer, List<ModelZone>> asked = new HashMap<>();
  final Counters counters;
  @Nullable PageEvents events;

  State(Floors floors, Choices choices) {
    this.choices = choices;
    this.settings = Settings.of(floors);
    this.memory = floors.memory();
    this.map = memory.memMap();
    this.cpus = floors.cpus();
    this.pressure = floors.pressure();
    this.managed = floors.zones();
    Marks marks = new Marks(settings.plan());
    for (ManagedZone each : managed) {
      Zone zone = each.zone();
      Marks.Size size = new Marks.Size(zone.nodeId(), zone.type(), zone.managedPages());
      zones.add(new ModelZone(each, marks.of(size), settings.plan().kinds(), cpus.count()));
    }
    this.order =
        new NodeOrder(
            settings.plan().kinds(),
            managed.stream().map(ManagedZone::zone).toList(),
            memory.nodes().stream().map(Node::distances).toList());
    this.counters = new Counters(this, marks.minFreeKbytes());
  }

  /** The zone that a frame lies in. */
  ModelZone zoneOf(long pfn) {
    for (ModelZone zone : zones) {
      if (zone.zone.contains(pfn)) {
        return zone;
      }
    }
    throw new MisuseException("in no zone: pfn=" + pfn);
  }

  /** The zones that a request asks, in order; the flags that choose them make one list each. */
  List<ModelZone> zones(int gfp, int node) {
    return asked.computeIfAbsent(
        node << 24 ^ gfp, key -> choices.zones(order, gfp, node).stream().map(this::of).toList());
  }

  private ModelZone of(Zone zone) {
    return zones.stream().filter(z -> z.zone == zone).findFirst().orElseThrow();
  }
}
