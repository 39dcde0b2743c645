// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import static io.mm4j.process.maple.RangeNodes.NONE;
import static io.mm4j.process.maple.RangeNodes.PLACES;
import static io.mm4j.process.maple.RangeNodes.SLOTS;
import static io.mm4j.process.maple.RangeNodes.nodeOf;

import io.mm4j.process.index.VmaChecks;
import io.mm4j.process.index.VmaTable;
import java.util.Arrays;

/**
 * The B-tree over {@link RangeNodes}: VMAs into and out of leaves, keys and gaps carried up, nodes
 * shared out, split and joined.
 *
 * <p><b>Vocabulary</b> of {@link RangeNodes}. <i>top</i> is the end of the last VMA, 0 without any.
 *
 * <p><b>Layout.</b> A VMA's row is one int, its slot, {@link #FREE} when it is not in use; start
 * and end stand in the leaf.
 *
 * <p><b>Steps.</b> A change writes its leaf, and inner nodes only where a highest key or a largest
 * gap changes. A full node first gives entries to a neighbour under the same parent that has room
 * for {@link #GIVE} or more, right before left, and splits in halves only when neither has:
 * ascending and descending insertion both leave nodes nearly full. A node with fewer than {@link
 * #FEW} entries is joined with its neighbour when both fit into one with room to spare, else they
 * are levelled.
 *
 * <p><b>Invariants.</b> All leaves are on level 0, the root on level {@code height}. Keys ascend by
 * rank. Every node except the root has {@link #FEW} entries or more, an inner root two or more. An
 * entry of an inner node has the highest key and the largest gap of the child. The leaf {@link
 * #FIRST_LEAF} is always the first.
 */
abstract class RangeTree extends VmaTable {
  static final int FREE = 0;
  static final int FEW = 5;
  static final int FIRST_LEAF = 0;
  private static final int GIVE = 4;
  private static final int JOIN = PLACES - 2;

  RangeNodes nodes;
  long top;
  int[] slots;
  int root;
  int height;
  private int lastLeaf;

  RangeTree(int maxVmas) {
    super(maxVmas);
    slots = new int[capacity()];
    nodes = new RangeNodes();
    root = nodes.take();
    lastLeaf = root;
  }

  RangeTree(RangeTree other) {
    super(other);
    slots = Arrays.copyOf(other.slots, capacity());
    nodes = new RangeNodes(other.nodes);
    root = other.root;
    height = other.height;
    lastLeaf = other.lastLeaf;
    top = other.top;
  }

  @Override
  protected final void growRows(int room) {
    slots = Arrays.copyOf(slots, room);
  }

  @Override
  protected final boolean inUse(int row) {
    return slots[row] != FREE;
  }

  /** Makes sure that {@code n} more entries find their nodes. */
  final void roomForNodes(int n) {
    long byPath = n * (height + 2L);
    long byFill = ((long) size() + n) / (FEW - 1) + 2 * SLOTS - nodes.used();
    nodes.roomFor(Math.max(0, Math.min(byPath, byFill)));
  }

  final void clearTree() {
    clearRows();
    slots = new int[capacity()];
    nodes = new RangeNodes();
    root = nodes.take();
    lastLeaf = root;
    height = 0;
    top = 0;
  }

  /** The leaf of the first VMA that ends above {@code addr}; {@code addr} is below top. */
  final int seek(long addr) {
    long[] keys = nodes.keys;
    int[] refs = nodes.refs;
    int node = root;
    for (int level = height; ; level--) {
      // Reading here what is needed after the search lets both arrays come from memory at once.
      if (refs[node] == node) {
        throw VmaChecks.corrupt(toString(), "node that is its own parent", 0, node, NONE);
      }
      if (level == 0) {
        return node;
      }
      int rank = RangeNodes.search(keys, node, addr);
      node = refs[node + Order.place(keys[node], rank)];
    }
  }

  /** The highest VMA; there is one. */
  final int lastVma() {
    return nodes.refs[nodes.slot(lastLeaf, nodes.count(lastLeaf) - 1)];
  }

  /** The slot after a leaf's slot in address order, or NONE. */
  final int slotAfter(int slot) {
    int leaf = nodeOf(slot);
    int rank = nodes.rank(slot) + 1;
    if (rank < nodes.count(leaf)) {
      return nodes.slot(leaf, rank);
    }
    int right = nodes.right(leaf);
    return right == NONE ? NONE : nodes.slot(right, 0);
  }

