// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static io.mm4j.process.Rig.FIXED;
import static io.mm4j.process.Rig.PRIVATE_ANON;
import static io.mm4j.process.Rig.READ;
import static io.mm4j.process.Rig.RW;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ThpMode;
import org.junit.jupiter.api.Test;

/**
 * What the size of folios does to page states. File descriptor 1 is a file of 16 pages, which one
 * folio holds; it reaches the end of the file, so that fault-around makes no page table for it.
 */
class FolioTest {
  private static final long AT = 0x10000000L;
  private static final int COLD = 20;
  private static final int FREE = 8;
  private static final int REMOVE = 9;

  private final Rig rig = new Rig();

  private void mapFile(long addr, long pages, int prot, int flags, long offset) {
    assertEquals(addr, rig.mm.mmap(addr, pages << 12, prot, flags | FIXED, 1, offset));
  }

  @Test
  void theFirstFaultMapsAWholeFolioThatFits() {
    mapFile(AT, 20, READ, 2, 0);
    rig.mm.read(AT + 0x3000);
    assertEquals("F16,.4", rig.pages(AT));
  }

  @Test
  void theFirstFaultMapsOnePageOfAFolioThatDoesNotFit() {
    mapFile(AT, 8, READ, 2, 0);
    rig.mm.read(AT + 0x3000);
    assertEquals(".3,F1,.4", rig.pages(AT));
  }

  @Test
  void withAPageTableTheWindowIsMapped() {
    mapFile(AT, 8, READ, 2, 0);
    rig.mm.read(AT + 0x3000);
    rig.mm.read(AT);
    assertEquals("F8", rig.pages(AT));
  }

  @Test
  void aSharedWriteMapsTheFolioAsWell() {
    mapFile(AT, 16, RW, 1, 0);
    rig.touch(AT);
    assertEquals("F16", rig.pages(AT));
  }

  @Test
  void coldAdviceOnAPartSplitsAndUnmapsACleanFolio() {
    mapFile(AT, 16, READ, 2, 0);
    rig.mm.read(AT);
    assertEquals(0, rig.mm.madvise(AT, 0x10000, COLD));
    assertEquals("F16", rig.pages(AT), "all of it was met");
    assertEquals(0, rig.mm.madvise(AT, 0x1000, COLD));
    assertEquals(".16", rig.pages(AT));
  }

  @Test
  void aDirtyFolioIsNotSplitUntilMsyncCleansIt() {
    mapFile(AT, 16, RW, 1, 0);
    rig.touch(AT);
    assertEquals(0, rig.mm.madvise(AT, 0x1000, COLD));
    assertEquals("F16", rig.pages(AT));
    assertEquals(0, rig.mm.msync(AT, 0x1000, 4));
    assertEquals(0, rig.mm.madvise(AT, 0x1000, COLD));
    assertEquals(".16", rig.pages(AT));
  }

  @Test
  void aHoleUnmapsTheFolioAndLeavesUnevenOnes() {
    mapFile(AT, 16, RW, 1, 0);
    rig.mm.read(AT);
    assertEquals(0, rig.mm.madvise(AT + 0x4000, 0x1000, REMOVE));
    assertEquals(".16", rig.pages(AT));
    assertEquals(0, rig.mm.read(AT + 0x4000).value(), "a hole reads as zero");
  }

  @Test
  void aHoleWritesBackFirstSoThatADirtyFolioIsSplitToo() {
    mapFile(AT, 16, RW, 1, 0);
    rig.touch(AT + 0xf000);
    assertEquals(0, rig.mm.madvise(AT, 0x2000, REMOVE));
    assertEquals(".16", rig.pages(AT));
  }

  @Test
  void freeAdviceOnAPartOfAHugePageGivesUpItsZeroPages() {
    Rig huge = new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.ALWAYS);
    assertEquals(AT, huge.mm.mmap(AT, 0x200000, RW, PRIVATE_ANON | FIXED, -1, 0));
    huge.touch(AT + 0x5000);
    assertEquals("A512", huge.pages(AT));
    assertEquals(0, huge.mm.madvise(AT, 0x1000, FREE));
    assertEquals("z5,A1,z506", huge.pages(AT));
  }
}
