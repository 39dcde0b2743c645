// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static io.mm4j.process.Rig.READ;
import static io.mm4j.process.Rig.RW;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Merging that calls lead to, where the test kit has no case of its own: its AS-C01 to AS-C34 ask
 * the kernel's cases of tools/testing/vma and selftests/mm/merge.c of every index.
 */
class MergeByCallsTest {
  private static final long A = 0x20000000L;
  private static final long B = A + 0xa000;
  private static final long C = B + 0xa000;
  private static final long END = C + 0xa000;
  private static final long FAR = 0x30000000L;

  private final Rig rig = new Rig();

  @AfterEach
  void validate() {
    rig.mm.validate();
  }

  private void move(long from, long to) {
    assertEquals(to, rig.mm.mremap(from, 0xa000, 0xa000, 3, to));
  }

  private String maps() {
    return rig.maps(A, END);
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