  /** The slot before a leaf's slot in address order, or NONE. */
  final int slotBefore(int slot) {
    int leaf = nodeOf(slot);
    int rank = nodes.rank(slot) - 1;
    if (rank >= 0) {
      return nodes.slot(leaf, rank);
    }
    int left = nodes.left(leaf);
    return left == NONE ? NONE : nodes.slot(left, nodes.count(left) - 1);
  }

  /** Where the gap of the VMA at a leaf's slot begins. */
  final long gapStart(int slot) {
    return nodes.gapStart(nodeOf(slot), nodes.rank(slot));
  }

  /** Enters a VMA above all others. */
  final void append(int vma, long start, long end) {
    while (nodes.count(lastLeaf) == PLACES) {
      makeRoom(lastLeaf, true);
    }
    int leaf = lastLeaf;
    long gap = start - top;
    slots[vma] = nodes.enter(leaf, nodes.count(leaf), end, start, vma);
    carryKey(leaf, end);
    raiseGap(leaf, gap);
  }

  /** Enters a VMA just below the one at a slot, whose gap it splits. */
  final void enter(int slot, int vma, long start, long end) {
    int leaf = nodeOf(slot);
    if (nodes.count(leaf) == PLACES) {
      int next = nodes.refs[slot];
      makeRoom(leaf, true);
      slot = slots[next];
      leaf = nodeOf(slot);
    }
    int rank = nodes.rank(slot);
    int up = nodes.up(leaf);
    long most = up == NONE ? 0 : nodes.lows[up];
    long below = nodes.gapStart(leaf, rank);
    long above = nodes.lows[slot];
    slots[vma] = nodes.enter(leaf, rank, end, start, vma);
    if (up != NONE && above - below == most) {
      carryGap(leaf);
    }
  }

  /** Takes the VMA at a slot out; its range and gap go to the gap of the one after it. */
  final void remove(int slot) {
    int leaf = nodeOf(slot);
    int rank = nodes.rank(slot);
    int left = nodes.count(leaf) - 1;
    long below = nodes.gapStart(leaf, rank);
    nodes.remove(leaf, rank);
    if (rank < left) {
      raiseGap(leaf, nodes.lows[nodes.slot(leaf, rank)] - below);
    } else {
      int right = nodes.right(leaf);
      if (right != NONE) {
        raiseGap(right, nodes.lows[nodes.slot(right, 0)] - below);
      }
      carryKey(leaf, below);
      carryGap(leaf);
    }
    if (left < FEW) {
      refill(leaf, true);
    }
  }

  /** Moves the bounds of the VMA at a slot, which keeps its place in the order. */
  final void move(int slot, long start, long end) {
    int leaf = nodeOf(slot);
    int rank = nodes.rank(slot);
    long below = nodes.gapStart(leaf, rank);
    long was = nodes.lows[slot] - below;
    long now = start - below;
    long oldEnd = nodes.keys[slot];
    nodes.lows[slot] = start;
    nodes.keys[slot] = end;
    if (rank + 1 < nodes.count(leaf)) {
      long above = nodes.lows[nodes.slot(leaf, rank + 1)];
      was = Math.max(was, above - oldEnd);
      now = Math.max(now, above - end);
    } else {
      carryKey(leaf, end);
      int right = nodes.right(leaf);
      if (right != NONE) {
        long above = nodes.lows[nodes.slot(right, 0)];
        changedGap(right, above - oldEnd, above - end);
      }
    }
    changedGap(leaf, was, now);
  }

  /** Carries a new highest key of a node up; top is the highest of all. */
  private void carryKey(int node, long key) {
    int slot = nodes.up(node);
    while (slot != NONE) {
      nodes.keys[slot] = key;
      node = nodeOf(slot);
      if (nodes.rank(slot) + 1 != nodes.count(node)) {
        return;
      }
      slot = nodes.up(node);
    }
    top = key;
  }

  /**
   * Carries up that gaps of a leaf have changed.
   *
   * @param was the largest of them before
   * @param now the largest of them after
   */
  private void changedGap(int leaf, long was, long now) {
    int up = nodes.up(leaf);
    if (up != NONE) {
      long most = nodes.lows[up];
      if (now > most) {
        raiseGap(leaf, now);
      } else if (was == most) {
        carryGap(leaf);
      }
    }
  }

