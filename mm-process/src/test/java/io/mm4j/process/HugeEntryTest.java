// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.ThpMode;
import org.junit.jupiter.api.Test;

/** Huge entries that are not what most are: without a zero page, of 4 MiB. */
class HugeEntryTest {
  private static final long AT = 0x10000000L;

  @Test
  void aReadWithoutAZeroPageGivesNoRightToWrite() {
    try (Rig rig = new Rig(Rig.INDEXES.getFirst(), MmSysctls.DEFAULTS, ThpMode.ALWAYS)) {
      rig.floor.kernelOption("zero-page", "false");
      rig.map(AT, 512, Rig.READ);
      Tasks tasks = rig.floor.tasks();
      Task task = tasks.adopt("x", rig.mm);
      Cpu cpu = rig.machine.cpus().get(0);
      tasks.switchTo(cpu, task);
      assertTrue(tasks.access(cpu, AT, 0) >= 0);
      assertTrue(rig.pages(AT).startsWith("A"), "a huge page of its own: " + rig.pages(AT));
      assertTrue(tasks.access(cpu, AT, Mmu.WRITE) < 0, "PROT_READ");
      tasks.validate();
    }
  }

  @Test
  void theSizeOfThePoolIsANumber() {
    try (Rig rig = new Rig()) {
      for (String bad : new String[] {"", "x", "-1", "1 2"}) {
        assertEquals(-Errno.EINVAL, rig.floor.writeSysctl("nr_hugepages", bad), bad);
      }
      assertEquals(0, rig.floor.writeSysctl("nr_hugepages", " 1\n"));
      assertEquals(1, rig.floor.hugePages().total());
    }
  }
}
