// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.call.Calls;
import io.mm4j.process.fault.Touch.Access;
import io.mm4j.process.maple.MapleVmaIndexProvider;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.testkit.HeapUse;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A page fault, of whatever kind, allocates no Java object: none that is there after C2 has
 * compiled it, as clearing a page makes a segment that only the interpreter sees.
 */
class FaultCostTest {
  private static final long TASK_SIZE = 0x7ffffffff000L;
  private static final long AT = 0x7fff_0000_0000L;
  private static final long PAGE = 4096;
  private static final int VMAS = 60;
  private static final long PAGES = 4;

  /** At most; C2 compiles what has run some ten thousand times, and needs a processor for it. */
  private static final int ROUNDS = 10_000;

  private static final int ROUNDS_AT_ONCE = 50;

  private static final int RW = 3;
  private static final int FIXED = 0x10;
  private static final int PRIVATE = 2;
  private static final int SHARED = 1;
  private static final int ANONYMOUS = 0x20;

  private final Machine machine = new MachineConfig().memory(64L << 20).cpus(1).boot();
  private Mm mm;
  private Calls calls;

  @BeforeEach
  void processOfItsOwn() {
    MmLayout layout =
        new MmLayout(
            TASK_SIZE, TASK_SIZE, true, false, 0, 0, 0, 0, 0x1000000, 0x1000000, TASK_SIZE, 0, 0, 0,
            0);
    mm =
        new Mm(
            new AddressSpaceConfig(
                layout,
                ResourceLimit.INFINITY,
                ResourceLimit.INFINITY,
                8L << 20,
                8L << 20,
                Set.of(),
                MmSysctls.DEFAULTS,
                16L << 20,
                0,
                ThpMode.NEVER,
                false),
            new FloorContext(
                () -> new MapleVmaIndexProvider().create(),
                new Frames(
                    machine.memory(),
                    machine.pages(),
                    machine.cpus().get(0),
                    Objects.requireNonNull(machine.pageTables()))));
    calls = new Calls(mm);
    MappedFile file = new MappedFile("F", MappedFile.Kind.EXT4, VMAS * PAGES * PAGE, at -> 1);
    mm.descriptors.put(3, new OpenFile(file, OpenFile.Mode.READ_WRITE));
  }

  @AfterEach
  void allComesBack() {
    new LinuxAddressSpace(mm).validate();
    calls.exit();
    mm.context.close();
    machine.close();
  }

  private static long vma(int i) {
    return AT + (PAGES + 1) * PAGE * i;
  }

  private void map(int flags) {
    int fd = (flags & ANONYMOUS) != 0 ? -1 : 3;
    for (int i = 0; i < VMAS; i++) {
      long offset = fd < 0 ? 0 : i * PAGES * PAGE;
      assertEquals(vma(i), calls.mmap(vma(i), PAGES * PAGE, RW, flags | FIXED, fd, offset));
    }
  }

  private static void touch(Calls of, Access access) {
    for (int k = 0; k < PAGES; k++) {
      for (int i = 0; i < VMAS; i++) {
        if (of.attempt(vma(i) + k * PAGE, access) != TouchOutcome.Kind.OK) {
          throw new AssertionError("no page: k=" + k + " i=" + i);
        }
      }
    }
  }

  /** Touches all pages, the accesses one after the other; then they go, and are touched again. */
  private void touchesAllocateNothing(Access... accesses) {
    long[] used = new long[accesses.length];
    long sum = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && sum > 0; round++) {
      sum = 0;
      for (int i = 0; i < accesses.length; i++) {
        long before = HeapUse.ofThisThread();
        touch(calls, accesses[i]);
        used[i] = HeapUse.ofThisThread() - before;
        sum += used[i];
      }
      mm.pages.ranges().zap(AT, vma(VMAS), false, false, false);
      if (round % ROUNDS_AT_ONCE == ROUNDS_AT_ONCE - 1) {
        LockSupport.parkNanos(2_000_000); // the compiler goes on
      }
    }
    for (int i = 0; i < accesses.length; i++) {
      assertEquals(0, used[i], "bytes of access " + i + ": " + accesses[i]);
    }
  }

  @Test
  void firstWritesAllocateNothing() {
    map(PRIVATE | ANONYMOUS);
    touchesAllocateNothing(Access.WRITE, Access.WRITE);
  }

  @Test
  void zeroPagesAndTheirCopiesAllocateNothing() {
    map(PRIVATE | ANONYMOUS);
    touchesAllocateNothing(Access.READ, Access.WRITE);
  }

  @Test
  void pagesOfFilesAndTheirCopiesAllocateNothing() {
    map(PRIVATE);
    touchesAllocateNothing(Access.READ, Access.WRITE);
  }

  @Test
  void sharedPagesOfFilesAllocateNothing() {
    map(SHARED);
    touchesAllocateNothing(Access.READ, Access.WRITE);
  }

  @Test
  void sharedMemoryAllocatesNothing() {
    map(SHARED | ANONYMOUS);
    touchesAllocateNothing(Access.WRITE, Access.READ);
  }

  @Test
  void copiesOnWriteAfterForkAllocateNothing() {
    map(PRIVATE | ANONYMOUS);
    touch(calls, Access.WRITE);
    long used = Long.MAX_VALUE;
    for (int round = 0; round < ROUNDS && used > 0; round++) {
      Mm child = Objects.requireNonNull(calls.fork());
      Calls its = new Calls(child);
      long before = HeapUse.ofThisThread();
      touch(its, Access.WRITE);
      touch(calls, Access.WRITE);
      used = HeapUse.ofThisThread() - before;
      its.exit();
    }
    assertEquals(0, used);
  }
}
