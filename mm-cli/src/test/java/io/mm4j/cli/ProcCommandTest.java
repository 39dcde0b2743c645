// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.cli.proc.ProcFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of a machine like one whose kernel's files were recorded: the same but for numbers. */
class ProcCommandTest {
  @TempDir Path dir;

  private static String recorded(String name) throws IOException {
    try (InputStream in = ProcFiles.class.getResourceAsStream(name)) {
      return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.US_ASCII);
    }
  }

  private static String cat(String path) {
    Cli cat = Cli.mm("cat", path, "--memory", "24G", "--cpus", "2");
    assertEquals(0, cat.code(), cat.err());
    return cat.out();
  }

  private static String shape(String text) {
    return text.replaceAll("[0-9]+", "N");
  }

  @Test
  void zoneinfoHasTheKernelsLines() throws IOException {
    assertEquals(shape(recorded("zoneinfo.txt")), shape(cat("/proc/zoneinfo")));
  }

  @Test
  void vmstatHasTheKernelsLines() throws IOException {
    assertEquals(shape(recorded("vmstat.txt")), shape(cat("/proc/vmstat")));
  }

  @Test
  void meminfoHasTheKernelsLinesAndWidths() throws IOException {
    String all = recorded("meminfo.txt");
    String wanted = all.substring(0, all.indexOf("DirectMap"));
    String ours = cat("/proc/meminfo");
    assertEquals(shape(wanted).replaceAll(" +", " "), shape(ours).replaceAll(" +", " "));
    assertEquals(
        wanted.lines().map(String::length).toList(), ours.lines().map(String::length).toList());
  }

  @Test
  void afterTheBundledRecordingBuddyinfoIsTheRecordedOne() {
    Cli cat = Cli.mm("cat", "/proc/buddyinfo", "--after", "tar_gzip");
    assertEquals(0, cat.code(), cat.err());
    assertEquals(3, cat.out().lines().count(), cat.out());
    Cli bitmap =
        Cli.mm(
            "cat", "/proc/buddyinfo", "--after", "tar_gzip", "--plugin", "frame-allocator=bitmap");
    assertEquals(cat.out(), bitmap.out());
  }

  @Test
  void exportsEveryFile() throws IOException {
    Cli export = Cli.mm("proc", "--export", dir.resolve("a/b").toString(), "--memory", "1G");
    assertEquals(0, export.code(), export.err());
    for (String path : ProcFiles.machinePaths()) {
      Path file = dir.resolve("a/b").resolve(path.substring(1));
      assertTrue(Files.size(file) > 0 || path.endsWith("memblock/reserved"), path);
    }
  }

  @Test
  void wrongFilesFoldersAndWorkloadsAreAnswered() throws IOException {
    Path file = Files.writeString(dir.resolve("file"), "");
    for (String[] args :
        new String[][] {
          {"proc"},
          {"proc", "--export", file.resolve("below").toString()},
          {"cat"},
          {"cat", "/proc/nix"},
          {"cat", "/proc/buddyinfo", "--after", "nix"},
          {"cat", "/proc/zoneinfo", "--plugin", "page-allocator=direct"},
        }) {
      Cli wrong = Cli.mm(args);
      assertEquals(2, wrong.code(), wrong.out() + wrong.err());
      UsageTest.assertThreeParts(wrong);
    }
  }
}
