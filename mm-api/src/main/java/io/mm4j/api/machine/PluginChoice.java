// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

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

  /** What the provider created. */
  <T> T made(@Nullable T created) {
    return made(spi, provider, created);
  }

  /**
   * What a provider created, as a plugin of somebody else may give null.
   *
   * @throws InputException if it is nothing
   */
  static <T> T made(Spi<?> spi, PluginProvider provider, @Nullable T created) {
    if (created == null) {
      throw new InputException(
          "the " + spi + " plugin '" + provider.name() + "' creates nothing: create() gave null",
          provider.getClass().getName(),
          "a new object");
    }
    return created;
  }
}
