// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Blocks that move in a file of terabytes: time and memory are those of what was touched. */
class MovedBlocksTest {
  private static final long AT = 0x100000000000L;
  private static final long BUFFER = 0x10000000L;
  private static final int PAGE = 4096;
  private static final long PAGES = 1L << 30;
  private static final int FD = 9;
  private static final int NORESERVE = 0x4000;

  private final Rig rig = new Rig();

  @AfterEach
  void valid() {
    rig.mm.validate();
    rig.close();
  }

  private void ok(long result) {
    assertTrue(result >= 0, () -> "errno " + -result);
  }

  private void open(MappedFile.@Nullable Content content) {
    MappedFile file = new MappedFile("F2", MappedFile.Kind.EXT4, PAGES * PAGE, content, PAGE);
    rig.mm.installFd(FD, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    ok(rig.mm.mmap(AT, PAGES * PAGE, Rig.RW, 1 | NORESERVE | Rig.FIXED, FD, 0));
    ok(rig.mm.madvise(AT, PAGES * PAGE, Uapi.MADV_RANDOM));
    rig.map(BUFFER, 1, Rig.RW);
    assertTrue(rig.mm.write(BUFFER, 250).ok());
  }

  private void shift(int mode, long page, long pages) {
    ok(rig.mm.syscall(Syscall.FALLOCATE, FD, mode, page * PAGE, pages * PAGE));
  }

  private void has(int value, long page) {
    assertEquals(value, rig.mm.read(AT + page * PAGE).value(), "page " + page);
  }

  /** What a page began with: never 0 nor what the test writes. */
  private static int began(long page) {
    return (int) (page % 241) + 1;
  }

  @Test
  void bytesGoAlongAndHolesStayHoles() {
    open(at -> began(at >> 12));
    int punch = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    shift(punch, 1000, 10);
    ok(rig.mm.syscall(Syscall.PWRITE64, FD, BUFFER, 1, 2000 * PAGE));
    shift(Uapi.FALLOC_FL_COLLAPSE_RANGE, 4, 3);
    long far = PAGES - 100;
    has(began(3), 3);
    has(began(7), 4);
    has(began(999), 996);
    has(0, 997);
    has(began(1010), 1007);
    has(250, 1997);
    has(began(far + 3), far);
    shift(Uapi.FALLOC_FL_INSERT_RANGE, 500, 20);
    has(began(502), 499);
    has(0, 500);
    has(0, 519);
    has(began(503), 520);
    has(250, 2017);
    has(began(far), far + 17);
    shift(punch, 3000, 5);
    shift(Uapi.FALLOC_FL_COLLAPSE_RANGE, 0, 1);
    has(began(1), 0);
    has(began(2999 - 17), 2998);
    has(0, 2999);
    has(began(3005 - 17), 3004);
    ok(rig.mm.syscall(Syscall.FTRUNCATE, FD, 5000 * PAGE));
    ok(rig.mm.syscall(Syscall.FTRUNCATE, FD, PAGES * PAGE));
    has(began(4999 - 16), 4999);
    has(0, 5000);
  }

  @Test
  void whatNobodyKnowsIsNoHole() {
    open(null);
    shift(Uapi.FALLOC_FL_COLLAPSE_RANGE, 0, 1);
    shift(Uapi.FALLOC_FL_INSERT_RANGE, 100, 10);
    has(TouchOutcome.UNKNOWN, 99);
    has(0, 105);
    has(TouchOutcome.UNKNOWN, 110);
    has(TouchOutcome.UNKNOWN, PAGES - 100);
  }
}
