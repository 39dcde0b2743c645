// SPDX-License-Identifier: Apache-2.0

package org.example.nextfit;

/**
 * One bit for every frame of a zone: 1 is free. A bit's number is the frame's, relative to a start
 * that is a multiple of the largest block; so an aligned block of up to 64 frames lies in one word,
 * and a larger one is a run of whole words.
 */
final class FreeBits {
  private final long[] words;

  FreeBits(int length) {
    words = new long[length];
  }

  long size() {
    return (long) words.length << 6;
  }

  boolean get(long bit) {
    return (words[(int) (bit >>> 6)] >>> bit & 1) != 0;
  }

  /** The bits of a block of fewer than 64 frames, in their word. */
  private static long mask(long bit, int order) {
    return ((1L << (1 << order)) - 1) << bit;
  }

  /** Whether every bit of an aligned block is set. */
  boolean isFull(long bit, int order) {
    int word = (int) (bit >>> 6);
    if (order < 6) {
      long mask = mask(bit, order);
      return (words[word] & mask) == mask;
    }
    for (int w = word; w < word + (1 << (order - 6)); w++) {
      if (words[w] != -1) {
        return false;
      }
    }
    return true;
  }

  /** How many bits of an aligned block are set. */
  int count(long bit, int order) {
    int word = (int) (bit >>> 6);
    if (order < 6) {
      return Long.bitCount(words[word] & mask(bit, order));
    }
    int bits = 0;
    for (int w = word; w < word + (1 << (order - 6)); w++) {
      bits += Long.bitCount(words[w]);
    }
    return bits;
  }

  /** Sets or clears every bit of an aligned block. */
  void fill(long bit, int order, boolean free) {
    int word = (int) (bit >>> 6);
    if (order < 6) {
      long mask = mask(bit, order);
      words[word] = free ? words[word] | mask : words[word] & ~mask;
      return;
    }
    for (int w = word; w < word + (1 << (order - 6)); w++) {
      words[w] = free ? -1 : 0;
    }
  }

  /** The first set bit at or after this one, or {@link #size()}. */
  long next(long bit) {
    for (int w = (int) (bit >>> 6); w < words.length; w++) {
      long word = words[w];
      if (w == bit >>> 6) {
        word &= -1L << bit;
      }
      if (word != 0) {
        return ((long) w << 6) + Long.numberOfTrailingZeros(word);
      }
    }
    return size();
  }
}