  /** Carries up that a node has a gap of that size, which is not smaller than what it replaces. */
  private void raiseGap(int node, long gap) {
    long[] lows = nodes.lows;
    for (int slot = nodes.up(node);
        slot != NONE && lows[slot] < gap;
        slot = nodes.up(nodeOf(slot))) {
      lows[slot] = gap;
    }
  }

  /** Recomputes the largest gap of a leaf and of the nodes above it, as far as they change. */
  private void carryGap(int leaf) {
    int slot = nodes.up(leaf);
    if (slot == NONE) {
      return;
    }
    long most = nodes.largestGapOfLeaf(leaf);
    while (nodes.lows[slot] != most) {
      nodes.lows[slot] = most;
      int node = nodeOf(slot);
      slot = nodes.up(node);
      if (slot == NONE) {
        return;
      }
      most = nodes.largestGapOfInner(node);
    }
  }

  /** Moves {@code n} entries, from a rank on, to another node, where they get another rank on. */
  private void give(int from, int rank, int n, int to, int toRank, boolean leaf) {
    for (int i = 0; i < n; i++) {
      int slot = nodes.slot(from, rank);
      int ref = nodes.refs[slot];
      int now = nodes.enter(to, toRank + i, nodes.keys[slot], nodes.lows[slot], ref);
      nodes.remove(from, rank);
      if (leaf) {
        slots[ref] = now;
      } else {
        nodes.setUp(ref, now);
      }
    }
  }

  /** Makes at least one place free in a full node or, where entries went, in its neighbour. */
  private void makeRoom(int node, boolean leaf) {
    int slot = nodes.up(node);
    if (slot != NONE) {
      int parent = nodeOf(slot);
      int rank = nodes.rank(slot);
      if (rank + 1 < nodes.count(parent) && hasRoom(parent, rank + 1)) {
        level(parent, rank, leaf);
        return;
      }
      if (rank > 0 && hasRoom(parent, rank - 1)) {
        level(parent, rank - 1, leaf);
        return;
      }
      if (nodes.count(parent) == PLACES) {
        makeRoom(parent, false);
      }
    } else {
      int above = nodes.take();
      nodes.setUp(node, nodes.enter(above, 0, 0, 0, node));
      root = above;
      height++;
    }
    split(node, leaf);
  }

  private boolean hasRoom(int parent, int rank) {
    return nodes.count(nodes.refs[nodes.slot(parent, rank)]) <= PLACES - GIVE;
  }

  /** Moves the upper half of a full node to a new one; the parent has a free place. */
  private void split(int node, boolean leaf) {
    int fresh = nodes.take();
    int half = SLOTS / 2;
    give(node, half, PLACES - half, fresh, 0, leaf);
    if (leaf) {
      int right = nodes.right(node);
      nodes.setRight(fresh, right);
      nodes.setLeft(fresh, node);
      nodes.setRight(node, fresh);
      if (right == NONE) {
        lastLeaf = fresh;
      } else {
        nodes.setLeft(right, fresh);
      }
    }
    int slot = nodes.up(node);
    int parent = nodeOf(slot);
    nodes.setUp(fresh, nodes.enter(parent, nodes.rank(slot) + 1, 0, 0, fresh));
    describe(node, leaf);
    describe(fresh, leaf);
  }

  /** Writes a node's highest key and largest gap into the parent's slot. */
  private void describe(int node, boolean leaf) {
    int slot = nodes.up(node);
    nodes.keys[slot] = nodes.highestKey(node);
    nodes.lows[slot] = leaf ? nodes.largestGapOfLeaf(node) : nodes.largestGapOfInner(node);
  }

  /** Shares the entries of the children at a rank and the next out evenly. */
  private void level(int parent, int rank, boolean leaf) {
    int a = nodes.refs[nodes.slot(parent, rank)];
    int b = nodes.refs[nodes.slot(parent, rank + 1)];
    int inA = nodes.count(a);
    int n = (inA + nodes.count(b)) / 2 - inA;
    if (n > 0) {
      give(b, 0, n, a, inA, leaf);
    } else {
      give(a, inA + n, -n, b, 0, leaf);
    }
    describe(a, leaf);
    describe(b, leaf);
  }

