// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.rbtree;

import io.mm4j.process.index.VmaChecks;
import java.util.Arrays;

/**
 * A red-black tree over rows that keeps, for every row, the largest gap under it. It knows nothing
 * of addresses: who goes left of whom is the caller's affair.
 *
 * <p><b>Models</b> lib/rbtree.c with include/linux/rbtree_augmented.h, by the textbook's algorithms
 * (Cormen et al., Introduction to Algorithms, chapters 13 and 14).
 *
 * <p><b>Layout.</b> {@code child[2r]} is the left child of row r, {@code child[2r + 1]} the right;
 * {@code parent[r]} is the parent shifted left by one with the colour in bit 0; {@code gap[2r]} is
 * the row's own gap, {@code gap[2r + 1]} the largest own gap in its subtree. Row 0 is nil: black,
 * gaps 0; its parent is scratch while a row is removed.
 *
 * <p><b>Steps.</b> A change first makes the gaps right along the paths to the root, then rotates; a
 * rotation keeps them right with one recomputation, since the pair covers the same rows as before.
 *
 * <p><b>Complexity.</b> Every change O(log n), at most two rotations for an insertion and three for
 * a removal; gaps are followed up only as far as they change.
 */
final class GapTree {
  static final int NIL = 0;
  static final int LEFT = 0;
  static final int RIGHT = 1;

  private static final int BLACK = 0;
  private static final int RED = 1;

  int[] child;
  long[] gap;
  int root;
  private int[] parent;

  GapTree(int rows) {
    child = new int[2 * rows];
    gap = new long[2 * rows];
    parent = new int[rows];
  }

  GapTree(GapTree other, int rows) {
    child = Arrays.copyOf(other.child, 2 * rows);
    gap = Arrays.copyOf(other.gap, 2 * rows);
    parent = Arrays.copyOf(other.parent, rows);
    root = other.root;
  }

  void grow(int rows) {
    int[] newChild = Arrays.copyOf(child, 2 * rows);
    long[] newGap = Arrays.copyOf(gap, 2 * rows);
    parent = Arrays.copyOf(parent, rows);
    child = newChild;
    gap = newGap;
  }

  int parent(int row) {
    return parent[row] >> 1;
  }

  /** Changes the own gap of a row. */
  void setGap(int row, long own) {
    gap[2 * row] = own;
    update(row);
  }

  /** Hangs a new row under {@code up}, where there must be no child on that side. */
  void insert(int row, int up, int side, long own) {
    child[2 * row] = NIL;
    child[2 * row + 1] = NIL;
    gap[2 * row] = own;
    gap[2 * row + 1] = own;
    parent[row] = (up << 1) | RED;
    if (up == NIL) {
      root = row;
    } else {
      child[2 * up + side] = row;
      update(up);
    }
    balanceInserted(row);
  }

  /**
   * Takes a row out.
   *
   * @param next the row after it in order, or nil; looked at only when the row has two children
   */
  void remove(int row, int next) {
    int left = child[2 * row];
    int right = child[2 * row + 1];
    int hole; // the row (or nil) that came to where a row was taken away
    int removedColour;
    if (left == NIL || right == NIL) {
      hole = left | right;
      removedColour = parent[row] & 1;
      int up = parent(row);
      replace(row, hole);
      update(up);
    } else {
      hole = child[2 * next + 1];
      removedColour = parent[next] & 1;
      int up = parent(next);
      if (up == row) {
        setParent(hole, next);
      } else {
        replace(next, hole);
        child[2 * next + 1] = right;
        setParent(right, next);
      }
      replace(row, next);
      child[2 * next] = left;
      setParent(left, next);
      parent[next] = (parent[next] & ~1) | (parent[row] & 1);
      gap[2 * next + 1] = gap[2 * row + 1];
      if (up != row) {
        update(up);
      }
      update(next);
    }
    if (removedColour == BLACK) {
      balanceRemoved(hole);
    }
    parent[NIL] = 0;
  }

  /** Recomputes the subtree gaps from a row upward, as far as they change. */
  private void update(int row) {
    while (row != NIL) {
      long most = largest(row);
      if (most == gap[2 * row + 1]) {
        return;
      }
      gap[2 * row + 1] = most;
      row = parent(row);
    }
  }

  private long largest(int row) {
    return Math.max(
        gap[2 * row], Math.max(gap[2 * child[2 * row] + 1], gap[2 * child[2 * row + 1] + 1]));
  }

  /** Puts {@code by} where {@code row} hangs; nil's parent is set too, the balancing needs it. */
  private void replace(int row, int by) {
    int up = parent(row);
    if (up == NIL) {
      root = by;
    } else {
      child[2 * up + side(row, up)] = by;
    }
    setParent(by, up);
  }

  private int side(int row, int up) {
    return child[2 * up] == row ? LEFT : RIGHT;
  }

  private void setParent(int row, int up) {
    parent[row] = (up << 1) | (parent[row] & 1);
  }

  private boolean isRed(int row) {
    return (parent[row] & 1) != 0;
  }

  private void paint(int row, int colour) {
    parent[row] = (parent[row] & ~1) | colour;
  }

