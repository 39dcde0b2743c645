// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.spike;

import io.mm4j.api.pagetable.AbsentBits;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.KernelHalf;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.TableShape;

/** Two levels of 512 entries of 8 bytes: 1 GiB. Low bits are flags, the frame stands above. */
final class ToyFormat {
  private static final long PRESENT = 1;
  private static final long ACCESSED = 1 << 1;
  private static final long DIRTY = 1 << 2;
  private static final long USER = 1 << 3;
  private static final long WRITE = 1 << 4;
  private static final long FRAME = (1L << 52) - (1 << 12);

  private ToyFormat() {}

  static PageTableFormat format() {
    EntryBits bits =
        new EntryBits(
            PRESENT, WRITE, USER, 0, 0, ACCESSED, DIRTY, 0, 0, 0, 0, 0, 0, FRAME, 0, 0, 0, 0, 0, 0,
            0, PRESENT, PRESENT);
    AbsentBits absent = new AbsentBits(1, 6, (1L << 52) - 64, 0, 1L << 40, 0, 0, 0);
    return new PageTableFormat(
        "toy",
        new TableShape(2, 8, 9, 512, 30, 1 << 1),
        bits,
        absent,
        new KernelHalf(1 << 30, 1 << 30, 1 << 30, 0, 0));
  }
}
