// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** How the operations of one kind are typed: a name, arguments, and the last one in brackets. */
final class OperationForms {
  private final String kind;
  private final Map<String, String> byName = new LinkedHashMap<>();

  /**
   * Operations of one kind.
   *
   * @param kind as messages name it: requests to something
   * @param forms a name and its arguments each, with blanks between
   */
  OperationForms(String kind, String... forms) {
    this.kind = kind;
    for (String form : forms) {
      byName.put(form.split(" ", 2)[0], form);
    }
  }

  /** Whether there is an operation of that name. */
  boolean knows(String operation) {
    return byName.containsKey(operation);
  }

  /** All of them. */
  List<String> all() {
    return List.copyOf(byName.values());
  }

  /**
   * Throws if it is none of these operations, or has too few or too many arguments.
   *
   * @param call its name and its arguments as typed
   */
  void check(List<String> call) {
    String form = byName.get(call.getFirst());
    if (form == null) {
      throw new InputException(
          "'" + call.getFirst() + "' does not go with " + kind,
          "mm explain",
          "operations of one kind at once: " + String.join(", ", byName.values()));
    }
    int most = form.split(" ", -1).length;
    int least = most - (form.contains("[") ? 1 : 0);
    if (call.size() < least || call.size() > most) {
      throw new InputException(
          (call.size() < least ? "arguments are missing" : "too many arguments")
              + " in '"
              + String.join(" ", call)
              + "'",
          call.getFirst(),
          form + " (a shell replaces $1 in double quotes: write r1, or single quotes)");
    }
  }

  /** The arguments of a call that was checked, by their names. */
  Map<String, String> arguments(List<String> call) {
    Map<String, String> arguments = new LinkedHashMap<>();
    String[] names = byName.getOrDefault(call.getFirst(), "").split(" ", -1);
    for (int i = 1; i < call.size(); i++) {
      arguments.put(names[i].replaceAll("[\\[\\]]", "").toLowerCase(Locale.ROOT), call.get(i));
    }
    return arguments;
  }
}
