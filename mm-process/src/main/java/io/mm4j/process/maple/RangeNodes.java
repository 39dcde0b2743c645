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
 * <p><b>Layout.</b> By slot: {@code key}, the highest end of what is below, {@link #UNUSED} in a
 * slot without an entry; {@code gap}, the largest gap of what is below, 0 without an entry; {@code
 * ref}, the VMA or the child. By node: {@code count}, its entries, which fill the slots from the
 * front; {@code up}, the parent's slot that refers to it, or {@link #NONE} for the root; {@code
 * left} and {@code right}, the leaves beside a leaf. Free nodes are a stack through {@code right}.
 */
final class RangeNodes {
  static final int SLOTS = 16;
  static final int SHIFT = 4;
  static final int MASK = SLOTS - 1;
  static final int NONE = -1;
  static final long UNUSED = Long.MAX_VALUE;

  private static final int FIRST_NODES = 4;

  long[] key = {};
  long[] gap = {};
  int[] ref = {};
  int[] count = {};
  int[] up = {};
  int[] left = {};
  int[] right = {};
  private int freeHead = NONE;
  private int fresh;
  private int used;

  RangeNodes() {
    resize(FIRST_NODES);
  }

  RangeNodes(RangeNodes other) {
    key = other.key;
    gap = other.gap;
    ref = other.ref;
    count = other.count;
    up = other.up;
    left = other.left;
    right = other.right;
    freeHead = other.freeHead;
    fresh = other.fresh;
    used = other.used;
    resize(Math.max(FIRST_NODES, fresh));
  }

  private void resize(int nodes) {
    key = Arrays.copyOf(key, nodes << SHIFT);
    gap = Arrays.copyOf(gap, nodes << SHIFT);
    ref = Arrays.copyOf(ref, nodes << SHIFT);
    count = Arrays.copyOf(count, nodes);
    up = Arrays.copyOf(up, nodes);
    left = Arrays.copyOf(left, nodes);
    right = Arrays.copyOf(right, nodes);
  }

  /** The nodes in use. */
  int used() {
    return used;
  }

  /** Makes room for so many more nodes. */
  void roomFor(long nodes) {
    long need = used + nodes;
    if (need > count.length) {
      resize((int) Math.max(need, 2L * count.length));
    }
  }

  /** An empty node with no parent and no neighbours. */
  int take() {
    int node = freeHead;
    if (node != NONE) {
      freeHead = right[node];
    } else {
      if (fresh == count.length) {
        resize(2 * fresh);
      }
      node = fresh++;
    }
    used++;
    int base = node << SHIFT;
    Arrays.fill(key, base, base + SLOTS, UNUSED);
    Arrays.fill(gap, base, base + SLOTS, 0);
    count[node] = 0;
    up[node] = NONE;
    left[node] = NONE;
    right[node] = NONE;
    return node;
  }

  /** Gives a node back. */
  void free(int node) {
    count[node] = 0;
    right[node] = freeHead;
    freeHead = node;
    used--;
  }

  /**
   * The first slot of the node at slot {@code base} whose key is above {@code addr}; there must be
   * one among the first 16. Two rounds of three comparisons without a jump: the sign of {@code key
   * - 1 - addr} is 1 for a key that is not above.
   */
  static int search(long[] key, int base, long addr) {
    int quarters =
        notAbove(key[base + 3], addr)
            + notAbove(key[base + 7], addr)
            + notAbove(key[base + 11], addr);
    int slot = base + 4 * quarters;
    return slot
        + notAbove(key[slot], addr)
        + notAbove(key[slot + 1], addr)
        + notAbove(key[slot + 2], addr);
  }

  private static int notAbove(long key, long addr) {
    return (int) ((key - 1 - addr) >>> 63);
  }

  /** The largest gap in a node. */
  long largestGap(int node) {
    int base = node << SHIFT;
    long most = 0;
    for (int slot = base; slot < base + SLOTS; slot++) {
      most = Math.max(most, gap[slot]);
    }
    return most;
  }

  /** The highest key of a node that has entries. */
  long highestKey(int node) {
    return key[(node << SHIFT) + count[node] - 1];
  }

  /** Opens {@code n} slots at place {@code at} of a node for entries that the caller writes. */
  void open(int node, int at, int n) {
    int slot = (node << SHIFT) + at;
    int moved = count[node] - at;
    System.arraycopy(key, slot, key, slot + n, moved);
    System.arraycopy(gap, slot, gap, slot + n, moved);
    System.arraycopy(ref, slot, ref, slot + n, moved);
    count[node] += n;
  }

  /** Takes {@code n} entries out at place {@code at} of a node. */
  void close(int node, int at, int n) {
    int base = node << SHIFT;
    int slot = base + at;
    int moved = count[node] - at - n;
    System.arraycopy(key, slot + n, key, slot, moved);
    System.arraycopy(gap, slot + n, gap, slot, moved);
    System.arraycopy(ref, slot + n, ref, slot, moved);
    int was = base + count[node];
    for (int unused = was - n; unused < was; unused++) {
      key[unused] = UNUSED;
      gap[unused] = 0;
    }
    count[node] -= n;
  }

  /**
   * Copies {@code n} entries, at place {@code from} of a node, to slots that are open in another.
   */
  void copy(int node, int from, int target, int to, int n) {
    int source = (node << SHIFT) + from;
    int slot = (target << SHIFT) + to;
    System.arraycopy(key, source, key, slot, n);
    System.arraycopy(gap, source, gap, slot, n);
    System.arraycopy(ref, source, ref, slot, n);
  }

  void set(int slot, long newKey, long newGap, int newRef) {
    key[slot] = newKey;
    gap[slot] = newGap;
    ref[slot] = newRef;
  }

  /** Counts the free nodes; -1 when their stack is broken. */
  int countFree() {
    int free = 0;
    for (int node = freeHead; node != NONE; node = right[node]) {
      if (node < 0 || node >= fresh || ++free > fresh) {
        return -1;
      }
    }
    return used + free == fresh ? free : -1;
  }
}
