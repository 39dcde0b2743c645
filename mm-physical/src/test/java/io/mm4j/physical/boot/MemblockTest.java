// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/**
 * The cases of the kernel's tools/testing/memblock/tests/basic_api.c, by its names: {@code
 * memblock_add()} and its relatives on memory, the same on reserved ranges.
 */
class MemblockTest {
  private static final long G = 1L << 30;
  private static final long M = 1L << 20;

  private final Memblock memblock = new Memblock((start, bytes) -> {});
  private final Regions memory = memblock.memory();
  private final Regions reserved = memblock.reserved();

  private static void is(Regions regions, long... startsAndSizes) {
    assertEquals(startsAndSizes.length / 2, regions.count());
    for (int i = 0; i < regions.count(); i++) {
      assertEquals(startsAndSizes[2 * i], regions.start(i));
      assertEquals(startsAndSizes[2 * i + 1], regions.size(i));
    }
  }

  @Test
  void initializationCheck() {
    is(memory);
    is(reserved);
  }

  @Test
  void addSimple() {
    memblock.add(G, 4 * M);
    is(memory, G, 4 * M);
  }

  @Test
  void addNodeSimple() {
    memblock.addNode(M, 16 * M, 1, Memblock.HOTPLUG);
    is(memory, M, 16 * M);
    assertEquals(1, memory.node(0));
    assertEquals(Memblock.HOTPLUG, memory.flags(0));
  }

  @Test
  void addDisjoint() {
    memblock.add(G, 8 * M);
    memblock.add(G + 16 * M, 8 * M);
    is(memory, G, 8 * M, G + 16 * M, 8 * M);
  }

  @Test
  void addOverlapTop() {
    memblock.add(512 * M, 512 * M);
    memblock.add(256 * M, 512 * M);
    is(memory, 256 * M, 768 * M);
  }

  @Test
  void addOverlapBottom() {
    memblock.add(128 * M, 512 * M);
    memblock.add(256 * M, G);
    is(memory, 128 * M, G + 128 * M);
  }

  @Test
  void addWithin() {
    memblock.add(8 * M, 32 * M);
    memblock.add(16 * M, M);
    is(memory, 8 * M, 32 * M);
  }

  @Test
  void addTwice() {
    memblock.add(16 * M, 2 * M);
    memblock.add(16 * M, 2 * M);
    is(memory, 16 * M, 2 * M);
  }

  @Test
  void addBetween() {
    memblock.add(G, 8 * M);
    memblock.add(G + 16 * M, 8 * M);
    memblock.add(G + 8 * M, 8 * M);
    is(memory, G, 24 * M);
  }

  @Test
  void addNearMax() {
    memblock.add(Long.MAX_VALUE - M, 2 * M);
    is(memory, Long.MAX_VALUE - M, M);
  }

  @Test
  void addMany() {
    for (int i = 0; i < 129; i++) {
      memblock.add(2L * i * M, M);
    }
    assertEquals(129, memory.count());
    memblock.add(0, 300 * M);
    is(memory, 0, 300 * M);
  }

  @Test
  void reserveSimple() {
    memblock.reserve(2 * G, 128 * M);
    is(memory);
    is(reserved, 2 * G, 128 * M);
  }

  @Test
  void reserveDisjoint() {
    memblock.reserve(256 * M, 16 * M);
    memblock.reserve(512 * M, 512 * M);
    is(reserved, 256 * M, 16 * M, 512 * M, 512 * M);
  }

  @Test
  void reserveOverlapTop() {
    memblock.reserve(G, G);
    memblock.reserve(128 * M, G);
    is(reserved, 128 * M, 2 * G - 128 * M);
  }

  @Test
  void reserveOverlapBottom() {
    memblock.reserve(2 * M, 128 * M);
    memblock.reserve(32 * M, 128 * M);
    is(reserved, 2 * M, 158 * M);
  }

  @Test
  void reserveWithin() {
    memblock.reserve(M, 8 * M);
    memblock.reserve(2 * M, M);
    is(reserved, M, 8 * M);
  }

  @Test
  void reserveTwice() {
    memblock.reserve(16 * M, 2 * M);
    memblock.reserve(16 * M, 2 * M);
    is(reserved, 16 * M, 2 * M);
  }

  @Test
  void reserveBetween() {
    memblock.reserve(G, 8 * M);
    memblock.reserve(G + 16 * M, 8 * M);
    memblock.reserve(G + 8 * M, 8 * M);
    is(reserved, G, 24 * M);
  }

  @Test
  void reserveNearMax() {
    memblock.reserve(Long.MAX_VALUE - M, 2 * M);
    is(reserved, Long.MAX_VALUE - M, M);
  }

  @Test
  void reserveMany() {
    for (int i = 0; i < 129; i++) {
      memblock.reserve(2L * i * M, M);
    }
    assertEquals(129, reserved.count());
  }

  @Test
  void reserveAllLocations() {
    for (int skip = 0; skip < 129; skip++) {
      Memblock block = new Memblock((start, bytes) -> {});
      for (int i = 0; i < 129; i++) {
        if (i != skip) {
          block.reserve(2L * i * M, M);
        }
      }
      block.reserve(2L * skip * M, M);
      assertEquals(129, block.reserved().count());
    }
  }

  @Test
  void removeSimple() {
    memblock.add(2 * G, 4 * M);
    memblock.add(4 * G, 8 * M);
    memblock.remove(2 * G, 4 * M);
    is(memory, 4 * G, 8 * M);
  }

