// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import io.mm4j.api.InputException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apiguardian.api.API;

/**
 * A choice of plugin as written on the command line: {@code NAME} or {@code NAME:key=value,...}.
 *
 * @param name the plugin
 * @param options the given options, unchecked
 */
@API(status = API.Status.MAINTAINED)
public record PluginSpec(String name, Map<String, String> options) {
  /** Copies the map. */
  public PluginSpec {
    options = Map.copyOf(options);
  }

  /** A plugin with its default options. */
  public static PluginSpec of(String name) {
    return new PluginSpec(name, Map.of());
  }

  /**
   * Reads {@code NAME[:key=value,...]}.
   *
   * @param where for messages
   */
  public static PluginSpec parse(String text, String where) {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    if (name.isBlank()) {
      throw new InputException(
          "no plugin is named in '" + text + "'", where, "NAME[:key=value,...]");
    }
    Map<String, String> options = new LinkedHashMap<>();
    if (colon >= 0) {
      for (String pair : text.substring(colon + 1).split(",", -1)) {
        int eq = pair.indexOf('=');
        if (eq <= 0) {
          throw new InputException(
              "'" + pair + "' is not key=value", where, "NAME[:key=value,...]");
        }
        options.put(pair.substring(0, eq), pair.substring(eq + 1));
      }
    }
    return new PluginSpec(name, options);
  }

  /** As on the command line: {@code NAME} or {@code NAME:key=value,...}, options by name. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(name);
    char separator = ':';
    for (Map.Entry<String, String> option : new TreeMap<>(options).entrySet()) {
      text.append(separator).append(option.getKey()).append('=').append(option.getValue());
      separator = ',';
    }
    return text.toString();
  }
}
