// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import java.util.Arrays;

/**
 * The nodes of a B-tree of ranges as flat arrays: which are in use, the search within one, and
 * entries moved within one. What an entry means is the business of {@link RangeTree}.
 *
 * <p><b>Vocabulary.</b> A <i>slot</i> is {@code node * SLOTS + i}. An entry of a <i>leaf</i> is a
 * VMA, an entry of an <i>inner</i> node is a child.
 *
 * <p><b>Layout.</b> By slot: the key, the highest end of what is below, {@link #UNUSED} in a slot
 * without an entry; the gap, the largest gap of what is below, 0 without an entry; the VMA or the
 * child. Keys stand by themselves, for a search reads nothing else. Entries fill the slots from the
 * front. By node, four ints together: the number of entries; the parent's slot that refers to the
 * node, or {@link #NONE} for the root; the leaves to the left and right of a leaf. Free nodes are a
 * stack through the last.
 */
final class RangeNodes {
  static final int SLOTS = 16;
  static final int SHIFT = 4;
  static final int MASK = SLOTS - 1;
  static final int NONE = -1;
  static final long UNUSED = Long.MAX_VALUE;

  private static final int HEAD = 2;
  private static final int COUNT = 0;
  private static final int UP = 1;
  private static final int LEFT = 2;
  private static final int RIGHT = 3;
  private static final int FIRST_NODES = 4;

  long[] keys = {};
  int[] refs = {};
  private long[] gaps = {};
  private int[] heads = {};
  private int freeHead = NONE;
  private int fresh;
  private int used;

  RangeNodes() {
    resize(FIRST_NODES);
  }

  RangeNodes(RangeNodes other) {
    keys = other.keys;
    gaps = other.gaps;
    refs = other.refs;
    heads = other.heads;
    freeHead = other.freeHead;
    fresh = other.fresh;
    used = other.used;
    resize(Math.max(FIRST_NODES, fresh));
  }

  private void resize(int nodes) {
    keys = Arrays.copyOf(keys, nodes << SHIFT);
    gaps = Arrays.copyOf(gaps, nodes << SHIFT);
    heads = Arrays.copyOf(heads, nodes << HEAD);
    refs = Arrays.copyOf(refs, nodes << SHIFT);
  }

  /** The nodes in use. */
  int used() {
    return used;
  }

  /** Makes room for so many more nodes. */
  void roomFor(long nodes) {
    long need = used + nodes;
    if (need > refs.length >> SHIFT) {
      resize((int) Math.max(need, 2L * (refs.length >> SHIFT)));
    }
  }

  /** An empty node with no parent and no neighbours. */
  int take() {
    int node = freeHead;
    if (node != NONE) {
      freeHead = right(node);
    } else {
      if (fresh == refs.length >> SHIFT) {
        resize(2 * fresh);
      }
      node = fresh++;
    }
    used++;
    int base = node << SHIFT;
    Arrays.fill(keys, base, base + SLOTS, UNUSED);
    Arrays.fill(gaps, base, base + SLOTS, 0);
    setCount(node, 0);
    setUp(node, NONE);
    setLeft(node, NONE);
    setRight(node, NONE);
    return node;
  }

  /** Gives a node back. */
  void free(int node) {
    setCount(node, 0);
    setRight(node, freeHead);
    freeHead = node;
    used--;
  }

  long key(int slot) {
    return keys[slot];
  }

  void setKey(int slot, long key) {
    keys[slot] = key;
  }

  long gap(int slot) {
    return gaps[slot];
  }

  void setGap(int slot, long gap) {
    gaps[slot] = gap;
  }

  int ref(int slot) {
    return refs[slot];
  }

  int count(int node) {
    return heads[(node << HEAD) + COUNT];
  }

  void setCount(int node, int count) {
    heads[(node << HEAD) + COUNT] = count;
  }

  int up(int node) {
    return heads[(node << HEAD) + UP];
  }

  void setUp(int node, int slot) {
    heads[(node << HEAD) + UP] = slot;
  }

  int left(int node) {
    return heads[(node << HEAD) + LEFT];
  }

  void setLeft(int node, int left) {
    heads[(node << HEAD) + LEFT] = left;
  }

  int right(int node) {
    return heads[(node << HEAD) + RIGHT];
  }

  void setRight(int node, int right) {
    heads[(node << HEAD) + RIGHT] = right;
  }

  /**
   * The first slot of the node at slot {@code base} whose key is above {@code addr}; there must be
   * one among its slots. Two rounds of three comparisons without a jump: the sign of {@code key - 1
   * - addr} is 1 for a key that is not above.
   */
  static int search(long[] keys, int base, long addr) {
    int quarters =
        notAbove(keys[base + 3], addr)
            + notAbove(keys[base + 7], addr)
            + notAbove(keys[base + 11], addr);
    int slot = base + 4 * quarters;
    return slot
        + notAbove(keys[slot], addr)
        + notAbove(keys[slot + 1], addr)
        + notAbove(keys[slot + 2], addr);
  }

  private static int notAbove(long key, long addr) {
    return (int) ((key - 1 - addr) >>> 63);
  }

  /** The largest gap in a node. */
  long largestGap(int node) {
    int base = node << SHIFT;
    long most = 0;
    for (int i = 0; i < SLOTS; i++) {
      most = Math.max(most, gaps[base + i]);
    }
    return most;
  }

  /** The highest key of a node that has entries. */
  long highestKey(int node) {
    return key((node << SHIFT) + count(node) - 1);
  }

  /** Opens {@code n} slots at place {@code at} of a node for entries that the caller writes. */
  void open(int node, int at, int n) {
    int slot = (node << SHIFT) + at;
    int count = count(node);
    move(slot, slot + n, count - at);
    setCount(node, count + n);
  }

  /** Takes {@code n} entries out at place {@code at} of a node. */
  void close(int node, int at, int n) {
    int base = node << SHIFT;
    int slot = base + at;
    int count = count(node);
    move(slot + n, slot, count - at - n);
    for (int unused = base + count - n; unused < base + count; unused++) {
      setKey(unused, UNUSED);
      setGap(unused, 0);
    }
    setCount(node, count - n);
  }

  /**
   * Copies {@code n} entries from one slot on to slots that are open, of another node or its own.
   */
  void move(int from, int to, int n) {
    System.arraycopy(keys, from, keys, to, n);
    System.arraycopy(gaps, from, gaps, to, n);
    System.arraycopy(refs, from, refs, to, n);
  }

  void set(int slot, long key, long gap, int ref) {
    keys[slot] = key;
    gaps[slot] = gap;
    refs[slot] = ref;
  }

  void setRef(int slot, int ref) {
    refs[slot] = ref;
  }

  /** Counts the free nodes; -1 when their stack is broken. */
  int countFree() {
    int free = 0;
    for (int node = freeHead; node != NONE; node = right(node)) {
      if (node < 0 || node >= fresh || ++free > fresh) {
        return -1;
      }
    }
    return used + free == fresh ? free : -1;
  }
}
