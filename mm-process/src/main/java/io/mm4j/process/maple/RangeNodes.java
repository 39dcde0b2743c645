// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import java.util.Arrays;
import java.util.Objects;

/**
 * The nodes of a B-tree of ranges as flat arrays: which are in use, the search within one, and
 * entries moved between two. What keeps them in a tree is the business of {@link RangeTree}.
 *
 * <p><b>Vocabulary.</b> A node has sixteen <i>slots</i> and is named by the first, its <i>head</i>;
 * the other fifteen, its <i>places</i>, can have an entry each. An entry of a <i>leaf</i> is a VMA,
 * an entry of an <i>inner</i> node is a child. The <i>gap</i> of a VMA is the free range just below
 * it, down to the VMA before; it belongs to one leaf even where it reaches over the leaf's border.
 *
 * <p><b>Layout.</b> Three arrays by slot.
 *
 * <table>
 *   <caption>What a slot has</caption>
 *   <tr><th></th><th>head</th><th>place in a leaf</th><th>place in an inner node</th></tr>
 *   <tr><td>keys</td><td>the {@link Order}</td><td>end</td><td>highest end below</td></tr>
 *   <tr><td>lows</td><td>leaves left and right</td><td>start</td><td>largest gap below</td></tr>
 *   <tr><td>refs</td><td>the parent's slot for it</td><td>VMA</td><td>child</td></tr>
 * </table>
 *
 * <p>A place without entry has {@link #UNUSED} for its key and 0 for its low. Entries stay where
 * they are; their order is a number of the head. So a change writes one place, a VMA's handle can
 * name its slot, and a search compares with all keys of a node at once, for it only has to count
 * those that are not above. Free nodes are a stack through the refs of their heads.
 */
final class RangeNodes {
  static final int SLOTS = 16;
  static final int PLACES = SLOTS - 1;
  static final int NONE = -1;
  static final long UNUSED = Long.MAX_VALUE;

  private static final long LOW_HALF = 0xffffffffL;
  private static final int FIRST_NODES = 4;

  long[] keys = {};
  long[] lows = {};
  int[] refs = {};
  private int freeHead = NONE;
  private int fresh;
  private int used;

  RangeNodes() {
    resize(FIRST_NODES * SLOTS);
  }

  RangeNodes(RangeNodes other) {
    keys = other.keys;
    lows = other.lows;
    refs = other.refs;
    freeHead = other.freeHead;
    fresh = other.fresh;
    used = other.used;
    resize(Math.max(FIRST_NODES * SLOTS, fresh));
  }

  private void resize(int slots) {
    keys = Arrays.copyOf(keys, slots);
    lows = Arrays.copyOf(lows, slots);
    refs = Arrays.copyOf(refs, slots);
  }

  /** The nodes in use. */
  int used() {
    return used;
  }

  /** Makes room for so many more nodes. */
  void roomFor(long nodes) {
    long need = (used + nodes) * SLOTS;
    if (need > refs.length) {
      resize((int) Math.max(need, 2L * refs.length));
    }
  }

  /** An empty node with no parent and no neighbours. */
  int take() {
    int node = freeHead;
    if (node != NONE) {
      freeHead = refs[node];
    } else {
      if (fresh == refs.length) {
        resize(2 * fresh);
      }
      node = fresh;
      fresh += SLOTS;
    }
    used++;
    Arrays.fill(keys, node, node + SLOTS, UNUSED);
    Arrays.fill(lows, node, node + SLOTS, 0);
    keys[node] = Order.EMPTY;
    setUp(node, NONE);
    setLeft(node, NONE);
    setRight(node, NONE);
    return node;
  }

  /** Gives a node back. */
  void free(int node) {
    keys[node] = Order.EMPTY;
    refs[node] = freeHead;
    freeHead = node;
    used--;
  }

  /** The node of a slot. */
  static int nodeOf(int slot) {
    return slot & -SLOTS;
  }

  long order(int node) {
    return keys[node];
  }

  int count(int node) {
    return Order.count(keys[node]);
  }

  /** The parent's slot that refers to the node, or {@link #NONE} for the root. */
  int up(int node) {
    return refs[node];
  }

  void setUp(int node, int slot) {
    refs[node] = slot;
  }

  /** The leaf to the left of a leaf, or {@link #NONE}. */
  int left(int leaf) {
    return (int) (lows[leaf] >>> 32);
  }

