// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.process.AddressSpace;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** What an address space is after its process has gone. */
class ExitTest {
  private static final long FROM = 0x10000000L;
  private static final long TO = 0x20000000L;
  private static final long MAYMOVE_FIXED_DONTUNMAP = 7;
  private static final int SHARED_ANON = 0x21;

  @Test
  void pagesThatDontUnmapLeftCountedAreNotLockedAfterExit() {
    Rig rig = new Rig();
    rig.map(FROM, 4, Rig.RW);
    assertEquals(0, rig.mm.mlock(FROM, 4 << 12));
    assertEquals(TO, rig.mm.mremap(FROM, 4 << 12, 4 << 12, MAYMOVE_FIXED_DONTUNMAP, TO));
    assertEquals(8, rig.mm.fields().lockedVmPages());
    rig.mm.validate();
    rig.mm.exit();
    assertEquals(0, rig.mm.fields().lockedVmPages());
    rig.mm.validate();
  }

  @Test
  void aFloorThatIsClosedEndsItsProcesses() {
    Rig rig = new Rig();
    rig.map(FROM, 4, Rig.RW);
    AddressSpace child = Objects.requireNonNull(rig.mm.fork());
    assertTrue(rig.floor.committedPages() >= 8, "parent and child are charged");
    rig.floor.close();
    assertEquals(0, rig.floor.committedPages());
    assertEquals(0, child.fields().mapCount());
  }

  @Test
  void sharedMemoryIsChargedUntilItsLastMappingGoes() {
    Rig rig = new Rig();
    long before = rig.floor.committedPages();
    assertEquals(before, rig.mm.fields().committedPages());
    assertEquals(FROM, rig.mm.mmap(FROM, 4 << 12, Rig.RW, SHARED_ANON | Rig.FIXED, -1, 0));
    assertEquals(before + 4, rig.floor.committedPages());
    assertEquals(before, rig.mm.fields().committedPages());
    assertEquals(0, rig.mm.munmap(FROM, 2 << 12));
    assertEquals(before + 4, rig.floor.committedPages());
    rig.mm.exit();
    assertEquals(0, rig.floor.committedPages());
  }
}
