// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
import io.mm4j.replay.CheckResult;
import io.mm4j.replay.Engines;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Logs that strace 6.1 wrote on Linux 6.18 with address randomization off. */
class StraceReplayTest {
  private static final Path LOGS = Path.of("src/test/corpus/strace");

  @TempDir Path folder;

  private static Verdict replay(Path log) {
    return Engines.replay().replay(new Recording(log, RecordingKind.STRACE));
  }

  private Verdict replay(String log, String maps) throws IOException {
    Files.writeString(folder.resolve("x.strace"), log, UTF_8);
    Files.writeString(folder.resolve("x.maps"), maps, UTF_8);
    return replay(folder.resolve("x.strace"));
  }

  /** A dynamic program; one with threads, a fork, and a child that runs a program; a static one. */
  @ParameterizedTest
  @CsvSource({"ls,38", "threads,64", "static,10"})
  void everyResultIsLinuxs(String name, long calls) {
    Verdict verdict = replay(LOGS.resolve(name + ".strace"));
    assertNull(verdict.firstDifference(), () -> String.valueOf(verdict.firstDifference()));
    assertTrue(verdict.exact());
    assertEquals(List.of(CheckResult.judged("results", calls, calls)), verdict.checks());
  }

  /**
   * {@code sh -c}: pipes, env that tries three places, perl that calls others, cat of its own maps;
   * nobody gave maps of any of them.
   */
  @Test
  void everyProcessOfAFamilyIsFollowed() throws IOException {
    Path log = LOGS.resolve("family.strace.gz");
    Verdict verdict = replay(log);
    assertTrue(verdict.exact(), verdict::toString);
    assertNull(verdict.check("results").orElseThrow().extra().get("not_followed"));
    assertTrue(verdict.check("results").orElseThrow().total() > 150, verdict::toString);
    assertTrue(verdict.check("snapshots").orElseThrow().total() > 50, verdict::toString);
    // A line of what a program read about its own maps.
    String text = new String(new GZIPInputStream(Files.newInputStream(log)).readAllBytes(), UTF_8);
    Matcher line =
        Pattern.compile("[\\\\]n([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 +.heap")
            .matcher(text);
    assertTrue(line.find());
    String other = text.substring(0, line.start(2)) + "5fffffff0000" + text.substring(line.end(2));
    Files.writeString(folder.resolve("other.strace"), other, UTF_8);
    Verdict wrong = replay(folder.resolve("other.strace"));
    assertEquals("snapshots", Objects.requireNonNull(wrong.firstDifference()).check());
  }

  @Test
  void aChangedResultIsFound() throws IOException {
    String log = Files.readString(LOGS.resolve("ls.strace"));
    String changed = log.replace("= 0x7ffff7d0d000", "= 0x7ffff7d0c000");
    assertFalse(changed.equals(log));
    Verdict verdict = replay(changed, Files.readString(LOGS.resolve("ls.maps")));
    FirstDifference first = verdict.firstDifference();
    assertNotNull(first);
    assertEquals("results", first.check());
    assertEquals(15, first.line());
    assertFalse(verdict.exact());
  }

  @Test
  void mapsOfAnotherRunAreDoubted() throws IOException {
    String log = Files.readString(LOGS.resolve("static.strace"));
    String maps = Files.readString(LOGS.resolve("ls.maps"));
    // Beside the log, where name and heap say that they are another's, they are not used.
    Verdict beside = replay(log, maps);
    assertTrue(beside.notes().getFirst().contains("is not used"), beside::toString);
    Recording given =
        new Recording(folder.resolve("x.strace"), RecordingKind.STRACE)
            .withMaps(folder.resolve("x.maps"));
    FirstDifference first = Engines.replay().replay(given).firstDifference();
    assertNotNull(first);
    assertTrue(first.evidence().getFirst().contains("the maps show "), first.evidence()::toString);
    String elsewhere = Files.readString(LOGS.resolve("ls.strace")).replace("0x5555", "0x5655");
    first = replay(elsewhere, maps).firstDifference();
    assertNotNull(first);
    assertTrue(first.evidence().getFirst().contains("setarch -R"), first.evidence()::toString);
  }

  @Test
  void withoutMapsTheLogHasToTell() throws IOException {
    Path log = folder.resolve("alone.strace");
    Files.copy(LOGS.resolve("ls.strace"), log);
    Verdict verdict = replay(log);
    assertTrue(verdict.exact(), verdict::toString);
    assertTrue(verdict.notes().getFirst().startsWith("no maps were given"), verdict::toString);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "brk(NULL)|line 1",
        "mmap(NULL, 4096|line 1",
        "mmap(NULL) = 0|line 1",
        "hello world|line 1",
        "''|is empty",
        "munmap(0x1000, 4096) = banana|banana",
        "munmap(0x1000, MAP_BANANA) = 0|MAP_BANANA",
        "<... mmap resumed>) = 0|no call",
        "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, q</a>, 0) = 0x7000|descriptor",
        "mmap(NULL, ((((, 1) = 0|line 1",
      })
  void saysWhereItIsWrong(String line, String expected) throws IOException {
    String maps = Files.readString(LOGS.resolve("ls.maps"));
    InputException error =
        assertThrows(InputException.class, () -> replay(line.isEmpty() ? "" : line + "\n", maps));
    assertTrue(String.valueOf(error.getMessage()).contains(expected), error.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|no line of maps",
        "00001000-00002000 rw-p 00000000 00:00 0|start_brk",
        "00002000-00001000 rw-p 00000000 00:00 0 [stack]|START below END",
        "00001000-00002000 rwzp 00000000 00:00 0 [stack]|rw-p",
        "# rlimit AS=many|column",
      })
  void saysWhereTheMapsAreWrong(String line, String expected) throws IOException {
    String log = Files.readString(LOGS.resolve("ls.strace"));
    InputException error =
        assertThrows(InputException.class, () -> replay(log, line.isEmpty() ? "" : line + "\n"));
    assertTrue(String.valueOf(error.getMessage()).contains(expected), error.getMessage());
  }

  @Test
  void theMapsMaySetTheMachine() throws IOException {
    String log =
        "1 brk(NULL) = 0x4ac000\n"
            + "1 mmap(NULL, 8388608, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)"
            + " = -1 ENOMEM (Cannot allocate memory)\n";
    String maps = Files.readString(LOGS.resolve("static.maps"));
    String limited =
        "# rlimit AS=4194304 DATA=inf STACK=8388608 MEMLOCK=8388608\n# a note\n" + maps;
    assertTrue(replay(log, limited).exact());
    assertFalse(replay(log, maps).exact());
  }
}
