// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.page;

import io.mm4j.api.Cpus;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apiguardian.api.API;

/** Creates a {@link PageAllocator}: the SPI {@code page-allocator}. */
@API(status = API.Status.MAINTAINED)
public interface PageAllocatorProvider extends PluginProvider {
  /**
   * What a plugin can do. Who claims all three promises exactly what Linux 6.18 decides: which
   * block serves, which list it comes from and goes to, and what is counted; the test kit then
   * compares every step with its model (docs/model.md).
   *
   * @param perCpuLists keeps pages per CPU
   * @param watermarks keeps reserves
   * @param fallback falls back to other migratetypes as Linux does
   */
  record Capabilities(boolean perCpuLists, boolean watermarks, boolean fallback) {}

  /** The plugin's capabilities. */
  Capabilities capabilities();

  /**
   * What the floors below hand up.
   *
   * @param memory RAM and frames
   * @param zones the zones with their free blocks
   * @param cpus the machine's CPUs
   * @param pressure whom to ask when memory runs short
   * @param sysctls what was set of the provider's {@link #settings()}: values of {@code vm.*} by
   *     name without the prefix, and of boot parameters by name
   */
  record Floors(
      PhysicalMemory memory,
      List<ManagedZone> zones,
      Cpus cpus,
      Pressure pressure,
      Map<String, String> sysctls) {
    /** Copies the collections. */
    public Floors {
      zones = List.copyOf(zones);
      sysctls = Map.copyOf(sysctls);
    }
  }

  /**
   * The rule by which its allocators fall back to other migratetypes; the very object that they
   * ask. Empty for a plugin without the capability {@code fallback}.
   */
  default Optional<FallbackRule> fallbackRule() {
    return Optional.empty();
  }

  /**
   * Creates the allocator.
   *
   * @throws io.mm4j.api.InputException for the value of an option or setting that is not allowed
   */
  PageAllocator create(Floors floors, Options options);

  @Override
  default Map<String, String> describeCapabilities() {
    Capabilities c = capabilities();
    Map<String, String> map = new LinkedHashMap<>();
    map.put("per-cpu-lists", Boolean.toString(c.perCpuLists()));
    map.put("watermarks", Boolean.toString(c.watermarks()));
    map.put("fallback", Boolean.toString(c.fallback()));
    return map;
  }
}
