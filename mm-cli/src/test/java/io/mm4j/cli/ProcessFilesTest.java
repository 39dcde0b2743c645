// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code mm cat} shows of processes, against what a kernel showed when they were recorded. */
class ProcessFilesTest {
  private static final Path CORPUS = ExplainCommandTest.CORPUS;
  private static final Pattern LINE =
      Pattern.compile(
          "([0-9a-f]{8,16})-([0-9a-f]{8,16}) ([r-][w-][x-][ps]) ([0-9a-f]{8,16})"
              + " ([0-9a-f]{2}:[0-9a-f]{2}) ([0-9]+) ( *)(.*)");
  private static final int NAME_COLUMN = 73;

  @TempDir Path dir;

  private static String cat(String file, String... options) {
    List<String> args = new ArrayList<>(List.of("cat", file));
    args.addAll(List.of(options));
    Cli cat = Cli.mm(args.toArray(new String[0]));
    assertEquals(0, cat.code(), args + cat.err());
    assertEquals("", cat.err());
    return cat.out();
  }

  /** A recording: its lines, and its last maps block of every process that lives at the end. */
  private record Recorded(Map<String, String> paths, Map<Integer, List<String>> maps) {
    static Recorded read(Path file) throws IOException {
      Map<String, String> paths = new HashMap<>();
      Map<Integer, List<String>> maps = new HashMap<>();
      try (BufferedReader in =
          new BufferedReader(
              new InputStreamReader(
                  new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          if (line.startsWith("file ") && line.contains(" path=")) {
            paths.put(line.split(" ", -1)[1], line.substring(line.indexOf(" path=") + 6));
          } else if (line.matches("maps p[0-9]+ n=[0-9]+ final")) {
            List<String> block = new ArrayList<>();
            maps.put(Integer.parseInt(line.replaceAll("maps p([0-9]+) .*", "$1")), block);
            for (line = in.readLine(); !"end".equals(line); line = in.readLine()) {
              block.add(Objects.requireNonNull(line));
            }
          }
        }
      }
      return new Recorded(paths, maps);
    }

    /** The block in the kernel's own format, with device and inode as the other side has them. */
    String asTheKernelPrintsIt(int process, List<String> ours) {
      StringBuilder out = new StringBuilder();
      Map<String, String> shared = new HashMap<>();
      List<String> block = Objects.requireNonNull(maps.get(process));
      for (int i = 0; i < block.size(); i++) {
        String[] words = block.get(i).split(" ", -1);
        String[] range = words[0].split("-", -1);
        String name = words[5].equals("-") ? "" : words[5];
        String device = "00:00";
        String inode = "0";
        Matcher other = LINE.matcher(i < ours.size() ? ours.get(i) : "");
        if (words[3].equals("F") && other.matches()) {
          device = other.group(5);
          inode = other.group(6);
          assertTrue(!inode.equals("0"), block.get(i));
        }
        if (name.matches("Z[0-9]+")) {
          // One object has one inode.
          assertEquals(inode, shared.computeIfAbsent(name, k -> other.group(6)));
          name = "/dev/zero (deleted)";
        }
        name = name.equals("ZERO") ? "/dev/zero" : paths.getOrDefault(name, name);
        StringBuilder line = new StringBuilder();
        line.append(wide(range[0])).append('-').append(wide(range[1]));
        line.append(' ').append(words[1]).append(' ').append(wide(words[2]));
        line.append(' ').append(device).append(' ').append(inode).append(' ');
        if (!name.isEmpty()) {
          line.append(" ".repeat(Math.max(1, NAME_COLUMN - line.length()))).append(name);
        }
        out.append(line).append('\n');
      }
      return out.toString();
    }

    private static String wide(String hex) {
      return "0".repeat(Math.max(0, 8 - hex.length())) + hex;
    }
  }

  @Test
  void mapsAfterARecordingAreTheRecordedOnes() throws IOException {
    List<Path> files = new ArrayList<>();
    try (Stream<Path> all = Files.list(CORPUS)) {
      List<Path> some =
          all.filter(f -> f.getFileName().toString().matches("(directed|fork|files)-.*"))
              .sorted()
              .toList();
      for (int i = 0; i < some.size(); i += 3) {
        files.add(some.get(i));
      }
    }
    files.add(CORPUS.resolve("ia32-007.vma.gz"));
    files.add(CORPUS.resolve("real").resolve("ls.vma.gz"));
    int compared = 0;
    for (Path file : files) {
      Recorded recorded = Recorded.read(file);
      for (int process : recorded.maps().keySet()) {
        String ours = cat("/proc/" + (process + 1) + "/maps", "--after", file.toString());
        assertEquals(
            recorded.asTheKernelPrintsIt(process, ours.lines().toList()), ours, file.toString());
        compared++;
      }
    }
    assertTrue(compared >= 20, compared + " of " + files.size());
  }

