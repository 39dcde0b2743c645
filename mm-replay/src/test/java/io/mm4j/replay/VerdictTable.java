// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Verdicts as text, a recording per line: its name, whether it is exact, and every check as {@code
 * name=equal/total}, or {@code name=skipped}. Further numbers of a check stand behind it in braces.
 * Columns are separated by tabs and lines sorted by name, so a change of one verdict is a change of
 * one line.
 */
final class VerdictTable {
  private static final String EXACT = "exact";

  /** By recording: column to cell, in order. */
  private final Map<String, Map<String, String>> rows = new TreeMap<>();

  /** Reads lines as {@link #toString} writes them; those that begin with # are comments. */
  static VerdictTable parse(List<String> lines) {
    VerdictTable table = new VerdictTable();
    for (String line : lines) {
      if (line.startsWith("#") || line.isBlank()) {
        continue;
      }
      String[] words = line.split("\t", -1);
      Map<String, String> row = new LinkedHashMap<>();
      for (int i = 1; i < words.length; i++) {
        int end = words[i].indexOf('=');
        if (end < 1 || row.put(words[i].substring(0, end), words[i].substring(end + 1)) != null) {
          throw new IllegalArgumentException(
              "line='" + line + "' word='" + words[i] + "': need NAME=CELL, each name once");
        }
      }
      if (table.rows.put(words[0], row) != null) {
        throw new IllegalArgumentException("recording=" + words[0] + " has two lines");
      }
    }
    return table;
  }

  /** Adds the verdict of one recording under a name. */
  void add(String name, Verdict verdict) {
    Map<String, String> row = new LinkedHashMap<>();
    row.put(EXACT, verdict.exact() ? "yes" : "no");
    verdict.checks().forEach(check -> row.put(check.name(), cell(check)));
    if (rows.put(name, row) != null) {
      throw new IllegalArgumentException("recording=" + name + " was judged twice");
    }
  }

  private static String cell(CheckResult check) {
    StringBuilder cell =
        new StringBuilder(
            check.skipped() != null ? "skipped" : check.equal() + "/" + check.total());
    check
        .extra()
        .forEach(
            (key, values) -> cell.append(" {").append(key).append(' ').append(values).append('}'));
    return cell.toString();
  }

  /** The rows whose names begin like this. */
  VerdictTable part(String prefix) {
    VerdictTable part = new VerdictTable();
    rows.forEach(
        (name, row) -> {
          if (name.startsWith(prefix)) {
            part.rows.put(name, row);
          }
        });
    return part;
  }

  /** Replaces the rows whose names begin like this. */
  void replace(String prefix, VerdictTable by) {
    rows.keySet().removeIf(name -> name.startsWith(prefix));
    rows.putAll(by.rows);
  }

  /** Names of recordings. */
  List<String> names() {
    return List.copyOf(rows.keySet());
  }

  /**
   * Everything in which verdicts differ from this table, a line for each cell: worse, better, or
   * otherwise; a recording that is in one of the two only. Empty if they are equal.
   */
  List<String> differences(VerdictTable found) {
    List<String> differences = new ArrayList<>();
    rows.forEach(
        (name, row) -> {
          Map<String, String> now = found.rows.get(name);
          if (now == null) {
            differences.add(name + ": is in the table and was not judged");
          } else {
            compare(name, row, now, differences);
          }
        });
    found.rows.keySet().stream()
        .filter(name -> !rows.containsKey(name))
        .forEach(name -> differences.add(name + ": was judged and is not in the table"));
    return differences;
  }

  private static void compare(
      String name, Map<String, String> row, Map<String, String> now, List<String> differences) {
    row.forEach(
        (check, expected) -> {
          String cell = now.getOrDefault(check, "missing");
          if (!cell.equals(expected)) {
            differences.add(
                name
                    + ": "
                    + check
                    + " is "
                    + cell
                    + ", the table has "
                    + expected
                    + " ("
                    + direction(expected, cell)
                    + ")");
          }
        });
    now.forEach(
        (check, cell) -> {
          if (!row.containsKey(check)) {
            differences.add(name + ": " + check + " is " + cell + ", the table has no such check");
          }
        });
  }

  /** Which of two cells is the better one, if that can be said. */
  private static String direction(String expected, String cell) {
    long before = failed(expected);
    long now = failed(cell);
    return now > before ? "worse" : now < before ? "better" : "different";
  }

  /** Comparisons that failed; what was not judged is worse than any that failed. */
  private static long failed(String cell) {
    String[] numbers = cell.split(" ", 2)[0].split("/", -1);
    if (numbers.length == 2) {
      return Long.parseLong(numbers[1]) - Long.parseLong(numbers[0]);
    }
    return cell.equals("yes") ? 0 : cell.equals("no") ? 1 : Long.MAX_VALUE;
  }

  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    rows.forEach(
        (name, row) -> {
          out.append(name);
          row.forEach((check, cell) -> out.append('\t').append(check).append('=').append(cell));
          out.append('\n');
        });
    return out.toString();
  }
}
