// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.rbtree;

import io.mm4j.process.index.VmaChecks;
import io.mm4j.process.index.VmaTable;
import java.util.Arrays;

/**
 * A red-black tree over rows that keeps, for every row, the largest gap under it. It knows nothing
 * of addresses: who goes left of whom is the subclass's affair.
 *
 * <p><b>Models</b> lib/rbtree.c with include/linux/rbtree_augmented.h, by the textbook's algorithms
 * (Cormen et al., Introduction to Algorithms, chapters 13 and 14).
 *
 * <p><b>Layout.</b> Two flat arrays, for a search reads less of a row than a change does. {@code
 * near}, two longs a row: {@code END}, which the subclass orders by, and the children - {@link
 * #LEFT} names the low half of that long, {@link #RIGHT} the high half - so that a step down reads
 * one place. {@code far}, four longs a row: {@code GAP}, its own gap; {@code MOST}, the largest gap
 * in its subtree; {@code LINKS}, for the subclass; {@code UP}, its parent shifted left by one with
 * the colour in bit 0. Four rows of {@code near} share a cache line, and what a change needs beside
 * them lies together. Row 0 is nil: black, gaps 0; its parent is scratch while a row is removed.
 *
 * <p><b>Steps.</b> A change first makes the gaps right along the paths to the root, then rotates; a
 * rotation keeps them right with one recomputation, since the pair covers the same rows as before.
 * Gaps are followed up only as far as they change.
 *
 * <p><b>Complexity.</b> Every change O(log n), at most two rotations for an insertion and three for
 * a removal.
 */
abstract class GapTree extends VmaTable {
  static final int NIL = 0;
  static final int NEAR = 1;
  static final int FAR = 2;
  static final int LINKS = 2;

  /** The bits by which a row's children are shifted to find the left one. */
  static final int LEFT = 0;

  /** The bits by which a row's children are shifted to find the right one. */
  static final int RIGHT = 32;

  private static final int GAP = 0;
  private static final int MOST = 1;
  private static final int UP = 3;
  private static final int RED = 1;
  private static final int BLACK = 0;

  int root;
  long[] near;
  long[] far;

  GapTree(int maxVmas) {
    super(maxVmas);
    near = new long[capacity() << NEAR];
    far = new long[capacity() << FAR];
  }

  GapTree(GapTree other) {
    super(other);
    root = other.root;
    near = Arrays.copyOf(other.near, capacity() << NEAR);
    far = Arrays.copyOf(other.far, capacity() << FAR);
  }

  @Override
  protected final void growRows(int room) {
    near = Arrays.copyOf(near, room << NEAR);
    far = Arrays.copyOf(far, room << FAR);
  }

  final void clearTree() {
    clearRows();
    near = new long[capacity() << NEAR];
    far = new long[capacity() << FAR];
    root = NIL;
  }

  private long get(int row, int field) {
    return far[(row << FAR) + field];
  }

  private void set(int row, int field, long value) {
    far[(row << FAR) + field] = value;
  }

  final long gap(int row) {
    return get(row, GAP);
  }

  /** The largest gap in a row's subtree. */
  final long most(int row) {
    return get(row, MOST);
  }

  final int child(int row, int side) {
    return (int) (near[(row << NEAR) + 1] >>> side);
  }

  private void setChild(int row, int side, int child) {
    int at = (row << NEAR) + 1;
    near[at] = (near[at] & (0xffffffff00000000L >>> side)) | ((long) child << side);
  }

  final int parent(int row) {
    return (int) get(row, UP) >> 1;
  }

  private int colour(int row) {
    return (int) get(row, UP) & 1;
  }

  /** Changes the own gap of a row. */
  final void setGap(int row, long own) {
    set(row, GAP, own);
    update(row);
  }

  /**
   * Hangs a new row, whose own gap is {@code below}, under {@code up}, where there is no child on
   * that side; the own gap of the next row becomes {@code above}.
   *
   * @param next the row after it in order, or nil
   */
  final void attach(int row, int up, int side, long below, int next, long above) {
    near[(row << NEAR) + 1] = NIL;
    set(row, GAP, below);
    set(row, MOST, below);
    set(row, UP, ((long) up << 1) | RED);
    if (up == NIL) {
      root = row;
    } else {
      setChild(up, side, row);
      raise(up, next, below);
    }
    if (next != NIL) {
      long was = gap(next);
      set(next, GAP, above);
      lower(next, NIL, was);
    }
    balanceAttached(row);
  }