  @Test
  void removeAbsent() {
    memblock.add(512 * M, 4 * M);
    memblock.remove(64 * M, G >> 10);
    is(memory, 512 * M, 4 * M);
  }

  @Test
  void removeOverlapTop() {
    memblock.add(32 * M, 32 * M);
    memblock.remove(16 * M, 32 * M);
    is(memory, 48 * M, 16 * M);
  }

  @Test
  void removeOverlapBottom() {
    memblock.add(2 * M, 64 * M);
    memblock.remove(32 * M, 256 * M);
    is(memory, 2 * M, 30 * M);
  }

  @Test
  void removeWithin() {
    memblock.add(M, 4 * M);
    memblock.remove(2 * M, M);
    is(memory, M, M, 3 * M, 2 * M);
  }

  @Test
  void removeOnlyRegion() {
    memblock.add(2 * G, 4 * M);
    memblock.remove(2 * G, 4 * M);
    is(memory);
  }

  @Test
  void removeNearMax() {
    memblock.add(Long.MAX_VALUE - 2 * M, 2 * M);
    memblock.remove(Long.MAX_VALUE - M, 2 * M);
    is(memory, Long.MAX_VALUE - 2 * M, M);
  }

  @Test
  void removeOverlapTwo() {
    memblock.add(16 * M, 32 * M);
    memblock.add(64 * M, 64 * M);
    memblock.remove(32 * M, 64 * M);
    is(memory, 16 * M, 16 * M, 96 * M, 32 * M);
  }

  @Test
  void freeSimple() {
    memblock.reserve(4 * M, M);
    memblock.reserve(8 * M, M);
    memblock.free(4 * M, M);
    is(reserved, 8 * M, M);
  }

  @Test
  void freeAbsent() {
    memblock.reserve(2 * M, 8 * M);
    memblock.free(16 * M, M);
    is(reserved, 2 * M, 8 * M);
  }

  @Test
  void freeOverlapTop() {
    memblock.reserve(8 * M, 32 * M);
    memblock.free(M, 8 * M);
    is(reserved, 9 * M, 31 * M);
  }

  @Test
  void freeOverlapBottom() {
    memblock.reserve(8 * M, 32 * M);
    memblock.free(32 * M, 32 * M);
    is(reserved, 8 * M, 24 * M);
  }

  @Test
  void freeWithin() {
    memblock.reserve(2 * M, 8 * M);
    memblock.free(4 * M, M);
    is(reserved, 2 * M, 2 * M, 5 * M, 5 * M);
  }

  @Test
  void freeOnlyRegion() {
    memblock.reserve(2 * G, 4 * M);
    memblock.free(2 * G, 4 * M);
    is(reserved);
  }

  @Test
  void freeNearMax() {
    memblock.reserve(Long.MAX_VALUE - 2 * M, 2 * M);
    memblock.free(Long.MAX_VALUE - M, 2 * M);
    is(reserved, Long.MAX_VALUE - 2 * M, M);
  }

  @Test
  void freeOverlapTwo() {
    memblock.reserve(16 * M, 32 * M);
    memblock.reserve(64 * M, 64 * M);
    memblock.free(32 * M, 64 * M);
    is(reserved, 16 * M, 16 * M, 96 * M, 32 * M);
  }

  @Test
  void trimMemoryAligned() {
    memblock.add(8 * M, 4 * M);
    memblock.add(16 * M, M);
    memblock.trimMemory(M);
    is(memory, 8 * M, 4 * M, 16 * M, M);
  }

  @Test
  void trimMemoryTooSmall() {
    memblock.add(8 * M, 4 * M);
    memblock.add(16 * M + 1, M - 1);
    memblock.trimMemory(M);
    is(memory, 8 * M, 4 * M);
  }

  @Test
  void trimMemoryUnalignedBase() {
    memblock.add(8 * M, 4 * M);
    memblock.add(16 * M + 4, 2 * M);
    memblock.trimMemory(M);
    is(memory, 8 * M, 4 * M, 17 * M, M);
  }

  @Test
  void trimMemoryUnalignedEnd() {
    memblock.add(8 * M, 4 * M);
    memblock.add(16 * M, 2 * M - 4);
    memblock.trimMemory(M);
    is(memory, 8 * M, 4 * M, 16 * M, M);
  }

  /**
   * {@code set_node} with the reserved ranges growing meanwhile: each keeps the node it was given.
   */
  @Test
  void setNodeOfReservedRangesWhileTheyGrow() {
    for (int i = 0; i < 127; i++) {
      reserved.add(2L * i * M, M, i % 2, 0);
    }
    // Splits one into three: 129 ranges, more than there was room for.
    reserved.setNode(100 * M + M / 4, M / 2, 7);
    assertTrue(reserved.count() > Regions.INITIAL);
    assertEquals(129, reserved.count());
    for (int i = 0; i < reserved.count(); i++) {
      boolean set = reserved.start(i) == 100 * M + M / 4;
      assertEquals(set ? 7 : reserved.start(i) / M / 2 % 2, reserved.node(i));
    }
  }

  @Test
  void setNode() {
    memblock.add(0, 256 * M);
    memblock.setNode(0, 128 * M, 0);
    memblock.setNode(128 * M, 128 * M, 1);
    for (int i = 0; i < 200; i++) {
      memblock.reserve(2L * i * 4096, 4096);
    }
    is(memory, 0, 128 * M, 128 * M, 128 * M);
    assertEquals(0, memory.node(0));
    assertEquals(1, memory.node(1));
  }
}
