// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import static io.mm4j.process.maple.RangeNodes.MASK;
import static io.mm4j.process.maple.RangeNodes.NONE;
import static io.mm4j.process.maple.RangeNodes.SHIFT;
import static io.mm4j.process.maple.RangeNodes.SLOTS;

import io.mm4j.process.index.VmaChecks;
import io.mm4j.process.index.VmaTable;

/**
 * The B-tree over {@link RangeNodes}: entries into and out of leaves, keys and gaps carried up,
 * nodes shared out, split and joined, and the walk to the next gap that is large enough.
 *
 * <p><b>Vocabulary.</b> The <i>gap</i> of a VMA is the free range just below it, down to the VMA
 * before; a gap belongs to one leaf even where it reaches over the leaf's border. <i>top</i> is the
 * end of the last VMA, 0 without any.
 *
 * <p><b>Steps.</b> A full node first gives entries to a neighbour under the same parent that has
 * room for {@link #GIVE} or more, right before left, and splits in halves only when neither has:
 * ascending and descending insertion both leave nodes nearly full. A node with fewer than {@link
 * #FEW} entries is joined with its neighbour when both fit into one with room to spare, else they
 * are levelled.
 *
 * <p><b>Invariants.</b> All leaves are on level 0, the root on level {@code height}. Keys ascend.
 * Every node except the root has {@link #FEW} entries or more, an inner root two or more. An entry
 * of an inner node has the highest key and the largest gap of the child. The leaf {@link
 * #FIRST_LEAF} is always the first. A VMA's row names its leaf beside its start.
 */
abstract class RangeTree extends VmaTable {
  static final int FEW = 5;
  static final int FIRST_LEAF = 0;
  private static final int GIVE = 4;
  private static final int JOIN = SLOTS - 2;

  RangeNodes nodes;
  long top;
  private int root;
  private int height;
  private int lastLeaf;
  private int hint;

  RangeTree(int maxVmas) {
    super(maxVmas, 0, 1);
    nodes = new RangeNodes();
    root = nodes.take();
    lastLeaf = root;
  }

  RangeTree(RangeTree other) {
    super(other);
    nodes = new RangeNodes(other.nodes);
    root = other.root;
    height = other.height;
    lastLeaf = other.lastLeaf;
    top = other.top;
    hint = other.hint;
  }

  /** Makes sure that {@code n} more entries find their nodes. */
  final void roomForNodes(int n) {
    long byPath = n * (height + 2L);
    long byFill = ((long) size() + n) / (FEW - 1) + 2 * SLOTS - nodes.used();
    nodes.roomFor(Math.max(0, Math.min(byPath, byFill)));
  }

  final void clearTree() {
    clearRows();
    nodes = new RangeNodes();
    root = nodes.take();
    lastLeaf = root;
    height = 0;
    top = 0;
    hint = 0;
  }

  private int leaf(int vma) {
    return (int) starts[(vma << 1) + 1];
  }

  private void setLeaf(int vma, int leaf) {
    starts[(vma << 1) + 1] = leaf;
  }

  /** The slot of the first VMA that ends above {@code addr}; {@code addr} is below top. */
  final int seek(long addr) {
    long[] keys = nodes.keys;
    int[] refs = nodes.refs;
    int slot = RangeNodes.search(keys, root << SHIFT, addr);
    for (int level = height; level > 0; level--) {
      slot = RangeNodes.search(keys, refs[slot] << SHIFT, addr);
    }
    return slot;
  }

  /**
   * The VMA at the slot that {@link #seek} finds, which {@link #slotOf} then knows without search.
   */
  final int seekVma(long addr) {
    int slot = seek(addr);
    hint = slot;
    return nodes.ref(slot);
  }

  /** The slot of a VMA. */
  final int slotOf(int vma) {
    int leaf = leaf(vma);
    int slot = hint;
    if (slot >> SHIFT == leaf && (slot & MASK) < nodes.count(leaf) && nodes.ref(slot) == vma) {
      return slot;
    }
    return RangeNodes.search(nodes.keys, leaf << SHIFT, end(vma) - 1);
  }

