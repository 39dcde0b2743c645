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
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uapi;
import java.util.Set;
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
      for (String bad : new String[] {"", "x", "-1", "+1", "08", "1,2"}) {
        assertEquals(-Errno.EINVAL, rig.floor.writeSysctl("nr_hugepages", bad), bad);
      }
      assertEquals(0, rig.floor.writeSysctl("nr_hugepages", "0x2 3")); // as 6.18.44 takes it
      assertEquals(2, rig.floor.hugePages().total());
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

  @Test
  void aSharedMappingOfTerabytesIsRefusedAndOnesThatOverlapArePromisedOnce() {
    try (Machine machine = new MachineConfig().memory(64L << 20).boot()) {
      assertEquals(0, machine.processes().writeSysctl("nr_hugepages", "5"));
      AddressSpace mm = space(machine, AddressSpaceConfig.defaults());
      long size = 2 << 20;
      long anonymous = Uapi.MAP_SHARED | Uapi.MAP_ANONYMOUS | Uapi.MAP_HUGETLB;
      assertEquals(-Errno.ENOMEM, mm.mmap(0, 100L << 40, Rig.RW, anonymous, -1, 0));
      assertEquals(0, machine.processes().hugePages().reserved());
      long fd = mm.memfdCreate("h", Uapi.MFD_HUGETLB);
      assertEquals(0, mm.syscall(Syscall.FTRUNCATE, fd, 6 * size));
      long at = mm.mmap(0, 3 * size, Rig.RW, Uapi.MAP_SHARED, fd, size);
      assertEquals(3, machine.processes().hugePages().reserved());
      assertTrue(mm.write(at, 1).ok());
      assertEquals(-Errno.ENOMEM, mm.mmap(0, 6 * size, Rig.RW, Uapi.MAP_SHARED, fd, 0));
      assertTrue(mm.mmap(0, 5 * size, Rig.RW, Uapi.MAP_SHARED, fd, 0) > 0);
      assertEquals(4, machine.processes().hugePages().reserved());
    }
  }

  @Test
  void aSegmentOfHugePagesIsPromisedAndStaysUntilItIsRemoved() {
    try (Machine machine = new MachineConfig().memory(64L << 20).boot()) {
      AddressSpaceConfig config = AddressSpaceConfig.defaults();
      AddressSpace nobody = space(machine, config.capabilities(Set.of()));
      AddressSpace mm = space(machine, config.capabilities(Set.of(Capability.IPC_LOCK)));
      long bytes = (2L << 20) + 1;
      long flags = Uapi.SHM_HUGETLB | 0600;
      assertEquals(-Errno.EPERM, nobody.syscall(Syscall.SHMGET, 0, bytes, flags));
      assertEquals(-Errno.ENOMEM, mm.syscall(Syscall.SHMGET, 0, bytes, flags), "an empty pool");
      assertEquals(-Errno.ENOMEM, mm.syscall(Syscall.SHMGET, 0, 1L << 62, flags), "too large");
      assertEquals(-Errno.EINVAL, mm.syscall(Syscall.SHMGET, 0, bytes, flags | 20L << 26));
      assertEquals(0, machine.processes().writeSysctl("nr_hugepages", "3"));
      long id = mm.syscall(Syscall.SHMGET, 0, bytes, flags | 21L << 26);
      assertTrue(id >= 0, () -> Rig.show(id));
      assertEquals(2, machine.processes().hugePages().reserved());
      long at = mm.syscall(Syscall.SHMAT, id, 0, 0);
      assertEquals(0, at & (2 << 20) - 1, () -> Rig.show(at));
      assertTrue(mm.write(at + (2 << 20), 7).ok());
      assertEquals(1, machine.processes().hugePages().reserved());
      assertEquals(0, mm.syscall(Syscall.SHMDT, at));
      long again = mm.syscall(Syscall.SHMAT, id, 0, 0);
      assertEquals(7, mm.read(again + (2 << 20)).value(), "the identifier has held it");
      assertEquals(0, mm.syscall(Syscall.SHMCTL, id, Uapi.IPC_RMID, 0));
      assertEquals(2, machine.processes().hugePages().free(), "it is attached");
      assertEquals(0, mm.syscall(Syscall.SHMDT, again));
      assertEquals(3, machine.processes().hugePages().free());
      assertEquals(0, machine.processes().hugePages().reserved());
    }
  }

  private static AddressSpace space(Machine machine, AddressSpaceConfig config) {
    return machine.processes().createAddressSpace(config);
  }
}
