// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class FragmentationTest {
  @Test
  void unusableIsThePartInBlocksThatAreTooSmall() {
    long[] blocks = {4, 0, 1, 0, 1};
    assertEquals(0, Fragmentation.unusableThousandths(blocks, 0));
    assertEquals(166, Fragmentation.unusableThousandths(blocks, 1));
    assertEquals(333, Fragmentation.unusableThousandths(blocks, 3));
    assertEquals(1000, Fragmentation.unusableThousandths(new long[] {4, 0, 1}, 3));
    assertEquals(1.0 / 3, Fragmentation.unusable(blocks, 3), 1e-12);
  }

  @Test
  void nothingFreeIsAllUnusableAndNoFragmentation() {
    assertEquals(1000, Fragmentation.unusableThousandths(new long[11], 0));
    assertEquals(1, Fragmentation.unusable(new long[11], 0));
    assertEquals(0, Fragmentation.extfragThousandths(new long[11], 3));
  }

  @Test
  void extfragTellsLackOfMemoryFromFragmentation() {
    assertEquals(-1000, Fragmentation.extfragThousandths(new long[] {0, 0, 1}, 2));
    // One free page for a request of 512: the lack of memory is to blame.
    assertEquals(-1, Fragmentation.extfragThousandths(new long[] {1, 0, 0}, 9));
    // A hundred thousand single pages: fragmentation is.
    assertEquals(999, Fragmentation.extfragThousandths(new long[] {100_000, 0, 0}, 9));
  }
}
