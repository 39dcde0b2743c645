// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.InputException;
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

/** Recordings of file systems with a size, pipes, owners and keys are read, played and judged. */
class MountRecordingTest {
  private static final String START = "basic-000.vma.gz";

  private static final String CALLS =
      """
      1 p0 mount mount=T1 fs=tmpfs most=0x3000 least=- = 0
      2 p0 mount mount=H1 fs=hugetlbfs most=0x200000 least=0x200000 = -ENOMEM
      3 p0 sysctl name=nr_hugepages value=1 = 0
      4 p0 mount mount=H2 fs=hugetlbfs most=0x200000 least=- = 0
      file F20 size=0 fs=tmpfs mount=T1
      file F21 size=0 fs=hugetlbfs mount=H2
      file F22 size=0 fs=pipe
      file F23 size=8192 fs=ext4 owner=0:0:0644
      open D20 F20 mode=rdwr
      open D21 F21 mode=rdwr
      open D22 F22 mode=rdonly
      open D23 F22 mode=wronly
      5 p0 fallocate fd=D20 mode=0x0 off=0x0 len=0x4000 = -ENOSPC
      6 p0 fallocate fd=D20 mode=0x0 off=0x0 len=0x3000 = 0
      7 p0 pwrite64 fd=D20 buf=0x403000 count=0x1000 pos=0x4000 = -ENOSPC
      deltas off
      8 p0 mmap addr=0x20000000 len=0x400000 prot=0x3 flags=0x11 fd=D21 off=0x0 = -ENOMEM
      9 p0 mmap addr=0x20000000 len=0x200000 prot=0x3 flags=0x11 fd=D21 off=0x0 = 0x20000000
      10 p0 write addr=0x20000000 val=0x1 = ok
      11 p0 sys_write fd=D23 buf=0x20000000 count=0x5 = 5
      12 p0 sys_read fd=D22 buf=0x20001000 count=0x9 = 5
      13 p0 read addr=0x20001000 = ok val=0x1
      14 p0 sys_write fd=D23 buf=0x1000 count=0x5 = -EFAULT
      15 p0 pool size=0x200000 value=1 = 0
      eof calls=15
      """;

  @TempDir Path folder;

  private Verdict replay(String calls) throws IOException {
    String text = VmaReaderTest.text(START);
    Path file = folder.resolve("mounts.vma");
    String start = text.substring(0, text.indexOf("\ncalls\n") + "\ncalls\n".length());
    Files.writeString(file, start + calls, ISO_8859_1);
    return Engines.replay().replay(new Recording(file, RecordingKind.VMA));
  }

  @Test
  void fileSystemsWithASizeAndPipes() throws IOException {
    Verdict verdict = replay(CALLS);
    FirstDifference first = verdict.firstDifference();
    assertNull(first, () -> String.valueOf(first));
    assertEquals(13, verdict.check("results").orElseThrow().total());
    assertEquals(2, verdict.check("signals").orElseThrow().total());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "most=0x3000 least=- = 0|most=0x2fff least=- = 0|-1",
        "most=0x3000|most=0x2000|6",
        "most=0x200000 least=- = 0|most=- least=0x400000 = 0|4",
        "count=0x9 = 5|count=0x9 = 4|12",
      })
  void anotherAnswerOrSizeIsFound(String from, String to, long call) throws IOException {
    assertTrue(CALLS.contains(from), from);
    FirstDifference first = replay(CALLS.replace(from, to)).firstDifference();
    if (call < 0) {
      assertNull(first, () -> String.valueOf(first)); // a part of a page counts as one
    } else {
      assertNotNull(first);
      assertEquals(call, first.call());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mount=H2 fs=hugetlbfs|mount=T1 fs=hugetlbfs|T1",
        "mount=T1 fs=tmpfs most|mount=T1 fs=ext4 most|tmpfs, hugetlbfs",
        "most=0x3000 least=-|most=0x3000 least=0x1000|least=-",
        "fs=tmpfs mount=T1|fs=tmpfs mount=T9|a file system",
        "fs=tmpfs mount=T1|fs=hugetlbfs mount=T1|a file system",
        "F20 size=0 fs=tmpfs mount|F20 size=1 fs=tmpfs mount|a file system",
        "fs=hugetlbfs mount=H2|fs=hugetlbfs|mount=",
        "owner=0:0:0644|owner=0:0:644|a mode such as 0644",
        "fs=pipe|fs=pipes|pipe",
      })
  void whatCannotBeIsRefused(String from, String to, String allowed) {
    assertTrue(CALLS.contains(from), from);
    InputException error =
        assertThrows(InputException.class, () -> replay(CALLS.replaceFirst(from, to)));
    assertTrue((error.what() + error.allowed()).contains(allowed), error::toString);
  }

  @Test
  void rightsWithKeys() throws IOException {
    String calls =
        """
        deltas off
        1 p0 pkey_alloc flags=0x0 rights=0x0 = 1
        2 p0 mmap addr=0x20000000 len=0x1000 prot=0x3 flags=0x32 fd=-1 off=0x0 = 0x20000000
        3 p0 pkey_mprotect addr=0x20000000 len=0x1000 prot=0x3 pkey=1 = 0
        4 p0 write addr=0x20000000 val=0x1 = ok
        5 p0 wrpkru pkru=0x55555554 = 0
        6 p0 read addr=0x20000000 = SIGSEGV PKUERR addr=0x20000000
        eof calls=6
        """;
    FirstDifference without = replay(calls).firstDifference();
    assertNotNull(without, "the machine has no keys");
    assertEquals(1, without.call());
    String text = VmaReaderTest.text(START);
    Path file = folder.resolve("keys.vma");
    int at = text.indexOf("\nopen ") + 1;
    String start = text.substring(0, text.indexOf("\ncalls\n") + "\ncalls\n".length());
    Files.writeString(
        file, start.substring(0, at) + "option pkeys=true\n" + start.substring(at) + calls);
    Verdict verdict = Engines.replay().replay(new Recording(file, RecordingKind.VMA));
    assertNull(verdict.firstDifference(), () -> String.valueOf(verdict.firstDifference()));
  }
}