  /** Joins or levels a node with few entries; the root may have few. */
  private void refill(int node, boolean leaf) {
    int up = nodes.up(node);
    if (up == NONE) {
      if (!leaf && nodes.count(node) == 1) {
        root = nodes.refs[nodes.slot(node, 0)];
        nodes.setUp(root, NONE);
        nodes.free(node);
        height--;
      }
      return;
    }
    int parent = nodeOf(up);
    int at = nodes.rank(up);
    int rank = at + 1 < nodes.count(parent) ? at : at - 1;
    int a = nodes.refs[nodes.slot(parent, rank)];
    int b = nodes.refs[nodes.slot(parent, rank + 1)];
    if (nodes.count(a) + nodes.count(b) > JOIN) {
      level(parent, rank, leaf);
      return;
    }
    give(b, 0, nodes.count(b), a, nodes.count(a), leaf);
    if (leaf) {
      int right = nodes.right(b);
      nodes.setRight(a, right);
      if (right == NONE) {
        lastLeaf = a;
      } else {
        nodes.setLeft(right, a);
      }
    }
    nodes.free(b);
    nodes.remove(parent, rank + 1);
    describe(a, leaf);
    if (nodes.count(parent) < FEW) {
      refill(parent, false);
    }
  }

  /**
   * The slot of the first VMA after a rank of a leaf with a gap of at least {@code length}, or
   * NONE.
   */
  final int nextFit(int leaf, int rank, long length) {
    int slot = firstInLeaf(leaf, rank + 1, length);
    int node = leaf;
    for (int level = 1; slot == NONE && nodes.up(node) != NONE; level++) {
      int up = nodes.up(node);
      node = nodeOf(up);
      slot = firstFit(node, nodes.rank(up) + 1, level, length);
    }
    return slot;
  }

  private int firstFit(int node, int rank, int level, long length) {
    int at = rank;
    for (int below = level; below > 0; below--, at = 0) {
      long order = nodes.order(node);
      int n = Order.count(order);
      while (at < n && nodes.lows[node + Order.place(order, at)] < length) {
        at++;
      }
      if (at == n) {
        return NONE;
      }
      node = nodes.refs[node + Order.place(order, at)];
    }
    return firstInLeaf(node, 0, length);
  }

  private int firstInLeaf(int leaf, int rank, long length) {
    long order = nodes.order(leaf);
    long end = rank < Order.count(order) ? nodes.gapStart(leaf, rank) : 0;
    for (int at = rank; at < Order.count(order); at++) {
      int slot = leaf + Order.place(order, at);
      if (nodes.lows[slot] - end >= length) {
        return slot;
      }
      end = nodes.keys[slot];
    }
    return NONE;
  }

  /**
   * The slot of the last VMA before a rank of a leaf with a gap of at least {@code length}, or
   * NONE.
   */
  final int prevFit(int leaf, int rank, long length) {
    int slot = lastInLeaf(leaf, rank - 1, length);
    int node = leaf;
    for (int level = 1; slot == NONE && nodes.up(node) != NONE; level++) {
      int up = nodes.up(node);
      node = nodeOf(up);
      slot = lastFit(node, nodes.rank(up) - 1, level, length);
    }
    return slot;
  }

  private int lastFit(int node, int rank, int level, long length) {
    int at = rank;
    for (int below = level; below > 0; below--) {
      long order = nodes.order(node);
      while (at >= 0 && nodes.lows[node + Order.place(order, at)] < length) {
        at--;
      }
      if (at < 0) {
        return NONE;
      }
      node = nodes.refs[node + Order.place(order, at)];
      at = nodes.count(node) - 1;
    }
    return lastInLeaf(node, at, length);
  }

  private int lastInLeaf(int leaf, int rank, long length) {
    if (rank < 0) {
      return NONE;
    }
    long order = nodes.order(leaf);
    int slot = leaf + Order.place(order, rank);
    for (int at = rank; at > 0; at--) {
      int before = leaf + Order.place(order, at - 1);
      if (nodes.lows[slot] - nodes.keys[before] >= length) {
        return slot;
      }
      slot = before;
    }
    return nodes.lows[slot] - nodes.gapStart(leaf, 0) >= length ? slot : NONE;
  }

  /** Checks nodes, links, keys and gaps of the whole tree; returns the number of VMAs. */
  final int validateTree(String name) {
    return new RangeTreeCheck(this, name).validate();
  }
}
