// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.replay.kmem.KmemReplay;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Replays the bundled recording from a folder, whole and damaged in many ways. */
class ReplayCommandTest {
  private static final String BUNDLED = "io/mm4j/replay/bundled/kmem/tar_gzip/";

  @TempDir Path dir;
  private Path recording = Path.of("");

  @BeforeEach
  void unpack() throws IOException {
    recording = dir.resolve("tar_gzip");
    Files.createDirectories(recording.resolve("snap"));
    for (String file :
        List.of(
            "pages.txt.gz",
            "freeblocks.before.txt.gz",
            "freeblocks.after.txt.gz",
            "meta.txt",
            "snap/buddyinfo.before",
            "snap/buddyinfo2.before",
            "snap/buddyinfo.after",
            "snap/buddyinfo2.after",
            "snap/zoneinfo.before")) {
      Files.write(recording.resolve(file), bundled(file));
    }
  }

  /** Reads a file that another module keeps to itself. */
  private static byte[] bundled(String file) throws IOException {
    Module module = KmemReplay.class.getModule();
    var resolved = module.getLayer().configuration().findModule(module.getName()).orElseThrow();
    try (var reader = resolved.reference().open();
        InputStream in = reader.open(BUNDLED + file).orElseThrow()) {
      return in.readAllBytes();
    }
  }

  /** Changes the lines of the trace. */
  private void edit(UnaryOperator<List<String>> change) throws IOException {
    Path pages = recording.resolve("pages.txt.gz");
    List<String> lines;
    try (InputStream in = new GZIPInputStream(Files.newInputStream(pages))) {
      lines = new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      for (String line : change.apply(new ArrayList<>(lines))) {
        out.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
      }
    }
    Files.write(pages, bytes.toByteArray());
  }

  private static int firstLine(List<String> lines, String op) {
    int middle = lines.size() / 2;
    for (int i = middle; i < lines.size(); i++) {
      if (lines.get(i).contains(op)) {
        return i;
      }
    }
    throw new AssertionError("no line with " + op);
  }

  @ParameterizedTest
  @ValueSource(strings = {"buddy", "bitmap"})
  void theWholeRecordingIsExact(String plugin) {
    Cli whole = Cli.mm("replay", dir.toString(), "--plugin", "frame-allocator=" + plugin);
    assertEquals(0, whole.code(), whole.err());
    assertTrue(whole.out().startsWith("exact"), whole.out());
    assertTrue(whole.out().contains(" buddyinfo 4 "), whole.out());
  }

  @Test
  void jsonHasTheDocumentedKeys() {
    Cli json = Cli.mm("replay", "--json", recording.toString());
    assertEquals(0, json.code(), json.err());
    assertEquals("[recordings, total, exact]", json.json().keySet().toString());
    assertEquals(1L, json.json().get("total"));
    assertEquals(1L, json.json().get("exact"));
    assertTrue(json.jsonList("recordings").toString().contains("l1=[0, 0, 0, 0]"), json.out());
  }

  @Test
  void aDroppedDrainIsFoundWithItsEvidence() throws IOException {
    edit(
        lines -> {
          lines.remove(firstLine(lines, " d "));
          return lines;
        });
    Cli damaged = Cli.mm("replay", recording.toString());
    assertEquals(1, damaged.code(), damaged.out());
    assertTrue(damaged.out().startsWith("DIFFERS"), damaged.out());
    assertTrue(damaged.out().contains("first difference"), damaged.out());
    Cli json = Cli.mm("replay", "--json", recording.toString());
    assertEquals(1, json.code());
    assertTrue(json.out().contains("\"first_difference\": {"), json.out());
  }

  @Test
  void garbageIsAnsweredWithItsLine() throws IOException {
    edit(
        lines -> {
          lines.add(1000, "garbage");
          return lines;
        });
    assertWrong(":1001");
  }

  @Test
  void aFrameOutsideEveryZoneIsAnswered() throws IOException {
    edit(
        lines -> {
          lines.add(1000, "0 0 z 99999999999 0 1 1");
          return lines;
        });
    assertWrong("99999999999");
  }

  @Test
  void aTruncatedFileIsAnswered() throws IOException {
    Path pages = recording.resolve("pages.txt.gz");
    byte[] all = Files.readAllBytes(pages);
    Files.write(pages, java.util.Arrays.copyOf(all, all.length / 2));
    assertWrong("pages.txt.gz");
  }

