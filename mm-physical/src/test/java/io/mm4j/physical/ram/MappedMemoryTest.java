// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.ram;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.mm4j.api.boot.BootOptions;
import io.mm4j.api.boot.ZoneLayouts;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.BootAllocator;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.NumaTopology;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.plugin.Options;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Memory that boot allocates is zero, and costs the host nothing where it is much. */
class MappedMemoryTest {
  private static final Path PAGEMAP = Path.of("/proc/self/pagemap");
  private static final long MIB = 1 << 20;
  private static final long FROM = 32 * MIB;
  private static final long TO = 96 * MIB;

  private static PhysicalMemory memory() {
    MemoryMap map = MemoryMap.pc(128 * MIB);
    MemoryLayout layout =
        ZoneLayouts.of(Architecture.X86_64, map, NumaTopology.single(map), BootOptions.NONE);
    SparsememProvider provider = new SparsememProvider();
    return provider.create(layout, Contents.ALL, Options.defaults(provider));
  }

  /** Bytes in front of, in and behind what boot takes between two addresses. */
  private static void takes(PhysicalMemory memory, long bytes) {
    MemorySegment ram = memory.ram();
    ram.asSlice(FROM, TO - FROM).fill((byte) 1);
    long start = memory.bootAllocator().alloc(bytes, 64, FROM, TO, BootAllocator.ANY_NODE);
    assertTrue(start > FROM && start + bytes <= TO, "start=" + start);
    long past = start + bytes;
    assertEquals(
        -1, ram.asSlice(start, bytes).mismatch(MemorySegment.ofArray(new byte[(int) bytes])));
    byte[] ones = new byte[(int) (TO - FROM)];
    Arrays.fill(ones, (byte) 1);
    MemorySegment filled = MemorySegment.ofArray(ones);
    assertEquals(
        -1, ram.asSlice(FROM, start - FROM).mismatch(filled.asSlice(0, start - FROM)), "in front");
    assertEquals(-1, ram.asSlice(past, TO - past).mismatch(filled.asSlice(0, TO - past)), "behind");
  }

  @Test
  void whatBootTakesIsZeroAndNothingElse() {
    for (long bytes : new long[] {100, 4096, 2 * MIB - 1, 2 * MIB + 100, 20 * MIB + 4000}) {
      try (PhysicalMemory memory = memory()) {
        takes(memory, bytes);
      }
    }
  }

  @Test
  void theHostHasNoMemoryBehindMuchThatBootTook() throws IOException {
    assumeTrue(Files.exists(PAGEMAP), "a host that tells what is resident");
    try (PhysicalMemory memory = memory()) {
      memory.ram().asSlice(FROM, TO - FROM).fill((byte) 1);
      assertEquals((TO - FROM) / Pages.PAGE_SIZE, resident(memory));
      long bytes = 40 * MIB;
      long _ = memory.bootAllocator().alloc(bytes, 64, FROM, TO, BootAllocator.ANY_NODE);
      assertEquals((TO - FROM - bytes) / Pages.PAGE_SIZE, resident(memory));
    }
  }

  /** How many pages the host has of the part that is looked at. */
  private static long resident(PhysicalMemory memory) throws IOException {
    byte[] entries = new byte[(int) ((TO - FROM) / Pages.PAGE_SIZE) * Long.BYTES];
    try (RandomAccessFile pagemap = new RandomAccessFile(PAGEMAP.toFile(), "r")) {
      pagemap.seek((memory.ram().address() + FROM) / Pages.PAGE_SIZE * Long.BYTES);
      pagemap.readFully(entries);
    }
    long count = 0;
    for (int last = Long.BYTES - 1; last < entries.length; last += Long.BYTES) {
      count += entries[last] < 0 ? 1 : 0; // bit 63 of an entry: present
    }
    return count;
  }
}
