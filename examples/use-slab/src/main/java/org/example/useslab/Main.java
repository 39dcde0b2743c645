// SPDX-License-Identifier: Apache-2.0

package org.example.useslab;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.page.Gfp;

/** Objects smaller than a page. */
public final class Main {
  private Main() {}

  /** Prints {@code 128 bytes}. */
  public static void main(String[] args) {
    try (Machine machine = new MachineConfig().memory(1L << 30).boot()) {
      Cpu cpu = machine.cpus().get(0);
      long paddr = machine.slabs().kmalloc(cpu, 100, Gfp.GFP_KERNEL);
      machine.memory().putLong(paddr, 42);
      System.out.println(machine.slabs().ksize(paddr) + " bytes");
      machine.slabs().kfree(cpu, paddr);
    }
  }
}
