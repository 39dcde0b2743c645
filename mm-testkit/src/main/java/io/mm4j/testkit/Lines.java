// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

/** Text that fits a screen: long lines are broken at blanks, very long ones are cut, and say so. */
final class Lines {
  /** How wide a line may be. */
  static final int WIDTH = 100;

  private static final int LONGEST_WORD = 240;

  /** So many lines of one value are shown. */
  private static final int MOST_LINES = 24;

  private Lines() {}

  /**
   * A text in lines.
   *
   * @param text one value, whose own line breaks stay
   * @param indent with how many blanks every line but the first begins
   */
  static String fit(String text, int indent) {
    StringBuilder out = new StringBuilder();
    int lines = 0;
    int at = 0;
    while (at < text.length()) {
      if (lines == MOST_LINES) {
        return out.append("\n")
            .append(" ".repeat(indent))
            .append("... and ")
            .append(text.length() - at)
            .append(" more characters; `mm check --json` has all")
            .toString();
      }
      int end = endOfLine(text, at, Math.max(20, WIDTH - indent));
      if (lines++ > 0) {
        out.append('\n').append(" ".repeat(indent));
      }
      out.append(text, at, end);
      at = end;
      if (at < text.length() && (text.charAt(at) == ' ' || text.charAt(at) == '\n')) {
        at++;
      }
    }
    return out.toString();
  }

  private static int endOfLine(String text, int at, int width) {
    int newline = text.indexOf('\n', at);
    int end = newline < 0 ? text.length() : newline;
    if (end - at <= width) {
      return end;
    }
    int blank = text.lastIndexOf(' ', at + width);
    if (blank > at) {
      return blank;
    }
    // A word is broken only if it is longer than any name of a file or a class.
    int next = text.indexOf(' ', at + width);
    return Math.min(Math.min(next < 0 ? end : next, end), at + LONGEST_WORD);
  }
}
