// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.rbtree;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.index.VmaChecks;
import io.mm4j.process.index.VmaTable;
import java.util.Arrays;

/**
 * VMAs in a sorted list threaded through a red-black tree, with the VMA found last beside it.
 *
 * <p><b>Models</b> the {@code mm_struct} of Linux 2.4 to 6.0: the list {@code mmap} (doubly linked
 * since 2.6.36), the tree {@code mm_rb}, {@code mmap_cache}, and from 3.8 on the augmentation
 * {@code rb_subtree_gap} that makes the search for a free range logarithmic. The tree is the
 * textbook's (Cormen et al., Introduction to Algorithms, chapters 12 to 14). Different on purpose:
 * the cache is one per index, not one per thread as from 3.15 on.
 *
 * <p><b>Vocabulary.</b> The <i>own gap</i> of a VMA is the free range just below it; its <i>subtree
 * gap</i> is the largest own gap in the subtree under it. <i>Nil</i> is row 0: no child, no parent,
 * both ends of the list.
 *
 * <p><b>Layout.</b> Arrays by row; no object for a VMA. The bounds are in {@link VmaTable}. The
 * list is a ring through row 0: {@code link[2v]} is the VMA before v, {@code link[2v + 1]} the one
 * after, so {@code link[1]} is the first and {@code link[0]} the last. The tree is {@link GapTree}.
 *
 * <p><b>Steps.</b> find: the cache, else down the tree by the ends, remembering where it last went
 * left; the turn is computed, not jumped on. insert: down the tree, into list and tree, split the
 * gap, repaint. erase: out of list and tree, join the gaps, repaint. Gap search: find the window's
 * edge, then up and down by subtree gaps.
 *
 * <p><b>Invariants.</b> List order is tree order is address order. The own gaps agree with the
 * bounds. The cached row is nil or in use.
 *
 * <p><b>Complexity.</b> find, insert, erase, setRange, gap searches O(log n); next, prev, first,
 * last O(1); copy O(n) by array copies.
 */
final class RbTreeVmaIndex extends VmaTable {
  private static final String NAME = "rbtree";

  private final GapTree tree;
  private int[] link;
  private int cached;

  RbTreeVmaIndex(int maxVmas) {
    super(maxVmas);
    link = new int[2 * start.length];
    tree = new GapTree(start.length);
  }

  private RbTreeVmaIndex(RbTreeVmaIndex other) {
    super(other);
    link = Arrays.copyOf(other.link, 2 * start.length);
    tree = new GapTree(other.tree, start.length);
    cached = other.cached;
  }

  @Override
  protected void growRows(int rows) {
    tree.grow(rows);
    link = Arrays.copyOf(link, 2 * rows);
  }

  @Override
  public boolean reserve(int n) {
    return roomFor(n);
  }

  @Override
  public int insert(long from, long to) {
    VmaChecks.range(from, to);
    int next = lookup(from);
    int prev = link[2 * next];
    if (next != GapTree.NIL && start[next] < to) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    int row = takeRow(from, to);
    if (row == GapTree.NIL) {
      return NONE;
    }
    link[2 * row] = prev;
    link[2 * row + 1] = next;
    link[2 * prev + 1] = row;
    link[2 * next] = row;
    if (next != GapTree.NIL) {
      tree.setGap(next, start[next] - to);
    }
    if (next != GapTree.NIL && tree.child[2 * next] == GapTree.NIL) {
      tree.insert(row, next, GapTree.LEFT, from - end[prev]);
    } else {
      tree.insert(row, prev, GapTree.RIGHT, from - end[prev]);
    }
    return row;
  }

  @Override
  public void erase(int vma) {
    check(vma);
    int prev = link[2 * vma];
    int next = link[2 * vma + 1];
    link[2 * prev + 1] = next;
    link[2 * next] = prev;
    tree.remove(vma, next);
    if (next != GapTree.NIL) {
      tree.setGap(next, start[next] - end[prev]);
    }
    if (cached == vma) {
      cached = GapTree.NIL;
    }
    freeRow(vma);
  }

