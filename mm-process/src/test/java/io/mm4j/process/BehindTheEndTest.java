// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import org.junit.jupiter.api.Test;

/** FALLOC_FL_ZERO_RANGE takes what a failed write has left, however far behind the end it lies. */
class BehindTheEndTest {
  private static final long NOTHING_MAPPED = 0x20000000L;
  private static final long HUGE = 2L << 20;
  private static final int FD = 9;

  private final Rig rig = new Rig();

  private void left(long end) {
    MappedFile file = new MappedFile("F2", MappedFile.Kind.EXT4, 65536, at -> 1);
    rig.mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    long free = free();
    assertEquals(-Errno.EFAULT, rig.mm.syscall(Syscall.PWRITE64, FD, NOTHING_MAPPED, 65536, end));
    assertEquals(end, rig.mm.syscall(Syscall.LSEEK, FD, 0, 2));
    assertEquals(free - 16, free(), "a folio of 16 pages is left behind the end");
    int zero = Uapi.FALLOC_FL_ZERO_RANGE | Uapi.FALLOC_FL_KEEP_SIZE;
    assertEquals(0, rig.mm.syscall(Syscall.FALLOCATE, FD, zero, end - HUGE, 4 * HUGE));
    assertEquals(free, free());
    rig.mm.validate();
    rig.close();
  }

  private long free() {
    return rig.machine.pages().freePages() + rig.machine.pages().pcpPages();
  }

  @Test
  void theFileEndsWithinTheLargestFolio() {
    left(HUGE + 65536);
  }

  @Test
  void theFileEndsWhereALargestFolioBegins() {
    left(2 * HUGE);
  }
}
