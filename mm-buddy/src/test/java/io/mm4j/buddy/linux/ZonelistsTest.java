// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.mm4j.api.memory.Node;
import io.mm4j.api.memory.NodeFallback;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Migratetype;
import java.util.List;
import org.junit.jupiter.api.Test;

class ZonelistsTest {
  private static Node node(int id, Integer... distances) {
    Zone zone =
        new Zone(
            ZoneType.NORMAL, id, id * 1024L, id * 1024L + 1024, 1024, 1024, Migratetype.MOVABLE);
    return new Node(id, List.of(zone), List.of(distances));
  }

  private static Node withoutMemory(int id, Integer... distances) {
    return new Node(id, List.of(), List.of(distances));
  }

  @Test
  void nearestNodesComeFirst() {
    var nodes =
        List.of(
            node(0, 10, 16, 32, 33),
            node(1, 16, 10, 25, 32),
            node(2, 32, 25, 10, 16),
            node(3, 33, 32, 16, 10));
    assertEquals(
        List.of(List.of(0, 1, 2, 3), List.of(1, 0, 2, 3), List.of(2, 3, 1, 0), List.of(3, 2, 1, 0)),
        NodeFallback.orders(nodes));
  }

  /** Among equals the next higher number, so that not all turn to node 0. */
  @Test
  void equalsTakeTurns() {
    var nodes =
        List.of(
            node(0, 10, 20, 20, 20),
            node(1, 20, 10, 20, 20),
            node(2, 20, 20, 10, 20),
            node(3, 20, 20, 20, 10));
    assertEquals(
        List.of(List.of(0, 1, 2, 3), List.of(1, 2, 3, 0), List.of(2, 3, 0, 1), List.of(3, 0, 1, 2)),
        NodeFallback.orders(nodes));
  }

  @Test
  void ofEqualsTheNextIsFirst() {
    var nodes = List.of(node(0, 10, 20, 20), node(1, 20, 10, 20), node(2, 20, 20, 10));
    assertEquals(List.of(0, 1, 2), NodeFallback.orders(nodes).get(0));
  }

  /** Found by PA-53, seed 7272: node 1 has only CPUs, and made node 2 the next of one more. */
  @Test
  void aNodeWithoutMemoryIsInNobodysOrder() {
    var nodes =
        List.of(
            node(0, 10, 19, 19, 19, 21),
            withoutMemory(1, 19, 10, 18, 18, 20),
            node(2, 20, 18, 10, 21, 20),
            node(3, 20, 20, 20, 10, 21),
            node(4, 18, 18, 20, 20, 10));
    assertEquals(
        List.of(
            List.of(0, 2, 3, 4),
            List.of(3, 2, 0, 4),
            List.of(2, 4, 0, 3),
            List.of(3, 0, 2, 4),
            List.of(4, 0, 2, 3)),
        NodeFallback.orders(nodes));
  }
}
