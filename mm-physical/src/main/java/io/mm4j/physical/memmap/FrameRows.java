// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * What the holder of a frame writes about it: a row of 32 bytes for each frame.
 *
 * <pre>
 *   +0 mapping   +1 index   +2 private   +3 mapcount (low half), entire mapcount (high half)
 * </pre>
 *
 * <p>Rows lie in chunks of 8192 frames - 256 KiB, which no collector takes for huge - that come
 * into being when a frame of them is first written; the frames of others read as zeroes.
 *
 * <p>Threads: any may be the first to write to a chunk, each to frames of its own; counts change by
 * atomic steps.
 */
final class FrameRows {
  /** Places in a row. */
  static final int MAPPING = 0;

  static final int INDEX = 1;
  static final int PRIVATE = 2;
  static final int COUNTS = 3;

  private static final int ROW_SHIFT = 2;
  private static final int CHUNK_SHIFT = 13;
  private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
  private static final long[] NOTHING = {};

  private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

  private final long[][] chunks;

  FrameRows(long endPfn) {
    chunks = new long[Math.toIntExact((endPfn + CHUNK_MASK) >>> CHUNK_SHIFT)][];
    Arrays.fill(chunks, NOTHING);
  }

  /** The chunk of a frame, or an empty array if nobody has written to it. */
  long[] chunkIfAny(long pfn) {
    return chunks[(int) (pfn >>> CHUNK_SHIFT)];
  }

  /** The chunk of a frame, made if it is not there. */
  long[] chunk(long pfn) {
    long[] known = chunks[(int) (pfn >>> CHUNK_SHIFT)];
    return known.length > 0 ? known : make((int) (pfn >>> CHUNK_SHIFT));
  }

  private synchronized long[] make(int chunk) {
    long[] made = chunks[chunk];
    if (made.length == 0) {
      made = new long[1 << (CHUNK_SHIFT + ROW_SHIFT)];
      VarHandle.releaseFence(); // nobody sees the array before its zeroes
      chunks[chunk] = made;
    }
    return made;
  }

  /** Where the row of a frame begins in its chunk. */
  static int at(long pfn) {
    return ((int) pfn & CHUNK_MASK) << ROW_SHIFT;
  }

  long get(long pfn, int place) {
    long[] chunk = chunkIfAny(pfn);
    int at = at(pfn) + place;
    return at < chunk.length ? chunk[at] : 0;
  }

  /** What a new holder writes. */
  void set(long pfn, long mapping, long index) {
    long[] chunk = chunkIfAny(pfn);
    int at = at(pfn);
    if (at + COUNTS < chunk.length) { // so that the array need not check it again
      chunk[at] = mapping;
      chunk[at + 1] = index;
    } else {
      chunk = chunk(pfn);
      chunk[at] = mapping;
      chunk[at + 1] = index;
    }
  }

  void set(long pfn, int place, long value) {
    chunk(pfn)[at(pfn) + place] = value;
  }

  /** The row becomes zeroes. */
  void clear(long pfn) {
    long[] chunk = chunkIfAny(pfn);
    int at = at(pfn);
    if (at + COUNTS < chunk.length) {
      chunk[at] = 0;
      chunk[at + 1] = 0;
      chunk[at + 2] = 0;
      chunk[at + 3] = 0;
    }
  }

  /** The row becomes that of another frame, whose row becomes zeroes. */
  void move(long destinationPfn, long sourcePfn) {
    for (int place = MAPPING; place <= COUNTS; place++) {
      set(destinationPfn, place, get(sourcePfn, place));
    }
    clear(sourcePfn);
  }

  int mapcount(long pfn) {
    return (int) get(pfn, COUNTS);
  }

  int entireMapcount(long pfn) {
    return (int) (get(pfn, COUNTS) >>> 32);
  }

  void setMapcount(long pfn, int count) {
    long[] chunk = chunk(pfn);
    int at = at(pfn) + COUNTS;
    chunk[at] = (chunk[at] & -1L << 32) | Integer.toUnsignedLong(count);
  }

  /**
   * Adds to one of the counts, in one atomic step.
   *
   * @param shift 0 for the mapcount, 32 for the entire mapcount
   * @return the new count, or -1, and nothing is changed, if it were negative
   */
  int add(long pfn, int shift, int change) {
    long[] chunk = chunk(pfn);
    int at = at(pfn) + COUNTS;
    for (long old = chunk[at]; ; ) {
      int count = (int) (old >>> shift) + change;
      if (count < 0) {
        return -1;
      }
      long others = old & ~(0xffff_ffffL << shift);
      long seen = (long) LONGS.compareAndExchange(chunk, at, old, others | (long) count << shift);
      if (seen == old) {
        return count;
      }
      old = seen;
    }
  }
}
