// SPDX-License-Identifier: Apache-2.0

package io.mm4j.vmalloc.rbtree;

import static io.mm4j.vmalloc.rbtree.Areas.NONE;

import java.util.Arrays;

/**
 * The pools of one node: for each number of pages up to {@value #MAX_PAGES} a list of purged areas,
 * of which the first one is handed out next. Models {@code struct vmap_pool}.
 */
final class Pools {
  /** {@code MAX_VA_SIZE_PAGES}, with the guard page. */
  static final int MAX_PAGES = 256;

  private final Areas a;
  private final int[] heads = new int[MAX_PAGES];
  private final int[] tails = new int[MAX_PAGES];
  private final int[] lengths = new int[MAX_PAGES];
  private int all;

  Pools(Areas areas) {
    this.a = areas;
    clear();
  }

  void clear() {
    Arrays.fill(heads, NONE);
    Arrays.fill(tails, NONE);
    Arrays.fill(lengths, 0);
    all = 0;
  }

  int all() {
    return all;
  }

  int length(int pages) {
    return lengths[pages - 1];
  }

  int head(int pages) {
    return heads[pages - 1];
  }

  /** Puts an area in front: {@code node_pool_add_va()}. */
  void push(int area, int pages) {
    int i = pages - 1;
    a.before[area] = NONE;
    a.after[area] = heads[i];
    if (heads[i] == NONE) {
      tails[i] = area;
    } else {
      a.before[heads[i]] = area;
    }
    heads[i] = area;
    lengths[i]++;
    all++;
  }

  /** Puts an area behind the others. */
  void append(int area, int pages) {
    int i = pages - 1;
    a.after[area] = NONE;
    a.before[area] = tails[i];
    if (tails[i] == NONE) {
      heads[i] = area;
    } else {
      a.after[tails[i]] = area;
    }
    tails[i] = area;
    lengths[i]++;
    all++;
  }

  /** Takes the first one out, or NONE. */
  int pop(int pages) {
    int area = heads[pages - 1];
    if (area != NONE) {
      remove(area, pages);
    }
    return area;
  }

  /** Takes an area out. */
  void remove(int area, int pages) {
    int i = pages - 1;
    int previous = a.before[area];
    int next = a.after[area];
    if (previous == NONE) {
      heads[i] = next;
    } else {
      a.after[previous] = next;
    }
    if (next == NONE) {
      tails[i] = previous;
    } else {
      a.before[next] = previous;
    }
    lengths[i]--;
    all--;
  }

  /**
   * {@code node_pool_del_va()}: the first area, if it is aligned; else it goes behind the others,
   * and there is none.
   */
  int take(int pages, long align) {
    int area = heads[pages - 1];
    if (area == NONE) {
      return NONE;
    }
    int taken = pop(pages);
    if ((a.start[taken] & (align - 1)) != 0) {
      append(taken, pages);
      return NONE;
    }
    return taken;
  }
}
