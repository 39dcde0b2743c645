// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Who takes the mark of read-ahead from a page, and who gives it: a fault maps the cached pages
 * around its own, but for marked ones. As Linux 6.18.44 showed it in /proc/PID/pagemap.
 */
class ReadAheadMarkTest {
  private static final long AT = 0x10000000L;
  private static final long BUFFER = 0x10100000L;
  private static final int PAGE = 4096;
  private static final int PAGES = 4;
  private static final int SHARED = 1;
  private static final int FD = 9;
  private static final int DONTNEED = 4;
  private static final int MADV_HUGEPAGE = 14;
  private static final int VECTOR = 0x403000;

  private final Rig rig = new Rig();

  /** Of a file of sixteen pages the first four are in the cache, and the second is marked. */
  @BeforeEach
  void window() {
    MappedFile pages =
        new MappedFile("F2", MappedFile.Kind.EXT4, 65536, at -> (int) (at >> 12), PAGE);
    rig.mm.installFd(FD, new OpenFile(pages, OpenFile.Mode.READ_WRITE));
    rig.map(BUFFER, 1, Rig.RW); // there is a page table: a fault maps what is around it
    rig.touch(BUFFER);
    ok(rig.mm.syscall(Syscall.FADVISE64, FD, 0, 0, DONTNEED));
    ok(rig.mm.syscall(Syscall.PREAD64, FD, BUFFER, 1, 0));
  }

  @AfterEach
  void valid() {
    rig.mm.validate();
    rig.close();
  }

  private void ok(long result) {
    assertTrue(result >= 0, () -> "errno " + -result);
  }

  private void map() {
    ok(rig.mm.mmap(AT, PAGES * PAGE, Rig.RW, SHARED | Rig.FIXED, FD, 0));
  }

  /** How many pages a read of the first one maps. */
  private long mappedAround() {
    map();
    assertTrue(rig.mm.read(AT).ok());
    return rig.mm.usage(AT).rssKb() >> 2;
  }

  @Test
  void aMarkedPageIsNotMappedAround() {
    assertEquals(3, mappedAround());
  }

  @Test
  void whoeverWritesItByACallLeavesIt() {
    ok(rig.mm.syscall(Syscall.PWRITE64, FD, BUFFER, 1, PAGE));
    assertEquals(3, mappedAround());
  }

  @Test
  void writingItOutTakesIt() {
    ok(rig.mm.syscall(Syscall.PWRITE64, FD, BUFFER, 1, PAGE));
    ok(rig.mm.syscall(Syscall.FSYNC, FD));
    assertEquals(4, mappedAround());
  }

  @Test
  void aWriteByAMappingTakesIt() {
    map();
    ok(rig.mm.madvise(AT, PAGES * PAGE, Uapi.MADV_RANDOM)); // a fault of it takes no mark
    assertTrue(rig.mm.read(AT + PAGE).ok());
    ok(rig.mm.munmap(AT, PAGES * PAGE));
    assertEquals(3, mappedAround());
    ok(rig.mm.madvise(AT, PAGES * PAGE, Uapi.MADV_RANDOM));
    assertTrue(rig.mm.write(AT + PAGE, 7).ok());
    ok(rig.mm.munmap(AT, PAGES * PAGE));
    assertEquals(4, mappedAround());
  }

  @Test
  void reclaimGivesItToWhatItCannotWriteOut() {
    map();
    assertTrue(rig.mm.write(AT + 2 * PAGE, 7).ok());
    ok(rig.mm.madvise(AT + 2 * PAGE, PAGE, Uapi.MADV_PAGEOUT));
    ok(rig.mm.munmap(AT, PAGES * PAGE));
    assertEquals(2, mappedAround());
    ok(rig.mm.munmap(AT, PAGES * PAGE));
    ok(rig.mm.syscall(Syscall.FSYNC, FD));
    assertEquals(3, mappedAround());
  }

  /** {@code do_sync_mmap_readahead}: also of what is to be read at random. */
  @Test
  void aMappingOfHugePagesReadsAllAround() {
    ok(rig.mm.syscall(Syscall.FADVISE64, FD, 0, 0, DONTNEED));
    ok(rig.mm.mmap(AT, 16 * PAGE, Rig.RW, SHARED | Rig.FIXED, FD, 0));
    ok(rig.mm.madvise(AT, 16 * PAGE, MADV_HUGEPAGE));
    ok(rig.mm.madvise(AT, 16 * PAGE, Uapi.MADV_RANDOM));
    assertTrue(rig.mm.read(AT + 5 * PAGE).ok());
    StringBuilder cached = new StringBuilder();
    ok(rig.mm.mincore(AT, 16 * PAGE, VECTOR, value -> cached.append(value & 1)));
    assertEquals("1".repeat(16), cached.toString());
  }
}