  /**
   * Follows a gap that is new up to, not including, the row {@code end}, as far as it is largest.
   */
  private void raise(int row, int end, long gap) {
    while (row != end && most(row) < gap) {
      set(row, MOST, gap);
      row = parent(row);
    }
  }

  /**
   * Follows a gap that is gone up to, not including, the row {@code end}, as far as it was largest.
   */
  private void lower(int row, int end, long was) {
    while (row != end && most(row) == was) {
      long most = largest(row);
      if (most == was) {
        return;
      }
      set(row, MOST, most);
      row = parent(row);
    }
  }

  /**
   * Takes a row out; the own gap of the next row becomes {@code joined}.
   *
   * @param next the row after it in order, or nil
   */
  final void detach(int row, int next, long joined) {
    int left = child(row, LEFT);
    int right = child(row, RIGHT);
    int hole; // the row (or nil) that came to where a row was taken away
    int removedColour;
    if (left == NIL || right == NIL) {
      hole = left | right;
      removedColour = colour(row);
      int up = parent(row);
      replace(row, hole);
      if (next != NIL) {
        set(next, GAP, joined);
        raise(next, NIL, joined);
      }
      lower(up, next, gap(row));
    } else {
      hole = child(next, RIGHT);
      removedColour = colour(next);
      int up = parent(next);
      long was = gap(next);
      set(next, GAP, joined);
      if (up == row) {
        setParent(hole, next);
      } else {
        replace(next, hole);
        setChild(next, RIGHT, right);
        setParent(right, next);
      }
      replace(row, next);
      setChild(next, LEFT, left);
      setParent(left, next);
      paint(next, colour(row));
      set(next, MOST, Math.max(joined, most(row)));
      raise(parent(next), NIL, joined);
      if (up != row) {
        lower(up, next, was);
      }
    }
    if (removedColour == BLACK) {
      balanceDetached(hole);
    }
    set(NIL, UP, 0);
  }

  /** Recomputes the subtree gaps from a row upward, as far as they change. */
  private void update(int row) {
    while (row != NIL) {
      long most = largest(row);
      if (most == most(row)) {
        return;
      }
      set(row, MOST, most);
      row = parent(row);
    }
  }

  private long largest(int row) {
    return Math.max(gap(row), Math.max(most(child(row, LEFT)), most(child(row, RIGHT))));
  }

  /** Puts {@code by} where {@code row} hangs; nil's parent is set too, the balancing needs it. */
  private void replace(int row, int by) {
    int up = parent(row);
    if (up == NIL) {
      root = by;
    } else {
      setChild(up, side(row, up), by);
    }
    setParent(by, up);
  }

  private int side(int row, int up) {
    return child(up, LEFT) == row ? LEFT : RIGHT;
  }

  private void setParent(int row, int up) {
    set(row, UP, ((long) up << 1) | colour(row));
  }

  private boolean isRed(int row) {
    return colour(row) == RED;
  }

  private void paint(int row, int colour) {
    set(row, UP, (get(row, UP) & ~1L) | colour);
  }

  /** Turns the edge between a row and its child on the side opposite to {@code side}. */
  private void rotate(int row, int side) {
    int other = RIGHT - side;
    int riser = child(row, other);
    int inner = child(riser, side);
    setChild(row, other, inner);
    if (inner != NIL) {
      setParent(inner, row);
    }
    replace(row, riser);
    setChild(riser, side, row);
    setParent(row, riser);
    set(riser, MOST, most(row));
    set(row, MOST, largest(row));
  }

  private void balanceAttached(int row) {
    int up = parent(row);
    while (isRed(up)) {
      int grand = parent(up);
      int side = side(up, grand);
      int uncle = child(grand, RIGHT - side);
      if (isRed(uncle)) {
        paint(up, BLACK);
        paint(uncle, BLACK);
        paint(grand, RED);
        row = grand;
        up = parent(row);
        continue;
      }
      if (child(up, side) != row) {
        rotate(up, side);
        row = up;
        up = parent(row);
      }
      paint(up, BLACK);
      paint(grand, RED);
      rotate(grand, RIGHT - side);
      break;
    }
    paint(root, BLACK);
  }

