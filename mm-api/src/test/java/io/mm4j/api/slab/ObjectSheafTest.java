// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.slab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** What leads {@link CpuSlabs} to an address, which it does not check again, is checked before. */
class ObjectSheafTest {
  private final ObjectSheaf sheaf = new ObjectSheaf(1, 64, ObjectFrames.MIN_SHIFT, 4);

  @Test
  void whatIsInItIsCheckedWhenACpuGetsIt() {
    sheaf.push(0x3000);
    assertThrows(IndexOutOfBoundsException.class, () -> sheaf.join(0, 0x3000));
    sheaf.join(0, 0x4000);
    assertThrows(IndexOutOfBoundsException.class, () -> sheaf.push(0x4000));
    assertEquals(1, sheaf.size());
  }

  @Test
  void anArrayOfAnotherLengthIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> sheaf.exchange(new long[5], 0));
    assertThrows(IndexOutOfBoundsException.class, () -> sheaf.exchange(new long[4], 5));
  }

  @Test
  void addressesOutsideOfRamAreRefused() {
    sheaf.join(0, 0x2000);
    long[] objects = {0x1000, 0x2000, 0, 0};
    assertThrows(IndexOutOfBoundsException.class, () -> sheaf.exchange(objects, 2));
    assertEquals(4, sheaf.exchange(objects, 1).length);
    assertEquals(0x1000, sheaf.pop());
  }
}
