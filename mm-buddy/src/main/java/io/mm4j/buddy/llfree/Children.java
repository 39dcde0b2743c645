// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.llfree;

import java.util.Arrays;

/**
 * The lower half: for every <i>child</i> of 512 frames (2 MiB) a counter of its free frames and a
 * bit field of 512 bits, 1 being free.
 *
 * <p>The counter decides: at 0 and at 512 the bits say nothing and need not even exist. So blocks
 * of order 9 and 10 never touch a bit field, and memory that nobody has split has none. Bit fields
 * come into being by tree (32 children, 2 KiB of bits).
 */
final class Children {
  static final int ORDER = 9;
  static final int FRAMES = 1 << ORDER;
  static final int PER_TREE = 32;
  static final int TREE_SHIFT = 14;
  private static final int WORDS = FRAMES / 64;

  /** For each order below 6, the bits where an aligned block can begin in a word. */
  private static final long[] BEGINNINGS = {
    -1L,
    0x5555_5555_5555_5555L,
    0x1111_1111_1111_1111L,
    0x0101_0101_0101_0101L,
    0x0001_0001_0001_0001L,
    0x0000_0001_0000_0001L
  };

  private final short[] free;
  private final long[][] bits;

  Children(int trees) {
    free = new short[trees * PER_TREE];
    bits = new long[trees][];
  }

  int count() {
    return free.length;
  }

  /** Bytes of the counters, and of the bit fields that exist. */
  long bytes() {
    long bytes = 2L * free.length + 4L * bits.length;
    for (long[] words : bits) {
      bytes += words == null ? 0 : 8L * words.length;
    }
    return bytes;
  }

  int free(int child) {
    return free[child];
  }

  /** Whether every frame of an aligned block is free. */
  boolean isFull(long frame, int order) {
    return count(frame, order) == 1 << order;
  }

  /** How many frames of an aligned block are free. */
  int count(long frame, int order) {
    int child = (int) (frame >>> ORDER);
    if (order >= ORDER) {
      int sum = 0;
      for (int c = child; c < child + (1 << (order - ORDER)); c++) {
        sum += free[c];
      }
      return sum;
    }
    int inChild = free[child];
    if (inChild == 0) {
      return 0;
    }
    if (inChild == FRAMES) {
      return 1 << order;
    }
    long[] words = bits[child / PER_TREE];
    int word = word(frame);
    if (order < 6) {
      return Long.bitCount(words[word] & mask(frame, order));
    }
    int sum = 0;
    for (int w = word; w < word + (1 << (order - 6)); w++) {
      sum += Long.bitCount(words[w]);
    }
    return sum;
  }

  /** Frees a block that is not free anywhere, or takes one that is free as a whole. */
  void set(long frame, int order, boolean toFree) {
    int child = (int) (frame >>> ORDER);
    if (order >= ORDER) {
      Arrays.fill(free, child, child + (1 << (order - ORDER)), toFree ? (short) FRAMES : (short) 0);
      return;
    }
    long[] words = words(child);
    int word = word(frame);
    if (order < 6) {
      long mask = mask(frame, order);
      words[word] = toFree ? words[word] | mask : words[word] & ~mask;
    } else {
      Arrays.fill(words, word, word + (1 << (order - 6)), toFree ? -1 : 0);
    }
    free[child] += (short) (toFree ? 1 << order : -(1 << order));
  }

  /** The tree's bits, those of this child being true. */
  private long[] words(int child) {
    int tree = child / PER_TREE;
    long[] words = bits[tree];
    if (words == null) {
      words = new long[PER_TREE * WORDS];
      bits[tree] = words;
    }
    int inChild = free[child];
    if (inChild == 0 || inChild == FRAMES) {
      int first = child % PER_TREE * WORDS;
      Arrays.fill(words, first, first + WORDS, inChild == 0 ? 0 : -1);
    }
    return words;
  }

  /** The first frame, within the child, of a free aligned block below order 9; or -1. */
  int find(int child, int order) {
    int inChild = free[child];
    if (inChild < 1 << order) {
      return -1;
    }
    if (inChild == FRAMES) {
      return 0;
    }
    long[] words = bits[child / PER_TREE];
    int first = child % PER_TREE * WORDS;
    int step = order <= 6 ? 1 : 1 << (order - 6);
    for (int w = 0; w < WORDS; w += step) {
      if (order < 6) {
        long runs = runs(words[first + w], order);
        if (runs != 0) {
          return (w << 6) + Long.numberOfTrailingZeros(runs);
        }
      } else if (isAllOnes(words, first + w, step)) {
        return w << 6;
      }
    }
    return -1;
  }

  private static boolean isAllOnes(long[] words, int from, int length) {
    long all = -1;
    for (int w = from; w < from + length; w++) {
      all &= words[w];
    }
    return all == -1;
  }

  /** A bit for every aligned run of {@code 1 << order} ones in the word, where it begins. */
  private static long runs(long word, int order) {
    long runs = word;
    for (int o = 0; o < order; o++) {
      runs &= runs >>> (1 << o);
    }
    return runs & BEGINNINGS[order];
  }

  private static int word(long frame) {
    return (int) (frame & ((1 << TREE_SHIFT) - 1)) >>> 6;
  }

  private static long mask(long frame, int order) {
    return ((1L << (1 << order)) - 1) << frame;
  }
}
