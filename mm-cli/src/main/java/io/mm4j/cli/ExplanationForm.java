// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import io.mm4j.api.InputException;
import io.mm4j.cli.explain.Explanation;
import io.mm4j.cli.text.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** How explanations are printed: as text, JSON, Markdown or HTML. */
final class ExplanationForm {
  @Option(names = "--json", order = 14, description = "Prints JSON.")
  private boolean json;

  @Option(
      names = "--markdown",
      order = 14,
      description = "Prints Markdown, for a handout or an issue.")
  private boolean markdown;

  @Option(names = "--html", order = 14, description = "Prints a page of HTML.")
  private boolean html;

  /** Throws if more than one form is asked for. */
  void check() {
    if ((json ? 1 : 0) + (markdown ? 1 : 0) + (html ? 1 : 0) > 1) {
      throw new InputException(
          "more than one form is asked for", "mm explain", "--json, --markdown or --html");
    }
  }

  /** Whether it is text, of which the first part may be printed when the rest fails. */
  boolean isText() {
    return !json && !markdown && !html;
  }

  /**
   * Prints explanations.
   *
   * @param title the line above them; may be empty
   * @param data what JSON has beside them
   * @param numbered whether each begins with the number by which later calls name its result
   */
  void print(
      Io io,
      String title,
      Map<String, Object> data,
      List<Explanation> explanations,
      boolean numbered) {
    if (json) {
      Map<String, Object> object = new LinkedHashMap<>(data);
      object.put("calls", explanations.stream().map(Explanation::toMap).toList());
      io.out().println(Json.write(object));
      return;
    }
    if (html) {
      io.out().println("<!DOCTYPE html>");
      io.out()
          .println("<html><head><meta charset=\"utf-8\"><title>mm explain</title></head><body>");
    }
    if (!title.isEmpty()) {
      io.out()
          .println(
              html ? "<p>" + Explanation.escaped(title) + "</p>" : markdown ? title + "\n" : title);
    }
    int columns = columns(io);
    for (int i = 0; i < explanations.size(); i++) {
      String number = numbered ? "$" + (i + 1) + "  " : "";
      Explanation one = explanations.get(i);
      if (!html && (i > 0 || (!title.isEmpty() && !markdown))) {
        io.out().println();
      }
      io.out()
          .print(
              html
                  ? one.toHtml(number)
                  : markdown ? one.toMarkdown(number) : number + one.toText(columns));
    }
    if (html) {
      io.out().println("</body></html>");
    }
  }

  /** How wide lines may be: COLUMNS, the terminal, or what suits a file. */
  private static int columns(Io io) {
    String text = System.getenv().getOrDefault("COLUMNS", "");
    if (text.matches("[1-9][0-9]{1,3}")) {
      return Math.max(40, Integer.parseInt(text));
    }
    return io.terminal().outIsTerminal() ? io.terminal().columns() : Explanation.LINE;
  }
}
