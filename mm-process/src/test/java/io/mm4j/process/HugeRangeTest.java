// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static io.mm4j.process.Rig.PRIVATE_ANON;
import static io.mm4j.process.Rig.RW;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Calls on terabytes end: by ranges where they can, else when memory is out. */
class HugeRangeTest {
  private static final long NORESERVE = 0x4000;
  private static final long BYTES = 64L << 40;

  private final Rig rig = new Rig();
  private final long at = rig.mm.mmap(0, BYTES, RW, PRIVATE_ANON | NORESERVE, -1, 0);

  @Test
  void mincoreCountsRunsAndNotPages() {
    AddressSpace.ByteSink none = value -> {};
    rig.touch(at);
    assertEquals(-Errno.EFAULT, rig.mm.mincore(at, BYTES, 0x403000, none), "the vector ends");
    AtomicLong sum = new AtomicLong();
    AddressSpace.ByteSink counting =
        new AddressSpace.ByteSink() {
          @Override
          public void accept(int value) {
            accept(value, 1);
          }

          @Override
          public void accept(int value, long count) {
            sum.addAndGet(value * count);
          }
        };
    assertEquals(0, rig.mm.mincore(at, 1L << 36, at + (32L << 40), counting));
    assertEquals(1, sum.get());
  }

  @Test
  void populatingEndsWhenMemoryIsOut() {
    assertEquals(-Errno.ENOMEM, rig.mm.madvise(at, BYTES, 23));
    assertEquals(-Errno.ENOMEM, rig.mm.madvise(at, BYTES, 102));
    assertNull(rig.mm.fork(), "the copy of the page tables does not fit");
    assertEquals(0, rig.mm.madvise(at, BYTES, 4));
    rig.mm.validate();
  }

  @Test
  void adviceGoesOverWhatIsMappedOnly() {
    rig.touch(at + (7L << 40));
    for (int advice : new int[] {0, 1, 2, 3, 8, 14, 20, 103, 4}) {
      assertEquals(0, rig.mm.madvise(at, BYTES, advice), "advice " + advice);
    }
    assertEquals(0, rig.mm.msync(at, BYTES, 4));
    assertEquals(0, rig.mm.mprotect(at, BYTES, 0));
    assertEquals(0, rig.mm.munmap(at, BYTES));
  }

  /** As VmPTE of Linux 6.18.44 showed it. */
  @Test
  void anAccessBehindTheEndOfAFileOfHugePagesMakesTables() {
    long fd = rig.mm.memfdCreate("pool", Uapi.MFD_HUGETLB);
    long flags = 1 | NORESERVE | Rig.FIXED;
    long place = 0x600000000000L;
    assertEquals(place, rig.mm.mmap(place, 2L << 30, Rig.READ, flags, fd, 0));
    long before = rig.mm.fields().tablePages();
    assertEquals(TouchOutcome.Kind.BUS_ADRERR, rig.mm.read(place + (7L << 28)).kind());
    assertEquals(before + 2, rig.mm.fields().tablePages());
    rig.mm.validate();
  }
}
