// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * The migratetype of every pageblock (2 MiB) of one zone: {@code get_pageblock_migratetype()}. New
 * pageblocks are Movable, as the kernel makes them at boot.
 *
 * <p>Threads: set with the zone's lock; read without it, a type may be old. O(1); one byte per
 * pageblock, and those are made in pieces of 4096 pageblocks when first written.
 */
public final class Pageblocks {
  private static final int PIECE_SHIFT = 12;
  private static final int PIECE = 1 << PIECE_SHIFT;

  private final long firstBlock;
  private final byte[][] pieces;
  private final int defaultType;

  /** Creates the table for frames {@code [startPfn, endPfn)}, every pageblock of one type. */
  public Pageblocks(long startPfn, long endPfn, int defaultType) {
    this.firstBlock = startPfn >>> Pages.PAGEBLOCK_ORDER;
    long blocks = ((endPfn + Pages.PAGEBLOCK_NR_PAGES - 1) >>> Pages.PAGEBLOCK_ORDER) - firstBlock;
    this.pieces = new byte[Math.toIntExact((blocks + PIECE - 1) >>> PIECE_SHIFT)][];
    this.defaultType = defaultType;
  }

  /** The migratetype of the pageblock that holds this frame. */
  public int get(long pfn) {
    long block = (pfn >>> Pages.PAGEBLOCK_ORDER) - firstBlock;
    byte[] piece = pieces[(int) (block >>> PIECE_SHIFT)];
    return piece == null ? defaultType : piece[(int) block & (PIECE - 1)];
  }

  /** Sets the migratetype of the pageblock that holds this frame. */
  public void set(long pfn, int migratetype) {
    long block = (pfn >>> Pages.PAGEBLOCK_ORDER) - firstBlock;
    int at = (int) (block >>> PIECE_SHIFT);
    byte[] piece = pieces[at];
    if (piece == null) {
      if (migratetype == defaultType) {
        return;
      }
      piece = new byte[PIECE];
      Arrays.fill(piece, (byte) defaultType);
      VarHandle.releaseFence(); // a free looks its type up without the lock
      pieces[at] = piece;
    }
    piece[(int) block & (PIECE - 1)] = (byte) migratetype;
  }

  /** Sets the type of every pageblock that a block of this order covers. */
  public void setRange(long pfn, int order, int migratetype) {
    for (long p = pfn; p < pfn + (1L << order); p += Pages.PAGEBLOCK_NR_PAGES) {
      set(p, migratetype);
    }
  }
}
