// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import java.util.Arrays;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The migratetype of every pageblock of one zone: {@code get_pageblock_migratetype()}. A pageblock
 * is 2 MiB, or what else the machine's huge pages are ({@link Architecture#pageblockOrder}). New
 * pageblocks are Movable, as the kernel makes them at boot.
 *
 * <p>Threads: set with the zone's lock; read without it, a type may be old. O(1); one byte per
 * pageblock.
 */
@API(status = API.Status.MAINTAINED)
public final class Pageblocks {
  private final int order;
  private final int firstBlock;
  private final byte[] types;

  /** Whether all are still of the type that they began with. */
  private boolean uniform = true;

  /** Where a page allocator's tags stand that follow from the types; null if none does. */
  private @Nullable FrameStates tagged;

  /** For pageblocks of 2 MiB. */
  public Pageblocks(long startPfn, long endPfn, int defaultType) {
    this(startPfn, endPfn, defaultType, Pages.PAGEBLOCK_ORDER);
  }

  /**
   * Creates the table for frames {@code [startPfn, endPfn)}, every pageblock of one type.
   *
   * @param order {@code pageblock_order}
   */
  public Pageblocks(long startPfn, long endPfn, int defaultType, int order) {
    this.order = order;
    firstBlock = block(startPfn);
    types = new byte[block(endPfn + pages() - 1) - firstBlock];
    fill(types, 0, types.length, (byte) defaultType);
  }

  /** As {@link Arrays#fill}, but as fast where a boot has not had the time to be compiled. */
  private static void fill(byte[] array, int from, int to, byte value) {
    int done = Math.min(to, from + 256);
    Arrays.fill(array, from, done, value);
    while (done < to) {
      int more = Math.min(to - done, done - from);
      System.arraycopy(array, from, array, done, more);
      done += more;
    }
  }

  private int block(long pfn) {
    return (int) (pfn >>> order);
  }

  /** {@code pageblock_order}. */
  public int order() {
    return order;
  }

  /** {@code pageblock_nr_pages}. */
  public int pages() {
    return 1 << order;
  }

  /** {@code pageblock_start_pfn()}: the first frame of the pageblock that holds this one. */
  public long start(long pfn) {
    return pfn & -(1L << order);
  }

  /**
   * The migratetypes themselves, for fast paths that only read: that of a frame is at {@code pfn
   * >>> order()}, less the same of the zone's first frame.
   */
  public byte[] types() {
    return types;
  }

  /** The migratetype of the pageblock that holds this frame. */
  public int get(long pfn) {
    return types[block(pfn) - firstBlock];
  }

  /**
   * The end of a run of pageblocks of one type that begins with the one that holds this frame, at
   * most {@code endPfn}; the next one may be of the same type once types were set.
   */
  public long endOfRun(long pfn, long endPfn) {
    return uniform ? endPfn : Math.min(endPfn, start(pfn) + pages());
  }

  /**
   * Sets the migratetype of the pageblock that holds this frame. If the page allocator keeps tags
   * that say types, a new type takes those of the pageblock's frames away: O({@link #pages}) then,
   * as the kernel's move of a pageblock's free pages is.
   */
  public void set(long pfn, int migratetype) {
    int at = block(pfn) - firstBlock;
    if (types[at] != migratetype) {
      uniform = false;
      types[at] = (byte) migratetype;
      dropTags(pfn);
    }
  }

  /**
   * From now on {@link PageState}'s tags in these states follow from the types here, besides other
   * things, so that they go when a type changes.
   */
  public void keepTags(FrameStates states) {
    tagged = states;
  }

  /**
   * Takes the tags from the frames of the pageblock that holds this one. A CPU that was giving out
   * or taking back one of them when the type changed may write an old tag after that; whoever must
   * know that there is none asks again when every CPU has done something else since.
   */
  public void dropTags(long pfn) {
    FrameStates states = tagged;
    if (states != null) {
      states.dropTags(start(pfn), start(pfn) + pages());
    }
  }

  /** Sets the type of every pageblock that a block of this order covers. */
  public void setRange(long pfn, int blockOrder, int migratetype) {
    for (long p = pfn; p < pfn + (1L << blockOrder); p += pages()) {
      set(p, migratetype);
    }
  }
}
