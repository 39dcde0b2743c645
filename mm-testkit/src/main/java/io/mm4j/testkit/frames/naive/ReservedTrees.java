// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.naive;

import io.mm4j.api.page.Migratetype;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Which block is taken by a plugin that promises {@code RESERVED_TREES}: a bit for each frame, and
 * every question answered by counting bits. Written from the words of that promise.
 */
public final class ReservedTrees {
  /** What a model does otherwise on purpose, to be a fault. */
  public enum Quirk {
    /** Nothing. */
    NONE,
    /** The reserved tree is not asked first. */
    FORGETS_ITS_TREE,
    /** Trees that are free as a whole come before those that are partly used. */
    FREE_TREES_FIRST,
    /** Trees that others have reserved are as good as any. */
    TAKES_RESERVED,
    /** The search ends with the last tree. */
    DOES_NOT_WRAP,
    /** Whole children are split although one that is split already would do. */
    SPLITS_WHOLE_CHILDREN,
    /** Frees reserve nothing. */
    FREES_RESERVE_NOTHING,
    /** Two migratetypes may have one tree. */
    SHARES_TREES
  }

  private static final int TREE = 1 << 14;
  private static final int CHILD = 1 << 9;
  private static final int NONE = -1;

  private final long base;
  private final int trees;
  private final Quirk quirk;
  private final BitSet free = new BitSet();
  private final int[] freeInTree;
  private final int[] holder;
  private final int[] reserved = new int[Migratetype.TYPES];
  private final int[] lastFreed = new int[Migratetype.TYPES];
  private final int[] running = new int[Migratetype.TYPES];

  /** A zone with nothing free. */
  public ReservedTrees(long startPfn, long endPfn, Quirk quirk) {
    base = startPfn - startPfn % TREE;
    trees = Math.toIntExact((endPfn - base + TREE - 1) / TREE);
    this.quirk = quirk;
    freeInTree = new int[trees];
    holder = new int[trees];
    Arrays.fill(holder, NONE);
    Arrays.fill(reserved, NONE);
    Arrays.fill(lastFreed, NONE);
  }

  /** The block that an allocation takes, or -1; reserves its tree, and takes nothing yet. */
  public long choose(int order, int type) {
    int own = quirk == Quirk.FORGETS_ITS_TREE ? NONE : reserved[type];
    int frame = own == NONE ? NONE : place(own, order);
    int from = Math.max(own, 0);
    int last = quirk == Quirk.DOES_NOT_WRAP ? trees - from : trees;
    for (int rank = 0; frame == NONE && rank < 4; rank++) {
      for (int i = 0; frame == NONE && i < last; i++) {
        int tree = (from + i) % trees;
        if (rank(tree) == rank) {
          frame = place(tree, order);
          if (frame != NONE) {
            reserve(tree, type);
          }
        }
      }
    }
    return frame == NONE ? NONE : base + frame;
  }

  private int rank(int tree) {
    if (holder[tree] != NONE && quirk != Quirk.TAKES_RESERVED) {
      return 3;
    }
    if (freeInTree[tree] * 16 < TREE) {
      return 2;
    }
    boolean nearlyFree = freeInTree[tree] * 16 >= 15 * TREE;
    return nearlyFree == (quirk == Quirk.FREE_TREES_FIRST) ? 0 : 1;
  }

  private void reserve(int tree, int type) {
    if (reserved[type] != NONE) {
      holder[reserved[type]] = NONE;
    }
    if (holder[tree] != NONE && quirk != Quirk.SHARES_TREES) {
      reserved[holder[tree]] = NONE;
    }
    reserved[type] = tree;
    holder[tree] = type;
  }

  /** The lowest suitable place in a tree. */
  private int place(int tree, int order) {
    int size = 1 << order;
    if (size > TREE || freeInTree[tree] < size) {
      return NONE;
    }
    int start = tree * TREE;
    if (size >= CHILD) {
      return lowest(start, start + TREE, size);
    }
    int whole = NONE;
    for (int child = start; child < start + TREE; child += CHILD) {
      boolean isWhole = isFree(child, CHILD);
      if (isWhole && whole == NONE) {
        whole = child;
      }
      int at = isWhole ? NONE : lowest(child, child + CHILD, size);
      if (at != NONE || (isWhole && quirk == Quirk.SPLITS_WHOLE_CHILDREN)) {
        return isWhole ? child : at;
      }
    }
    return whole;
  }

  private int lowest(int from, int to, int size) {
    for (int at = free.nextSetBit(from); at >= 0 && at < to; at = free.nextSetBit(at)) {
      int aligned = (at + size - 1) / size * size;
      if (aligned + size > to) {
        return NONE;
      }
      if (isFree(aligned, size)) {
        return aligned;
      }
      at = aligned == at ? at + size : aligned;
    }
    return NONE;
  }

  private boolean isFree(int at, int size) {
    return free.nextClearBit(at) >= at + size;
  }

  /** A block was freed for a migratetype. */
  public void freed(long pfn, int order, int type) {
    set(pfn, order, true);
    int tree = (int) ((pfn - base) / TREE);
    running[type] = lastFreed[type] == tree ? running[type] + 1 : 1;
    lastFreed[type] = tree;
    if (running[type] == 4 && holder[tree] == NONE && quirk != Quirk.FREES_RESERVE_NOTHING) {
      reserve(tree, type);
    }
  }

  /** A block is free no longer. */
  public void taken(long pfn, int order) {
    set(pfn, order, false);
  }

  private void set(long pfn, int order, boolean toFree) {
    int at = (int) (pfn - base);
    free.set(at, at + (1 << order), toFree);
    freeInTree[at / TREE] += toFree ? 1 << order : -(1 << order);
  }
}
