// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static java.util.stream.Collectors.joining;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.cli.face.Contender;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What {@code --compare SPI=A,B,C} asks for.
 *
 * @param spi whose plugins
 * @param plugins in the order in which they were named
 */
record Compared(Spi<?> spi, List<PluginSpec> plugins) {
  /** Copies the list. */
  Compared {
    plugins = List.copyOf(plugins);
  }

  /**
   * Reads it.
   *
   * @param possible the SPIs that the workload depends on
   * @throws InputException if it is wrong, or names a plugin twice
   */
  static Compared read(PluginRegistry registry, String text, Spi<?>... possible) {
    String form = Stream.of(possible).map(s -> s.id() + "=A,B,..").collect(joining(", "));
    int eq = text.indexOf('=');
    if (eq <= 0) {
      throw new InputException("'" + text + "' names no plugins", "--compare", form);
    }
    String where = "--compare " + text;
    Spi<?> spi = PluginRegistry.spi(text.substring(0, eq), where);
    if (Stream.of(possible).noneMatch(p -> p == spi)) {
      throw new InputException(
          "this workload does not depend on the " + spi + " plugin", where, form);
    }
    List<PluginSpec> specs = new ArrayList<>();
    for (String name : text.substring(eq + 1).split(",", -1)) {
      Map<Spi<?>, PluginSpec> one = new HashMap<>();
      MachineOptions.parseChoice(registry, spi.id() + "=" + name, "--compare", one);
      specs.addAll(one.values());
    }
    if (specs.stream().map(Contender::name).distinct().count() < specs.size()) {
      throw new InputException("a plugin is named twice", where, "different plugins");
    }
    return new Compared(spi, specs);
  }
}
