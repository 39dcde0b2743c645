// SPDX-License-Identifier: Apache-2.0

package org.example.usephysical;

import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;

/** RAM: bytes, frames and their owners. */
public final class Main {
  private Main() {}

  /** Prints {@code 42 KERNEL}. */
  public static void main(String[] args) {
    PhysicalMemoryProvider sparsemem =
        PluginRegistry.discover().provider(Spi.PHYSICAL_MEMORY, "sparsemem", "this program");
    var layout = ZoneLayouts.x86_64(MemoryMap.pc(1L << 30));
    try (PhysicalMemory memory =
        sparsemem.create(layout, Contents.ALL, Options.defaults(sparsemem))) {
      memory.memMap().prepare(0x1000, 0, FrameOwner.KERNEL);
      memory.putLong(0x1000L << 12, 42);
      System.out.println(memory.getLong(0x1000L << 12) + " " + memory.memMap().owner(0x1000));
    }
  }
}
