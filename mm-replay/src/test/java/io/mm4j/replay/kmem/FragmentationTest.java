// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class FragmentationTest {
  /** 4 single pages, 2 pairs and one block of order 3: 16 pages in 7 blocks. */
  private static final long[] BLOCKS = {4, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0};

  @Test
  void unusableIndexIsThePartInSmallerBlocks() {
    assertEquals(16, Fragmentation.freePages(BLOCKS));
    assertEquals(0, Fragmentation.unusableIndex(BLOCKS, 0));
    assertEquals(250, Fragmentation.unusableIndex(BLOCKS, 1));
    assertEquals(500, Fragmentation.unusableIndex(BLOCKS, 3));
    assertEquals(1000, Fragmentation.unusableIndex(BLOCKS, 4));
    assertEquals(1000, Fragmentation.unusableIndex(new long[11], 0));
  }

  @Test
  void fragmentationIndexTellsWhyARequestWouldFail() {
    assertEquals(-1000, Fragmentation.extfragIndex(BLOCKS, 3));
    // 1000 - (1000 + 16 * 1000 / 16) / 7
    assertEquals(715, Fragmentation.extfragIndex(BLOCKS, 4));
    assertEquals(0, Fragmentation.extfragIndex(new long[11], 4));
    assertEquals(0, Fragmentation.extfragIndex(BLOCKS, 11));
  }
}
