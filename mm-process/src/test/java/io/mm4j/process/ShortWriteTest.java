// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Writes that copy nothing, or a part, into folios that the cache did not have, of a file that the
 * disk has: what mincore and the mapping show is what Linux 6.18.44 showed for the same calls.
 */
class ShortWriteTest {
  private static final long AT = 0x10000000L;
  private static final long BUFFER = 0x20000000L;
  private static final int PAGE = 4096;
  private static final int PAGES = 64;
  private static final int FD = 9;
  private static final int DONTNEED = 4;
  private static final int VECTOR = 0x403000;

  /** Pages of the buffer that are there; what follows is not mapped. */
  private static final int GOOD = 6;

  private static final long BAD = BUFFER + GOOD * PAGE;

  private final Rig rig = new Rig();

  /** A file of pages 1, 2, 3 .. of which nothing is in the cache, and its mapping. */
  @BeforeEach
  void dropped() {
    MappedFile file =
        new MappedFile("F2", MappedFile.Kind.EXT4, PAGES * PAGE, at -> (int) (at >> 12) + 1, PAGE);
    rig.mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    rig.map(BUFFER, GOOD, Rig.RW);
    for (int i = 0; i < GOOD * PAGE; i++) {
      assertTrue(rig.mm.write(BUFFER + i, 200).ok());
    }
    ok(rig.mm.mmap(AT, PAGES * PAGE, Rig.READ, 1 | Rig.FIXED, FD, 0));
    ok(rig.mm.madvise(AT, PAGES * PAGE, Uapi.MADV_RANDOM));
    drop();
    shows("0".repeat(PAGES));
  }

  @AfterEach
  void valid() {
    rig.mm.validate();
    rig.close();
  }

  private void ok(long result) {
    assertTrue(result >= 0, () -> "errno " + -result);
  }

  private void drop() {
    ok(rig.mm.syscall(Syscall.FADVISE64, FD, 0, 0, DONTNEED));
  }

  private void hole(int first, int past) {
    int mode = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    ok(
        rig.mm.syscall(
            Syscall.FALLOCATE, FD, mode, (long) first * PAGE, (long) (past - first) * PAGE));
  }

  private void writes(long result, long from, long bytes, long to) {
    assertEquals(result, rig.mm.syscall(Syscall.PWRITE64, FD, from, bytes, to));
  }

  private void has(int value, long at) {
    assertEquals(value, rig.mm.read(AT + at).value(), "byte at " + at);
  }

  private void shows(String pages) {
    StringBuilder out = new StringBuilder();
    ok(rig.mm.mincore(AT, PAGES * PAGE, VECTOR, value -> out.append(value & 1)));
    assertEquals(pages, out.toString());
  }

  private void shows(int first, int past) {
    shows("0".repeat(first) + "1".repeat(past - first) + "0".repeat(PAGES - past));
  }

  @Test
  void whatTheDiskHasStaysUnreadUntilSomebodyWantsIt() {
    writes(-Errno.EFAULT, BAD, 16 * PAGE, 16 * PAGE);
    shows(0, 0);
    has(21, 20 * PAGE);
    shows(16, 32); // it is one folio
  }

  @Test
  void itIsCleanAndCanBeDropped() {
    writes(-Errno.EFAULT, BAD, 16 * PAGE, 16 * PAGE);
    drop();
    has(21, 20 * PAGE);
    shows(20, 21);
  }

  @Test
  void aPartThatWasWrittenDoesNotMakeTheFolioUpToDate() {
    writes(5 * PAGE, BAD - 5 * PAGE, 16 * PAGE, 16 * PAGE);
    shows(0, 0);
    has(200, 16 * PAGE);
    has(200, 20 * PAGE);
    has(22, 21 * PAGE);
    shows(16, 32);
  }

  @Test
  void aPartOfABlockIsReadBefore() {
    writes(5 * PAGE + 100, BAD - 5 * PAGE - 100, 16 * PAGE, 16 * PAGE);
    shows(0, 0);
    has(22, 21 * PAGE + 150);
    shows(16, 32);
  }

  @Test
  void inAHoleItIsZeroAndThere() {
    hole(16, 32);
    writes(-Errno.EFAULT, BAD, 16 * PAGE, 16 * PAGE);
    shows(16, 32);
  }

  @Test
  void aHoleInAFolioDoesNotMakeItUpToDate() {
    hole(20, 28);
    writes(-Errno.EFAULT, BAD, 16 * PAGE, 16 * PAGE);
    shows(0, 0);
    has(0, 22 * PAGE);
    has(29, 28 * PAGE);
    shows(16, 32);
  }

  @Test
  void aSinglePageIsThereIfItHadToBeRead() {
    writes(-Errno.EFAULT, BAD, PAGE, 16 * PAGE);
    shows(0, 0);
    writes(-Errno.EFAULT, BAD, 100, 18 * PAGE + 50);
    shows(18, 19);
    has(17, 16 * PAGE);
    has(19, 18 * PAGE + 60);
  }

  @Test
  void aFolioThatIsCutBeforeItWasRead() {
    writes(-Errno.EFAULT, BAD, 16 * PAGE, 16 * PAGE);
    ok(rig.mm.syscall(Syscall.FTRUNCATE, FD, 20 * PAGE));
    ok(rig.mm.syscall(Syscall.FTRUNCATE, FD, PAGES * PAGE));
    has(20, 19 * PAGE);
    has(0, 20 * PAGE);
    writes(2 * PAGE, BUFFER, 2 * PAGE, 24 * PAGE);
    has(200, 25 * PAGE);
  }
}
