// SPDX-License-Identifier: Apache-2.0

package org.example.usevmalloc;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;

/** Page tables and the kernel's own addresses. */
public final class Main {
  private Main() {}

  /** Prints {@code 256 pages}. */
  public static void main(String[] args) {
    try (Machine machine = new MachineConfig().memory(1L << 30).boot()) {
      Cpu cpu = machine.cpus().get(0);
      long address = machine.kernelSpace().vmalloc(cpu, 1L << 20);
      System.out.println(machine.kernelSpace().vmallocPages() + " pages");
      machine.kernelSpace().vfree(cpu, address);
    }
  }
}
