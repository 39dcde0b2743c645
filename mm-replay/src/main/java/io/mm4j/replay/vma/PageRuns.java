// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

/** Run lengths of page states. */
final class PageRuns {
  private PageRuns() {}

  /**
   * Of each page of the first text the exclusive state, if the second has it there, else the shared
   * one: {@code F2,f1} and {@code f1,F2} are {@code f1,F1,f1}. Both are as long.
   */
  static String exclusiveInBoth(String runs, String others) {
    StringBuilder out = new StringBuilder();
    String[] first = runs.split(",", -1);
    String[] second = others.split(",", -1);
    int j = 0;
    long left = length(second[0]);
    for (String run : first) {
      for (long count = length(run); count > 0; ) {
        long now = Math.min(count, left);
        boolean shared = Character.isLowerCase(second[j].charAt(0));
        char letter = shared ? Character.toLowerCase(run.charAt(0)) : run.charAt(0);
        out.append(out.isEmpty() ? "" : ",").append(letter).append(now);
        count -= now;
        left -= now;
        if (left == 0 && j + 1 < second.length) {
          left = length(second[++j]);
        }
      }
    }
    return joined(out.toString());
  }

  private static long length(String run) {
    return Long.parseLong(run.substring(1));
  }

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
