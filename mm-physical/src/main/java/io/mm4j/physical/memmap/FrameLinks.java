// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The list links of frames, complemented, so that 0 is none. Two in one long where frame numbers
 * are of 32 bits (machines below 16 TiB), else a long for each. By chunks as {@link FrameRows}.
 *
 * <p>Threads: any may be the first to write to a chunk; the lock of its list guards a frame's
 * links.
 */
final class FrameLinks {
  private static final int CHUNK_SHIFT = 13;
  private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
  private static final long LOW = 0xffff_ffffL;
  private static final long[] NOTHING = {};

  private final long[][] chunks;

  /** 1 if a link needs a long of its own. */
  private final int far;

  FrameLinks(long endPfn) {
    chunks = new long[Math.toIntExact((endPfn + CHUNK_MASK) >>> CHUNK_SHIFT)][];
    Arrays.fill(chunks, NOTHING);
    far = endPfn > LOW ? 1 : 0; // the complement of the number LOW would be 0
  }

  private int at(long pfn) {
    return ((int) pfn & CHUNK_MASK) << far;
  }

  private long[] make(long pfn) {
    return make((int) (pfn >>> CHUNK_SHIFT));
  }

  private synchronized long[] make(int chunk) {
    long[] made = chunks[chunk];
    if (made.length == 0) {
      made = new long[1 << CHUNK_SHIFT << far];
      VarHandle.releaseFence(); // nobody sees the array before its zeroes
      chunks[chunk] = made;
    }
    return made;
  }

  long next(long pfn) {
    long[] chunk = chunks[(int) (pfn >>> CHUNK_SHIFT)];
    int at = at(pfn);
    if (at >= chunk.length) {
      return -1;
    }
    return far == 0 ? near(chunk[at] & LOW) : ~chunk[at];
  }

  long prev(long pfn) {
    long[] chunk = chunks[(int) (pfn >>> CHUNK_SHIFT)];
    int at = at(pfn);
    if (at >= chunk.length) {
      return -1;
    }
    return far == 0 ? near(chunk[at] >>> 32) : ~chunk[at + 1];
  }

  private static long near(long stored) {
    return stored == 0 ? -1 : ~stored & LOW;
  }

  void set(long pfn, long next, long prev) {
    long[] chunk = chunks[(int) (pfn >>> CHUNK_SHIFT)];
    int at = at(pfn);
    if (at >= chunk.length) {
      if (next == -1 && prev == -1) {
        return;
      }
      chunk = make(pfn);
    }
    if (far == 0) {
      chunk[at] = (~next & LOW) | ~prev << 32;
    } else {
      chunk[at] = ~next;
      chunk[at + 1] = ~prev;
    }
  }

  /** The frame is on no list. */
  void clear(long pfn) {
    long[] chunk = chunks[(int) (pfn >>> CHUNK_SHIFT)];
    int at = at(pfn);
    if (at < chunk.length) {
      chunk[at] = 0;
      if (far != 0) {
        chunk[at + 1] = 0;
      }
    }
  }
}
