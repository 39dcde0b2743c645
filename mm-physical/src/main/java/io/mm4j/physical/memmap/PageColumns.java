// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a run of frames: one array for each field of {@code struct page}, the frame's
 * place in the run being the index. A column that nobody has written to does not exist and reads as
 * zeroes.
 *
 * <p>The <i>state</i> column always exists; one long holds what every allocation and every free
 * writes:
 *
 * <pre>
 *   63          32 31           8 7     4 3     0
 *   |  refcount   |    flags     | order | owner |
 * </pre>
 *
 * <p>Links are frame numbers as complemented ints, so that 0 is none.
 */
final class PageColumns {
  static final long ONE_REFERENCE = 1L << 32;
  private static final int OWNER_MASK = 0xf;
  private static final int ORDER_SHIFT = 4;
  private static final int FLAGS_SHIFT = 8;
  private static final long FLAGS_MASK = 0xffff_ff00L;

  final long[] state;
  private boolean hasMore;
  private long @Nullable [] privateData;
  private long @Nullable [] mapping;
  private long @Nullable [] index;
  private int @Nullable [] mapcount;
  private int @Nullable [] lru;

  PageColumns(int frames) {
    state = new long[frames];
  }

  static FrameOwner owner(long state) {
    return FrameOwner.of((int) state & OWNER_MASK);
  }

  static long withOwner(long state, FrameOwner owner) {
    return (state & ~(long) OWNER_MASK) | owner.code();
  }

  static int order(long state) {
    return (int) state >>> ORDER_SHIFT & 0xf;
  }

  static long withOrder(long state, int order) {
    return (state & ~0xf0L) | (long) order << ORDER_SHIFT;
  }

  static int flags(long state) {
    return (int) state >>> FLAGS_SHIFT;
  }

  static long withFlags(long state, int flags) {
    return (state & ~FLAGS_MASK) | ((long) flags << FLAGS_SHIFT & FLAGS_MASK);
  }

  static int refcount(long state) {
    return (int) (state >>> 32);
  }

  static long withRefcount(long state, int count) {
    return (state & 0xffff_ffffL) | (long) count << 32;
  }

  void prepare(int at, int order, FrameOwner owner) {
    long tail = (long) order << ORDER_SHIFT | owner.code();
    state[at] = ONE_REFERENCE | tail;
    if (order > 0) {
      Arrays.fill(state, at + 1, at + (1 << order), tail);
    }
  }

  /** Releases a block of this order with one reference that is not mapped; else does nothing. */
  boolean releaseIfLast(int at, int order, FrameOwner owner) {
    long state = this.state[at];
    if (refcount(state) != 1 || order(state) != order || mapcount(at) != 0) {
      return false;
    }
    release(at, order, owner);
    return true;
  }

  void release(int at, int order, FrameOwner owner) {
    if (order == 0) {
      state[at] = owner.code();
    } else {
      Arrays.fill(state, at, at + (1 << order), owner.code());
    }
    if (hasMore) {
      clear(privateData, at, order);
      clear(mapping, at, order);
      clear(index, at, order);
      if (mapcount != null) {
        Arrays.fill(mapcount, at, at + (1 << order), 0);
      }
      if (lru != null) {
        Arrays.fill(lru, 2 * at, 2 * (at + (1 << order)), 0);
      }
    }
  }

  private static void clear(long @Nullable [] column, int at, int order) {
    if (column != null) {
      Arrays.fill(column, at, at + (1 << order), 0);
    }
  }

  private static long get(long @Nullable [] column, int at) {
    return column == null ? 0 : column[at];
  }

  private long[] column() {
    hasMore = true;
    return new long[state.length];
  }

  long privateData(int at) {
    return get(privateData, at);
  }

  void setPrivateData(int at, long value) {
    if (privateData == null) {
      if (value == 0) {
        return;
      }
      privateData = column();
    }
    privateData[at] = value;
  }

  long mapping(int at) {
    return get(mapping, at);
  }

  void setMapping(int at, long handle) {
    if (mapping == null) {
      if (handle == 0) {
        return;
      }
      mapping = column();
    }
    mapping[at] = handle;
  }

  long index(int at) {
    return get(index, at);
  }

  void setIndex(int at, long value) {
    if (index == null) {
      if (value == 0) {
        return;
      }
      index = column();
    }
    index[at] = value;
  }

  int mapcount(int at) {
    return mapcount == null ? 0 : mapcount[at];
  }

  void setMapcount(int at, int count) {
    if (mapcount == null) {
      if (count == 0) {
        return;
      }
      hasMore = true;
      mapcount = new int[state.length];
    }
    mapcount[at] = count;
  }

  long lruNext(int at) {
    return lru == null ? -1 : link(lru[2 * at]);
  }

  long lruPrev(int at) {
    return lru == null ? -1 : link(lru[2 * at + 1]);
  }

  void setLru(int at, long next, long prev) {
    if (lru == null) {
      if (next == -1 && prev == -1) {
        return;
      }
      hasMore = true;
      lru = new int[2 * state.length];
    }
    lru[2 * at] = (int) ~next;
    lru[2 * at + 1] = (int) ~prev;
  }

  private static long link(int stored) {
    return stored == 0 ? -1 : Integer.toUnsignedLong(~stored);
  }
}
