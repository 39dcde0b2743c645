// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static io.mm4j.process.Rig.BASE;
import static io.mm4j.process.Rig.FIXED;
import static io.mm4j.process.Rig.PRIVATE_ANON;
import static io.mm4j.process.Rig.RW;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.process.Errno;
import org.junit.jupiter.api.Test;

/** Where mappings go, and which addresses are refused. */
class PlacementTest {
  private final Rig rig = new Rig();

  private long map(long addr, long len, long flags) {
    return rig.mm.mmap(addr, len, RW, flags, -1, 0);
  }

  @Test
  void fillsFromTheTopDown() {
    assertEquals(BASE - 0x1000, map(0, 0x1000, PRIVATE_ANON));
    assertEquals(BASE - 0x3000, map(0, 0x2000, PRIVATE_ANON));
  }

  @Test
  void alignsWholeHugePagesWithoutHint() {
    assertEquals(0x7ffff7c00000L, map(0, 0x200000, PRIVATE_ANON));
    assertEquals(BASE - 0x1000, map(0, 0x1000, PRIVATE_ANON), "the hole above is filled");
  }

  @Test
  void low32BitMappingsGoUpwardsAndMoveOneHugePageOn() {
    assertEquals(0x40000000L, map(0, 0x1000, PRIVATE_ANON | 0x40));
    assertEquals(0x40200000L, map(0, 0x200000, PRIVATE_ANON | 0x40));
  }

  @Test
  void aStackWhoseGuardGapReachesZeroEndsTheSearch() {
    rig.map(0x58000, (0x403000 - 0x58000) >> 12, RW);
    assertEquals(
        Rig.BRK,
        rig.mm.mmap(Rig.BRK, BASE - Rig.BRK, 0, PRIVATE_ANON | FIXED | 0x4000, -1, 0),
        "everything up to mmap_base");
    long above = map(0, 0x1000, PRIVATE_ANON);
    assertEquals(0x57000, above, "the last room below");
    assertEquals(0x38000, map(0x38000, 0x1f000, PRIVATE_ANON | FIXED | 0x100));
    assertEquals(-Errno.ENOMEM, map(0, 0x1000, PRIVATE_ANON));
  }

  @Test
  void hintsAreRoundedDownAndRaisedToTheLowestAddress() {
    assertEquals(0x20000000L, map(0x20000fff, 0x1000, PRIVATE_ANON));
    assertEquals(0x10000, map(0x1000, 0x1000, PRIVATE_ANON));
    assertEquals(BASE - 0x1000, map(0x10000, 0x1000, PRIVATE_ANON), "taken");
    assertEquals(0x1000, map(0x1000, 0x1000, PRIVATE_ANON | FIXED));
    assertEquals(-Errno.EPERM, map(0, 0x1000, PRIVATE_ANON | FIXED));
  }

  @Test
  void unalignedFixedAddressOfTheLastPageIsItsOwnError() {
    assertEquals(-1691, map(-1691, 0x1000, PRIVATE_ANON | FIXED));
    assertEquals(-Errno.ENOMEM, map(-4096, 0x1000, PRIVATE_ANON | FIXED));
    assertEquals(-Errno.EINVAL, map(0x20000800, 0x1000, PRIVATE_ANON | FIXED));
  }

  @Test
  void keepsTheGuardGapBelowMappingsThatGrowDown() {
    long top = 0x30000000L;
    assertEquals(top, map(top, 0x1000, PRIVATE_ANON | FIXED | 0x100));
    long tooNear = top - (256 << 12);
    assertEquals(BASE - 0x1000, map(tooNear, 0x1000, PRIVATE_ANON));
    assertEquals(tooNear - 0x1000, map(tooNear - 0x1000, 0x1000, PRIVATE_ANON));
    assertEquals(top - 0x1000, map(top - 0x1000, 0x1000, PRIVATE_ANON | FIXED));
  }

  @Test
  void noReplaceRefusesWhatFixedReplaces() {
    rig.map(0x20000000, 2, RW);
    assertEquals(-Errno.EEXIST, map(0x20001000, 0x1000, PRIVATE_ANON | 0x100000));
    assertEquals(0x20001000, map(0x20001000, 0x1000, PRIVATE_ANON | FIXED));
    assertEquals("20000000-20002000 rw-p", rig.maps(0x20000000, 0x20003000));
  }

  @Test
  void heapNeedsAFreePageAboveIt() {
    rig.map(0x417000, 1, RW);
    assertEquals(Rig.BRK, rig.mm.brk(0x417000));
    assertEquals(0x416000, rig.mm.brk(0x416000));
    assertEquals("407000-416000 rw-p", rig.maps(0x407000, 0x417000));
    assertEquals(0x416000, rig.mm.brk(0), "below the start");
    assertEquals(0x408001, rig.mm.brk(0x408001));
    assertEquals("407000-409000 rw-p", rig.maps(0x407000, 0x417000));
  }
}
