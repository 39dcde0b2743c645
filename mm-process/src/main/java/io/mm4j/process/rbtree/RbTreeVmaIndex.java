// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.rbtree;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.index.VmaChecks;

/**
 * VMAs in a sorted list threaded through a red-black tree, with the VMA found last beside it.
 *
 * <p><b>Models</b> the {@code mm_struct} of Linux 2.4 to 6.0: the list {@code mmap}, linked by
 * {@code vm_next} as up to 2.6.35, the tree {@code mm_rb}, {@code mmap_cache}, and from 3.8 on
 * {@code highest_vm_end} and the augmentation {@code rb_subtree_gap} that makes the search for a
 * free range logarithmic. The tree is the textbook's (Cormen et al., Introduction to Algorithms,
 * chapters 12 to 14). Different on purpose: the cache is one per index, not one per thread as from
 * 3.15 on.
 *
 * <p><b>Vocabulary.</b> The <i>own gap</i> of a VMA is the free range just below it; its <i>subtree
 * gap</i> is the largest own gap in the subtree under it. <i>Nil</i> is row 0: no child, no parent,
 * both ends of the list.
 *
 * <p><b>Layout.</b> Flat arrays, no object for a VMA: the tree with the gaps, the end of each VMA
 * and the list in it ({@link GapTree}), and {@code MORE}, the start. The VMA before is found by the
 * tree; where it ends is known without it, for there the own gap begins. {@code recent} is the
 * {@code mmap_cache}: the VMA found last in its low {@link #ROW_BITS} bits, and above them how many
 * addresses below its end have no other VMA. {@code looked} is what the last look-up found: a VMA
 * in its low half, the one before it in its high half. Each being one long, they can be read while
 * another thread writes them.
 *
 * <p><b>Steps.</b> find: the cache, else down the tree by the ends, remembering where it last went
 * left and where right: those are the VMA found and the one before. The turn is computed, not
 * jumped on. insert: down the tree, into list and tree, split the gap, repaint. erase: out of list
 * and tree, join the gaps, repaint. Gap search: find the window's edge, then up and down by subtree
 * gaps.
 *
 * <p><b>Invariants.</b> List order is tree order is address order. Without gaps the VMAs would
 * touch. What {@code recent} promises is true.
 *
 * <p><b>Complexity.</b> find, insert, erase, setRange, gap searches, prev O(log n), a walk down by
 * prev O(n); start, end, next, first, last O(1); copy O(n) by array copies.
 */
final class RbTreeVmaIndex extends GapTree {
  private static final String NAME = "rbtree";
  private static final long FREE = -1;
  private static final int ROW_BITS = 27;
  private static final int ROW_MASK = (1 << ROW_BITS) - 1;
  private static final long MOST_SPAN = -1L >>> ROW_BITS;

  /** From so many VMAs on their rows are brought from memory before a change. */
  private static final int MANY = 1 << 12;

  int last;
  private long recent;
  private long looked;

  RbTreeVmaIndex(int maxVmas) {
    super(maxVmas);
  }

  private RbTreeVmaIndex(RbTreeVmaIndex other) {
    super(other);
    last = other.last;
    recent = other.recent;
    looked = other.looked;
  }

  /** Where the VMA before ends: there the own gap begins. */
  private long endBefore(int row) {
    return start(row) - gap(row);
  }

  @Override
  protected boolean inUse(int row) {
    return end(row) != FREE;
  }

  @Override
  public long start(int vma) {
    return far[(vma << FAR) + MORE];
  }

  @Override
  public long end(int vma) {
    return near[vma << NEAR];
  }

  @Override
  public boolean reserve(int n) {
    return roomFor(n);
  }

  @Override
  public int insert(long from, long to) {
    VmaChecks.range(from, to);
    int next = remembered(from);
    int prev;
    if (next != NIL) {
      prev = previous(next);
    } else {
      long around = size() < MANY ? lookup(from) : path(from);
      next = (int) around;
      prev = (int) (around >>> 32);
    }
    long below = from - end(prev);
    long above = gap(next) - below - (to - from);
    if (next != NIL && above < 0) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    int row = takeRow();
    if (row == NIL) {
      return NONE;
    }
    near[row << NEAR] = to;
    far[(row << FAR) + MORE] = from;
    setAfter(prev, row);
    last = next == NIL ? row : last;
    if (child(next, LEFT) == NIL) {
      attach(row, next, LEFT, below, next, above);
    } else {
      attach(row, prev, RIGHT, below, next, above);
    }
    remember(row, from - below);
    looked = ((long) prev << 32) | row;
    return row;
  }

  @Override
  public void erase(int vma) {
    check(vma);
    int prev = size() < MANY ? previous(vma) : (int) (path(end(vma) - 1) >>> 32);
    int next = after(vma);
    recent = 0;
    looked = 0;
    setAfter(prev, next);
    last = next == NIL ? prev : last;
    detach(vma, next, end(vma) - end(prev) + gap(next));
    near[vma << NEAR] = FREE;
    freeRow(vma);
  }

