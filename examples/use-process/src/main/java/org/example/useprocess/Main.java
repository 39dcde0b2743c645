// SPDX-License-Identifier: Apache-2.0

package org.example.useprocess;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Uapi;

/** Address spaces: mmap, page faults. */
public final class Main {
  private Main() {}

  /** Prints {@code true 42}. */
  public static void main(String[] args) {
    try (Machine machine = new MachineConfig().memory(1L << 30).boot()) {
      AddressSpace mm = machine.processes().spawn();
      long prot = Uapi.PROT_READ | Uapi.PROT_WRITE;
      long flags = Uapi.MAP_PRIVATE | Uapi.MAP_ANONYMOUS;
      long at = mm.mmap(0, 8192, prot, flags, -1, 0);
      System.out.println(mm.write(at, 42).ok() + " " + mm.read(at).value());
      mm.munmap(at, 8192);
    }
  }
}
