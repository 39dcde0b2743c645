// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.replay.Engines;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A program that watches parts of its memory by userfaultfd, as strace recorded it on 6.18: what is
 * watched is a VMA of its own in the maps that it reads, until the last descriptor is closed.
 */
class StraceUffdTest {
  private static final Path LOG = Path.of("src/test/corpus/strace/userfaultfd.strace.gz");

  @TempDir Path folder;

  private static String log() throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(LOG))) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  private Verdict replay(String log) throws IOException {
    Path file = Files.writeString(folder.resolve("x.strace"), log, UTF_8);
    return Engines.replay().replay(new Recording(file, RecordingKind.STRACE));
  }

  @Test
  void asRecorded() throws IOException {
    Verdict verdict = replay(log());
    assertTrue(verdict.exact(), verdict::toString);
    assertEquals(17, verdict.check("results").orElseThrow().equal(), verdict::toString);
    assertEquals(62, verdict.check("snapshots").orElseThrow().equal(), verdict::toString);
  }

  /**
   * Each of these calls counts: without it, or with another answer, something is different, or is
   * laid to faults that the log does not show.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "(?m)^.*UFFDIO_API, .*= 0\\n|''",
        "(?m)^.*UFFDIO_REGISTER, .*MODE_WP, ioctls.*\\n|''",
        "(?m)^.*UFFDIO_UNREGISTER.*\\n|''",
        "(?m)^.*dup\\(3\\) .*\\n|''",
        "(?m)^(.*)dup2\\(1, 4\\) .*\\n|''",
        "(UFFDIO_REGISTER, .*)= -1 EINVAL .*|$1= -1 EBUSY (Device or resource busy)",
        "(UFFDIO_UNREGISTER, .*)= 0|$1= -1 EINVAL (Invalid argument)",
      })
  void eachLineCounts(String line, String other) throws IOException {
    String log = log();
    String changed = log.replaceFirst(line, other);
    assertFalse(changed.equals(log), line);
    Verdict verdict = replay(changed);
    boolean all = verdict.check("snapshots").orElseThrow().equal() == 62;
    assertFalse(verdict.exact() && all, line);
  }

  @Test
  void aStructThatIsNotShownIsPassedOver() throws IOException {
    String lines =
        """
        100 ioctl(3, UFFDIO_WRITEPROTECT, 0x7ffc711d2f60) = 0
        100 ioctl(9, UFFDIO_WAKE, {start=0x7fb947259000, len=0x8000}) = 0
        100 userfaultfd(O_CLOEXEC) = -1 EPERM (Operation not permitted)
        """;
    Verdict verdict = replay(log() + lines.replace("100", log().replaceFirst("(?s) .*", "")));
    assertTrue(verdict.exact(), verdict::toString);
    assertEquals(17, verdict.check("results").orElseThrow().equal(), verdict::toString);
  }
}
