// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import org.apiguardian.api.API;

/** Creates {@link PhysicalMemory}: the SPI {@code physical-memory}. */
@API(status = API.Status.MAINTAINED)
public interface PhysicalMemoryProvider extends PluginProvider {
  /**
   * Creates the memory of a machine.
   *
   * @param layout which frames exist and how they are divided into zones
   * @param contents which frames have bytes
   * @param options this plugin's options
   */
  PhysicalMemory create(MemoryLayout layout, Contents contents, Options options);
}