  void setLeft(int leaf, int left) {
    lows[leaf] = (lows[leaf] & LOW_HALF) | ((long) left << 32);
  }

  /** The leaf to the right of a leaf, or {@link #NONE}. */
  int right(int leaf) {
    return (int) lows[leaf];
  }

  void setRight(int leaf, int right) {
    lows[leaf] = (lows[leaf] & ~LOW_HALF) | (right & LOW_HALF);
  }

  /** The slot of the entry of a rank. */
  int slot(int node, int rank) {
    return node + Order.place(keys[node], rank);
  }

  /** The rank of the entry at a slot. */
  int rank(int slot) {
    return Order.rank(keys[slot & -SLOTS], slot & PLACES);
  }

  /** The highest key of a node that has entries. */
  long highestKey(int node) {
    return keys[slot(node, count(node) - 1)];
  }

  /**
   * The number of keys in a node that are not above {@code addr}: the rank of the first above. No
   * jump that could be foretold wrongly and no comparison that waits for another: the sign of
   * {@code key - past} is -1 for a key that is not above.
   */
  static int search(long[] keys, int node, long addr) {
    long past = addr + 1;
    Objects.checkFromIndexSize(node, SLOTS, keys.length); // once, not fifteen times
    long n = 0;
    n -= (keys[node + 15] - past) >> 63;
    n -= (keys[node + 1] - past) >> 63;
    n -= (keys[node + 2] - past) >> 63;
    n -= (keys[node + 3] - past) >> 63;
    n -= (keys[node + 4] - past) >> 63;
    n -= (keys[node + 5] - past) >> 63;
    n -= (keys[node + 6] - past) >> 63;
    n -= (keys[node + 7] - past) >> 63;
    n -= (keys[node + 8] - past) >> 63;
    n -= (keys[node + 9] - past) >> 63;
    n -= (keys[node + 10] - past) >> 63;
    n -= (keys[node + 11] - past) >> 63;
    n -= (keys[node + 12] - past) >> 63;
    n -= (keys[node + 13] - past) >> 63;
    n -= (keys[node + 14] - past) >> 63;
    return (int) n;
  }

  /**
   * Has the lows of a leaf come from memory while its keys are compared; what is read decides
   * nothing, for no low is negative.
   */
  void bring(int leaf) {
    if (lows[leaf + SLOTS / 2] < 0) {
      throw new IllegalStateException("leaf=" + leaf + " low=" + lows[leaf + SLOTS / 2]);
    }
  }

  /** Where the gap of a leaf's entry begins: the end of the VMA before, 0 without one. */
  long gapStart(int leaf, int rank) {
    if (rank != 0) {
      return keys[slot(leaf, rank - 1)];
    }
    int left = left(leaf);
    return left == NONE ? 0 : highestKey(left);
  }

  /** The largest gap in a leaf. */
  long largestGapOfLeaf(int leaf) {
    long order = keys[leaf];
    long end = gapStart(leaf, 0);
    long most = 0;
    for (int rank = 0; rank < Order.count(order); rank++) {
      int slot = leaf + Order.place(order, rank);
      most = Math.max(most, lows[slot] - end);
      end = keys[slot];
    }
    return most;
  }

  /** The largest gap below an inner node. */
  long largestGapOfInner(int node) {
    long most = 0;
    for (int slot = node + 1; slot < node + SLOTS; slot++) {
      most = Math.max(most, lows[slot]);
    }
    return most;
  }

  /** Makes a new entry of that rank in a node with a free place; returns its slot. */
  int enter(int node, int rank, long key, long low, int ref) {
    long order = keys[node];
    int slot = node + Order.spare(order);
    keys[slot] = key;
    lows[slot] = low;
    refs[slot] = ref;
    keys[node] = Order.enter(order, rank);
    return slot;
  }

  /** Takes the entry of that rank out. */
  void remove(int node, int rank) {
    long order = keys[node];
    int slot = node + Order.place(order, rank);
    keys[slot] = UNUSED;
    lows[slot] = 0;
    keys[node] = Order.remove(order, rank);
  }

  /** Counts the free nodes; -1 when their stack is broken. */
  int countFree() {
    int free = 0;
    for (int node = freeHead; node != NONE; node = refs[node]) {
      if (node < 0 || node >= fresh || (node & PLACES) != 0 || ++free * SLOTS > fresh) {
        return -1;
      }
    }
    return (used + free) * SLOTS == fresh ? free : -1;
  }
}
