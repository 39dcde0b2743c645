// SPDX-License-Identifier: Apache-2.0

package org.example.useprocess;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.MapFlag;
import io.mm4j.api.process.Prot;

/** Address spaces: mmap, page faults. */
public final class Main {
  private Main() {}

  /** Prints {@code true 42}. */
  public static void main(String[] args) {
    try (Machine machine = new MachineConfig().memory(1L << 30).boot()) {
      AddressSpace mm = machine.processes().spawn();
      long flags = MapFlag.PRIVATE | MapFlag.ANONYMOUS;
      long at = mm.mmap(0, 8192, Prot.READ | Prot.WRITE, flags, -1, 0);
      System.out.println(mm.write(at, 42).ok() + " " + mm.read(at).value());
      mm.munmap(at, 8192);
    }
  }
}
