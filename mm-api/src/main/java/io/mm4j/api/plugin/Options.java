// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.plugin;

import io.mm4j.api.InputException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apiguardian.api.API;

/** The option values of one plugin instance: what was given, checked against what is declared. */
@API(status = API.Status.MAINTAINED)
public final class Options {
  private final Map<String, String> values;

  private Options(Map<String, String> values) {
    this.values = values;
  }

  /** The defaults of a provider. */
  public static Options defaults(PluginProvider provider) {
    return of(provider, Map.of(), provider.name());
  }

  /**
   * Checks given values against the provider's declaration and fills in the defaults.
   *
   * @param where how the plugin was named, for messages, which add the option: {@code --plugin
   *     SPI=NAME}
   * @throws InputException for an unknown key or a value that its type does not allow
   */
  public static Options of(PluginProvider provider, Map<String, String> given, String where) {
    List<OptionSpec> specs = provider.options();
    Map<String, String> all = new TreeMap<>();
    for (OptionSpec spec : specs) {
      all.put(spec.name(), spec.defaultValue());
    }
    for (Map.Entry<String, String> entry : given.entrySet()) {
      OptionSpec spec =
          specs.stream()
              .filter(s -> s.name().equals(entry.getKey()))
              .findFirst()
              .orElseThrow(() -> unknown(entry.getKey(), specs, where));
      check(spec, entry.getValue(), where);
      all.put(spec.name(), entry.getValue());
    }
    return new Options(all);
  }

  private static InputException unknown(String key, List<OptionSpec> specs, String where) {
    String names =
        specs.isEmpty()
            ? "this plugin has no options"
            : specs.stream().map(OptionSpec::name).collect(Collectors.joining(", "));
    return new InputException("unknown option '" + key + "'", where, names);
  }

  private static void check(OptionSpec spec, String value, String where) {
    String place = where + ":" + spec.name();
    switch (spec.type()) {
      case BOOLEAN -> {
        if (!value.equals("true") && !value.equals("false")) {
          throw new InputException(
              "'" + value + "' is not a truth value", place, spec.type().allowed());
        }
      }
      case NUMBER -> Sizes.parseNumber(value, place);
      case SIZE -> Sizes.parseSize(value, place);
      case TEXT -> {}
    }
  }

  /** The value of a BOOLEAN option. */
  public boolean flag(String name) {
    return text(name).equals("true");
  }

  /** The value of a NUMBER option. */
  public long number(String name) {
    return Sizes.parseNumber(text(name), name);
  }

  /** The value of a SIZE option, in bytes. */
  public long bytes(String name) {
    return Sizes.parseSize(text(name), name);
  }

  /** The value as written; the name must be declared. */
  public String text(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("option was not declared: name=" + name);
    }
    return value;
  }

  /** All values, by name. */
  public Map<String, String> asMap() {
    return Map.copyOf(values);
  }
}
