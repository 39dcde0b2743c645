// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.rbtree;

import static io.mm4j.vmalloc.rbtree.Areas.NONE;

import io.mm4j.api.CorruptStateError;

/**
 * Ranges in a red-black tree by address, and in a list in the same order. Each node of an augmented
 * tree knows the largest range of its subtree.
 *
 * <p>The shape is that of the kernel's tree after the same changes (lib/rbtree.c, Linux 6.18),
 * because which hole an aligned request finds depends on it.
 */
final class AreaTree {
  private final Areas a;
  private final boolean augmented;
  private int root = NONE;
  private int first = NONE;
  private int size;

  AreaTree(Areas areas, boolean augmented) {
    this.a = areas;
    this.augmented = augmented;
  }

  int size() {
    return size;
  }

  int root() {
    return root;
  }

  /** The lowest range, from where {@link Areas#after} leads on. */
  int first() {
    return first;
  }

  /** Forgets everything; the list stays walkable from {@link #first} as it was before. */
  void clear() {
    root = NONE;
    first = NONE;
    size = 0;
  }

  /** The range that an address lies in. */
  int find(long address) {
    int n = root;
    while (n != NONE && (address < a.start[n] || address >= a.end[n])) {
      n = address < a.start[n] ? a.left[n] : a.right[n];
    }
    return n;
  }

  /** The lowest range that ends above an address: {@code __find_vmap_area_exceed_addr()}. */
  int above(long address) {
    int n = root;
    int found = NONE;
    while (n != NONE) {
      if (a.end[n] > address) {
        found = n;
        n = a.left[n];
      } else {
        n = a.right[n];
      }
    }
    return found;
  }

  /** Whether a range of the tree has a part of this one. */
  boolean touches(long from, long to) {
    int n = above(from);
    return n != NONE && a.start[n] < to;
  }

  /** Puts a range in: {@code insert_vmap_area()}. It overlaps none. */
  void insert(int area) {
    int p = NONE;
    boolean right = false;
    for (int n = root; n != NONE; ) {
      p = n;
      right = a.start[area] >= a.end[n];
      if (!right && a.end[area] > a.start[n]) {
        throw overlap(area, n);
      }
      n = right ? a.right[n] : a.left[n];
    }
    link(area, p, right);
  }

  /**
   * Puts a range in, or adds it to neighbours that it touches: {@code merge_or_add_vmap_area()}.
   * With two, the higher one goes.
   */
  void merge(int area) {
    int p = NONE;
    boolean right = false;
    for (int n = root; n != NONE; ) {
      p = n;
      right = a.start[area] >= a.end[n];
      if (!right && a.end[area] > a.start[n]) {
        throw overlap(area, n);
      }
      n = right ? a.right[n] : a.left[n];
    }
    int next = p == NONE ? NONE : right ? a.after[p] : p;
    int previous = p == NONE ? NONE : right ? p : a.before[p];
    int merged = area;
    if (next != NONE && a.start[next] == a.end[area]) {
      a.start[next] = a.start[area];
      a.drop(area);
      merged = next;
    }
    if (previous != NONE && a.end[previous] == a.start[merged]) {
      if (merged != area) {
        remove(merged);
      }
      a.end[previous] = a.end[merged];
      a.drop(merged);
      merged = previous;
    } else if (merged == area) {
      link(area, p, right);
      return;
    }
    grown(merged);
  }

  private CorruptStateError overlap(int area, int n) {
    return new CorruptStateError(
        String.format(
            "ranges overlap: start=0x%x end=0x%x and start=0x%x end=0x%x",
            a.start[area], a.end[area], a.start[n], a.end[n]));
  }

  /** Must be called after a range in the tree has changed its borders. */
  void grown(int area) {
    if (augmented) {
      propagate(area);
    }
  }

  private void propagate(int from) {
    for (int n = from; n != NONE; n = a.parent[n]) {
      long most = largest(n);
      if (most == a.max[n] && n != from) {
        return;
      }
      a.max[n] = most;
    }
  }

  private long largest(int n) {
    long most = a.end[n] - a.start[n];
    int l = a.left[n];
    int r = a.right[n];
    if (l != NONE && a.max[l] > most) {
      most = a.max[l];
    }
    return r != NONE && a.max[r] > most ? a.max[r] : most;
  }

  /** The largest range below and at a node. */
  long max(int n) {
    return n == NONE ? 0 : a.max[n];
  }

  private void link(int area, int p, boolean right) {
    a.left[area] = NONE;
    a.right[area] = NONE;
    a.parent[area] = p;
    a.red[area] = true;
    a.max[area] = a.bytes(area);
    size++;
    int previous;
    int next;
    if (p == NONE) {
      root = area;
      previous = NONE;
      next = NONE;
    } else if (right) {
      a.right[p] = area;
      previous = p;
      next = a.after[p];
    } else {
      a.left[p] = area;
      previous = a.before[p];
      next = p;
    }
    a.before[area] = previous;
    a.after[area] = next;
    if (previous == NONE) {
      first = area;
    } else {
      a.after[previous] = area;
    }
    if (next != NONE) {
      a.before[next] = area;
    }
    grown(area);
    fixInsert(area);
  }

  private void fixInsert(int area) {
    int n = area;
    int p = a.parent[n];
    while (p != NONE && a.red[p]) {
      int g = a.parent[p];
      boolean leftSide = p == a.left[g];
      int uncle = leftSide ? a.right[g] : a.left[g];
      if (uncle != NONE && a.red[uncle]) {
        a.red[p] = false;
        a.red[uncle] = false;
        a.red[g] = true;
        n = g;
        p = a.parent[n];
        continue;
      }
      if (n == (leftSide ? a.right[p] : a.left[p])) {
        rotate(p, leftSide);
        p = n;
      }
      a.red[p] = false;
      a.red[g] = true;
      rotate(g, !leftSide);
      break;
    }
    a.red[root] = false;
  }

