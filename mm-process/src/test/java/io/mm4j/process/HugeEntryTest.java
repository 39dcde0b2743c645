// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
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

  @Test
  void aMappingBehindTheFirstPageOfAFileHasItsPromise() {
    try (Machine machine =
        new MachineConfig().architecture(Architecture.X86_32).memory(64L << 20).boot()) {
      assertEquals(0, machine.processes().writeSysctl("nr_hugepages", "1"));
      AddressSpaceConfig config = AddressSpaceConfig.defaults().layout(MmLayout.x8632());
      AddressSpace mm = machine.processes().tasks().spawn("init", config).mm();
      assertNotNull(mm);
      long size = 4 << 20;
      long fd = mm.memfdCreate("h", Uapi.MFD_HUGETLB);
      assertEquals(0, mm.syscall(Syscall.FTRUNCATE, fd, 2 * size));
      long at = mm.mmap(0, size, Rig.RW, Uapi.MAP_SHARED, fd, size);
      assertEquals(1, machine.processes().hugePages().reserved());
      assertTrue(mm.write(at, 1).ok(), "its promised page");
      assertEquals(0, machine.processes().hugePages().reserved());
    }
  }
}
