// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.mm4j.api.process.VmaInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class MapsFileTest {
  private static final Pattern LINE =
      Pattern.compile("([0-9a-f]+)-([0-9a-f]+) (\\S{4}) ([0-9a-f]+) (\\S+) (\\d+) *(.*)");

  /** The kernel's own lines, taken apart and printed again. */
  @Test
  void printsAsTheRunningKernelDoes() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    assumeTrue(Files.isReadable(maps), "no /proc/self/maps here");
    int lines = 0;
    for (String line : Files.readAllLines(maps)) {
      Matcher m = LINE.matcher(line);
      assertTrue(m.matches(), line);
      VmaInfo vma =
          new VmaInfo(
              Long.parseUnsignedLong(m.group(1), 16),
              Long.parseUnsignedLong(m.group(2), 16),
              m.group(3),
              Long.parseUnsignedLong(m.group(4), 16),
              m.group(7),
              null,
              List.of(),
              "");
      StringBuilder out = new StringBuilder();
      MapsFile.line(out, vma, m.group(5), Long.parseLong(m.group(6)), m.group(7));
      assertEquals(line + "\n", out.toString());
      lines++;
    }
    assertTrue(lines > 10, lines + " lines");
  }
}
