// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.report;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How large the pages of a report's machine are: as its smallest blocks. */
final class PageSize {
  /** The pages of x86, in kB. */
  static final long X86_KB = 4;

  private static final Pattern BLOCKS =
      Pattern.compile(".*\\b(?:DMA|DMA32|Normal|HighMem|Movable): +\\d+\\*\\d+kB.*");

  private static final Pattern BLOCK = Pattern.compile("\\d{1,12}\\*(\\d{1,9})kB");

  private PageSize() {}

  /** 16 or 64 if no block of the report is smaller, else 4. */
  static long kb(List<ReportLines.Line> lines) {
    long smallest = Long.MAX_VALUE;
    for (ReportLines.Line line : lines) {
      Matcher block = BLOCK.matcher(BLOCKS.matcher(line.text()).matches() ? line.text() : "");
      while (block.find()) {
        smallest = Math.min(smallest, Long.parseLong(block.group(1)));
      }
    }
    return smallest == 16 || smallest == 64 ? smallest : X86_KB;
  }

  /** What follows from other pages than x86's, in words. */
  static String note(long kb) {
    return "its pages have "
        + kb
        + " kB: zones, watermarks and blocks are those of the report in pages, addresses are not";
  }
}
