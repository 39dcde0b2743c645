// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.Arrays;

/**
 * The migratetype of every pageblock (2 MiB) of one zone: {@code get_pageblock_migratetype()}. New
 * pageblocks are Movable, as the kernel makes them at boot.
 *
 * <p>Threads: set with the zone's lock; read without it, a type may be old. O(1); one byte per
 * pageblock.
 */
public final class Pageblocks {
  private final int firstBlock;
  private final byte[] types;

  /** Creates the table for frames {@code [startPfn, endPfn)}, every pageblock of one type. */
  public Pageblocks(long startPfn, long endPfn, int defaultType) {
    firstBlock = block(startPfn);
    types = new byte[block(endPfn + Pages.PAGEBLOCK_NR_PAGES - 1) - firstBlock];
    Arrays.fill(types, (byte) defaultType);
  }

  private static int block(long pfn) {
    return (int) (pfn >>> Pages.PAGEBLOCK_ORDER);
  }

  /** The migratetype of the pageblock that holds this frame. */
  public int get(long pfn) {
    return types[block(pfn) - firstBlock];
  }

  /** Sets the migratetype of the pageblock that holds this frame. */
  public void set(long pfn, int migratetype) {
    types[block(pfn) - firstBlock] = (byte) migratetype;
  }

  /** Sets the type of every pageblock that a block of this order covers. */
  public void setRange(long pfn, int order, int migratetype) {
    for (long p = pfn; p < pfn + (1L << order); p += Pages.PAGEBLOCK_NR_PAGES) {
      set(p, migratetype);
    }
  }
}
