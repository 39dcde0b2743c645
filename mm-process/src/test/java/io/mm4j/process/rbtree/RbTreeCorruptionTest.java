// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.rbtree;

import static org.junit.jupiter.api.Assertions.assertThrows;

import io.mm4j.api.CorruptStateError;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** validate() sees each kind of damage, in every row. */
class RbTreeCorruptionTest {
  private static final int ROWS = 100;

  private static RbTreeVmaIndex index() {
    RbTreeVmaIndex index = new RbTreeVmaIndex(1000);
    for (int i = 0; i < ROWS; i++) {
      index.insert(10L * i, 10L * i + 5);
    }
    index.validate();
    return index;
  }

  private static void damaged(String what, Consumer<RbTreeVmaIndex> damage) {
    RbTreeVmaIndex index = index();
    damage.accept(index);
    assertThrows(CorruptStateError.class, index::validate, what);
  }

  /** Own gap, largest gap, next, start; parent. */
  @Test
  void far() {
    for (int i = 1 << GapTree.FAR; i < (ROWS + 1) << GapTree.FAR; i++) {
      int at = i;
      damaged("far " + at, index -> index.far[at]++);
      damaged("far, high half " + at, index -> index.far[at] += 1L << 32);
    }
    damaged("first", index -> index.far[2]++);
    damaged("last", index -> index.last--);
  }

  /** Each child's colour, also of those that are not there, and which row it is. */
  @Test
  void children() {
    for (int row = 0; row <= ROWS; row++) {
      int at = (row << GapTree.NEAR) + 1;
      for (int side = GapTree.LEFT; side <= GapTree.RIGHT; side += GapTree.RIGHT) {
        long colour = 1L << side;
        damaged("colour below row " + row, index -> index.near[at] ^= colour);
        damaged("child of row " + row, index -> index.near[at] ^= colour << 1);
      }
    }
  }

  @Test
  void bounds() {
    for (int row = 1; row <= ROWS; row++) {
      int at = row;
      damaged("end of row " + row, index -> index.near[at << GapTree.NEAR] -= 5);
    }
  }

  @Test
  void lostSubtree() {
    damaged("left", index -> index.near[1] = (long) index.child(index.root(), GapTree.LEFT) << 1);
    damaged("right", index -> index.near[1] = (long) index.child(index.root(), GapTree.RIGHT) << 1);
  }

  /** Found by new seeds: the root goes, its only child lies right of it, and no gap is below it. */
  @Test
  void theLastButOneLeavesNilAlone() {
    RbTreeVmaIndex index = new RbTreeVmaIndex(10);
    int low = index.insert(0, 10);
    index.insert(20, 30);
    index.erase(low);
    index.validate();
  }
}
