// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.boot;

import static io.mm4j.api.memory.BootAllocator.ANY_NODE;
import static io.mm4j.api.memory.BootAllocator.NONE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The cases of the kernel's alloc_nid_api.c and alloc_exact_nid_api.c
 * (tools/testing/memblock/tests) by their names: each from the top down and from the bottom up,
 * with {@code memblock_alloc_try_nid()}, its raw variant, and {@code memblock_alloc_exact_nid}.
 */
class MemblockNidTest {
  private static final long START = 1 << 20;
  private static final long MEM = 32 << 10;
  private static final long END = START + MEM;
  private static final long C = 64;

  /** Sixteenths of the memory of each node. */
  private static final int[] NODES = {4, 1, 2, 2, 1, 1, 4, 1};

  /** The three calls. */
  enum Api {
    TRY_NID,
    RAW,
    EXACT
  }

  static Stream<Arguments> ways() {
    return Stream.of(Api.values())
        .flatMap(api -> Stream.of(Arguments.of(api, false), Arguments.of(api, true)));
  }

  private final List<Long> cleared = new ArrayList<>();
  private final Memblock memblock = new Memblock((start, bytes) -> cleared.add(start));
  private final Regions reserved = memblock.reserved();
  private Api api = Api.TRY_NID;
  private boolean up;

  private void flat(Api call, boolean bottomUp) {
    memblock.add(START, MEM);
    api = call;
    up = bottomUp;
    memblock.setBottomUp(up);
  }

  private void nodes(Api call, boolean bottomUp) {
    long at = START;
    for (int node = 0; node < NODES.length; node++) {
      memblock.addNode(at, size(node), node, 0);
      at += size(node);
    }
    api = call;
    up = bottomUp;
    memblock.setBottomUp(up);
  }

  private static long size(int node) {
    return NODES[node] * MEM / 16;
  }

  private static long start(int node) {
    long at = START;
    for (int i = 0; i < node; i++) {
      at += size(i);
    }
    return at;
  }

  private static long end(int node) {
    return start(node) + size(node);
  }

  /** {@code memblock_reserve_kern()}: as what was allocated. */
  private void reserveKern(long start, long bytes) {
    memblock.reserved().add(start, bytes, Memblock.ANY_NODE, Memblock.RSRV_KERN);
  }

  /** Allocates, and sees to what must be true of every allocation. */
  private long alloc(long bytes, long min, long max, int node) {
    int before = cleared.size();
    long found =
        switch (api) {
          case TRY_NID -> memblock.alloc(bytes, C, min, max, node);
          case RAW -> memblock.allocRaw(bytes, C, min, max, node);
          case EXACT -> memblock.allocExact(bytes, C, min, max, node);
        };
    if (found == NONE || api == Api.RAW) {
      assertEquals(before, cleared.size(), "must not clear");
    } else {
      assertEquals(found, cleared.getLast());
    }
    return found;
  }

  private void reservedIs(long... startsAndSizes) {
    assertEquals(startsAndSizes.length / 2, reserved.count());
    for (int i = 0; i < reserved.count(); i++) {
      assertEquals(startsAndSizes[2 * i], reserved.start(i));
      assertEquals(startsAndSizes[2 * i + 1], reserved.size(i));
    }
  }

  // --- ranges, without nodes ---

  @ParameterizedTest
  @MethodSource("ways")
  void simple(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 2 * C;
    long max = min + 8 * C;
    long expected = up ? min : max - 2 * C;
    assertEquals(expected, alloc(2 * C, min, max, ANY_NODE));
    reservedIs(expected, 2 * C);
  }

  /** An end that is not aligned counts from the top, a start that is not from the bottom. */
  @ParameterizedTest
  @MethodSource("ways")
  void misaligned(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 2 * C + (bottomUp ? 2 : 0);
    long max = START + 10 * C + (bottomUp ? 0 : 2);
    long expected = up ? START + 3 * C : START + 8 * C;
    assertEquals(expected, alloc(2 * C, min, max, ANY_NODE));
    reservedIs(expected, 2 * C);
  }