  /** The highest VMA; there is one. */
  final int lastVma() {
    return nodes.ref((lastLeaf << SHIFT) + nodes.count(lastLeaf) - 1);
  }

  /** The slot after a leaf's slot in address order, or NONE. */
  final int slotAfter(int slot) {
    int leaf = slot >> SHIFT;
    if ((slot & MASK) + 1 < nodes.count(leaf)) {
      return slot + 1;
    }
    int right = nodes.right(leaf);
    return right == NONE ? NONE : right << SHIFT;
  }

  /** The slot before a leaf's slot in address order, or NONE. */
  final int slotBefore(int slot) {
    if ((slot & MASK) != 0) {
      return slot - 1;
    }
    int left = nodes.left(slot >> SHIFT);
    return left == NONE ? NONE : (left << SHIFT) + nodes.count(left) - 1;
  }

  /** Enters a VMA above all others. */
  final void append(int vma, long start, long end) {
    while (nodes.count(lastLeaf) == SLOTS) {
      makeRoom(lastLeaf, true);
    }
    int leaf = lastLeaf;
    int slot = (leaf << SHIFT) + nodes.count(leaf);
    long gap = start - top;
    nodes.set(slot, end, gap, vma);
    nodes.setCount(leaf, nodes.count(leaf) + 1);
    setLeaf(vma, leaf);
    carryKey(leaf, end);
    raiseGap(leaf, gap);
  }

  /**
   * Enters a VMA just below another.
   *
   * @param slot the other's slot
   * @param below what is left of the other's gap below the new VMA
   * @param above what is left of it above
   */
  final void enter(int slot, int vma, long end, long below, long above) {
    int leaf = slot >> SHIFT;
    if (nodes.count(leaf) == SLOTS) {
      makeRoom(leaf, true);
      slot = seek(end);
      leaf = slot >> SHIFT;
    }
    long was = nodes.gap(slot);
    nodes.setGap(slot, above);
    nodes.open(leaf, slot & MASK, 1);
    nodes.set(slot, end, below, vma);
    setLeaf(vma, leaf);
    int up = nodes.up(leaf);
    if (up != NONE && nodes.gap(up) == was) {
      carryGap(leaf);
    }
  }

  /** Takes a VMA of {@code length} out; its range and gap go to the gap of the one after it. */
  final void remove(int slot, long length) {
    int leaf = slot >> SHIFT;
    int next = slotAfter(slot);
    long was = nodes.gap(slot);
    long joined = 0;
    if (next != NONE) {
      joined = was + length + nodes.gap(next);
      nodes.setGap(next, joined);
    }
    nodes.close(leaf, slot & MASK, 1);
    if (next != NONE && next >> SHIFT == leaf) {
      raiseGap(leaf, joined);
    } else {
      if (next != NONE) {
        raiseGap(next >> SHIFT, joined);
      }
      int left = nodes.count(leaf);
      if (left != 0) {
        carryKey(leaf, nodes.highestKey(leaf));
        carryGap(leaf);
      } else {
        top = 0;
      }
    }
    if (nodes.count(leaf) < FEW) {
      refill(leaf, true);
    }
  }

  /** Carries a new highest key of a node up. */
  final void carryKey(int node, long key) {
    int slot = nodes.up(node);
    while (slot != NONE) {
      nodes.setKey(slot, key);
      int parent = slot >> SHIFT;
      if ((slot & MASK) + 1 != nodes.count(parent)) {
        return;
      }
      slot = nodes.up(parent);
    }
    top = key;
  }

  /** Carries up that a node has a gap of that size, which is not smaller than what it replaces. */
  private void raiseGap(int node, long gap) {
    for (int slot = nodes.up(node);
        slot != NONE && nodes.gap(slot) < gap;
        slot = nodes.up(slot >> SHIFT)) {
      nodes.setGap(slot, gap);
    }
  }

  /** Recomputes the largest gap of a node and of those above it, as far as they change. */
  final void carryGap(int node) {
    for (int slot = nodes.up(node); slot != NONE; slot = nodes.up(node)) {
      long most = nodes.largestGap(node);
      if (nodes.gap(slot) == most) {
        return;
      }
      nodes.setGap(slot, most);
      node = slot >> SHIFT;
    }
  }

