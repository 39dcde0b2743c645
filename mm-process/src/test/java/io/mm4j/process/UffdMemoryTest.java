// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uffd;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which frames userfaultfd moves and asks for, as on Linux 6.18.44. */
class UffdMemoryTest {
  private static final long HUGE = 2L << 20;
  private static final long FROM = 0x10000000000L;
  private static final long TO = 0x20000000000L;
  private static final long STRUCTS = 0x10000000L;
  private static final int PAGE = 4096;
  private static final int MADV_HUGEPAGE = 14;
  private static final int SHARED = 1;

  private final Rig rig = new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.MADVISE);
  private long fd;

  @BeforeEach
  void open() {
    assertEquals(0, rig.floor.writeSysctl("unprivileged_userfaultfd", "1"));
    rig.map(STRUCTS, 1, Rig.RW);
    rig.touch(STRUCTS);
    fd = rig.mm.syscall(Syscall.USERFAULTFD, Uffd.NONBLOCK);
    ok(fd);
    ok(rig.mm.syscall(Syscall.UFFDIO_API, fd, STRUCTS, Uffd.API_VERSION, 0));
  }

  @AfterEach
  void valid() {
    rig.mm.validate();
    rig.close();
  }

  private void ok(long result) {
    assertTrue(result >= 0, () -> "errno " + -result);
  }

  private void watched(long addr, long bytes) {
    ok(rig.mm.syscall(Syscall.UFFDIO_REGISTER, fd, STRUCTS, addr, bytes, Uffd.REGISTER_MISSING));
  }

  private long move(long to, long from, long bytes) {
    return rig.mm.syscall(Syscall.UFFDIO_MOVE, fd, STRUCTS, to, from, bytes, 0);
  }

  /** Two ranges of huge pages, of which each of the first begins with a byte. */
  private void ranges(int pages) {
    rig.map(FROM, (pages * HUGE) >> 12, Rig.RW);
    rig.map(TO, (pages * HUGE) >> 12, Rig.RW);
    ok(rig.mm.madvise(FROM, pages * HUGE, MADV_HUGEPAGE));
    watched(TO, pages * HUGE);
    for (int i = 0; i < pages; i++) {
      assertTrue(rig.mm.write(FROM + i * HUGE, 7).ok());
    }
  }

  private long frame(long addr) {
    return rig.machine.pageTables().translate(rig.mm.fields().pgd() >>> 12, addr) >>> 12;
  }

  // ---------------------------------------------------------------- moves

  @Test
  void aHugePageThatIsMovedWholeStaysOne() {
    ranges(1);
    long frame = frame(FROM);
    long tables = rig.mm.fields().tablePages();
    assertEquals(0, move(TO, FROM, HUGE));
    assertEquals(frame, frame(TO));
    assertEquals(frame + 511, frame(TO + HUGE - PAGE));
    assertEquals(0, rig.mm.usage(FROM).rssKb());
    assertEquals(HUGE >> 10, rig.mm.usage(TO).rssKb());
    assertEquals(tables + 2, rig.mm.fields().tablePages(), "its table goes along");
    assertEquals(7, rig.mm.read(TO).value());
    ok(rig.mm.munmap(TO, HUGE));
  }

  @Test
  void ofAPartTheFolioIsSplitAndPagesKeepTheirFrames() {
    ranges(1);
    assertTrue(rig.mm.write(FROM + 5 * PAGE, 9).ok());
    long first = frame(FROM);
    long sixth = frame(FROM + 5 * PAGE);
    assertEquals(0, move(TO, FROM, 4 * PAGE));
    assertEquals(first, frame(TO));
    assertEquals(sixth, frame(FROM + 5 * PAGE));
    assertEquals(4, rig.mm.usage(TO).rssKb(), "the others were zero, and are the zero page now");
    assertEquals(4, rig.mm.usage(FROM).rssKb());
    assertEquals(0, rig.mm.read(TO + PAGE).value());
    assertNotEquals(TouchOutcome.Kind.OK, rig.mm.read(TO + 4 * PAGE).kind());
  }

  @Test
  void theHugeZeroPageIsMovedWhole() {
    rig.map(FROM, HUGE >> 12, Rig.RW);
    rig.map(TO, HUGE >> 12, Rig.RW);
    ok(rig.mm.madvise(FROM, HUGE, MADV_HUGEPAGE));
    watched(TO, HUGE);
    assertTrue(rig.mm.read(FROM).ok());
    long frame = frame(FROM);
    assertEquals(0, move(TO, FROM, HUGE));
    assertEquals(frame + 9, frame(TO + 9 * PAGE));
    assertEquals(0, rig.mm.usage(TO).rssKb());
  }

  @Test
  void aHugePageOfTwoIsNotMoved() {
    ranges(1);
    var child = Objects.requireNonNull(rig.mm.fork());
    assertEquals(-Errno.EBUSY, move(TO, FROM, HUGE));
    assertEquals(-Errno.EBUSY, move(TO, FROM + PAGE, PAGE));
    child.exit();
  }

  // ---------------------------------------------------------------- memory that is out

  /** All memory, for pages and for tables. */
  private Deque<Long> allMemory() {
    Deque<Long> taken = new ArrayDeque<>();
    for (int gfp : new int[] {Gfp.GFP_HIGHUSER_MOVABLE, Gfp.GFP_KERNEL}) {
      long pfn = 0;
      while (pfn != PageAllocator.NO_PAGE) {
        pfn = rig.machine.pages().allocPages(rig.machine.cpus().get(0), gfp | Gfp.__GFP_NOWARN, 0);
        if (pfn != PageAllocator.NO_PAGE) {
          taken.add(pfn);
        }
      }
    }
    return taken;
  }

  private void waitsOnlyWithMemory(long addr, boolean write) {
    Deque<Long> taken = allMemory();
    TouchOutcome out = write ? rig.mm.write(addr, 1) : rig.mm.read(addr);
    assertEquals(TouchOutcome.Kind.SEGV_MAPERR, out.kind(), "memory is out");
    taken.forEach(pfn -> rig.machine.pages().freePages(rig.machine.cpus().get(0), pfn, 0));
    out = write ? rig.mm.write(addr, 1) : rig.mm.read(addr);
    assertEquals(TouchOutcome.Kind.UFFD_WAIT, out.kind());
  }

  @Test
  void aWriteAsksForItsPageBeforeItWaits() {
    rig.map(TO, 2, Rig.RW);
    rig.touch(TO); // the page table is there
    watched(TO, 2 * PAGE);
    waitsOnlyWithMemory(TO + PAGE, true);
  }

  @Test
  void aReadOfSharedMemoryAsksForItsTable() {
    ok(rig.mm.mmap(TO + HUGE, PAGE, Rig.RW, SHARED | 0x20 | Rig.FIXED, -1, 0));
    rig.map(TO, 1, Rig.RW);
    rig.touch(TO); // all but the last table is there
    watched(TO + HUGE, PAGE);
    waitsOnlyWithMemory(TO + HUGE, false);
  }

  @Test
  void aCopyAsksForItsPage() {
    long file = rig.mm.memfdCreate("x", 0);
    ok(rig.mm.syscall(Syscall.FTRUNCATE, file, 4 * PAGE));
    rig.map(TO, 1, Rig.RW);
    rig.touch(TO);
    ok(rig.mm.mmap(TO + PAGE, PAGE, Rig.RW, 2 | Rig.FIXED, file, 0));
    watched(TO + PAGE, PAGE);
    waitsOnlyWithMemory(TO + PAGE, true);
  }

  @Test
  void anAccessToThePoolMakesTables() {
    long flags = 0x40022 | Rig.FIXED | 0x4000;
    ok(rig.mm.mmap(TO, HUGE, Rig.RW, flags, -1, 0));
    watched(TO, HUGE);
    long tables = rig.mm.fields().tablePages();
    assertEquals(TouchOutcome.Kind.UFFD_WAIT, rig.mm.read(TO).kind());
    assertEquals(tables + 2, rig.mm.fields().tablePages());
  }

  @Test
  void aPeekNeverWaits() {
    rig.map(TO, 1, Rig.RW);
    watched(TO, PAGE);
    rig.mm.peek(TO, 1, 0);
    assertEquals(-Errno.EAGAIN, rig.mm.syscall(Syscall.READ, fd, STRUCTS, 32), "no message");
    assertEquals(TouchOutcome.Kind.UFFD_WAIT, rig.mm.read(TO).kind());
    assertEquals(32, rig.mm.syscall(Syscall.READ, fd, STRUCTS, 32));
  }
}
