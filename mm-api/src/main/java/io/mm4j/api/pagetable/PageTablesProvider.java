// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.pagetable;

import io.mm4j.api.Cpus;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.Map;
import org.apiguardian.api.API;

/** Creates {@link PageTables}: the SPI {@code paging}. */
@API(status = API.Status.EXPERIMENTAL)
public interface PageTablesProvider extends PluginProvider {
  /**
   * What the floors below hand up.
   *
   * @param memory RAM and frames; kernel frames have bytes
   * @param pages where tables come from
   * @param cpus the machine's CPUs
   * @param architecture what kind of machine it is
   * @param layout its memory, which the kernel maps
   * @param format what tables look like
   * @param settings what was set of the provider's {@link #settings()}
   */
  record Floors(
      PhysicalMemory memory,
      PageAllocator pages,
      Cpus cpus,
      Architecture architecture,
      MemoryLayout layout,
      PageTableFormat format,
      Map<String, String> settings) {
    /** Copies the map. */
    public Floors {
      settings = Map.copyOf(settings);
    }
  }

  /**
   * What a plugin can do; a test that needs more is skipped, with the reason.
   *
   * @param allocationFree translations, walks, entries that are written and accesses allocate no
   *     Java object
   */
  record Capabilities(boolean allocationFree) {}

  /** The plugin's capabilities. */
  Capabilities capabilities();

  @Override
  default Map<String, String> describeCapabilities() {
    return Map.of("allocation-free", Boolean.toString(capabilities().allocationFree()));
  }

  /**
   * Creates a floor that has no table yet. Cheap; takes no frame.
   *
   * @throws io.mm4j.api.InputException if the format is not the architecture's, or there are no
   *     bytes for tables
   */
  PageTables create(Floors floors, Options options);
}
