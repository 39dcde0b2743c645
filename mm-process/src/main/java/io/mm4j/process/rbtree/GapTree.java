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
 * in its subtree; {@code LINKS}, its parent in the high half and the row after it in the low half;
 * {@link #MORE}, for the subclass. A child's half is its row shifted left by one with its colour in
 * bit 0: balancing asks for colours of children of rows on the way, whose own memory need not be
 * read for that. Row 0 is nil: black, gaps 0; its left child is the root, so a root is nothing
 * special.
 *
 * <p><b>Steps.</b> A change first makes the gaps right along the paths to the root, then rotates; a
 * rotation keeps them right with one recomputation, since the pair covers the same rows as before.
 * Gaps are followed up only as far as they change. In a tree that the processor's caches cannot
 * hold {@link #path} reads all rows on the way to the place of a change first: their memory comes
 * at once, where a way up would wait for one row after the other.
 *
 * <p><b>Complexity.</b> Every change O(log n), at most two rotations for an insertion and three for
 * a removal.
 */
abstract class GapTree extends VmaTable {
  static final int NIL = 0;
  static final int NEAR = 1;
  static final int FAR = 2;
  static final int MORE = 3;

  /** The bits by which a row's children are shifted to find the left one. */
  static final int LEFT = 0;

  /** The bits by which a row's children are shifted to find the right one. */
  static final int RIGHT = 32;

  private static final int GAP = 0;
  private static final int MOST = 1;
  private static final int LINKS = 2;
  private static final int RED = 1;
  private static final int BLACK = 0;
  private static final long LOW_HALF = 0xffffffffL;

  long[] near;
  long[] far;

  GapTree(int maxVmas) {
    super(maxVmas);
    near = new long[capacity() << NEAR];
    far = new long[capacity() << FAR];
  }

  GapTree(GapTree other) {
    super(other);
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
  }

  final long gap(int row) {
    return far[(row << FAR) + GAP];
  }

  private void putGap(int row, long own) {
    far[(row << FAR) + GAP] = own;
  }

  /** The largest gap in a row's subtree. */
  final long most(int row) {
    return far[(row << FAR) + MOST];
  }

  private void putMost(int row, long most) {
    far[(row << FAR) + MOST] = most;
  }

  /** The row after it in order; of nil, the first. */
  final int after(int row) {
    return (int) far[(row << FAR) + LINKS];
  }

  final void setAfter(int row, int next) {
    int at = (row << FAR) + LINKS;
    far[at] = (far[at] & ~LOW_HALF) | next;
  }

  final int root() {
    return child(NIL, LEFT);
  }

  final int child(int row, int side) {
    return link(row, side) >>> 1;
  }

  /** A child, shifted left by one, and its colour. */
  private int link(int row, int side) {
    return (int) (near[(row << NEAR) + 1] >>> side);
  }

  private void setLink(int row, int side, int link) {
    int at = (row << NEAR) + 1;
    near[at] = (near[at] & (0xffffffff00000000L >>> side)) | ((long) link << side);
  }

  private boolean isRed(int row, int side) {
    return (link(row, side) & 1) == RED;
  }

  private void paint(int row, int side, int colour) {
    setLink(row, side, (link(row, side) & ~1) | colour);
  }

  final int parent(int row) {
    return (int) (far[(row << FAR) + LINKS] >>> 32);
  }

  private void setParent(int row, int up) {
    int at = (row << FAR) + LINKS;
    far[at] = (far[at] & LOW_HALF) | ((long) up << 32);
  }

  /** Changes the own gap of a row. */
  final void setGap(int row, long own) {
    putGap(row, own);
    update(row);
  }

  /**
   * Hangs a new row, whose own gap is {@code below}, under {@code up}, where there is no child on
   * that side; the own gap of the next row becomes {@code above}.
   *
   * @param up its parent; nil, on the left, for the first row of all
   * @param next the row after it in order, or nil
   */
  final void attach(int row, int up, int side, long below, int next, long above) {
    near[(row << NEAR) + 1] = NIL;
    putGap(row, below);
    putMost(row, below);
    far[(row << FAR) + LINKS] = ((long) up << 32) | next;
    setLink(up, side, row << 1 | (up == NIL ? BLACK : RED));
    if (up != NIL) {
      raise(up, next, below);
    }
    if (next != NIL) {
      long was = gap(next);
      putGap(next, above);
      lower(next, NIL, was);
    }
    balanceAttached(row, up);
  }

  /**
   * Follows a gap that is new up to, not including, the row {@code end}, as far as it is largest.
   */
  private void raise(int row, int end, long gap) {
    while (row != end && most(row) < gap) {
      putMost(row, gap);
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
      putMost(row, most);
      row = parent(row);
    }
  }

  /**
   * Takes a row out; the own gap of the next row becomes {@code joined}.
   *
   * @param next the row after it in order, or nil
   */
  final void detach(int row, int next, long joined) {
    int left = link(row, LEFT);
    int right = link(row, RIGHT);
    int up = parent(row);
    int side = side(row, up);
    int hole; // the child that moves up to where a row was taken away, or nil
    boolean removedRed;
    if (left == NIL || right == NIL) {
      hole = (left | right) >>> 1;
      removedRed = isRed(up, side);
      fill(up, side, hole);
      if (next != NIL) {
        putGap(next, joined);
        raise(next, NIL, joined);
      }
      if (up != NIL) {
        lower(up, next, gap(row));
      }
    } else {
      hole = child(next, RIGHT);
      int above = parent(next);
      int to = above == row ? RIGHT : LEFT;
      removedRed = isRed(above, to);
      long was = gap(next);
      putGap(next, joined);
      if (above == row) {
        fill(next, RIGHT, hole);
        above = next;
      } else {
        fill(above, LEFT, hole);
        setLink(next, RIGHT, link(row, RIGHT));
        setParent(right >>> 1, next);
      }
      setLink(up, side, next << 1 | (link(up, side) & 1));
      setParent(next, up);
      setLink(next, LEFT, left);
      setParent(left >>> 1, next);
      putMost(next, Math.max(joined, most(row)));
      raise(up, NIL, joined);
      if (above != next) {
        lower(above, next, was);
      }
      up = above;
      side = to;
    }
    // An only child is red below black: painted black, it makes up for the row that is gone.
    if (hole == NIL && !removedRed) {
      balanceDetached(up, side);
    }
  }

  /** Puts the only child of a row, which is painted black, or nil where the row was. */
  private void fill(int up, int side, int hole) {
    setLink(up, side, hole << 1);
    if (hole != NIL) {
      setParent(hole, up);
    }
  }

  /** Recomputes the subtree gaps from a row upward, as far as they change. */
  private void update(int row) {
    while (row != NIL) {
      long most = largest(row);
      if (most == most(row)) {
        return;
      }
      putMost(row, most);
      row = parent(row);
    }
  }

  private long largest(int row) {
    return Math.max(gap(row), Math.max(most(child(row, LEFT)), most(child(row, RIGHT))));
  }

  private int side(int row, int up) {
    return child(up, LEFT) == row ? LEFT : RIGHT;
  }

  /**
   * Turns the edge between a row and its child on the side opposite to {@code side}. The two change
   * colours with their places.
   */
  private void rotate(int row, int side) {
    int up = parent(row);
    int at = side(row, up);
    int riser = link(row, RIGHT - side);
    int inner = link(riser >>> 1, side);
    setLink(row, RIGHT - side, inner);
    if (inner != NIL) {
      setParent(inner >>> 1, row);
    }
    setLink(up, at, (riser & ~1) | (link(up, at) & 1));
    setLink(riser >>> 1, side, row << 1 | (riser & 1));
    setParent(row, riser >>> 1);
    setParent(riser >>> 1, up);
    putMost(riser >>> 1, most(row));
    putMost(row, largest(row));
  }

  /** Sees to it that a row that has become red is not below a red one. */
  private void balanceAttached(int row, int up) {
    while (up != NIL) {
      int grand = parent(up);
      int side = side(up, grand);
      if (!isRed(grand, side)) {
        return;
      }
      if (!isRed(grand, RIGHT - side)) {
        if (child(up, side) != row) {
          rotate(up, side);
        }
        rotate(grand, RIGHT - side);
        return;
      }
      paint(grand, LEFT, BLACK);
      paint(grand, RIGHT, BLACK);
      row = grand;
      up = parent(row);
      if (up != NIL) {
        paint(up, side(row, up), RED);
      }
    }
  }

  /** Gives the paths through a row's side, with a black row there or nil, their black row back. */
  private void balanceDetached(int up, int side) {
    while (up != NIL) {
      int other = RIGHT - side;
      if (isRed(up, other)) {
        rotate(up, side);
      }
      int sibling = child(up, other);
      if (isRed(sibling, LEFT) || isRed(sibling, RIGHT)) {
        if (!isRed(sibling, other)) {
          rotate(sibling, other);
          sibling = child(up, other);
        }
        paint(sibling, other, BLACK);
        rotate(up, side);
        return;
      }
      paint(up, other, RED);
      int below = up;
      up = parent(below);
      side = side(below, up);
      if (isRed(up, side)) {
        paint(up, side, BLACK);
        return;
      }
    }
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

  /**
   * find_vma, for {@code addr >= 0}: the row found in the low half, the one before it in the high
   * half; nil where there is none. The turn is computed, not jumped on.
   */
  final long lookup(long addr) {
    long[] near = this.near;
    int above = 0;
    int below = 0;
    int at = (int) near[1] & ~1; // where a row's memory begins is its link without the colour
    while (at != 0) {
      int right = (int) ((near[at] - 1 - addr) >> 63);
      above ^= (above ^ at) & ~right;
      below ^= (below ^ at) & right;
      at = (int) (near[at + 1] >>> (right & 32)) & ~1;
    }
    return ((long) (below >>> NEAR) << 32) | (above >>> NEAR);
  }

  /** {@link #lookup} that also has what a change needs of the rows on the way come from memory. */
  final long path(long addr) {
    long[] near = this.near;
    long[] far = this.far;
    long gaps = 0;
    int above = 0;
    int below = 0;
    int at = (int) near[1] & ~1;
    while (at != 0) {
      gaps |= far[(at << (FAR - NEAR)) + MOST];
      int right = (int) ((near[at] - 1 - addr) >> 63);
      above ^= (above ^ at) & ~right;
      below ^= (below ^ at) & right;
      at = (int) (near[at + 1] >>> (right & 32)) & ~1;
    }
    if (gaps < 0) { // what was read has to be used for something
      throw VmaChecks.corrupt(toString(), "negative gap above", above >>> NEAR, gaps, 0);
    }
    return ((long) (below >>> NEAR) << 32) | (above >>> NEAR);
  }

  /** The row before it in order, by the tree; of nil, nil. */
  final int before(int row) {
    int at = child(row, LEFT);
    if (row != NIL && at != NIL) {
      for (int right = child(at, RIGHT); right != NIL; right = child(at, RIGHT)) {
        at = right;
      }
      return at;
    }
    int up = parent(row);
    while (up != NIL && child(up, LEFT) == row) {
      row = up;
      up = parent(row);
    }
    return up;
  }

  /** Checks links, colours, black heights and subtree gaps; returns the number of rows. */
  final int validateTree(String name) {
    if (parent(NIL) != NIL || link(NIL, RIGHT) != NIL || gap(NIL) != 0 || most(NIL) != 0) {
      throw VmaChecks.corrupt(name, "nil", NIL, parent(NIL), NIL);
    }
    if (isRed(NIL, LEFT) || (root() != NIL && parent(root()) != NIL)) {
      throw VmaChecks.corrupt(name, "root", root(), parent(root()), NIL);
    }
    blackHeight(root(), false, name, 0);
    return count(root());
  }

  private int count(int row) {
    return row == NIL ? 0 : 1 + count(child(row, LEFT)) + count(child(row, RIGHT));
  }

  private int blackHeight(int row, boolean red, String name, int depth) {
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
      if (isRed(row, side) && (red || down == NIL)) {
        throw VmaChecks.corrupt(name, "red child of red, or nil that is red", down, row, NIL);
      }
      int below = blackHeight(down, isRed(row, side), name, depth + 1);
      if (height >= 0 && below != height) {
        throw VmaChecks.corrupt(name, "black height", row, below, height);
      }
      height = below;
    }
    if (most(row) != largest(row)) {
      throw VmaChecks.corrupt(name, "subtree gap", row, most(row), largest(row));
    }
    return height + (red ? 0 : 1);
  }
}