  @Override
  public void setRange(int vma, long from, long to) {
    check(vma);
    VmaChecks.range(from, to);
    int prev = link[2 * vma];
    int next = link[2 * vma + 1];
    if (from < end[prev]) {
      throw VmaChecks.overlap(this, from, to, prev);
    }
    if (next != GapTree.NIL && to > start[next]) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    start[vma] = from;
    end[vma] = to;
    tree.setGap(vma, from - end[prev]);
    if (next != GapTree.NIL) {
      tree.setGap(next, start[next] - to);
    }
  }

  @Override
  public int find(long addr) {
    int row = cached;
    if (addr < end[row] && addr >= start[row]) {
      return row;
    }
    row = lookup(addr);
    if (row == GapTree.NIL || addr < 0) {
      return NONE;
    }
    cached = row;
    return row;
  }

  /** find_vma without the cache, for {@code addr >= 0}; nil when there is none. */
  private int lookup(long addr) {
    long[] ends = end;
    int[] child = tree.child;
    int best = GapTree.NIL;
    int row = tree.root;
    while (row != GapTree.NIL) {
      int right = (int) ((ends[row] - 1 - addr) >>> 63);
      best ^= (best ^ row) & (right - 1);
      row = child[2 * row + right];
    }
    return best;
  }

  @Override
  public int first() {
    return handle(link[1]);
  }

  @Override
  public int last() {
    return handle(link[0]);
  }

  @Override
  public int next(int vma) {
    return handle(link[2 * vma + 1]);
  }

  @Override
  public int prev(int vma) {
    return handle(link[2 * vma]);
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    int row = lookup(low);
    if (row != GapTree.NIL) {
      long from = Math.max(low, end[link[2 * row]]);
      if (Math.min(high, start[row]) - from >= length) {
        return from;
      }
      row = tree.nextFit(row, length);
      if (row != GapTree.NIL) {
        from = end[link[2 * row]];
        return high - from >= length ? from : NONE_ADDR;
      }
    }
    long from = Math.max(low, end[link[0]]);
    return high - from >= length ? from : NONE_ADDR;
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    if (high - Math.max(low, end[link[0]]) >= length) {
      return high - length;
    }
    int row = high <= 0 ? GapTree.NIL : lookup(high - 1);
    if (row != GapTree.NIL) {
      long to = Math.min(high, start[row]);
      if (to - Math.max(low, end[link[2 * row]]) >= length) {
        return to - length;
      }
      row = tree.prevFit(row, length);
    } else if (high > low && tree.gap[2 * tree.root + 1] >= length) {
      row = tree.lastFit(tree.root, length);
    }
    long from = row == GapTree.NIL ? NONE_ADDR : start[row] - length;
    return from >= low ? from : NONE_ADDR;
  }

  @Override
  public VmaIndex copy() {
    return new RbTreeVmaIndex(this);
  }

  @Override
  public void clear() {
    clearRows();
    link = new int[2 * start.length];
    tree.clear(start.length);
    cached = GapTree.NIL;
  }

  @Override
  public void validate() {
    validateRows(NAME);
    int rows = tree.validate(NAME);
    if (rows != size()) {
      throw VmaChecks.corrupt(NAME, "rows in the tree", 0, rows, size());
    }
    int at = 0;
    int seen = 0;
    for (int row = link[1]; row != GapTree.NIL; at = row, row = link[2 * row + 1]) {
      if (++seen > rows || !contains(row)) {
        throw VmaChecks.corrupt(NAME, "list", row, seen, rows);
      }
      if (link[2 * row] != at || link[2 * at + 1] != row) {
        throw VmaChecks.corrupt(NAME, "list back link", row, link[2 * row], at);
      }
      if (start[row] < end[at] || end[row] <= start[row]) {
        throw VmaChecks.corrupt(NAME, "order", row, start[row], end[at]);
      }
      if (tree.gap[2 * row] != start[row] - end[at]) {
        throw VmaChecks.corrupt(NAME, "gap", row, tree.gap[2 * row], start[row] - end[at]);
      }
      if (lookup(start[row]) != row) {
        throw VmaChecks.corrupt(NAME, "row found in the tree", row, lookup(start[row]), row);
      }
    }
    if (seen != rows || link[0] != at) {
      throw VmaChecks.corrupt(NAME, "list length", at, seen, rows);
    }
    if (cached != GapTree.NIL && !contains(cached)) {
      throw VmaChecks.corrupt(NAME, "cached row is free", cached, cached, 0);
    }
  }
}
