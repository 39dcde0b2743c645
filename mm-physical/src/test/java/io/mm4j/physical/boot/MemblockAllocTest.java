// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.boot;

import static io.mm4j.api.memory.BootAllocator.ANY_NODE;
import static io.mm4j.api.memory.BootAllocator.NONE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The cases of the kernel's alloc_api.c, alloc_helpers_api.c and alloc_nid_api.c of
 * tools/testing/memblock/tests, by their names; each runs in both directions where that changes the
 * answer.
 */
class MemblockAllocTest {
  private static final long MEM = 32 << 10; // from START to START + MEM
  private static final long START = 1 << 20;
  private static final long END = START + MEM;
  private static final long C = 64;

  private final List<Long> cleared = new ArrayList<>();
  private final Memblock memblock = new Memblock((start, bytes) -> cleared.add(start));

  private void memory(boolean up) {
    memblock.add(START, MEM);
    memblock.setBottomUp(up);
  }

  private long alloc(long bytes) {
    return memblock.alloc(bytes, C);
  }

  private void reservedIs(long... startsAndSizes) {
    Regions reserved = memblock.reserved();
    assertEquals(startsAndSizes.length / 2, reserved.count());
    for (int i = 0; i < reserved.count(); i++) {
      assertEquals(startsAndSizes[2 * i], reserved.start(i));
      assertEquals(startsAndSizes[2 * i + 1], reserved.size(i));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void simple(boolean up) {
    memory(up);
    long expected = up ? START : END - 2 * C;
    assertEquals(expected, alloc(2 * C));
    reservedIs(expected, 2 * C);
    assertEquals(List.of(expected), cleared);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void disjoint(boolean up) {
    memory(up);
    long taken = up ? START + 2 * C : END - 4 * C;
    memblock.reserve(taken, C);
    long found = alloc(2 * C);
    assertEquals(up ? START : END - 2 * C, found);
    assertEquals(up ? 1 : 2, memblock.reserved().count());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void before(boolean up) {
    memory(up);
    long taken = up ? START : END - C;
    memblock.reserve(taken, C);
    assertEquals(up ? START + C : END - 3 * C, alloc(2 * C));
    reservedIs(up ? START : END - 3 * C, 3 * C);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void secondFit(boolean up) {
    memory(up);
    memblock.reserve(START + C, 4 * C);
    memblock.reserve(END - 5 * C, 4 * C);
    assertEquals(up ? START + 5 * C : END - 7 * C, alloc(2 * C));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void inBetween(boolean up) {
    memory(up);
    memblock.reserve(START, 4 * C);
    memblock.reserve(START + 6 * C, MEM - 6 * C);
    assertEquals(START + 4 * C, alloc(2 * C));
    reservedIs(START, MEM);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void smallGaps(boolean up) {
    memory(up);
    for (long at = START; at < END; at += 4 * C) {
      memblock.reserve(at, 3 * C);
    }
    assertEquals(NONE, alloc(2 * C));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void allReserved(boolean up) {
    memory(up);
    memblock.reserve(START, MEM);
    assertEquals(NONE, alloc(C));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noSpaceAndLimitedSpace(boolean up) {
    memory(up);
    memblock.reserve(START, MEM - C);
    assertEquals(NONE, alloc(2 * C));
    assertEquals(END - C, alloc(C));
    reservedIs(START, MEM);
  }

  @Test
  void noMemory() {
    assertEquals(NONE, alloc(C));
    assertTrue(cleared.isEmpty());
  }

  @Test
  void fromSimpleAndMisaligned() {
    memory(false);
    assertEquals(END - C, memblock.alloc(C, C, END - C, 0, ANY_NODE));
    memory(true);
    assertEquals(START + 2 * C, memblock.alloc(C, C, START + C + 5, 0, ANY_NODE));
  }

  @Test
  void fromTopDownHighAddress() {
    memory(false);
    assertEquals(END - 2 * C, memblock.alloc(2 * C, C, END - C, 0, ANY_NODE));
  }

  @Test
  void fromTopDownNoSpaceAbove() {
    memory(false);
    memblock.reserve(END - 2 * C, 2 * C);
    assertEquals(END - 3 * C, memblock.alloc(C, C, END - 2 * C, 0, ANY_NODE));
    reservedIs(END - 3 * C, 3 * C);
  }

  @Test
  void fromTopDownMinAddressCap() {
    memory(false);
    memblock.reserve(START + C, MEM - C);
    assertEquals(START, memblock.alloc(C, C, 64, 0, ANY_NODE));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void rangeSimple(boolean up) {
    memory(up);
    long min = START + 4 * C;
    assertEquals(up ? min : min + 6 * C, memblock.alloc(2 * C, C, min, min + 8 * C, ANY_NODE));
  }

  @Test
  void rangeMisaligned() {
    memory(false);
    assertEquals(
        START + 6 * C, memblock.alloc(2 * C, C, START + 4 * C, START + 8 * C + 7, ANY_NODE));
  }

  @Test
  void rangeNarrow() {
    memory(false);
    assertEquals(START, memblock.alloc(2 * C, C, START + C, START + 2 * C, ANY_NODE));
  }

  @Test
  void rangeReserved() {
    memory(false);
    memblock.reserve(START + 4 * C, 4 * C);
    assertEquals(START + 2 * C, memblock.alloc(2 * C, C, START + 2 * C, START + 8 * C, ANY_NODE));
    memblock.reserve(START, 8 * C);
    assertEquals(NONE, memblock.alloc(C, C, START, START + 8 * C, ANY_NODE));
  }

  @Test
  void rangeLowMax() {
    memory(false);
    assertEquals(NONE, memblock.alloc(C, C, 0, START - C, ANY_NODE));
  }

  private void nodes() {
    int[] eighths = {4, 1, 2, 2, 1, 1, 4, 1};
    long at = START;
    for (int node = 0; node < 8; node++) {
      memblock.addNode(at, eighths[node] * MEM / 16, node, 0);
      at += eighths[node] * MEM / 16;
    }
  }

  private long nodeStart(int node) {
    for (int i = 0; i < memblock.memory().count(); i++) {
      if (memblock.memory().node(i) == node) {
        return memblock.memory().start(i);
      }
    }
    throw new AssertionError("no node " + node);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void numaSimple(boolean up) {
    nodes();
    memblock.setBottomUp(up);
    long size = MEM / 16;
    long start = nodeStart(3);
    assertEquals(up ? start : start + size, memblock.alloc(size, C, 0, 0, 3));
    assertEquals(3, memblock.reserved().node(0), "alloc_node_on_correct_nid");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void numaSmallNode(boolean up) {
    nodes();
    memblock.setBottomUp(up);
    long size = MEM / 8;
    assertEquals(NONE, memblock.allocExact(size, C, 0, 0, 1));
    long found = memblock.alloc(size, C, 0, 0, 1);
    assertEquals(up ? nodeStart(0) : nodeStart(7) - size, found);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void numaNodeReserved(boolean up) {
    nodes();
    memblock.setBottomUp(up);
    memblock.reserve(nodeStart(2), MEM / 8);
    assertEquals(NONE, memblock.allocExact(C, C, 0, 0, 2));
    assertEquals(up ? nodeStart(0) : END - C, memblock.alloc(C, C, 0, 0, 2));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void numaPartReserved(boolean up) {
    nodes();
    memblock.setBottomUp(up);
    memblock.reserve(nodeStart(2), MEM / 16);
    long rest = nodeStart(2) + MEM / 16;
    assertEquals(NONE, memblock.allocExact(MEM / 8, C, 0, 0, 2), "the rest is too small");
    assertEquals(rest, memblock.alloc(MEM / 16, C, 0, 0, 2));
  }

  @Test
  void numaSplitRange() {
    nodes();
    long edge = nodeStart(3);
    assertEquals(edge - C, memblock.allocExact(C, C, edge - 2 * C, edge + 2 * C, 2));
    assertEquals(NONE, memblock.allocExact(4 * C, C, edge - 2 * C, edge + C, 7), "no_overlap_high");
  }

  @Test
  void numaLargeRegion() {
    nodes();
    assertEquals(NONE, memblock.alloc(MEM / 2, C, 0, 0, 1));
  }

  @Test
  void rawDoesNotClear() {
    memory(false);
    assertEquals(END - C, memblock.allocRaw(C, C, 0, 0, ANY_NODE));
    assertTrue(cleared.isEmpty());
  }

  @Test
  void handOverGivesWholeFreePages() {
    memblock.add(0x1000, 0x9000);
    memblock.reserve(0x3800, 0x10);
    memblock.reserve(0x7000, 0x1000);
    List<String> ranges = new ArrayList<>();
    memblock.handOver((start, end) -> ranges.add(start + "-" + end));
    assertEquals(List.of("1-3", "4-7", "8-10"), ranges);
  }

  @Test
  void bootmemSharesPagesAndHandsOver() {
    Bootmem bootmem = new Bootmem(64, 32, (start, bytes) -> {});
    bootmem.free(0, 64 << 12);
    assertEquals(1 << 12, bootmem.alloc(100, 16));
    assertEquals((1 << 12) + 112, bootmem.alloc(100, 16));
    assertEquals(2 << 12, bootmem.alloc(8192, 4096));
    assertEquals(NONE, bootmem.alloc(40 << 12, 4096), "only lowmem");
    bootmem.reserve(10 << 12, 1);
    List<String> ranges = new ArrayList<>();
    bootmem.handOver((start, end) -> ranges.add(start + "-" + end));
    assertEquals(List.of("0-1", "4-10", "11-64"), ranges);
  }
}
