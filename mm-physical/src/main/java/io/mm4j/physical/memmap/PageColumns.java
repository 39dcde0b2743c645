// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
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
 *
 * <p>Threads: holders of different frames may be the first to use a column at once; it is made
 * under this object's monitor. References are counted, and flags set, by compare-and-set, since
 * every holder of a frame may take a reference; everything else is written by the frame's owner
 * alone.
 */
final class PageColumns {
  static final long ONE_REFERENCE = 1L << 32;
  private static final VarHandle STATE = MethodHandles.arrayElementVarHandle(long[].class);
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

  /** Every frame has this state; a thread that meets the object by a race sees that too. */
  PageColumns(int frames, long initial) {
    long[] made = new long[frames];
    if (initial != 0) {
      Arrays.fill(made, initial);
    }
    state = made;
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

  /** One more reference. */
  void get(int at) {
    long _ = (long) STATE.getAndAdd(state, at, ONE_REFERENCE);
  }

  /** One reference less, unless it is the last one; whether it was not. */
  boolean putUnlessLast(int at) {
    for (long old = state[at]; refcount(old) > 1; ) {
      long seen = (long) STATE.compareAndExchange(state, at, old, old - ONE_REFERENCE);
      if (seen == old) {
        return true;
      }
      old = seen;
    }
    return false;
  }

  void setFlags(int at, int flags) {
    for (long old = state[at]; ; ) {
      long seen = (long) STATE.compareAndExchange(state, at, old, withFlags(old, flags));
      if (seen == old) {
        return;
      }
      old = seen;
    }
  }

  long privateData(int at) {
    return get(privateData, at);
  }

  void setPrivateData(int at, long value) {
    long[] column = privateData;
    if (column == null) {
      if (value == 0) {
        return;
      }
      column = makePrivateData();
    }
    column[at] = value;
  }

  private synchronized long[] makePrivateData() {
    hasMore = true;
    long[] column = privateData;
    if (column == null) {
      column = new long[state.length];
      privateData = column;
    }
    return column;
  }

  long mapping(int at) {
    return get(mapping, at);
  }

  void setMapping(int at, long handle) {
    long[] column = mapping;
    if (column == null) {
      if (handle == 0) {
        return;
      }
      column = makeMapping();
    }
    column[at] = handle;
  }

  private synchronized long[] makeMapping() {
    hasMore = true;
    long[] column = mapping;
    if (column == null) {
      column = new long[state.length];
      mapping = column;
    }
    return column;
  }

  long index(int at) {
    return get(index, at);
  }

  void setIndex(int at, long value) {
    long[] column = index;
    if (column == null) {
      if (value == 0) {
        return;
      }
      column = makeIndex();
    }
    column[at] = value;
  }

  private synchronized long[] makeIndex() {
    hasMore = true;
    long[] column = index;
    if (column == null) {
      column = new long[state.length];
      index = column;
    }
    return column;
  }

  int mapcount(int at) {
    int[] column = mapcount;
    return column == null ? 0 : column[at];
  }

  void setMapcount(int at, int count) {
    int[] column = mapcount;
    if (column == null) {
      if (count == 0) {
        return;
      }
      column = makeMapcount();
    }
    column[at] = count;
  }

  private synchronized int[] makeMapcount() {
    hasMore = true;
    int[] column = mapcount;
    if (column == null) {
      column = new int[state.length];
      mapcount = column;
    }
    return column;
  }

  long lruNext(int at) {
    int[] column = lru;
    return column == null ? -1 : link(column[2 * at]);
  }

  long lruPrev(int at) {
    int[] column = lru;
    return column == null ? -1 : link(column[2 * at + 1]);
  }

  void setLru(int at, long next, long prev) {
    int[] column = lru;
    if (column == null) {
      if (next == -1 && prev == -1) {
        return;
      }
      column = makeLru();
    }
    column[2 * at] = (int) ~next;
    column[2 * at + 1] = (int) ~prev;
  }

  private synchronized int[] makeLru() {
    hasMore = true;
    int[] column = lru;
    if (column == null) {
      column = new int[2 * state.length];
      lru = column;
    }
    return column;
  }

  private static long link(int stored) {
    return stored == 0 ? -1 : Integer.toUnsignedLong(~stored);
  }
}
