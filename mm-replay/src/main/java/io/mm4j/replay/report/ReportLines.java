// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import io.mm4j.replay.text.WebText;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The lines of a report as the kernel meant them. Kernels up to 4.9 printed parts of a line one by
 * one, and a journal or a syslog may have made a line of each part: {@code Node 0}, {@code DMA:},
 * {@code 1*4kB}, {@code (U)}. They are put together again, as are lines of buddyinfo that a mail
 * has wrapped.
 */
final class ReportLines {
  private static final String ZONE = "(?:DMA|DMA32|Normal|HighMem|Movable)";

  /** What a log puts before the kernel's own text. */
  private static final Pattern PREFIX =
      Pattern.compile(
          "^(?:[> ]*)(?:[^\\[\\]]{0,80}?kernel: ?)?(?:<\\d+>)?(?:\\[[^\\]]{1,40}\\] ?)?");

  private static final Pattern NODE = Pattern.compile("(?:.*\\s)?Node +\\d{1,4}");
  private static final Pattern AFTER_NODE = Pattern.compile(ZONE + "(?::| free:).*");
  private static final Pattern BLOCKS = Pattern.compile("(?:.*\\s)?" + ZONE + ":[^=]*");
  private static final Pattern AFTER_BLOCKS =
      Pattern.compile("(?:\\d+\\*\\d+kB|\\([A-Z]*\\)|= *\\d+kB).*");

  /** A line of buddyinfo with fewer orders than there are. */
  private static final Pattern COUNTS =
      Pattern.compile(".*Node +\\d{1,4}, +zone +\\w+(?:\\s+\\d+){1,10}");

  private static final Pattern AFTER_COUNTS = Pattern.compile("\\d+(?:\\s+\\d+){0,9}");
  private static final Pattern RESERVE = Pattern.compile(".*lowmem_reserve\\[\\]:[ \\d]*");
  private static final Pattern AFTER_RESERVE = Pattern.compile("\\d+(?: +\\d+)*");
  private static final Pattern FREE = Pattern.compile(".*" + ZONE + " +free:\\d+kB.*");
  private static final Pattern AFTER_FREE = Pattern.compile("[a-z_]+:\\d+[kK]B.*");

  private ReportLines() {}

  /**
   * A line, and where it began.
   *
   * @param number from 1
   * @param text the line, parts joined by spaces
   */
  record Line(int number, String text) {}

  /** The lines of a text, those that were one joined. */
  static List<Line> of(String text) {
    List<Line> lines = new ArrayList<>();
    int number = 0;
    boolean quoted = WebText.isQuotedPrintable(text);
    for (String raw : OtherDumps.plain(text).lines().toList()) {
      number++;
      String line = WebText.plain(raw).stripTrailing();
      line = quoted ? WebText.unquoted(line) : line;
      if (!lines.isEmpty() && goesOn(lines.getLast().text(), quoted)) {
        Line last = lines.getLast();
        String begun = last.text().substring(0, last.text().length() - 1);
        lines.set(lines.size() - 1, new Line(last.number(), begun + line));
        continue;
      }
      if (!lines.isEmpty()) {
        Line last = lines.getLast();
        String part = PREFIX.matcher(line).replaceFirst("").strip();
        if (continues(last.text(), part)) {
          lines.set(lines.size() - 1, new Line(last.number(), last.text() + " " + part));
          continue;
        }
      }
      lines.add(new Line(number, line));
    }
    return lines;
  }

  private static boolean goesOn(String line, boolean quoted) {
    return line.endsWith("\\") || (quoted && line.endsWith("="));
  }

  private static boolean continues(String line, String part) {
    if (line.length() > 4000 || part.length() > 1000) {
      return false;
    }
    return (NODE.matcher(line).matches() && AFTER_NODE.matcher(part).matches())
        || (AFTER_BLOCKS.matcher(part).matches() && BLOCKS.matcher(line).matches())
        || (AFTER_COUNTS.matcher(part).matches() && COUNTS.matcher(line).matches())
        || (AFTER_RESERVE.matcher(part).matches() && RESERVE.matcher(line).matches())
        || (AFTER_FREE.matcher(part).matches() && FREE.matcher(line).matches());
  }
}