  @ParameterizedTest
  @MethodSource("ways")
  void exactAddress(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 4 * C;
    assertEquals(min, alloc(16 * C, min, min + 16 * C, ANY_NODE));
    reservedIs(min, 16 * C);
  }

  /** Too narrow: the minimum is given up. */
  @ParameterizedTest
  @MethodSource("ways")
  void narrowRange(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 16 * C;
    long max = min + 2 * C;
    long expected = up ? START : max - 4 * C;
    assertEquals(expected, alloc(4 * C, min, max, ANY_NODE));
    reservedIs(expected, 4 * C);
  }

  @ParameterizedTest
  @MethodSource("ways")
  void lowMax(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    assertEquals(NONE, alloc(C, START - 4 * C, START - C, ANY_NODE));
    reservedIs();
  }

  /** What lies directly below the range is reserved: the new one joins it. */
  @ParameterizedTest
  @MethodSource("ways")
  void minReserved(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 8 * C;
    reserveKern(min - 2 * C, 2 * C);
    assertEquals(min, alloc(4 * C, min, min + 4 * C, ANY_NODE));
    reservedIs(min - 2 * C, 6 * C);
  }

  /** The end of the range is reserved: the new one lies below it and joins it. */
  @ParameterizedTest
  @MethodSource("ways")
  void maxReserved(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long max = START + 16 * C;
    reserveKern(max - 2 * C, 2 * C);
    long min = max - 6 * C;
    assertEquals(min, alloc(4 * C, min, max, ANY_NODE));
    reservedIs(min, 6 * C);
  }

