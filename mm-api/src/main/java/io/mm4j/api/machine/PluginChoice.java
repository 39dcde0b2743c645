// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import java.util.Optional;

/** One plugin as configured: provider and checked options. */
final class PluginChoice<P extends PluginProvider> {
  final Spi<P> spi;
  final PluginSpec spec;
  final P provider;
  final Options options;

  /** The plugin of a floor that a machine can do without; empty if nobody named it and none is. */
  static <P extends PluginProvider> Optional<PluginChoice<P>> ifFound(
      PluginRegistry registry, Spi<P> spi, MachineConfig config) {
    boolean there =
        registry.plugins(spi).stream().anyMatch(i -> i.name().equals(config.spec(spi).name()));
    return there || config.names(spi)
        ? Optional.of(new PluginChoice<>(registry, spi, config))
        : Optional.empty();
  }

  PluginChoice(PluginRegistry registry, Spi<P> spi, MachineConfig config) {
    this.spi = spi;
    this.spec = config.spec(spi);
    String where = "--plugin " + spi.id() + "=" + spec.name();
    this.provider = registry.provider(spi, spec.name(), where);
    this.options = Options.of(provider, spec.options(), where);
  }
}
