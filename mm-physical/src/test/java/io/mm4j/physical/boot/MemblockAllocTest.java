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
 * The cases of the kernel's alloc_api.c and alloc_helpers_api.c of tools/testing/memblock/tests, by
 * their names, each from the top down and from the bottom up; and the hand-over.
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

  /** {@code memblock_reserve_kern()}: as what was allocated. */
  private void reserveKern(long start, long bytes) {
    memblock.reserved().add(start, bytes, Memblock.ANY_NODE, Memblock.RSRV_KERN);
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
    reserveKern(taken, C);
    long found = alloc(2 * C);
    assertEquals(up ? START : END - 2 * C, found);
    assertEquals(up ? 1 : 2, memblock.reserved().count());
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void before(boolean up) {
    memory(up);
    long taken = up ? START : END - C;
    reserveKern(taken, C);
    assertEquals(up ? START + C : END - 3 * C, alloc(2 * C));
    reservedIs(up ? START : END - 3 * C, 3 * C);
  }

  /** Beside a reservation on the far side of where the search begins: they do not meet. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void after(boolean up) {
    memory(up);
    long taken = up ? END - 4 * C : START;
    reserveKern(taken, 4 * C);
    long found = alloc(MEM - 4 * C);
    assertEquals(up ? START : START + 4 * C, found);
    reservedIs(START, MEM);
  }

  /** A request that is larger than all memory. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void tooLarge(boolean up) {
    memory(up);
    assertEquals(NONE, alloc(MEM + C));
    reservedIs();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void secondFit(boolean up) {
    memory(up);
    reserveKern(START + C, 4 * C);
    reserveKern(END - 5 * C, 4 * C);
    assertEquals(up ? START + 5 * C : END - 7 * C, alloc(2 * C));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void inBetween(boolean up) {
    memory(up);
    reserveKern(START, 4 * C);
    reserveKern(START + 6 * C, MEM - 6 * C);
    assertEquals(START + 4 * C, alloc(2 * C));
    reservedIs(START, MEM);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void smallGaps(boolean up) {
    memory(up);
    for (long at = START; at < END; at += 4 * C) {
      reserveKern(at, 3 * C);
    }
    assertEquals(NONE, alloc(2 * C));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void allReserved(boolean up) {
    memory(up);
    reserveKern(START, MEM);
    assertEquals(NONE, alloc(C));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void noSpace(boolean up) {
    memory(up);
    reserveKern(START, MEM - C);
    assertEquals(NONE, alloc(2 * C));
    reservedIs(START, MEM - C);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void limitedSpace(boolean up) {
    memory(up);
    reserveKern(START, MEM - C);
    assertEquals(END - C, alloc(C));
    reservedIs(START, MEM);
  }

  @Test
  void noMemory() {
    assertEquals(NONE, alloc(C));
    assertTrue(cleared.isEmpty());
  }

  private long allocFrom(long bytes, long min) {
    return memblock.alloc(bytes, C, min, 0, ANY_NODE);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fromSimple(boolean up) {
    memory(up);
    long min = END - 4 * C;
    long expected = up ? min : END - C;
    assertEquals(expected, allocFrom(C, min));
    assertEquals(List.of(expected), cleared);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fromMisaligned(boolean up) {
    memory(up);
    assertEquals(up ? END - 3 * C : END - C, allocFrom(5, END - 4 * C + 5));
  }

  /** Between the minimum and the end there is too little: the minimum is given up. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fromHighAddress(boolean up) {
    memory(up);
    assertEquals(up ? START : END - 2 * C, allocFrom(2 * C, END - C));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fromNoSpaceAbove(boolean up) {
    memory(up);
    reserveKern(END - 2 * C, 2 * C);
    assertEquals(up ? START : END - 3 * C, allocFrom(C, END - 2 * C));
    if (!up) {
      reservedIs(END - 3 * C, 3 * C);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fromMinAddressCap(boolean up) {
    memory(up);
    reserveKern(START + C, MEM - C);
    assertEquals(START, allocFrom(C, 64));
    reservedIs(START, MEM);
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
    reserveKern(0x3800, 0x10);
    reserveKern(0x7000, 0x1000);
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
