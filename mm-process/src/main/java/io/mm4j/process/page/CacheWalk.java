// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

/**
 * How read-ahead looks for the pages around a place that are in the cache ({@code
 * page_cache_prev_miss} and {@code page_cache_next_miss}, mm/filemap.c; {@code __xas_prev} and
 * {@code __xas_next}, lib/xarray.c; Linux 6.18).
 *
 * <p>The cache is a tree of nodes with 64 slots, and a large folio has as many slots side by side
 * as it is large. Who begins in the middle of a folio stands at its first slot, but counts pages
 * from where he began, so that slot and page stay apart from then on: he sees the end of what is
 * cached too early on his way down, and too late on his way up. This walk makes the same steps.
 */
final class CacheWalk {
  private static final int BITS = 6;
  private static final long SLOTS = 1L << BITS;
  private static final long BEFORE = -1;

  private final FileObject file;
  private final int height;
  private long index;

  /** The node: what one of its slots covers, and the first page of all of them. */
  private int shift;

  private long base;
  private long offset;

  /** Over the pages that a file has in the cache now. */
  CacheWalk(FileObject file) {
    this.file = file;
    this.height = height();
  }

  /** The shift of the root, as low as it can be. */
  private int height() {
    int low = file.isThere(0) ? file.folios.order(0) / BITS * BITS : 0;
    while (file.isAnyThere(1L << (low + BITS), Long.MAX_VALUE >>> 12)) {
      low += BITS;
    }
    return low;
  }

  /**
   * The first page below one that it takes for missing, -1 if there is none.
   *
   * @param most pages that it looks at
   */
  long previousMiss(long from, long most) {
    boolean there = load(from);
    for (long left = most; there && index >= 0 && left > 1; left--) {
      there = step(-1);
    }
    return index;
  }

  /** The first page from one on that it takes for missing. */
  long nextMiss(long from, long most) {
    boolean there = load(from);
    for (long left = most; there && left > 1; left--) {
      there = step(1);
    }
    return there ? from + most : index;
  }

  /** {@code xas_load}: whether something is there. */
  private boolean load(long at) {
    index = at;
    shift = height;
    base = 0;
    if (index >>> shift >= SLOTS) {
      return false;
    }
    descend();
    boolean there = isEntry();
    if (there) {
      offset = (Math.max(base, file.folios.start(index)) - base) >>> shift;
    }
    return there;
  }

  /** Down to the node of the page that has an entry, or nothing, there. */
  private void descend() {
    offset = slotOf(index);
    while (isNode()) {
      base += offset << shift;
      shift -= BITS;
      offset = slotOf(index);
    }
  }

  private long slotOf(long page) {
    return page >>> shift & SLOTS - 1;
  }

  /**
   * To the next page, or the one before, as the tree is walked: within a node of pages always to
   * the next slot ({@code xas_prev} and {@code xas_next}, include/linux/xarray.h), else only if the
   * slot is not that of the page already.
   */
  private boolean step(int by) {
    boolean inLeaf = shift == 0 && offset != (by < 0 ? 0 : SLOTS - 1);
    index += by;
    if (inLeaf || offset != slotOf(index)) {
      offset += by;
    }
    while (offset == (by < 0 ? BEFORE : SLOTS)) {
      if (shift == height) {
        return false;
      }
      shift += BITS;
      offset = slotOf(base) + by;
      base &= -(SLOTS << shift);
    }
    if (isNode()) {
      base += offset << shift;
      shift -= BITS;
      descend();
    }
    return isEntry();
  }

  private long first() {
    return base + (offset << shift);
  }

  private boolean isEntry() {
    return file.isThere(first()) && file.folios.order(first()) >= shift;
  }

  private boolean isNode() {
    return shift > 0 && !isEntry() && file.isAnyThere(first(), first() + (1L << shift));
  }
}
