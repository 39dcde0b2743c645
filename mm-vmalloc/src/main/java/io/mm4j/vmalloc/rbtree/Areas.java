// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.rbtree;

import java.util.Arrays;

/**
 * Ranges of addresses, each a number: {@code struct vmap_area}. Where it is now - in a tree, in a
 * pool, nowhere - its owner knows.
 *
 * <pre>
 *   start, end           the range
 *   max                  in an augmented tree: the largest range of its subtree
 *   left, right, parent  the tree; red: its colour
 *   before, after        the list of a tree, by address, or of a pool
 *   node                 whose pool it goes to, or NO_NODE
 * </pre>
 */
final class Areas {
  static final int NONE = -1;

  long[] start = new long[64];
  long[] end = new long[64];
  long[] max = new long[64];
  int[] left = new int[64];
  int[] right = new int[64];
  int[] parent = new int[64];
  int[] before = new int[64];
  int[] after = new int[64];
  short[] node = new short[64];
  boolean[] red = new boolean[64];

  private int used;
  private int free = NONE;

  /** A range that is nowhere yet. */
  int make(long from, long to, int ofNode) {
    int area = free;
    if (area == NONE) {
      if (used == start.length) {
        grow();
      }
      area = used++;
    } else {
      free = after[area];
    }
    start[area] = from;
    end[area] = to;
    node[area] = (short) ofNode;
    return area;
  }

  /** A range that is nowhere any more. */
  void drop(int area) {
    after[area] = free;
    free = area;
  }

  void clear() {
    used = 0;
    free = NONE;
  }

  long bytes(int area) {
    return end[area] - start[area];
  }

  private void grow() {
    int size = 2 * start.length;
    start = Arrays.copyOf(start, size);
    end = Arrays.copyOf(end, size);
    max = Arrays.copyOf(max, size);
    left = Arrays.copyOf(left, size);
    right = Arrays.copyOf(right, size);
    parent = Arrays.copyOf(parent, size);
    before = Arrays.copyOf(before, size);
    after = Arrays.copyOf(after, size);
    node = Arrays.copyOf(node, size);
    red = Arrays.copyOf(red, size);
  }
}
