// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.memory.HostTable;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostTableTest {
  private static final long BYTES = 1 << 20;

  private static HostTable table(String plugin) {
    try (Machine machine = new MachineConfig().memory(64L << 20).plugin(plugin).boot()) {
      return machine.memory().table(BYTES);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"physical-memory=flatmem", "physical-memory=sparsemem"})
  void isZeroedAndOutlivesItsMachine(String plugin) {
    HostTable table = table(plugin);
    MemorySegment bytes = table.segment();
    assertEquals(BYTES, bytes.byteSize());
    assertTrue(bytes.isNative());
    assertEquals(-1, bytes.mismatch(MemorySegment.ofArray(new byte[(int) BYTES])));
    MemorySegment _ = bytes.fill((byte) 7);
    table.discard(4096, 8192);
    assertEquals(7, bytes.get(JAVA_BYTE, 4095));
    assertEquals(0, bytes.get(JAVA_BYTE, 4096));
    assertEquals(0, bytes.get(JAVA_BYTE, 4096 + 8191));
    assertEquals(7, bytes.get(JAVA_BYTE, 4096 + 8192));
  }

  @Test
  void everywhereHasItsBytesByAddress() {
    HostTable table = table("physical-memory=flatmem");
    MemorySegment everywhere = table.everywhere();
    if (everywhere != null) { // native access is allowed
      table.segment().set(JAVA_BYTE, 5, (byte) 9);
      assertEquals(9, everywhere.get(JAVA_BYTE, table.segment().address() + 5));
    }
  }
}