  /** Turns the edge between a row and its child on the side opposite to {@code side}. */
  private void rotate(int row, int side) {
    int other = 1 - side;
    int riser = child[2 * row + other];
    int inner = child[2 * riser + side];
    child[2 * row + other] = inner;
    if (inner != NIL) {
      setParent(inner, row);
    }
    replace(row, riser);
    child[2 * riser + side] = row;
    setParent(row, riser);
    gap[2 * riser + 1] = gap[2 * row + 1];
    gap[2 * row + 1] = largest(row);
  }

  private void balanceInserted(int row) {
    int up = parent(row);
    while (isRed(up)) {
      int grand = parent(up);
      int side = side(up, grand);
      int uncle = child[2 * grand + 1 - side];
      if (isRed(uncle)) {
        paint(up, BLACK);
        paint(uncle, BLACK);
        paint(grand, RED);
        row = grand;
        up = parent(row);
        continue;
      }
      if (child[2 * up + side] != row) {
        rotate(up, side);
        row = up;
        up = parent(row);
      }
      paint(up, BLACK);
      paint(grand, RED);
      rotate(grand, 1 - side);
      break;
    }
    paint(root, BLACK);
  }

  /** Gives the paths through {@code row}, nil or not, the black row back that they lack. */
  private void balanceRemoved(int row) {
    while (row != root && !isRed(row)) {
      int up = parent(row);
      int side = side(row, up);
      int sibling = child[2 * up + 1 - side];
      if (isRed(sibling)) {
        paint(sibling, BLACK);
        paint(up, RED);
        rotate(up, side);
        sibling = child[2 * up + 1 - side];
      }
      int near = child[2 * sibling + side];
      int far = child[2 * sibling + 1 - side];
      if (!isRed(near) && !isRed(far)) {
        paint(sibling, RED);
        row = up;
        continue;
      }
      if (!isRed(far)) {
        paint(near, BLACK);
        paint(sibling, RED);
        rotate(sibling, 1 - side);
        sibling = near;
        far = child[2 * sibling + 1 - side];
      }
      paint(sibling, parent[up] & 1);
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
      if (gap[2 * child[2 * row] + 1] >= length) {
        row = child[2 * row];
      } else if (gap[2 * row] >= length) {
        return row;
      } else {
        row = child[2 * row + 1];
      }
    }
  }

  /** The last row in order whose own gap is at least {@code length}, in a subtree with one. */
  int lastFit(int row, long length) {
    while (true) {
      if (gap[2 * child[2 * row + 1] + 1] >= length) {
        row = child[2 * row + 1];
      } else if (gap[2 * row] >= length) {
        return row;
      } else {
        row = child[2 * row];
      }
    }
  }

  /** The first row after {@code row} with a gap of at least {@code length}, or nil. */
  int nextFit(int row, long length) {
    int right = child[2 * row + 1];
    if (gap[2 * right + 1] >= length) {
      return firstFit(right, length);
    }
    for (int up = parent(row); up != NIL; row = up, up = parent(row)) {
      if (child[2 * up] == row) {
        if (gap[2 * up] >= length) {
          return up;
        }
        if (gap[2 * child[2 * up + 1] + 1] >= length) {
          return firstFit(child[2 * up + 1], length);
        }
      }
    }
    return NIL;
  }

  /** The last row before {@code row} with a gap of at least {@code length}, or nil. */
  int prevFit(int row, long length) {
    int left = child[2 * row];
    if (gap[2 * left + 1] >= length) {
      return lastFit(left, length);
    }
    for (int up = parent(row); up != NIL; row = up, up = parent(row)) {
      if (child[2 * up + 1] == row) {
        if (gap[2 * up] >= length) {
          return up;
        }
        if (gap[2 * child[2 * up] + 1] >= length) {
          return lastFit(child[2 * up], length);
        }
      }
    }
    return NIL;
  }

  /** Checks links, colours, black heights and subtree gaps; returns the number of rows. */
  int validate(String name) {
    if (parent[NIL] != 0 || child[0] != NIL || child[1] != NIL || gap[0] != 0 || gap[1] != 0) {
      throw VmaChecks.corrupt(name, "nil", NIL, parent[NIL], 0);
    }
    if (isRed(root) || (root != NIL && parent(root) != NIL)) {
      throw VmaChecks.corrupt(name, "root", root, parent[root], 0);
    }
    blackHeight(root, name, 0);
    return count(root);
  }

  private int count(int row) {
    return row == NIL ? 0 : 1 + count(child[2 * row]) + count(child[2 * row + 1]);
  }

  private int blackHeight(int row, String name, int depth) {
    if (row == NIL) {
      return 0;
    }
    if (depth > 64) {
      throw VmaChecks.corrupt(name, "depth", row, depth, 64);
    }
    int height = -1;
    for (int side = LEFT; side <= RIGHT; side++) {
      int down = child[2 * row + side];
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
    if (gap[2 * row + 1] != largest(row)) {
      throw VmaChecks.corrupt(name, "subtree gap", row, gap[2 * row + 1], largest(row));
    }
    return height + (isRed(row) ? 0 : 1);
  }

  /** The first row in order. */
  int leftmost() {
    int row = root;
    while (child[2 * row] != NIL) {
      row = child[2 * row];
    }
    return row;
  }

  void clear(int rows) {
    child = new int[2 * rows];
    gap = new long[2 * rows];
    parent = new int[rows];
    root = NIL;
  }
}
