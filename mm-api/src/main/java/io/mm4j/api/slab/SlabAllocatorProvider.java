// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import io.mm4j.api.Cpus;
import io.mm4j.api.VirtualClock;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apiguardian.api.API;

/** Creates a {@link SlabAllocator}: the SPI {@code slab}. */
@API(status = API.Status.EXPERIMENTAL)
public interface SlabAllocatorProvider extends PluginProvider {
  /**
   * What a plugin can do.
   *
   * @param linuxGeometry sizes, orders and partial lists are those of Linux 6.18: judged by
   *     recordings
   * @param merges caches that fit share slabs
   * @param debug has red zones, poison, tracks and checks
   * @param perCpu keeps objects per CPU
   */
  record Capabilities(boolean linuxGeometry, boolean merges, boolean debug, boolean perCpu) {}

  /** The plugin's capabilities. */
  Capabilities capabilities();

  /**
   * What the floors below hand up.
   *
   * @param memory RAM and frames
   * @param pages the page allocator
   * @param cpus the machine's CPUs
   * @param pressure where the allocator registers a reclaimer that shrinks caches
   * @param clock the machine's time
   * @param architecture of the machine: pointers and cache lines in slabs are its
   * @param settings what was set of the provider's {@link #settings()}, by name
   */
  record Floors(
      PhysicalMemory memory,
      PageAllocator pages,
      Cpus cpus,
      Pressure pressure,
      VirtualClock clock,
      Architecture architecture,
      Map<String, String> settings) {
    /** Copies the map. */
    public Floors {
      settings = Map.copyOf(settings);
    }
  }

  /**
   * Creates an allocator with the caches of {@code kmalloc()} and no slab. Cheap.
   *
   * @throws io.mm4j.api.InputException for a setting or option that is not allowed
   */
  SlabAllocator create(Floors floors, Options options);

  @Override
  default Map<String, String> describeCapabilities() {
    Capabilities c = capabilities();
    Map<String, String> map = new LinkedHashMap<>();
    map.put("linux-geometry", Boolean.toString(c.linuxGeometry()));
    map.put("merges", Boolean.toString(c.merges()));
    map.put("debug", Boolean.toString(c.debug()));
    map.put("per-cpu", Boolean.toString(c.perCpu()));
    return map;
  }
}
