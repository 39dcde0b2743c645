// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.rbtree;

import static io.mm4j.vmalloc.rbtree.Areas.NONE;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.vmalloc.VmallocAllocator;

/**
 * The free ranges in a tree by address, of which each node knows the largest below it, and the
 * search for the lowest one that serves a request.
 */
final class Holes {
  private final Areas a;
  private final AreaTree tree;

  /** The ranges are in the tree. */
  Holes(Areas areas, AreaTree tree) {
    this.a = areas;
    this.tree = tree;
  }

  /** {@code __alloc_vmap_area()}. */
  long carve(long bytes, long align, long from, long to) {
    boolean exact = align <= Pages.PAGE_SIZE || to - from == bytes;
    int hole = lowestMatch(bytes, align, from, exact ? bytes : bytes + align - 1);
    if (hole == NONE) {
      return VmallocAllocator.NO_ADDRESS;
    }
    long address = alignUp(Math.max(a.start[hole], from), align);
    if (address + bytes > to || address + bytes < address) {
      return VmallocAllocator.NO_ADDRESS;
    }
    clip(hole, address, bytes);
    return address;
  }

  /** {@code find_vmap_lowest_match()}: its way through the tree, step by step. */
  private int lowestMatch(long bytes, long align, long from, long length) {
    long low = from;
    int n = tree.root();
    while (n != NONE) {
      if (tree.max(a.left[n]) >= length && low < a.start[n]) {
        n = a.left[n];
        continue;
      }
      if (fits(n, bytes, align, low)) {
        return n;
      }
      if (tree.max(a.right[n]) >= length) {
        n = a.right[n];
        continue;
      }
      // Back to the first ancestor with something to its right that was not looked at.
      n = a.parent[n];
      while (n != NONE) {
        if (fits(n, bytes, align, low)) {
          return n;
        }
        if (tree.max(a.right[n]) >= length && low <= a.start[n]) {
          low = a.start[n] + 1;
          n = a.right[n];
          break;
        }
        n = a.parent[n];
      }
    }
    return NONE;
  }

  /** {@code is_within_this_va()}. */
  private boolean fits(int n, long bytes, long align, long from) {
    long address = alignUp(Math.max(a.start[n], from), align);
    return address >= from && address + bytes >= address && address + bytes <= a.end[n];
  }

  private static long alignUp(long address, long align) {
    return (address + align - 1) & -align;
  }

  /** {@code va_clip()}: what is left below is a new range, what is left above is the old one. */
  void clip(int hole, long address, long bytes) {
    long to = address + bytes;
    boolean below = a.start[hole] < address;
    boolean above = to < a.end[hole];
    if (!below && !above) {
      tree.remove(hole);
      a.drop(hole);
    } else if (!below) {
      a.start[hole] = to;
      tree.grown(hole);
    } else if (!above) {
      a.end[hole] = address;
      tree.grown(hole);
    } else {
      int rest = a.make(a.start[hole], address, VmallocAllocator.NO_NODE);
      a.start[hole] = to;
      tree.grown(hole);
      tree.insert(rest);
    }
  }
}
