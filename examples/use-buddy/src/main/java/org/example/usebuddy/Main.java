// SPDX-License-Identifier: Apache-2.0

package org.example.usebuddy;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.page.Gfp;

/** Free blocks and the page allocator. */
public final class Main {
  private Main() {}

  /** Prints {@code 8 pages, aligned: true}. */
  public static void main(String[] args) {
    try (Machine machine = new MachineConfig().memory(1L << 30).boot()) {
      Cpu cpu = machine.cpus().get(0);
      long pfn = machine.pages().allocPages(cpu, Gfp.GFP_KERNEL, 3);
      System.out.println("8 pages, aligned: " + (pfn % 8 == 0));
      machine.pages().freePages(cpu, pfn, 3);
    }
  }
}
