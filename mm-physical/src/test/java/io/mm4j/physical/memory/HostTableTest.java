// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.HostTable;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostTableTest {
  private static final long BYTES = 1 << 20;

  private static HostTable table(String plugin) {
    MemoryMap map = MemoryMap.pc(64L << 20);
    MemoryLayout layout =
        ZoneLayouts.of(Architecture.X86_64, map, NumaTopology.single(map), BootOptions.NONE);
    PhysicalMemoryProvider provider =
        PluginRegistry.discover().provider(Spi.PHYSICAL_MEMORY, plugin, "a test");
    try (PhysicalMemory memory =
        provider.create(layout, Contents.ALL, Options.defaults(provider))) {
      return memory.table(BYTES);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"flatmem", "sparsemem"})
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
    HostTable table = table("flatmem");
    MemorySegment everywhere = table.everywhere();
    if (everywhere != null) { // native access is allowed
      table.segment().set(JAVA_BYTE, 5, (byte) 9);
      assertEquals(9, everywhere.get(JAVA_BYTE, table.segment().address() + 5));
    }
  }
}
