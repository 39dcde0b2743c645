// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static io.mm4j.process.Rig.READ;
import static io.mm4j.process.Rig.RW;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.process.AddressSpace;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The cases of the kernel's tools/testing/selftests/mm/merge.c, under their names: ten-page ranges
 * at A, B, C; faulted means that one page was written.
 */
class MergeByCallsTest {
  private static final long A = 0x20000000L;
  private static final long B = A + 0xa000;
  private static final long C = B + 0xa000;
  private static final long END = C + 0xa000;
  private static final long FAR = 0x30000000L;
  private static final String ONE = "20000000-2001e000 rw-p";

  private final Rig rig = new Rig();

  @AfterEach
  void validate() {
    rig.mm.validate();
  }

  /** The range of 30 pages, its parts separated by their rights. */
  private void parts(int left, int middle, int right) {
    rig.map(A, 10, left);
    rig.map(B, 10, middle);
    rig.map(C, 10, right);
  }

  private long protect(long addr, int prot) {
    return rig.mm.mprotect(addr, 0xa000, prot);
  }

  private void move(long from, long to) {
    assertEquals(to, rig.mm.mremap(from, 0xa000, 0xa000, 3, to));
  }

  private String maps() {
    return rig.maps(A, END);
  }

  @Test
  void mprotectUnfaultedLeft() {
    parts(READ, RW, 0);
    rig.touch(B);
    assertEquals(0, protect(A, RW));
    assertEquals("20000000-20014000 rw-p, 20014000-2001e000 ---p", maps());
  }

  @Test
  void mprotectUnfaultedRight() {
    parts(0, RW, READ);
    rig.touch(B);
    assertEquals(0, protect(C, RW));
    assertEquals("20000000-2000a000 ---p, 2000a000-2001e000 rw-p", maps());
  }

  @Test
  void mprotectUnfaultedBoth() {
    parts(RW, READ, RW);
    assertEquals(0, protect(B, RW));
    assertEquals(ONE, maps());
  }

  @Test
  void mprotectFaultedLeftUnfaultedRight() {
    parts(RW, READ, RW);
    rig.touch(A);
    assertEquals(0, protect(B, RW));
    assertEquals(ONE, maps());
  }

  @Test
  void mprotectUnfaultedLeftFaultedRight() {
    parts(RW, READ, RW);
    rig.touch(C);
    assertEquals(0, protect(B, RW));
    assertEquals(ONE, maps());
  }

  @Test
  void separatelyFaultedSidesMergeWithTheLeftOnly() {
    rig.map(A, 10, RW);
    rig.map(C, 10, RW);
    rig.touch(A);
    rig.touch(C);
    rig.map(B, 10, RW);
    assertEquals("20000000-20014000 rw-p, 20014000-2001e000 rw-p", maps());
  }

  @Test
  void forkedTargetVma() {
    rig.map(A, 10, RW);
    rig.touch(A);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertEquals(B, child.mmap(B, 0xa000, RW, 0x32, -1, 0));
    assertEquals("20000000-2000a000 rw-p, 2000a000-20014000 rw-p", Rig.maps(child, A, END));
    rig.map(B, 10, RW);
    assertEquals("20000000-20014000 rw-p", maps(), "the parent's was not inherited");
    child.validate();
  }

  @Test
  void forkedSourceVma() {
    parts(RW, READ, 0);
    rig.touch(A);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertEquals(0, child.mprotect(B, 0xa000, RW));
    assertEquals(
        "20000000-2000a000 rw-p, 2000a000-20014000 rw-p, 20014000-2001e000 ---p",
        Rig.maps(child, A, END));
    child.validate();
  }

  @Test
  void mremapUnfaultedToFaulted() {
    rig.map(A, 10, RW);
    rig.touch(A);
    rig.map(FAR, 10, RW);
    move(FAR, B);
    assertEquals("20000000-20014000 rw-p", maps());
  }

  @Test
  void mremapUnfaultedBehindFaulted() {
    rig.map(B, 10, RW);
    rig.touch(B);
    rig.map(FAR, 10, RW);
    move(FAR, A);
    assertEquals("20000000-20014000 rw-p", maps());
  }

  @Test
  void mremapUnfaultedBetweenFaulted() {
    rig.map(A, 10, RW);
    rig.map(C, 10, RW);
    rig.touch(A);
    rig.touch(C);
    rig.map(FAR, 10, RW);
    move(FAR, B);
    assertEquals("20000000-20014000 rw-p, 20014000-2001e000 rw-p", maps());
  }

  @Test
  void mremapUnfaultedBetweenFaultedUnfaulted() {
    rig.map(A, 10, RW);
    rig.map(C, 10, RW);
    rig.touch(A);
    rig.map(FAR, 10, RW);
    move(FAR, B);
    assertEquals(ONE, maps());
  }

  @Test
  void mremapUnfaultedBetweenCorrectlyPlacedFaulted() {
    rig.map(A, 30, RW);
    rig.touch(A);
    assertEquals(0, rig.mm.munmap(B, 0xa000));
    rig.map(FAR, 10, RW);
    move(FAR, B);
    assertEquals(ONE, maps());
  }

  @Test
  void mremapCorrectPlacedFaulted() {
    rig.map(A, 30, RW);
    rig.touch(B);
    move(B, FAR);
    assertEquals("20000000-2000a000 rw-p, 20014000-2001e000 rw-p", maps());
    move(FAR, B);
    assertEquals(ONE, maps());
  }

  @Test
  void mremapFaultedToElsewhereKeepsItsOffsetAndStaysApart() {
    rig.map(A, 10, RW);
    rig.map(FAR, 10, RW);
    rig.touch(FAR);
    move(FAR, B);
    assertEquals("20000000-2000a000 rw-p, 2000a000-20014000 rw-p", maps());
  }

  @Test
  void kernelSamePageMergingDoesNotStopMerging() {
    rig.map(A, 10, RW);
    assertEquals(0, rig.mm.madvise(A, 0xa000, 12));
    rig.map(B, 10, RW);
    assertEquals("20000000-2000a000 rw-p, 2000a000-20014000 rw-p", maps());
    assertEquals(0, rig.mm.madvise(B, 0xa000, 12));
    assertEquals("20000000-20014000 rw-p", maps());
  }

  @Test
  void filesMergeOnlyWithinOneOpen() {
    assertEquals(A, rig.mm.mmap(A, 0x2000, READ, 0x12, 1, 0));
    assertEquals(A + 0x2000, rig.mm.mmap(A + 0x2000, 0x2000, READ, 0x12, 1, 0x2000));
    assertEquals(A + 0x4000, rig.mm.mmap(A + 0x4000, 0x2000, READ, 0x12, 2, 0x4000));
    assertEquals("20000000-20004000 r--p, 20004000-20006000 r--p", maps());
  }

  @Test
  void guardPagesDoNotKeepMappingsApart() {
    rig.map(A, 10, RW);
    assertEquals(0, rig.mm.madvise(A, 0x1000, 102));
    rig.map(B, 10, RW);
    assertEquals("20000000-20014000 rw-p", maps());
  }
}
