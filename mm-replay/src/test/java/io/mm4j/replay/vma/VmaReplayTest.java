// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.replay.CheckResult;
import io.mm4j.replay.Engines;
import io.mm4j.replay.FirstDifference;
import io.mm4j.replay.Recording;
import io.mm4j.replay.RecordingKind;
import io.mm4j.replay.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A kernel that had answered otherwise would be caught, at the right place, by the right check. */
class VmaReplayTest {
  private static final String NAME = "basic-000.vma.gz";
  private static final String DEEP = "../cases/ia32-deep-stack.vma.gz";

  @TempDir Path folder;

  private Verdict replay(String text) throws IOException {
    Path file = folder.resolve("changed.vma");
    Files.writeString(file, text, ISO_8859_1);
    return Engines.replay().replay(new Recording(file, RecordingKind.VMA));
  }

  @Test
  void theRecordingItselfHolds() throws IOException {
    Verdict verdict = replay(VmaReaderTest.text(NAME));
    assertNull(verdict.firstDifference(), () -> String.valueOf(verdict.firstDifference()));
    assertEquals(20, verdict.check("results").orElseThrow().total());
    assertEquals("basic", verdict.recordingClass());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 p0 munmap addr=0x409000 len=0x1000 = 0|1 p0 munmap addr=0x409000 len=0x1000 = -EINVAL"
            + "|results|1",
        "off=0x0 = 0x7ffff7fdd000|off=0x0 = 0x7ffff7fde000|results|14",
        "9 p0 mmap addr=0x5001 len=0x0 prot=0x3 flags=0x32 fd=-1 off=0x0 = -EINVAL"
            + "|9 p0 mmap addr=0x5001 len=0x0 prot=0x3 flags=0x32 fd=-1 off=0x0 = -ENOMEM"
            + "|results|9",
        "[+] 409000-41c000 rw-p 0 0 0 \\[heap\\]|+ 409000-41d000 rw-p 0 0 0 [heap]|maps|2",
        "[+] 409000-41c000 rw-p 0 0 0 \\[heap\\]|+ 409000-41c000 r--p 0 0 0 [heap]|maps|2",
        "(?s)(periodic.*?)409000-450000 rw-p|$1409000-44f000 rw-p|snapshots|10",
      })
  void aChangedAnswerIsFound(String pattern, String replacement, String check, long call)
      throws IOException {
    String text = VmaReaderTest.text(NAME);
    String changed = text.replaceFirst(pattern, replacement);
    assertFalse(changed.equals(text), "the pattern matches nothing");
    Verdict verdict = replay(changed);
    FirstDifference first = verdict.firstDifference();
    assertNotNull(first);
    assertEquals(check, first.check());
    assertEquals(call, first.call());
    assertFalse(verdict.exact());
    assertTrue(first.evidence().size() >= 3, () -> String.join("\n", first.evidence()));
    assertEquals(1, failures(verdict, check), "only the changed answer may fail");
  }

  private static long failures(Verdict verdict, String check) {
    return verdict.checks().stream()
        .filter(c -> c.name().equals(check))
        .mapToLong(c -> c.total() - c.equal())
        .sum();
  }

  @Test
  void aDroppedCallIsFound() throws IOException {
    String text = VmaReaderTest.text(NAME);
    String dropped = text.replaceFirst("(?m)^5 p0 mmap .*\n[+] .*\n", "");
    StringBuilder renumbered = new StringBuilder();
    for (String line : dropped.lines().toList()) {
      java.util.regex.Matcher call =
          java.util.regex.Pattern.compile("^(\\d+)( p0 .*)$").matcher(line);
      if (call.matches() && Integer.parseInt(call.group(1)) > 5) {
        line = (Integer.parseInt(call.group(1)) - 1) + call.group(2);
      }
      renumbered.append(line.replace("eof calls=20", "eof calls=19")).append('\n');
    }
    Verdict verdict = replay(renumbered.toString());
    FirstDifference first = verdict.firstDifference();
    assertNotNull(first);
    assertTrue(first.call() >= 9 && first.call() <= 13, first.what());
  }

  /**
   * A real program whose stack grows by many faults in a row: its maps were read at calls only, so
   * all of the growth stands after the last of these faults.
   */
  @Test
  void aRealProgramsFaultsAreComparedTogether() throws IOException {
    String text = VmaReaderTest.text(DEEP);
    CheckResult maps = replay(text).check("maps").orElseThrow();
    assertTrue(maps.holds(), maps.toString());
    assertEquals(3142, maps.total(), "every call and every fault counts");

    String grown =
        "- bffdf000-c0000000 rw-p 0 0 0 [stack]\n+ bffa7000-c0000000 rw-p 0 0 0 [stack]\n";
    assertTrue(text.contains(grown));
    FirstDifference missing = mapsDifference(text.replace(grown, ""));
    assertTrue(missing.what().contains("fault addr=0xbffa7"), missing.what());
    assertTrue(
        String.join("\n", missing.evidence()).contains("faults after which the maps were read"),
        missing.evidence()::toString);
    mapsDifference(text.replace("+ bffa7000-", "+ bffa8000-"));
    // The same lines before the last fault: what it changes is then left over.
    String last = text.substring(0, text.indexOf(grown));
    int at = last.lastIndexOf('\n', last.length() - 2) + 1;
    mapsDifference(last.substring(0, at) + grown + text.substring(at).replace(grown, ""));
  }

  private FirstDifference mapsDifference(String text) throws IOException {
    FirstDifference first = replay(text).firstDifference();
    assertNotNull(first);
    assertEquals("maps", first.check());
    return first;
  }

  /**
   * Bytes of the program image have no value here. Where calls put them they are counted; elsewhere
   * a read that has no value differs, for it may have had one.
   */
  @Test
  void bytesThatNobodyRecordedAreFollowed() throws IOException {
    String calls =
        """
        21 p0 pwrite64 fd=D1 buf=0x400000 count=0x10 pos=0x2008 = 16
        22 p0 mmap addr=0x10000000 len=0x4000 prot=0x1 flags=0x11 fd=D1 off=0x0 = 0x10000000
        + 10000000-10004000 r--s 0 F F F1
        23 p0 read addr=0x10002008 = ok val=0x7f
        24 p0 read addr=0x10002018 = ok val=0xa
        25 p0 mmap addr=0x10100000 len=0x2000 prot=0x3 flags=0x32 fd=-1 off=0x0 = 0x10100000
        + 10100000-10102000 rw-p 0 0 0 -
        26 p0 pread64 fd=D1 buf=0x10100ffc count=0x10 pos=0x2000 = 16
        27 p0 read addr=0x10101004 = ok val=0x7f
        28 p0 mremap addr=0x7fffffffe000 old=0x1000 new=0x1000 flags=0x3 newaddr=0x20000000 \
        = 0x20000000
        - 7ffffffde000-7ffffffff000 rw-p 0 0 0 [stack]
        + 7ffffffde000-7fffffffe000 rw-p 0 0 0 [stack]
        + 20000000-20001000 rw-p 0 0 0 -
        29 p0 read addr=0x20000800 = ok val=0x1
        """;
    CheckResult values = replay(withCalls(calls, 29)).check("values").orElseThrow();
    assertTrue(values.holds(), values::toString);
    assertEquals(1, values.total(), "only the byte beside those of the program");
    assertEquals(java.util.List.of(3L), values.extra().get("not_recorded"), values::toString);

    String forgotten =
        """
        30 p0 mmap addr=0x20000000 len=0x1000 prot=0x1 flags=0x11 fd=D9 off=0x0 = 0x20000000
        - 20000000-20001000 rw-p 0 0 0 -
        + 20000000-20001000 r--s 0 F F LIB
        31 p0 read addr=0x20000800 = ok val=0x5
        """;
    Verdict verdict = replay(withCalls(calls + forgotten, 31));
    CheckResult differ = verdict.check("values").orElseThrow();
    assertEquals(1, differ.total() - differ.equal(), differ::toString);
    assertTrue(verdict.notes().toString().contains("3 read where"), verdict.notes()::toString);
  }

  private static String withCalls(String calls, int last) {
    return VmaReaderTest.text(NAME)
        .replace("open D1 ", "file LIB size=65536 fs=ext4\nopen D1 ")
        .replace("state p0 n=9 start", "open D9 LIB mode=rdonly\nstate p0 n=9 start")
        .replace("maps p0 n=12 final", calls + "maps p0 n=12 final")
        .replace("eof calls=20", "eof calls=" + last);
  }
}
