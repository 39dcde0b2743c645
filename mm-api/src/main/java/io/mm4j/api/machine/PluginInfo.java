// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.plugin.PluginProvider;
import org.apiguardian.api.API;

/**
 * A plugin that was found, and where it came from.
 *
 * @param spi the SPI that it serves
 * @param provider its provider
 * @param module the Java module's name, or {@code (class path)}
 * @param version the module's version, or {@code -}
 * @param location the jar or folder it was loaded from
 */
@API(status = API.Status.MAINTAINED)
public record PluginInfo(
    Spi<?> spi, PluginProvider provider, String module, String version, String location) {

  static PluginInfo of(Spi<?> spi, PluginProvider provider) {
    Class<?> type = provider.getClass();
    Module module = type.getModule();
    String name = module.isNamed() ? module.getName() : "(class path)";
    String version = "-";
    if (module.isNamed() && module.getDescriptor().rawVersion().isPresent()) {
      version = module.getDescriptor().rawVersion().get();
    }
    return new PluginInfo(spi, provider, name, version, locate(type));
  }

  private static String locate(Class<?> type) {
    var source = type.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      return "(run-time image)";
    }
    String location = source.getLocation().toString();
    return location.startsWith("file:") ? location.substring("file:".length()) : location;
  }

  /** The plugin's name. */
  public String name() {
    return provider.name();
  }
}