  /** Tells what lies in a node from place {@code from} on where it is now. */
  private void adopt(int node, int from, boolean leaf) {
    int base = node << SHIFT;
    for (int slot = base + from; slot < base + nodes.count(node); slot++) {
      if (leaf) {
        setLeaf(nodes.ref(slot), node);
      } else {
        nodes.setUp(nodes.ref(slot), slot);
      }
    }
  }

  /** Makes at least one slot free in a full node or, where entries went, in its neighbour. */
  private void makeRoom(int node, boolean leaf) {
    int slot = nodes.up(node);
    if (slot != NONE) {
      int parent = slot >> SHIFT;
      int at = slot & MASK;
      if (at + 1 < nodes.count(parent) && nodes.count(nodes.ref(slot + 1)) <= SLOTS - GIVE) {
        level(slot, leaf);
        return;
      }
      if (at > 0 && nodes.count(nodes.ref(slot - 1)) <= SLOTS - GIVE) {
        level(slot - 1, leaf);
        return;
      }
      if (nodes.count(parent) == SLOTS) {
        makeRoom(parent, false);
      }
    } else {
      int above = nodes.take();
      nodes.set(above << SHIFT, nodes.highestKey(node), nodes.largestGap(node), node);
      nodes.setCount(above, 1);
      nodes.setUp(node, above << SHIFT);
      root = above;
      height++;
    }
    split(node, leaf);
  }

  /** Moves the upper half of a full node to a new one; the parent has a free slot. */
  private void split(int node, boolean leaf) {
    int fresh = nodes.take();
    int half = SLOTS / 2;
    nodes.setCount(fresh, half);
    nodes.move((node << SHIFT) + half, fresh << SHIFT, half);
    nodes.close(node, half, half);
    adopt(fresh, 0, leaf);
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
    int parent = slot >> SHIFT;
    nodes.open(parent, (slot & MASK) + 1, 1);
    nodes.setRef(slot + 1, fresh);
    adopt(parent, (slot & MASK) + 1, false);
    describe(slot, node);
    describe(slot + 1, fresh);
  }

  /** Writes a child's highest key and largest gap into the parent's slot. */
  private void describe(int slot, int child) {
    nodes.setKey(slot, nodes.highestKey(child));
    nodes.setGap(slot, nodes.largestGap(child));
  }

  /** Shares the entries of the children at a slot and the next out evenly. */
  private void level(int slot, boolean leaf) {
    int a = nodes.ref(slot);
    int b = nodes.ref(slot + 1);
    int inA = nodes.count(a);
    int inB = nodes.count(b);
    int n = (inA + inB) / 2 - inA;
    if (n > 0) {
      nodes.setCount(a, nodes.count(a) + n);
      nodes.move(b << SHIFT, (a << SHIFT) + inA, n);
      nodes.close(b, 0, n);
      adopt(a, inA, leaf);
    } else {
      nodes.open(b, 0, -n);
      nodes.move((a << SHIFT) + inA + n, b << SHIFT, -n);
      nodes.close(a, inA + n, -n);
    }
    if (!leaf || n < 0) {
      adopt(b, 0, leaf);
    }
    describe(slot, a);
    describe(slot + 1, b);
  }

  /** Joins or levels a node with few entries; the root may have few. */
  private void refill(int node, boolean leaf) {
    int up = nodes.up(node);
    if (up == NONE) {
      if (!leaf && nodes.count(node) == 1) {
        root = nodes.ref(node << SHIFT);
        nodes.setUp(root, NONE);
        nodes.free(node);
        height--;
      }
      return;
    }
    int parent = up >> SHIFT;
    int slot = (up & MASK) + 1 < nodes.count(parent) ? up : up - 1;
    int a = nodes.ref(slot);
    int b = nodes.ref(slot + 1);
    if (nodes.count(a) + nodes.count(b) > JOIN) {
      level(slot, leaf);
      return;
    }
    int inA = nodes.count(a);
    nodes.setCount(a, nodes.count(a) + nodes.count(b));
    nodes.move(b << SHIFT, (a << SHIFT) + inA, nodes.count(b));
    adopt(a, inA, leaf);
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
    nodes.close(parent, (slot & MASK) + 1, 1);
    adopt(parent, (slot & MASK) + 1, false);
    describe(slot, a);
    if (nodes.count(parent) < FEW) {
      refill(parent, false);
    }
  }

