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

  /** Own gap, largest gap, links, parent and colour. */
  @Test
  void far() {
    for (int i = 1 << GapTree.FAR; i < (ROWS + 1) << GapTree.FAR; i++) {
      int at = i;
      damaged("far " + at, index -> index.far[at]++);
    }
  }

  /** An end that lies at its start: starts are counted from the end before, so they move along. */
  @Test
  void ends() {
    for (int row = 1; row <= ROWS; row++) {
      int at = row << GapTree.NEAR;
      damaged("end of row " + row, index -> index.near[at] -= 5);
    }
  }

  @Test
  void lostSubtree() {
    damaged("left", index -> index.root = index.child(index.root, GapTree.LEFT));
    damaged("right", index -> index.root = index.child(index.root, GapTree.RIGHT));
  }
}