  /** Turns a node and its right child (or its left one) around. */
  private void rotate(int n, boolean toLeft) {
    int up = toLeft ? a.right[n] : a.left[n];
    int inner = toLeft ? a.left[up] : a.right[up];
    int p = a.parent[n];
    if (toLeft) {
      a.right[n] = inner;
      a.left[up] = n;
    } else {
      a.left[n] = inner;
      a.right[up] = n;
    }
    if (inner != NONE) {
      a.parent[inner] = n;
    }
    a.parent[up] = p;
    a.parent[n] = up;
    replaceChild(p, n, up);
    if (augmented) {
      a.max[n] = largest(n);
      a.max[up] = largest(up);
    }
  }

  private void replaceChild(int p, int old, int now) {
    if (p == NONE) {
      root = now;
    } else if (a.left[p] == old) {
      a.left[p] = now;
    } else {
      a.right[p] = now;
    }
  }

  /** Takes a range out: {@code unlink_va()}. */
  void remove(int area) {
    int previous = a.before[area];
    int next = a.after[area];
    if (previous == NONE) {
      first = next;
    } else {
      a.after[previous] = next;
    }
    if (next != NONE) {
      a.before[next] = previous;
    }
    size--;

    int l = a.left[area];
    int r = a.right[area];
    int p = a.parent[area];
    int child;
    int hole;
    boolean black;
    if (l == NONE || r == NONE) {
      child = l == NONE ? r : l;
      hole = p;
      black = !a.red[area];
      replaceChild(p, area, child);
      if (child != NONE) {
        a.parent[child] = p;
      }
    } else {
      int s = r;
      while (a.left[s] != NONE) {
        s = a.left[s];
      }
      child = a.right[s];
      black = !a.red[s];
      if (s == r) {
        hole = s;
      } else {
        hole = a.parent[s];
        a.left[hole] = child;
        if (child != NONE) {
          a.parent[child] = hole;
        }
        a.right[s] = r;
        a.parent[r] = s;
      }
      a.left[s] = l;
      a.parent[l] = s;
      a.parent[s] = p;
      replaceChild(p, area, s);
      a.red[s] = a.red[area];
      if (augmented) {
        a.max[s] = a.max[area];
      }
    }
    if (augmented) {
      for (int n = hole; n != NONE; n = a.parent[n]) {
        a.max[n] = largest(n);
      }
    }
    if (black) {
      fixRemove(child, hole);
    }
  }

  private void fixRemove(int child, int hole) {
    int n = child;
    int p = hole;
    while (n != root && (n == NONE || !a.red[n])) {
      boolean leftSide = n == a.left[p];
      int s = leftSide ? a.right[p] : a.left[p];
      if (a.red[s]) {
        a.red[s] = false;
        a.red[p] = true;
        rotate(p, leftSide);
        s = leftSide ? a.right[p] : a.left[p];
      }
      int outer = leftSide ? a.right[s] : a.left[s];
      int inner = leftSide ? a.left[s] : a.right[s];
      boolean outerBlack = outer == NONE || !a.red[outer];
      if (outerBlack && (inner == NONE || !a.red[inner])) {
        a.red[s] = true;
        n = p;
        p = a.parent[n];
        continue;
      }
      if (outerBlack) {
        a.red[inner] = false;
        a.red[s] = true;
        rotate(s, !leftSide);
        outer = s;
        s = inner;
      }
      a.red[s] = a.red[p];
      a.red[p] = false;
      a.red[outer] = false;
      rotate(p, leftSide);
      n = root;
      break;
    }
    if (n != NONE) {
      a.red[n] = false;
    }
  }

  /** Compares tree, list, colours and largest ranges. */
  void validate(String what) {
    int[] last = {NONE};
    int[] counted = {0};
    int _ = blackHeight(root, NONE, last, counted, what);
    CorruptStateError.check(
        counted[0] == size, what + ": ranges=" + counted[0] + " counted=" + size);
    int walked = 0;
    int previous = NONE;
    for (int n = first; n != NONE; n = a.after[n]) {
      CorruptStateError.check(
          a.before[n] == previous && (previous == NONE || a.end[previous] <= a.start[n]),
          String.format("%s: the list is out of order at start=0x%x", what, a.start[n]));
      previous = n;
      walked++;
    }
    CorruptStateError.check(walked == size, what + ": listed=" + walked + " counted=" + size);
  }

  private int blackHeight(int n, int p, int[] last, int[] counted, String what) {
    if (n == NONE) {
      return 1;
    }
    counted[0]++;
    int l = blackHeight(a.left[n], n, last, counted, what);
    boolean inOrder = last[0] == NONE || a.end[last[0]] <= a.start[n];
    last[0] = n;
    int r = blackHeight(a.right[n], n, last, counted, what);
    boolean good =
        inOrder
            && a.parent[n] == p
            && a.start[n] < a.end[n]
            && l == r
            && !(a.red[n] && (p == NONE || a.red[p]))
            && (!augmented || a.max[n] == largest(n));
    CorruptStateError.check(
        good,
        String.format(
            "%s: the tree is wrong at start=0x%x end=0x%x max=0x%x",
            what, a.start[n], a.end[n], a.max[n]));
    return l + (a.red[n] ? 0 : 1);
  }
}