  /**
   * The slot of the first VMA after a leaf's slot with a gap of at least {@code length}, or NONE.
   */
  final int nextFit(int slot, long length) {
    for (int level = 0; slot != NONE; slot = nodes.up(slot >> SHIFT), level++) {
      int end = (slot & ~MASK) + nodes.count(slot >> SHIFT);
      while (++slot < end) {
        if (nodes.gap(slot) >= length) {
          return firstFit(slot, level, length);
        }
      }
      slot--;
    }
    return NONE;
  }

  private int firstFit(int slot, int level, long length) {
    while (level-- > 0) {
      slot = nodes.ref(slot) << SHIFT;
      while (nodes.gap(slot) < length) {
        slot++;
      }
    }
    return slot;
  }

  /**
   * The slot of the last VMA before a leaf's slot with a gap of at least {@code length}, or NONE.
   */
  final int prevFit(int slot, long length) {
    for (int level = 0; slot != NONE; slot = nodes.up(slot >> SHIFT), level++) {
      int base = slot & ~MASK;
      for (int at = slot - 1; at >= base; at--) {
        if (nodes.gap(at) >= length) {
          return lastFit(at, level, length);
        }
      }
    }
    return NONE;
  }

  private int lastFit(int slot, int level, long length) {
    while (level-- > 0) {
      int child = nodes.ref(slot);
      slot = (child << SHIFT) + nodes.count(child) - 1;
      while (nodes.gap(slot) < length) {
        slot--;
      }
    }
    return slot;
  }

  /** Checks nodes, links, keys and gaps of the whole tree; returns the number of VMAs. */
  final int validateTree(String name) {
    int free = nodes.countFree();
    if (free < 0) {
      throw VmaChecks.corrupt(name, "stack of free nodes", 0, free, 0);
    }
    int[] seen = new int[1];
    int entries = validate(root, height, name, seen);
    if (seen[0] != nodes.used()) {
      throw VmaChecks.corrupt(name, "nodes reached", 0, seen[0], nodes.used());
    }
    if (nodes.up(root) != NONE) {
      throw VmaChecks.corrupt(name, "parent of the root", root, nodes.up(root), NONE);
    }
    return entries;
  }

  private int validate(int node, int level, String name, int[] seen) {
    seen[0]++;
    int n = nodes.count(node);
    int least = node != root ? FEW : level > 0 ? 2 : 0;
    if (n < least || n > SLOTS) {
      throw VmaChecks.corrupt(name, "entries of node " + node, 0, n, least);
    }
    int base = node << SHIFT;
    for (int slot = base + n; slot < base + SLOTS; slot++) {
      if (nodes.key(slot) != RangeNodes.UNUSED || nodes.gap(slot) != 0) {
        throw VmaChecks.corrupt(name, "unused slot " + slot, 0, nodes.key(slot), 0);
      }
    }
    int entries = 0;
    for (int slot = base; slot < base + n; slot++) {
      int below = nodes.ref(slot);
      if (level == 0) {
        entries++;
        if (leaf(below) != node) {
          throw VmaChecks.corrupt(name, "leaf", below, leaf(below), node);
        }
        continue;
      }
      if (nodes.up(below) != slot) {
        throw VmaChecks.corrupt(name, "parent of node " + below, 0, nodes.up(below), slot);
      }
      entries += validate(below, level - 1, name, seen);
      if (nodes.key(slot) != nodes.highestKey(below)) {
        throw VmaChecks.corrupt(
            name, "key at slot " + slot, 0, nodes.key(slot), nodes.highestKey(below));
      }
      if (nodes.gap(slot) != nodes.largestGap(below)) {
        throw VmaChecks.corrupt(
            name, "gap at slot " + slot, 0, nodes.gap(slot), nodes.largestGap(below));
      }
    }
    return entries;
  }
}
