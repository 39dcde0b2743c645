// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.Cpu;
import io.mm4j.api.kernel.KernelSpace;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.testkit.HeapUse;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** vmalloc and vfree of what was used before allocate no Java object; a purge makes two. */
class VmallocAllocationTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 16, 512})
  void nothingOnTheHeap(int pages) {
    try (Machine machine = new MachineConfig().memory(64L << 20).cpus(2).boot()) {
      Cpu cpu = machine.cpus().get(0);
      KernelSpace space = machine.kernelSpace();
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 60; round++) {
        long before = HeapUse.ofThisThread();
        for (int i = 0; i < 100; i++) {
          long address = space.vmalloc(cpu, pages * 4096L);
          space.vfree(cpu, address);
        }
        least = Math.min(least, HeapUse.ofThisThread() - before);
      }
      assertTrue(least < 300, "bytes allocated in 100 pairs: " + least);
    }
  }
}