  @Test
  void theProcessBeforeAnyWorkloadIsTheRecordedProgram() {
    String maps = cat("/proc/1/maps");
    assertEquals(12, maps.lines().count());
    assertTrue(
        maps.endsWith(
            "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n"
                + "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0"
                + "                  [vsyscall]\n"),
        maps);
    assertTrue(maps.contains("\n004c6000-004cb000 rw-p 00000000 00:00 0 \n"), maps);
    assertEquals(maps, cat("/proc/1/maps", "--after", "tar_gzip"));
  }

  @Test
  void theFilesAgreeWithEachOther() {
    String recording = CORPUS.resolve("directed-cow_fork.vma.gz").toString();
    for (String at : List.of("1", "20", "35")) {
      String[] when = {"--after", recording, "--at", at};
      String status = cat("/proc/1/status", when);
      long[] statm =
          Stream.of(cat("/proc/1/statm", when).strip().split(" ", -1))
              .mapToLong(Long::parseLong)
              .toArray();
      String smaps = cat("/proc/1/smaps", when);
      assertEquals(statm[0] * 4, kb(status, "VmSize"));
      assertEquals(statm[1] * 4, kb(status, "VmRSS"));
      assertEquals(kb(status, "RssAnon") + statm[2] * 4, kb(status, "VmRSS"));
      assertEquals(statm[5] * 4, kb(status, "VmData") + kb(status, "VmStk"));
      assertEquals(kb(smaps, "Rss"), kb(status, "VmRSS"));
      assertEquals(kb(smaps, "Anonymous"), kb(status, "RssAnon"));
      assertEquals(kb(smaps, "Size") - 4, kb(status, "VmSize"), "all but the gate page");
      assertEquals(kb(smaps, "Rss"), kb(cat("/proc/1/smaps_rollup", when), "Rss"));
      String maps = cat("/proc/1/maps", when);
      assertEquals(maps, smaps.replaceAll("(?m)^[A-Z][A-Za-z_]+: .*\n", ""));
    }
  }

  /** The sum of all lines of that name. */
  private static long kb(String text, String name) {
    return text.lines()
        .filter(l -> l.startsWith(name + ":"))
        .mapToLong(l -> Long.parseLong(l.replaceAll("[^0-9]", "")))
        .sum();
  }

  @Test
  void limitsFollowSetrlimit() {
    String recording = CORPUS.resolve("directed-as_limit.vma.gz").toString();
    String limits = cat("/proc/1/limits", "--after", recording);
    assertTrue(
        limits.startsWith(
            "Limit                     Soft Limit           Hard Limit           Units     \n"),
        limits);
    assertTrue(
        limits.contains(
            "Max locked memory         8388608              8388608              bytes     \n"),
        limits);
    assertTrue(limits.contains("Max address space         "), limits);
  }

  @Test
  void smapsFlagsAreTheKernels() {
    String smaps = cat("/proc/1/smaps");
    assertTrue(smaps.contains("\nVmFlags: rd wr mr mw me gd ac \n"), smaps);
    assertTrue(smaps.contains("\nSize:                  4 kB\n"), smaps);
  }

  @Test
  void exportsTheProcesses() throws IOException {
    Path recording = CORPUS.resolve("directed-cow_fork.vma.gz");
    Path folder = dir.resolve("after");
    Cli export =
        Cli.mm(
            "proc", "--export", folder.toString(), "--after", recording.toString(), "--at", "20");
    assertEquals(0, export.code(), export.err());
    assertEquals(
        cat("/proc/2/maps", "--after", recording.toString(), "--at", "20"),
        Files.readString(folder.resolve("proc/2/maps")));
    assertEquals(
        cat("/proc/meminfo", "--after", recording.toString(), "--at", "20"),
        Files.readString(folder.resolve("proc/meminfo")));
    assertEquals(0, Cli.mm("proc", "--export", dir.toString()).code());
    assertEquals(cat("/proc/1/maps"), Files.readString(dir.resolve("proc/1/maps")));
  }

  @Test
  void wrongProcessesAndFilesAreAnswered() {
    String recording = CORPUS.resolve("directed-cow_fork.vma.gz").toString();
    for (String[] args :
        new String[][] {
          {"cat", "/proc/1/nix"},
          {"cat", "/proc/2/maps"},
          {"cat", "/proc/0/maps"},
          {"cat", "/proc/9999999999/maps"},
          {"cat", "/proc/-1/maps"},
          {"cat", "/proc/1/maps", "--at", "3"},
          {"cat", "/proc/1/maps", "--after", "nix"},
          {"cat", "/proc/1/maps", "--after", recording, "--at", "100000"},
          {"cat", "/proc/1/maps", "--after", recording, "--at", "x"},
          {"cat", "/proc/77/maps", "--after", recording},
        }) {
      Cli wrong = Cli.mm(args);
      assertEquals(2, wrong.code(), String.join(" ", args) + wrong.out() + wrong.err());
      UsageTest.assertThreeParts(wrong);
    }
  }
}