  /** Gives the paths through {@code row}, nil or not, the black row back that they lack. */
  private void balanceDetached(int row) {
    while (row != root && !isRed(row)) {
      int up = parent(row);
      int side = side(row, up);
      int sibling = child(up, RIGHT - side);
      if (isRed(sibling)) {
        paint(sibling, BLACK);
        paint(up, RED);
        rotate(up, side);
        sibling = child(up, RIGHT - side);
      }
      int near = child(sibling, side);
      int far = child(sibling, RIGHT - side);
      if (!isRed(near) && !isRed(far)) {
        paint(sibling, RED);
        row = up;
        continue;
      }
      if (!isRed(far)) {
        paint(near, BLACK);
        paint(sibling, RED);
        rotate(sibling, RIGHT - side);
        sibling = near;
        far = child(sibling, RIGHT - side);
      }
      paint(sibling, colour(up));
      paint(up, BLACK);
      paint(far, BLACK);
      rotate(up, side);
      return;
    }
    paint(row, BLACK);
  }

  /** The first row in order whose own gap is at least {@code length}, in a subtree with one. */
  int firstFit(int row, long length) {
    while (true) {
      if (most(child(row, LEFT)) >= length) {
        row = child(row, LEFT);
      } else if (gap(row) >= length) {
        return row;
      } else {
        row = child(row, RIGHT);
      }
    }
  }

  /** The last row in order whose own gap is at least {@code length}, in a subtree with one. */
  int lastFit(int row, long length) {
    while (true) {
      if (most(child(row, RIGHT)) >= length) {
        row = child(row, RIGHT);
      } else if (gap(row) >= length) {
        return row;
      } else {
        row = child(row, LEFT);
      }
    }
  }

  /** The first row after {@code row} with a gap of at least {@code length}, or nil. */
  int nextFit(int row, long length) {
    int right = child(row, RIGHT);
    if (most(right) >= length) {
      return firstFit(right, length);
    }
    for (int up = parent(row); up != NIL; row = up, up = parent(row)) {
      if (child(up, LEFT) == row) {
        if (gap(up) >= length) {
          return up;
        }
        if (most(child(up, RIGHT)) >= length) {
          return firstFit(child(up, RIGHT), length);
        }
      }
    }
    return NIL;
  }

  /** The last row before {@code row} with a gap of at least {@code length}, or nil. */
  int prevFit(int row, long length) {
    int left = child(row, LEFT);
    if (most(left) >= length) {
      return lastFit(left, length);
    }
    for (int up = parent(row); up != NIL; row = up, up = parent(row)) {
      if (child(up, RIGHT) == row) {
        if (gap(up) >= length) {
          return up;
        }
        if (most(child(up, LEFT)) >= length) {
          return lastFit(child(up, LEFT), length);
        }
      }
    }
    return NIL;
  }

  /** Checks links, colours, black heights and subtree gaps; returns the number of rows. */
  final int validateTree(String name) {
    if (get(NIL, UP) != 0 || near[1] != 0 || gap(NIL) != 0 || most(NIL) != 0) {
      throw VmaChecks.corrupt(name, "nil", NIL, get(NIL, UP), 0);
    }
    if (isRed(root) || (root != NIL && parent(root) != NIL)) {
      throw VmaChecks.corrupt(name, "root", root, parent(root), 0);
    }
    blackHeight(root, name, 0);
    return count(root);
  }

  private int count(int row) {
    return row == NIL ? 0 : 1 + count(child(row, LEFT)) + count(child(row, RIGHT));
  }

  private int blackHeight(int row, String name, int depth) {
    if (row == NIL) {
      return 0;
    }
    if (depth > 64) {
      throw VmaChecks.corrupt(name, "depth", row, depth, 64);
    }
    int height = -1;
    for (int side = LEFT; side <= RIGHT; side += RIGHT) {
      int down = child(row, side);
      if (down != NIL && parent(down) != row) {
        throw VmaChecks.corrupt(name, "parent", down, parent(down), row);
      }
      if (isRed(row) && isRed(down)) {
        throw VmaChecks.corrupt(name, "red child of red", down, row, NIL);
      }
      int below = blackHeight(down, name, depth + 1);
      if (height >= 0 && below != height) {
        throw VmaChecks.corrupt(name, "black height", row, below, height);
      }
      height = below;
    }
    if (most(row) != largest(row)) {
      throw VmaChecks.corrupt(name, "subtree gap", row, most(row), largest(row));
    }
    return height + (isRed(row) ? 0 : 1);
  }
}
