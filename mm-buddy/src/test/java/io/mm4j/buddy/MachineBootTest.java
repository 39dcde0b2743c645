// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.mm4j.api.Cpu;
import io.mm4j.api.Machine;
import io.mm4j.api.MachineConfig;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MachineBootTest {
  @ParameterizedTest
  @CsvSource({"sparsemem,buddy", "sparsemem,bitmap", "flatmem,buddy", "flatmem,bitmap"})
  void everythingHandedOutComesBack(String memory, String frames) {
    var config =
        new MachineConfig()
            .memory(4L << 30)
            .plugin("physical-memory=" + memory)
            .plugin("frame-allocator=" + frames)
            .plugin("page-allocator=direct");
    try (Machine machine = config.boot()) {
      PageAllocator pages = machine.pages();
      Cpu cpu = machine.cpus().get(0);
      long free = pages.freePages();
      // All usable memory but frame 0.
      assertEquals(machine.layout().map().usableBytes() >>> Pages.PAGE_SHIFT, free + 1);
      machine.validate();

      long pfn = pages.allocPages(cpu, Gfp.GFP_KERNEL | Gfp.__GFP_ZERO, 3);
      assertNotEquals(PageAllocator.NO_PAGE, pfn);
      assertEquals(FrameOwner.KERNEL, machine.memory().memMap().owner(pfn + 7));
      machine.memory().putLong((pfn + 7) << Pages.PAGE_SHIFT, 42);
      assertEquals(42, machine.memory().getLong((pfn + 7) << Pages.PAGE_SHIFT));
      assertEquals(free - 8, pages.freePages());
      machine.validate();

      pages.freePages(cpu, pfn, 3);
      assertEquals(free, pages.freePages());
      machine.validate();
    }
  }
}
