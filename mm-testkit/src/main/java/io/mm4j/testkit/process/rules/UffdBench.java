// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uffd;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.Arrays;

/** A process with a userfaultfd, and a page in which structs and messages lie. */
final class UffdBench {
  static final long PAGE = Bits.PAGE;

  /** Where structs and messages lie. */
  static final long STRUCTS = 0x5000_0000L;

  /** Four pages of the bytes 11, 22, 33 and 44. */
  static final long BYTES = STRUCTS + 0x10_0000;

  /** What the struct says before a call, which the call may not write to. */
  private static final long BEFORE = 0x1122_3344_5566_7788L;

  private static final int COPY_ANSWER = 32;
  private static final int FILL_ANSWER = 24;
  private static final long ANONYMOUS_SHARED = 0x31;

  final Rig rig;
  final AddressSpace mm;
  final long fd;

  private UffdBench(Rig rig, long fd) {
    this.rig = rig;
    this.mm = rig.mm;
    this.fd = fd;
  }

  /** A process with an open one. */
  static UffdBench open(Rig rig, long flags, long features) {
    rig.map(STRUCTS, PAGE, Rig.RW);
    rig.map(BYTES, 4 * PAGE, Rig.RW);
    for (int i = 0; i < 4; i++) {
      fillPage(rig, BYTES + i * PAGE, 11 * (i + 1));
    }
    return another(rig, flags, features);
  }

  /** A second one of the same process. */
  static UffdBench another(Rig rig, long flags, long features) {
    UffdBench bench =
        new UffdBench(rig, Looks.works("userfaultfd", rig.mm.syscall(Syscall.USERFAULTFD, flags)));
    rig.gives("UFFDIO_API", 0, bench.api(Uffd.API_VERSION, features));
    return bench;
  }

  /** The same of another process that has the descriptor. */
  UffdBench in(Rig other, long descriptor) {
    return new UffdBench(other, descriptor);
  }

  private static void fillPage(Rig rig, long at, int value) {
    for (long i = 0; i < PAGE; i++) {
      rig.put(at + i, value);
    }
  }

  /** Shared anonymous memory at a place. */
  void shared(long addr, long bytes) {
    rig.gives("mmap", addr, mm.mmap(addr, bytes, Rig.RW, ANONYMOUS_SHARED, -1, 0));
  }

  long api(long version, long features) {
    return mm.syscall(Syscall.UFFDIO_API, fd, STRUCTS, version, features);
  }

  /** The number at a place of the struct. */
  long field(int offset) {
    long value = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      value |= (long) mm.read(STRUCTS + offset + i).value() << (i * Byte.SIZE);
    }
    return value;
  }

  void answers(int offset, long expected) {
    RuleViolation.checkEqual(expected, field(offset), "the struct at " + offset);
  }

  private void before(int offset) {
    for (int i = 0; i < Long.BYTES; i++) {
      rig.put(STRUCTS + offset + i, (int) (BEFORE >>> (i * Byte.SIZE)) & 255);
    }
  }

  long register(long start, long len, long mode) {
    before(FILL_ANSWER);
    return mm.syscall(Syscall.UFFDIO_REGISTER, fd, STRUCTS, start, len, mode);
  }

  /** One that must work. */
  void watches(long start, long len, long mode) {
    rig.gives("UFFDIO_REGISTER", 0, register(start, len, mode));
  }

  long unregister(long start, long len) {
    return mm.syscall(Syscall.UFFDIO_UNREGISTER, fd, STRUCTS, start, len);
  }

  long wake(long start, long len) {
    return mm.syscall(Syscall.UFFDIO_WAKE, fd, STRUCTS, start, len);
  }

  long protect(long start, long len, long mode) {
    return mm.syscall(Syscall.UFFDIO_WRITEPROTECT, fd, STRUCTS, start, len, mode);
  }

  /** Brings pages with bytes, and says also what the struct must tell. */
  void copy(long dst, long src, long len, long mode, long result, long copied) {
    twoRanges(Syscall.UFFDIO_COPY, dst, src, len, mode, result, copied);
  }

  /** Brings pages from elsewhere, and says also what the struct must tell. */
  void moves(long dst, long src, long len, long mode, long result, long moved) {
    twoRanges(Syscall.UFFDIO_MOVE, dst, src, len, mode, result, moved);
  }

  private void twoRanges(
      Syscall call, long dst, long src, long len, long mode, long result, long told) {
    before(COPY_ANSWER);
    rig.gives(call.toString(), result, mm.syscall(call, fd, STRUCTS, dst, src, len, mode));
    answers(COPY_ANSWER, told);
  }

  /** Another way to bring pages, and what the struct must tell. */
  void fill(Syscall call, long start, long len, long mode, long result, long told) {
    before(FILL_ANSWER);
    rig.gives(call.toString(), result, mm.syscall(call, fd, STRUCTS, start, len, mode));
    answers(FILL_ANSWER, told);
  }

  /** What stands in the struct if the call did not write to it. */
  static long untouched() {
    return BEFORE;
  }

  /** An access that waits. */
  void waits(long addr, boolean write) {
    TouchOutcome outcome = write ? mm.write(addr, 1) : mm.read(addr);
    Looks.ends("an access at " + Long.toHexString(addr), TouchOutcome.Kind.UFFD_WAIT, outcome);
  }

  /** The next message. */
  void tells(int event, long first, long second, long third) {
    long buf = STRUCTS + PAGE / 2;
    rig.gives("read", Uffd.MESSAGE_BYTES, mm.syscall(Syscall.READ, fd, buf, Uffd.MESSAGE_BYTES));
    int at = (int) PAGE / 2;
    answers(at, event);
    answers(at + 8, first);
    answers(at + 16, second);
    answers(at + 24, third);
  }

  /** There is no message. */
  void silent() {
    long buf = STRUCTS + PAGE / 2;
    rig.gives("read", -11, mm.syscall(Syscall.READ, fd, buf, Uffd.MESSAGE_BYTES));
  }

  /**
   * What pagemap tells of pages: present, swapped (a marker) or neither, of a file, protected, a
   * guard.
   */
  void marks(long addr, int pages, String expected) {
    String[] seen = new String[pages];
    Arrays.fill(seen, ".");
    mm.pagemap(
        addr, addr + pages * PAGE, (at, word) -> seen[(int) ((at - addr) / PAGE)] = letters(word));
    String all = String.join(" ", seen);
    RuleViolation.check(
        all.equals(expected), "pagemap '" + expected + "' at " + Long.toHexString(addr), all);
  }

  private static String letters(long word) {
    String there = (word & Pagemap.PRESENT) != 0 ? "P" : (word & Pagemap.SWAP) != 0 ? "s" : ".";
    return there
        + ((word & Pagemap.FILE) != 0 ? "f" : "")
        + ((word & Pagemap.UFFD_WP) != 0 ? "w" : "")
        + ((word & Pagemap.GUARD_REGION) != 0 ? "g" : "");
  }
}
