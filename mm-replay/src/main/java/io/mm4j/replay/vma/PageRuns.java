// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

/** Run lengths of page states. */
final class PageRuns {
  private PageRuns() {}

  /** The same pages with neighbouring runs of one letter joined: {@code F2,F1} is {@code F3}. */
  static String joined(String runs) {
    if (runs.isEmpty() || runs.equals("?")) {
      return runs;
    }
    StringBuilder out = new StringBuilder();
    char letter = 0;
    long count = 0;
    for (String run : runs.split(",", -1)) {
      char next = run.charAt(0);
      if (next != letter && count > 0) {
        out.append(out.isEmpty() ? "" : ",").append(letter).append(count);
        count = 0;
      }
      letter = next;
      count += Long.parseLong(run.substring(1));
    }
    return out.append(out.isEmpty() ? "" : ",").append(letter).append(count).toString();
  }
}
