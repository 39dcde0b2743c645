// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.cli.text.Json;
import io.mm4j.cli.text.Table;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** How data is printed. */
final class OutputOptions {
  @ArgGroup(exclusive = true)
  private @Nullable Form form;

  @Option(
      names = "--no-timing",
      order = 801,
      description = "Leaves out what was measured in real time: same seed, same bytes.")
  private boolean noTiming;

  /** The forms beside plain text. */
  static final class Form {
    @Option(names = "--json", order = 799, description = "Prints JSON.")
    private boolean json;

    @Option(names = "--csv", order = 800, description = "Prints CSV.")
    private boolean csv;
  }

  boolean json() {
    return form != null && form.json;
  }

  boolean csv() {
    return form != null && form.csv;
  }

  boolean timing() {
    return !noTiming;
  }

  /** Prints a table as JSON under this key, as CSV, or as text. */
  void print(Io io, String key, Table table) {
    Table shown = table.shown(timing());
    if (json()) {
      Map<String, Object> object = new LinkedHashMap<>();
      object.put(key, shown.toMaps());
      io.out().println(Json.write(object));
    } else if (csv()) {
      io.out().print(shown.toCsv());
    } else {
      io.out().print(shown.toText(""));
    }
  }
}
