// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.llfree;

import io.mm4j.api.page.Migratetype;
import java.util.Arrays;

/**
 * The upper half: for every <i>tree</i> of 32 children (64 MiB) a counter of its free frames, and
 * who has reserved it. A migratetype allocates from the tree that it has reserved, so that what it
 * allocates stays together; other types keep away as long as there is another tree.
 *
 * <p>When a tree has nothing suitable left the next one is looked for beginning with its neighbour:
 * first one that is partly used, then one that is free as a whole, then one that is nearly full,
 * then one that somebody else has reserved. A type that frees four times running into one tree
 * reserves that: its frames will soon be whole again.
 */
final class Trees {
  static final int FRAMES = 1 << Children.TREE_SHIFT;
  private static final int NEARLY_FULL = FRAMES / 16;
  private static final int NEARLY_FREE = FRAMES - FRAMES / 16;
  private static final int FREES_TO_RESERVE = 4;
  private static final int NONE = -1;

  /** How good a tree is; each pass of a search takes one kind. */
  enum Kind {
    PARTLY_USED,
    FREE,
    NEARLY_FULL,
    RESERVED
  }

  private final int[] free;
  private final byte[] holder;
  private final int[] reserved = new int[Migratetype.TYPES];
  private final int[] lastFreed = new int[Migratetype.TYPES];
  private final int[] freedRunning = new int[Migratetype.TYPES];

  Trees(int count) {
    free = new int[count];
    holder = new byte[count];
    Arrays.fill(reserved, NONE);
    Arrays.fill(lastFreed, NONE);
  }

  int count() {
    return free.length;
  }

  /** Bytes of the counters. */
  long bytes() {
    return 5L * free.length + 12L * Migratetype.TYPES;
  }

  int free(int tree) {
    return free[tree];
  }

  void add(int tree, int frames) {
    free[tree] += frames;
  }

  /** The tree that the type has reserved, or -1. */
  int reservedBy(int migratetype) {
    return reserved[migratetype];
  }

  /** Whether a tree is of this kind for somebody who has not reserved it. */
  boolean isKind(int tree, Kind kind) {
    if (kind == Kind.RESERVED) {
      return holder[tree] != 0;
    }
    if (holder[tree] != 0) {
      return false;
    }
    int frames = free[tree];
    return switch (kind) {
      case PARTLY_USED -> frames >= NEARLY_FULL && frames < NEARLY_FREE;
      case FREE -> frames >= NEARLY_FREE;
      default -> frames < NEARLY_FULL;
    };
  }

  void reserve(int tree, int migratetype) {
    int old = reserved[migratetype];
    if (old != NONE) {
      holder[old] = 0;
    }
    if (holder[tree] != 0) {
      reserved[holder[tree] - 1] = NONE;
    }
    reserved[migratetype] = tree;
    holder[tree] = (byte) (migratetype + 1);
  }

  void freed(int tree, int migratetype) {
    if (lastFreed[migratetype] != tree) {
      lastFreed[migratetype] = tree;
      freedRunning[migratetype] = 1;
    } else if (++freedRunning[migratetype] == FREES_TO_RESERVE && holder[tree] == 0) {
      reserve(tree, migratetype);
    }
  }
}
