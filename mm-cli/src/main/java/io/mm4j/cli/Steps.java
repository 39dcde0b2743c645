// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.cli.explain.CallScript;
import io.mm4j.cli.explain.SpaceExplainer;
import java.util.List;

/**
 * Requests for the kernel's own mappings that are made on a machine before it is looked at.
 *
 * @param calls each with its name and its arguments
 */
record Steps(List<List<String>> calls) {
  /** How the option is explained. */
  static final String DESCRIPTION =
      "Makes requests for the kernel's own mappings first, as mm explain takes them: 'vmalloc 1M;"
          + " kmap 0x40000'.";

  /** None. */
  static final Steps NONE = new Steps(List.of());

  /** Copies the list. */
  Steps {
    calls = List.copyOf(calls);
  }

  /**
   * Reads what was typed: {@code vmalloc 1M; vfree $1}.
   *
   * @throws InputException if it is none of these calls
   */
  static Steps parse(String text) {
    List<List<String>> calls;
    try {
      calls = CallScript.lines(text).stream().map(CallScript.Typed::words).toList();
      calls.forEach(SpaceExplainer::check);
    } catch (InputException e) { // which names the command that it was written for
      throw new InputException(e.what(), "--steps '" + text + "'", e.allowed());
    }
    if (calls.isEmpty()) {
      throw new InputException(
          "no step is named", "--steps", String.join(", ", SpaceExplainer.forms()));
    }
    return new Steps(calls);
  }

  boolean isEmpty() {
    return calls.isEmpty();
  }

  /**
   * Makes them; what is not served is told on stderr.
   *
   * @return what knows their results
   * @throws InputException if one is a mistake
   */
  SpaceExplainer make(Io io, Machine machine) {
    SpaceExplainer explainer = new SpaceExplainer(machine);
    for (List<String> call : calls) {
      String result = explainer.explain(call).result();
      String where = "--steps " + String.join(" ", call);
      if (result.startsWith("refused")) {
        throw new InputException("this step is " + result, where, "what such a call takes");
      }
      if (result.equals("NULL")) {
        io.warn(where + ": no room, no memory, or what may not be mapped");
      }
    }
    return explainer;
  }
}
