// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.CorruptStateError;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** validate() sees each kind of damage, in every slot that has an entry. */
class MapleCorruptionTest {
  private static MapleVmaIndex index() {
    MapleVmaIndex index = new MapleVmaIndex(1000);
    for (int i = 0; i < 100; i++) {
      index.insert(10L * i, 10L * i + 5);
    }
    index.validate();
    return index;
  }

  private static void damaged(String what, Consumer<MapleVmaIndex> damage) {
    MapleVmaIndex index = index();
    damage.accept(index);
    assertThrows(CorruptStateError.class, index::validate, what);
  }

  /** Empty VMAs in leaves; wrong highest ends and wrong largest gaps in inner nodes. */
  @Test
  void entries() {
    MapleVmaIndex whole = index();
    RangeNodes nodes = whole.nodes;
    int vmas = 0;
    int children = 0;
    for (int slot = 0; slot < nodes.keys.length; slot++) {
      boolean place = slot % RangeNodes.SLOTS != 0;
      if (!place || nodes.keys[slot] == RangeNodes.UNUSED || nodes.keys[slot] == 0) {
        continue;
      }
      int at = slot;
      int ref = nodes.refs[slot];
      boolean vma =
          whole.contains(ref)
              && whole.end(ref) == nodes.keys[slot]
              && whole.start(ref) == nodes.lows[slot];
      if (vma) {
        vmas++;
        damaged("VMA in slot " + at, index -> index.nodes.lows[at] = index.nodes.keys[at]);
      } else {
        children++;
        damaged("key of child in slot " + at, index -> index.nodes.keys[at]++);
        damaged("gap of child in slot " + at, index -> index.nodes.lows[at]++);
      }
    }
    assertEquals(100, vmas);
    assertTrue(children > 1, "children=" + children);
  }

  @Test
  void top() {
    damaged("top", index -> index.top++);
  }

  @Test
  void chainOfLeaves() {
    damaged("chain", index -> index.nodes.setRight(RangeTree.FIRST_LEAF, RangeNodes.NONE));
  }
}