  @Override
  public void setRange(int vma, long from, long to) {
    check(vma);
    VmaChecks.range(from, to);
    int next = after(vma);
    long low = endBefore(vma);
    if (from < low) {
      throw VmaChecks.overlap(this, from, to, before(vma));
    }
    long above = end(vma) + gap(next) - to;
    if (next != NIL && above < 0) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    near[vma << NEAR] = to;
    far[(vma << FAR) + MORE] = from;
    remember(vma, low);
    setGap(vma, from - low);
    if (next != NIL) {
      setGap(next, above);
    }
  }

  @Override
  public int find(long addr) {
    int row = remembered(addr);
    if (row != NIL) {
      return row;
    }
    if (addr < 0) {
      return NONE;
    }
    long around = lookup(addr);
    row = (int) around;
    if (row == NIL) {
      return NONE;
    }
    remember(row, end((int) (around >>> 32)));
    looked = around;
    return row;
  }

  /** The VMA before one that was mostly just found. */
  private int previous(int row) {
    long around = looked;
    return (int) around == row ? (int) (around >>> 32) : before(row);
  }

  /** The VMA found last if it is the answer for this address too, else nil. */
  private int remembered(long addr) {
    long last = recent;
    int row = (int) last & ROW_MASK;
    return Long.compareUnsigned(end(row) - 1 - addr, last >>> ROW_BITS) < 0 ? row : NIL;
  }

  /** Keeps a VMA for what is asked next; there is no other from {@code low} on. */
  private void remember(int row, long low) {
    recent = (Math.min(end(row) - low, MOST_SPAN) << ROW_BITS) | row;
  }

  @Override
  public int first() {
    return handle(after(NIL));
  }

  @Override
  public int rootVma() {
    return handle(root());
  }

  @Override
  public int last() {
    return handle(last);
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
    long from = Math.max(low, end(last));
    long around = lookup(low);
    int row = (int) around;
    if (row != NIL) {
      long below = end((int) (around >>> 32));
      long edge = Math.max(low, below);
      if (Math.min(high, below + gap(row)) - edge >= length) {
        return edge;
      }
      row = nextFit(row, length);
      if (row != NIL) {
        from = endBefore(row);
        remember(row, from);
      }
    }
    return high - from >= length ? from : NONE_ADDR;
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    if (high - Math.max(low, end(last)) >= length) {
      return high - length;
    }
    if (high <= low) {
      return NONE_ADDR;
    }
    long around = lookup(high - 1);
    int row = (int) around;
    if (row != NIL) {
      long below = end((int) (around >>> 32));
      long to = Math.min(high, below + gap(row));
      if (to - Math.max(low, below) >= length) {
        return to - length;
      }
      row = prevFit(row, length);
    } else if (most(root()) >= length) {
      row = lastFit(root(), length);
    }
    if (row == NIL || start(row) - length < low) {
      return NONE_ADDR;
    }
    remember(row, endBefore(row));
    return start(row) - length;
  }

  @Override
  public VmaIndex copy() {
    return new RbTreeVmaIndex(this);
  }

  @Override
  public void clear() {
    clearTree();
    last = NIL;
    recent = 0;
    looked = 0;
  }

  @Override
  public void validate() {
    validateRows(NAME);
    int inTree = validateTree(NAME);
    if (inTree != size()) {
      throw VmaChecks.corrupt(NAME, "rows in the tree", 0, inTree, size());
    }
    if (end(NIL) != 0) {
      throw VmaChecks.corrupt(NAME, "end of nil", NIL, end(NIL), 0);
    }
    int at = NIL;
    int seen = 0;
    for (int row = after(NIL); row != NIL; at = row, row = after(row)) {
      if (++seen > inTree || !contains(row)) {
        throw VmaChecks.corrupt(NAME, "list", row, seen, inTree);
      }
      if (before(row) != at) {
        throw VmaChecks.corrupt(NAME, "row before it", row, before(row), at);
      }
      if (endBefore(row) != end(at)) {
        throw VmaChecks.corrupt(NAME, "own gap", row, gap(row), start(row) - end(at));
      }
      if (gap(row) < 0 || start(row) >= end(row)) {
        throw VmaChecks.corrupt(NAME, "order", row, start(row), end(at));
      }
      long around = lookup(start(row));
      int found = (int) around;
      if (found != row) {
        throw VmaChecks.corrupt(NAME, "row found in the tree", row, found, row);
      }
      if ((int) (around >>> 32) != at) {
        throw VmaChecks.corrupt(NAME, "row found before it", row, around >>> 32, at);
      }
    }
    if (seen != inTree || last != at) {
      throw VmaChecks.corrupt(NAME, "list length", at, seen, inTree);
    }
    validateRecent();
    int row = (int) looked;
    if (row != NIL && (!contains(row) || before(row) != (int) (looked >>> 32))) {
      throw VmaChecks.corrupt(NAME, "what the last look-up found", row, looked >>> 32, 0);
    }
  }

  private void validateRecent() {
    int row = (int) recent & ROW_MASK;
    long span = recent >>> ROW_BITS;
    if (span != 0 && (!contains(row) || span > end(row) - endBefore(row))) {
      throw VmaChecks.corrupt(NAME, "what was found last", row, span, 0);
    }
  }
}
