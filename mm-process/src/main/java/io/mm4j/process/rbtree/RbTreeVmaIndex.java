// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.rbtree;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.index.VmaChecks;

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
 * <p><b>Layout.</b> Flat arrays, no object for a VMA: the bounds ({@link
 * io.mm4j.process.index.VmaTable}), the tree ({@link GapTree}), and the list as a ring through row
 * 0: {@code LINKS} holds the VMA before in its high half and the one after in its low half, in row
 * 0 the last and the first.
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
final class RbTreeVmaIndex extends GapTree {
  private static final String NAME = "rbtree";
  private static final long LOW_HALF = 0xffffffffL;

  private int cached;

  RbTreeVmaIndex(int maxVmas) {
    super(maxVmas);
  }

  private RbTreeVmaIndex(RbTreeVmaIndex other) {
    super(other);
    cached = other.cached;
  }

  private int after(int row) {
    return (int) get(row, LINKS);
  }

  private int before(int row) {
    return (int) (get(row, LINKS) >>> 32);
  }

  private void link(int prev, int next) {
    set(prev, LINKS, (get(prev, LINKS) & ~LOW_HALF) | next);
    set(next, LINKS, (get(next, LINKS) & LOW_HALF) | ((long) prev << 32));
  }

  @Override
  public boolean reserve(int n) {
    return roomFor(n);
  }

  @Override
  public int insert(long from, long to) {
    VmaChecks.range(from, to);
    int next = lookup(from);
    int prev = before(next);
    long above = start(next) - to;
    if (next != NIL && above < 0) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    int row = takeRow(from, to);
    if (row == NIL) {
      return NONE;
    }
    link(prev, row);
    link(row, next);
    if (next != NIL && child(next, LEFT) == NIL) {
      attach(row, next, LEFT, from - end(prev), next, above);
    } else {
      attach(row, prev, RIGHT, from - end(prev), next, above);
    }
    return row;
  }

  @Override
  public void erase(int vma) {
    check(vma);
    int prev = before(vma);
    int next = after(vma);
    link(prev, next);
    detach(vma, next, start(next) - end(prev));
    if (cached == vma) {
      cached = NIL;
    }
    freeRow(vma);
  }

  @Override
  public void setRange(int vma, long from, long to) {
    check(vma);
    VmaChecks.range(from, to);
    int prev = before(vma);
    int next = after(vma);
    if (from < end(prev)) {
      throw VmaChecks.overlap(this, from, to, prev);
    }
    if (next != NIL && to > start(next)) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    setBounds(vma, from, to);
    setGap(vma, from - end(prev));
    if (next != NIL) {
      setGap(next, start(next) - to);
    }
  }

  @Override
  public int find(long addr) {
    int row = cached;
    if (addr < end(row) && addr >= start(row)) {
      return row;
    }
    row = lookup(addr);
    if (row == NIL || addr < 0) {
      return NONE;
    }
    cached = row;
    return row;
  }

  /** find_vma without the cache, for {@code addr >= 0}; nil when there is none. */
  private int lookup(long addr) {
    long[] near = ends;
    int best = NIL;
    int row = root;
    while (row != NIL) {
      int at = row << NEAR;
      int right = (int) ((near[at] - 1 - addr) >>> 63);
      best ^= (best ^ row) & (right - 1);
      row = (int) (near[at + 1] >>> (right << 5));
    }
    return best;
  }

  @Override
  public int first() {
    return handle(after(NIL));
  }

  @Override
  public int last() {
    return handle(before(NIL));
  }

  @Override
  public int next(int vma) {
    return handle(after(vma));
  }

  @Override
  public int prev(int vma) {
    return handle(before(vma));
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    long from = Math.max(low, end(before(NIL)));
    int row = lookup(low);
    if (row != NIL) {
      long edge = Math.max(low, end(before(row)));
      if (Math.min(high, start(row)) - edge >= length) {
        return edge;
      }
      row = nextFit(row, length);
      if (row != NIL) {
        from = end(before(row));
      }
    }
    return high - from >= length ? from : NONE_ADDR;
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    if (high - Math.max(low, end(before(NIL))) >= length) {
      return high - length;
    }
    if (high <= low) {
      return NONE_ADDR;
    }
    int row = lookup(high - 1);
    if (row != NIL) {
      long to = Math.min(high, start(row));
      if (to - Math.max(low, end(before(row))) >= length) {
        return to - length;
      }
      row = prevFit(row, length);
    } else if (get(root, MOST) >= length) {
      row = lastFit(root, length);
    }
    long from = row == NIL ? NONE_ADDR : start(row) - length;
    return from >= low ? from : NONE_ADDR;
  }

  @Override
  public VmaIndex copy() {
    return new RbTreeVmaIndex(this);
  }

  @Override
  public void clear() {
    clearTree();
    cached = NIL;
  }

  @Override
  public void validate() {
    validateRows(NAME);
    int inTree = validateTree(NAME);
    if (inTree != size()) {
      throw VmaChecks.corrupt(NAME, "rows in the tree", 0, inTree, size());
    }
    int at = NIL;
    int seen = 0;
    for (int row = after(NIL); row != NIL; at = row, row = after(row)) {
      if (++seen > inTree || !contains(row)) {
        throw VmaChecks.corrupt(NAME, "list", row, seen, inTree);
      }
      if (before(row) != at) {
        throw VmaChecks.corrupt(NAME, "list back link", row, before(row), at);
      }
      if (start(row) < end(at) || end(row) <= start(row)) {
        throw VmaChecks.corrupt(NAME, "order", row, start(row), end(at));
      }
      if (get(row, GAP) != start(row) - end(at)) {
        throw VmaChecks.corrupt(NAME, "gap", row, get(row, GAP), start(row) - end(at));
      }
      if (lookup(start(row)) != row) {
        throw VmaChecks.corrupt(NAME, "row found in the tree", row, lookup(start(row)), row);
      }
    }
    if (seen != inTree || before(NIL) != at) {
      throw VmaChecks.corrupt(NAME, "list length", at, seen, inTree);
    }
    if (cached != NIL && !contains(cached)) {
      throw VmaChecks.corrupt(NAME, "cached row is free", cached, cached, 0);
    }
  }
}
