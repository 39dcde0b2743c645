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
import java.util.List;
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
      boolean empty = path.endsWith("memblock/reserved") || path.endsWith("vmallocinfo");
      assertTrue(Files.size(file) > 0 || empty, path);
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
          {"cat", "/proc/vmallocinfo", "--steps", ""},
          {"cat", "/proc/vmallocinfo", "--steps", "mmap 1M"},
          {"cat", "/proc/vmallocinfo", "--steps", "vfree 0x1000"},
          {"cat", "/proc/vmallocinfo", "--steps", "vmalloc 1M", "--after", "tar_gzip"},
          {"cat", "/proc/vmallocinfo", "--steps", "vmalloc 1M", "--contents", "none"},
        }) {
      Cli wrong = Cli.mm(args);
      assertEquals(2, wrong.code(), wrong.out() + wrong.err());
      UsageTest.assertThreeParts(wrong);
    }
  }

  @Test
  void vmallocinfoHasTheKernelsLines() {
    assertEquals("", cat("/proc/vmallocinfo"), "nothing is mapped at boot");
    Cli cat =
        Cli.mm(
            "cat",
            "/proc/vmallocinfo",
            "/proc/meminfo",
            "--cpus",
            "1",
            "--steps",
            "vmalloc 1M; ioremap 0xfebc0004 8K; vzalloc 3M; vmalloc 8K; vfree $4");
    assertEquals(0, cat.code(), cat.err());
    for (String line :
        List.of(
            "0xffffc90000000000-0xffffc90000101000 1052672 vmalloc pages=256 vmalloc N0=256",
            "0xffffc90000101000-0xffffc90000104000   12288 vzalloc pages=2 vmalloc N0=2",
            "0xffffc90000104000-0xffffc90000108000   16384 ioremap phys=0x00000000febc0000"
                + " ioremap")) {
      assertTrue(cat.out().contains(line + "\n"), cat.out());
    }
    assertTrue(cat.out().contains(" vzalloc pages=768 vmalloc vpages N0=768\n"), cat.out());
    assertTrue(cat.out().contains("   12288 unpurged vm_area\n"), cat.out());
    assertTrue(cat.out().contains("VmallocUsed:        4104 kB\n"), cat.out());
  }

  @Test
  void vmallocinfoOf32BitsHasShortAddresses() {
    Cli cat =
        Cli.mm(
            "cat",
            "/proc/vmallocinfo",
            "--machine",
            "x86-32-2.4",
            "--memory",
            "512M",
            "--steps",
            "vmalloc 12K; ioremap 0xfebc0000 4K");
    assertEquals(0, cat.code(), cat.err());
    assertEquals(
        """
        0xe0800000-0xe0804000   16384 vmalloc pages=3 vmalloc
        0xe0804000-0xe0806000    8192 ioremap phys=0xfebc0000 ioremap
        """,
        cat.out());
  }

  @Test
  void exportsVmallocinfo() throws IOException {
    Cli export = Cli.mm("proc", "--export", dir.toString(), "--steps", "vmalloc 4K");
    assertEquals(0, export.code(), export.err());
    assertEquals(1, Files.readAllLines(dir.resolve("proc/vmallocinfo")).size());
  }
}