  /** Both ends are reserved and the gap is larger than what is wanted. */
  @ParameterizedTest
  @MethodSource("ways")
  void reservedWithSpace(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 8 * C;
    reserveKern(min - C, C);
    reserveKern(min + 6 * C, 2 * C);
    long expected = up ? min : min + 4 * C;
    assertEquals(expected, alloc(2 * C, min, min + 6 * C, ANY_NODE));
    if (up) {
      reservedIs(min - C, 3 * C, min + 6 * C, 2 * C);
    } else {
      reservedIs(min - C, C, min + 4 * C, 4 * C);
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void reservedFullMerge(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 8 * C;
    reserveKern(min - C, C);
    reserveKern(min + 6 * C, 2 * C);
    assertEquals(min, alloc(6 * C, min, min + 6 * C, ANY_NODE));
    reservedIs(min - C, 9 * C);
  }

  /** The gap is too small: below the range there is room. */
  @ParameterizedTest
  @MethodSource("ways")
  void reservedNoSpace(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 16 * C;
    reserveKern(min - 2 * C, 2 * C);
    reserveKern(min + 2 * C, 2 * C);
    long expected = up ? START : min - 6 * C;
    assertEquals(expected, alloc(4 * C, min, min + 2 * C, ANY_NODE));
    if (up) {
      reservedIs(START, 4 * C, min - 2 * C, 2 * C, min + 2 * C, 2 * C);
    } else {
      reservedIs(min - 6 * C, 6 * C, min + 2 * C, 2 * C);
    }
  }

  @ParameterizedTest
  @MethodSource("ways")
  void reservedAll(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = START + 8 * C;
    reserveKern(START, 9 * C);
    reserveKern(min + 3 * C, MEM - 11 * C);
    assertEquals(NONE, alloc(4 * C, min, min + 4 * C, ANY_NODE));
    assertEquals(2, reserved.count());
  }

  @ParameterizedTest
  @MethodSource("ways")
  void capMax(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long min = END - 16 * C;
    assertEquals(up ? min : END - 4 * C, alloc(4 * C, min, END + 4 * C, ANY_NODE));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void capMin(Api call, boolean bottomUp) {
    flat(call, bottomUp);
    long max = START + 16 * C;
    assertEquals(up ? START : max - 4 * C, alloc(4 * C, START - 4 * C, max, ANY_NODE));
  }

  // --- eight nodes ---

  @ParameterizedTest
  @MethodSource("ways")
  void numaSimple(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = size(3) / 4;
    assertEquals(up ? start(3) : end(3) - bytes, alloc(bytes, START, END, 3));
    assertEquals(3, reserved.node(0), "alloc_node_on_correct_nid");
  }

  /** The node as a whole is too small. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaSmallNode(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = 2 * size(1);
    long other = up ? start(0) : end(6) - bytes;
    assertEquals(api == Api.EXACT ? NONE : other, alloc(bytes, START, END, 1));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void numaNodeReserved(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    reserveKern(start(2), size(2));
    long bytes = size(2);
    long other = up ? start(0) : end(6) - bytes;
    assertEquals(api == Api.EXACT ? NONE : other, alloc(bytes, START, END, 2));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void numaPartReserved(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    reserveKern(start(4), size(4) / 2);
    long bytes = size(4) / 4;
    long rest = start(4) + size(4) / 2;
    assertEquals(up ? rest : end(4) - bytes, alloc(bytes, START, END, 4));
  }

  /** What is left of the node is in pieces that are too small. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaPartReservedFallback(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    reserveKern(start(4) + size(4) / 4, size(4) / 2);
    long bytes = size(4) / 2;
    long other = up ? start(0) : end(7) - bytes;
    assertEquals(api == Api.EXACT ? NONE : other, alloc(bytes, START, END, 4));
  }

  /** The range begins in the node and ends in the next one: the minimum is given up. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaSplitRangeLow(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = 8 * C;
    long min = end(2) - 4 * C;
    assertEquals(up ? start(2) : end(2) - bytes, alloc(bytes, min, min + bytes, 2));
  }

  /** The range begins in the node before: the node's part is too small whatever the minimum is. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaSplitRangeHigh(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = 8 * C;
    long min = start(3) - 4 * C;
    long other = up ? start(0) : end(2) - bytes;
    assertEquals(api == Api.EXACT ? NONE : other, alloc(bytes, min, min + bytes, 3));
  }

  /** A range over the edge of two other nodes, above the one that is asked for. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaNoOverlapSplit(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = 8 * C;
    long min = start(6) - 4 * C;
    assertEquals(up ? start(2) : end(2) - bytes, alloc(bytes, min, min + bytes, 2));
  }

  /** The node lies below the range: others in the range come first, then the node itself. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaNoOverlapLow(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = C;
    long min = end(0);
    long max = end(6);
    long expected = api == Api.EXACT ? (up ? start(0) : end(0) - bytes) : up ? min : max - bytes;
    assertEquals(expected, alloc(bytes, min, max, 0));
  }

  /** The node lies above the range. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaNoOverlapHigh(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = C;
    long min = end(0);
    long max = start(7);
    long expected = api == Api.EXACT ? NONE : up ? min : max - bytes;
    assertEquals(expected, alloc(bytes, min, max, 7));
  }

  @ParameterizedTest
  @MethodSource("ways")
  void numaLargeRegion(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    assertEquals(NONE, alloc(MEM / 2, START, END, 3));
    assertEquals(0, reserved.count());
  }

  /** Fills what is free of one node, between a reservation there and one at the next node. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaReservedFullMerge(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = size(6) / 4;
    reserveKern(start(7), 2 * C);
    reserveKern(end(6) - bytes - 2 * C, 2 * C);
    assertEquals(end(6) - bytes, alloc(bytes, end(6) - bytes, end(6), 6));
    // Ranges are one where node and flags agree; what was reserved by hand has no node.
    assertEquals(end(6) - bytes - 2 * C, reserved.start(0));
    assertEquals(start(7) + 2 * C, reserved.end(reserved.count() - 1));
    for (int i = 1; i < reserved.count(); i++) {
      assertEquals(reserved.end(i - 1), reserved.start(i), "no gap");
    }
  }

  /** Everything is reserved but a gap over the edge of two nodes. */
  @ParameterizedTest
  @MethodSource("ways")
  void numaSplitAllReserved(Api call, boolean bottomUp) {
    nodes(call, bottomUp);
    long bytes = 8 * C;
    reserveKern(start(7) + 4 * C, END - start(7) - 4 * C);
    reserveKern(START, start(7) - 4 * C - START);
    assertEquals(NONE, alloc(bytes, end(6) - 4 * C, end(6) + 4 * C, 6));
  }
}
