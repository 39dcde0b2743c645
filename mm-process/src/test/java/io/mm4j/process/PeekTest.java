// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import org.junit.jupiter.api.Test;

/**
 * A debugger's access to a page of a file that is not in the cache: the fault cannot be tried
 * again, so of what is read beside the page nothing is mapped (as recorded).
 */
class PeekTest {
  private static final long AT = 0x10000000L;
  private static final long BUFFER = 0x10100000L;
  private static final int PAGE = 4096;
  private static final int BYTES = 16 * PAGE;
  private static final int FD = 9;
  private static final int RANDOM = 1;
  private static final int DONTNEED = 4;

  private final Rig rig = new Rig();

  private void ok(long result) {
    assertTrue(result >= 0, () -> "errno " + -result);
  }

  /** A private mapping of a file of which only page 5 is in the cache. */
  private void map() {
    MappedFile file =
        new MappedFile("F2", MappedFile.Kind.EXT4, BYTES, at -> (int) (at >> 12), PAGE);
    OpenFile other = new OpenFile(file, OpenFile.Mode.READ_WRITE);
    rig.mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    rig.mm.installFd(FD + 1, other);
    rig.map(BUFFER, 1, Rig.RW); // there is a page table: a fault maps what is around it
    rig.touch(BUFFER);
    ok(rig.mm.syscall(Syscall.FADVISE64, FD, 0, 0, DONTNEED));
    ok(rig.mm.syscall(Syscall.FADVISE64, FD, 0, 0, RANDOM));
    ok(rig.mm.syscall(Syscall.PREAD64, FD, BUFFER, 1, 5 * PAGE));
    ok(rig.mm.mmap(AT, BYTES, Rig.RW, 2 | Rig.FIXED, FD + 1, 0));
  }

  private long mapped() {
    return rig.mm.usage(AT).rssKb() >> 2;
  }

  @Test
  void itMapsThePageAndWhatWasThere() {
    map();
    rig.mm.peek(AT + 2 * PAGE, 1, 0);
    assertEquals(2, mapped());
    rig.close();
  }

  @Test
  void anAccessOfTheProgramMapsWhatItHasRead() {
    map();
    assertTrue(rig.mm.read(AT + 2 * PAGE).ok());
    assertEquals(15, mapped(), "all but the one with the mark of read-ahead");
    rig.close();
  }
}