  @Test
  void anEmptyFileIsAnswered() throws IOException {
    Files.write(recording.resolve("pages.txt.gz"), new byte[0]);
    assertWrong("pages.txt.gz");
  }

  @Test
  void aMissingFileIsAnswered() throws IOException {
    Files.delete(recording.resolve("freeblocks.before.txt.gz"));
    assertWrong("freeblocks.before.txt.gz");
    assertTrue(Cli.mm("replay", dir.resolve("nix").toString()).err().contains("nix"));
  }

  private void assertWrong(String named) {
    Cli wrong = Cli.mm("replay", recording.toString());
    assertEquals(2, wrong.code(), wrong.out() + wrong.err());
    assertTrue(wrong.err().contains(named), wrong.err());
    UsageTest.assertThreeParts(wrong);
    assertFalse(wrong.err().contains("Exception"), wrong.err());
  }

  @Test
  void onlySomeChecks() {
    Cli only = Cli.mm("replay", recording.toString(), "--only", "core_ops");
    assertEquals(0, only.code(), only.err());
    assertFalse(only.out().contains("buddyinfo"), only.out());
    Cli wrong = Cli.mm("replay", recording.toString(), "--only", "nix");
    assertEquals(2, wrong.code());
    UsageTest.assertThreeParts(wrong);
  }

  private static final String MAPS =
      """
      00400000-00401000 r-xp 00000000 08:01 12                                 /bin/small
      00401000-00402000 rw-p 00001000 08:01 12                                 /bin/small
      7ffff7ffd000-7ffff7fff000 r-xp 00000000 00:00 0                          [vdso]
      7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]
      """;

  /** As strace prints it: a child, a call in two parts, errors, a note, a signal. */
  private static final String STRACE =
      """
      100 execve("/bin/small", ["small"], 0x7ffe /* 3 vars */) = 0
      100 brk(NULL)                         = 0x402000
      100 brk(0x404000)                     = 0x404000
      100 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7ffb000
      100 mmap(NULL, 281474976710656, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)
      101 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>
      100 munmap(0x7ffff7ffb000, 4096)      = 0
      101 <... mmap resumed>)               = 0x7ffff7ffa000
      101 +++ exited with 0 +++
      100 --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=101, si_uid=0, si_status=0} ---
      100 mprotect(0x7ffff7ffb000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)
      100 +++ exited with 0 +++
      """;

  private Cli strace(String log) throws IOException {
    Files.writeString(dir.resolve("small.maps"), MAPS);
    return Cli.mm("replay", Files.writeString(dir.resolve("small.strace"), log).toString());
  }

  @Test
  void straceTextIsReplayedFromTheCommandLine() throws IOException {
    Cli replay = strace(STRACE);
    assertEquals(0, replay.code(), replay.out() + replay.err());
    assertTrue(replay.out().startsWith("exact "), replay.out());
    assertTrue(replay.out().contains("results 6"), replay.out());
    String log = dir.resolve("small.strace").toString();
    Cli maps = Cli.mm("cat", "/proc/1/maps", "--after", log, "--at", "3");
    assertEquals(0, maps.code(), maps.err());
    assertTrue(
        maps.out().contains("\n7ffff7ffb000-7ffff7ffd000 rw-p 00000000 00:00 0 \n"), maps.out());
    assertTrue(maps.out().contains("  /bin/small\n"), maps.out());
    assertEquals(0, Cli.mm("run", log).code());
    Cli wrong =
        strace(STRACE.replace("4096)      = 0", "4096)      = -1 EINVAL (Invalid argument)"));
    assertEquals(1, wrong.code(), wrong.out());
    assertTrue(wrong.out().contains("first difference, results, line 7"), wrong.out());
  }

  @Test
  void wrongStraceTextSaysTheLine() throws IOException {
    String[][] cases = {
      {"PROT_READ) = -1", "PROT_NIX) = -1", "line 11"},
      {"brk(0x404000) ", "brk(0x404000 ", "line 3"},
      {"= 0x404000", "", "line 3"},
      {"= 0x7ffff7ffa000", "= soon", "line 8"},
    };
    for (String[] c : cases) {
      Cli wrong = strace(STRACE.replace(c[0], c[1]));
      assertEquals(2, wrong.code(), c[1] + wrong.out());
      assertTrue(wrong.err().contains("small.strace, " + c[2] + ","), c[1] + wrong.err());
      UsageTest.assertThreeParts(wrong);
    }
  }
}
