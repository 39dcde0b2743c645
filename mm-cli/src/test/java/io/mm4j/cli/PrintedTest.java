// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a program prints of a machine can be read. */
class PrintedTest {
  @Test
  void whatPeoplePrintIsInWords() {
    MachineConfig config = new MachineConfig().memory(64L << 20).plugin("slab=slob");
    assertEquals("x86-64 65151K cpus=2 {slab=slob}", config.toString());
    try (Machine machine = config.boot()) {
      AddressSpace mm = machine.processes().spawn();
      long prot = Uapi.PROT_READ | Uapi.PROT_WRITE;
      long at = mm.mmap(0, 8192, prot, Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS, -1, 0);
      assertEquals("OK uaddr=0x" + Long.toHexString(at), mm.write(at, 42).toString());
      assertEquals("OK uaddr=0x" + Long.toHexString(at) + " value=42", mm.read(at).toString());
      List<VmaInfo> vmas = new ArrayList<>();
      mm.forEachVma(vmas::add);
      String from = Long.toHexString(at);
      String to = Long.toHexString(at + 8192);
      assertEquals(from + "-" + to + " rw-p 00000000", vmas.getFirst().toString());
      assertTrue(vmas.getLast().toString().endsWith(" rw-p 00000000 [stack]"), vmas::toString);
      assertEquals("pid 1: 2 VMAs of 140 kB, 1 pages present", mm.toString());
      assertEquals("[cpu0, cpu1]", machine.cpus().toString());
      assertEquals("0 ns since boot", machine.clock().toString());
      assertTrue(machine.toString().contains(" cpus=2 nodes=1 {"), machine::toString);
      assertTrue(machine.zones().getFirst().frames().toString().startsWith("buddy free="));
    }
    try (Machine machine = new MachineConfig().memory(64L << 20).boot()) {
      AddressSpace _ = machine.processes().spawn();
      long area = machine.kernelSpace().vmalloc(machine.cpus().get(0), 10_000);
      assertTrue(area != 0);
      String pages = machine.pages().toString();
      assertTrue(
          pages.matches("linux: Node 0, zone DMA free=[0-9]+; Node 0, zone DMA32 free=[0-9]+"),
          pages);
      String slabs = machine.slabs().toString();
      assertEquals("slub: " + machine.slabs().caches().size() + " caches", slabs);
      assertEquals("linux: 1 address spaces", machine.processes().toString());
      assertEquals("linux: 1 areas, 3 frames", machine.kernelSpace().toString());
      assertEquals("65151K in 1 nodes, with bytes", machine.memory().toString());
    }
    String found = PluginRegistry.discover().toString();
    assertTrue(found.contains("frame-allocator=[bitmap, buddy, llfree"), found);
    assertFalse(found.contains("@"), found);
  }
}
