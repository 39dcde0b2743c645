// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.memory.Pages;
import java.util.Arrays;

/**
 * A set of frames of the recorded machine, one bit each. As Linux merges free buddies always, the
 * free blocks are a function of the free frames: {@link #blockOrder}.
 *
 * <p>Layout: bits from frame 0 up, in pieces of 32768 frames that are made when first written.
 */
final class FreePages {
  private static final int PIECE_SHIFT = 15;
  private static final int PIECE_WORDS = 1 << (PIECE_SHIFT - 6);
  private static final long[] NONE = {};

  private final long[][] pieces;
  private final RecordedZones zones;

  FreePages(RecordedZones zones) {
    this.zones = zones;
    this.pieces = new long[Math.toIntExact((zones.endPfn() >>> PIECE_SHIFT) + 1)][];
    Arrays.fill(pieces, NONE);
  }

  private FreePages(FreePages other) {
    this.zones = other.zones;
    this.pieces = other.pieces.clone();
    for (int i = 0; i < pieces.length; i++) {
      pieces[i] = pieces[i].clone();
    }
  }

  /** The free frames before the first event. */
  static FreePages before(KmemSource source, RecordedZones zones) {
    FreePages pages = new FreePages(zones);
    try (FreeBlocks blocks = new FreeBlocks(source, FreeBlocks.BEFORE, zones)) {
      while (blocks.next()) {
        pages.set(blocks.pfn(), blocks.order(), true);
      }
    }
    return pages;
  }

  FreePages copy() {
    return new FreePages(this);
  }

  boolean get(long pfn) {
    return (word(pfn >>> 6) >>> (pfn & 63) & 1) != 0;
  }

  private long word(long index) {
    long[] piece = pieces[(int) (index >>> (PIECE_SHIFT - 6))];
    return piece.length == 0 ? 0 : piece[(int) index & (PIECE_WORDS - 1)];
  }

  /** Adds or removes the frames of an aligned block. */
  void set(long pfn, int order, boolean in) {
    int at = (int) (pfn >>> PIECE_SHIFT);
    if (pieces[at].length == 0) {
      pieces[at] = new long[PIECE_WORDS];
    }
    long[] piece = pieces[at];
    int first = (int) (pfn >>> 6) & (PIECE_WORDS - 1);
    if (order >= 6) {
      Arrays.fill(piece, first, first + (1 << (order - 6)), in ? -1L : 0);
    } else {
      long mask = mask(pfn, order);
      piece[first] = in ? piece[first] | mask : piece[first] & ~mask;
    }
  }

  private static long mask(long pfn, int order) {
    return ((1L << (1 << order)) - 1) << (pfn & 63);
  }

  /** How many frames of an aligned block are in the set. */
  int count(long pfn, int order) {
    if (order < 6) {
      return Long.bitCount(word(pfn >>> 6) & mask(pfn, order));
    }
    int count = 0;
    for (int i = 0; i < 1 << (order - 6); i++) {
      count += Long.bitCount(word((pfn >>> 6) + i));
    }
    return count;
  }

  /** The order of the largest aligned block around this frame whose frames are all in the set. */
  int blockOrder(long pfn) {
    if (!get(pfn)) {
      return -1;
    }
    int zone = zones.indexOf(pfn);
    int order = 0;
    while (order < Pages.MAX_PAGE_ORDER) {
      long head = pfn & -(1L << (order + 1));
      if (head < zones.startPfn(zone)
          || !zones.holdsBlock(zone, head, order + 1)
          || count(head, order + 1) != 1 << (order + 1)) {
        break;
      }
      order++;
    }
    return order;
  }

  /** Visits every frame of the set in ascending order. */
  void forEach(java.util.function.LongConsumer visitor) {
    for (int p = 0; p < pieces.length; p++) {
      if (pieces[p].length == 0) {
        continue;
      }
      for (int w = 0; w < PIECE_WORDS; w++) {
        for (long bits = pieces[p][w]; bits != 0; bits &= bits - 1) {
          visitor.accept(((long) p << PIECE_SHIFT) + (w << 6) + Long.numberOfTrailingZeros(bits));
        }
      }
    }
  }
}
