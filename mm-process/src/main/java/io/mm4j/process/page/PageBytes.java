// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.BitSet;

/** What calls do to parts of pages: zero them, and copy them from page to page. */
public final class PageBytes {
  private static final int PAGE = 4096;

  private final Frames frames;

  PageBytes(Frames frames) {
    this.frames = frames;
  }

  /** Bytes of a page become zero, and are known to be. */
  void zero(long pfn, int from, int to) {
    frames.fill(pfn);
    frames.clear(pfn, from, to - from);
    BitSet known = frames.unknown.isEmpty() ? null : frames.unknown.get(pfn);
    if (known != null) {
      BitSet more = known.isEmpty() ? new BitSet(PAGE) : known;
      more.set(from, to);
      frames.unknown.put(pfn, more);
    }
  }

  /**
   * Copies bytes of one page to another, as a call does that reads or writes a file; those that
   * nobody knows become so there.
   */
  public void copy(long to, int toOffset, long from, int fromOffset, int bytes) {
    frames.fill(to);
    for (int i = 0; i < bytes; i++) {
      int value = frames.byteAt(from, fromOffset + i);
      if (value >= 0) {
        frames.write(to, toOffset + i, value);
      } else {
        forget(to, toOffset + i, 1);
      }
    }
  }

  /** Bytes are written that nobody here knows. */
  public void forget(long pfn, int offset, int bytes) {
    frames.fill(pfn);
    BitSet known = frames.unknown.get(pfn);
    BitSet less = new BitSet(PAGE);
    if (known == null) {
      less.set(0, PAGE);
    } else {
      less.or(known);
    }
    less.clear(offset, offset + bytes);
    frames.unknown.put(pfn, less);
  }
}
