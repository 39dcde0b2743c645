// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import java.util.List;
import java.util.Map;
import org.apiguardian.api.API;

/**
 * What every plugin says of itself. A provider is cheap to create; {@link java.util.ServiceLoader}
 * finds it, and only the {@code create} method of its SPI builds the implementation.
 */
@API(status = API.Status.MAINTAINED)
public interface PluginProvider {
  /** The SPI level of this version of mm-api. */
  int SPI_LEVEL = 1;

  /**
   * The plugin's name: lower-case ASCII letters, digits and {@code -}, at most 40 characters,
   * begins with a letter; unique within its SPI.
   */
  String name();

  /** One line for {@code mm plugins}. */
  String summary();

  /** The SPI level that it was written for; one that is not supported is refused at load. */
  default int spiLevel() {
    return SPI_LEVEL;
  }

  /** The options that {@code NAME:key=value} may set. */
  default List<OptionSpec> options() {
    return List.of();
  }

  /**
   * The settings of the machine that it reads. What is not declared here is not handed to it, and a
   * {@code vm.*} name that no floor of a machine declares is refused.
   */
  default List<Setting> settings() {
    return List.of();
  }

  /**
   * The capabilities as shown by {@code mm plugins}; the typed record of the SPI is what code
   * reads.
   */
  default Map<String, String> describeCapabilities() {
    return Map.of();
  }
}
