// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a run of frames beyond their {@link PageState}: one array for each field of
 * {@code struct page}, the frame's place in the run being the index. A column that nobody has
 * written to does not exist and reads as zeroes.
 *
 * <p>Links are frame numbers as complemented ints, so that 0 is none. A link to 16 TiB or beyond
 * has its upper bits in a column of their own.
 *
 * <p>Threads: any may be the first to write to a column, each to frames of its own.
 */
final class PageColumns {
  private final int frames;
  private long @Nullable [] privateData;
  private long @Nullable [] mapping;
  private long @Nullable [] index;
  private int @Nullable [] mapcount;
  private int @Nullable [] lru;

  /** One more than the upper bits of a link that an int cannot hold, and 0 for others. */
  private byte @Nullable [] lruHigh;

  PageColumns(int frames) {
    this.frames = frames;
  }

  /** Everything that is known of a block of this order becomes zeroes. */
  void clear(int at, int order) {
    clear(privateData, at, order);
    clear(mapping, at, order);
    clear(index, at, order);
    if (mapcount != null) {
      Arrays.fill(mapcount, at, at + (1 << order), 0);
    }
    if (lru != null) {
      Arrays.fill(lru, 2 * at, 2 * (at + (1 << order)), 0);
    }
    if (lruHigh != null) {
      Arrays.fill(lruHigh, 2 * at, 2 * (at + (1 << order)), (byte) 0);
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

  private long[] column(long @Nullable [] column) {
    return column == null ? new long[frames] : column;
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
    long[] made = column(privateData);
    privateData = made;
    return made;
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
    long[] made = column(mapping);
    mapping = made;
    return made;
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
    long[] made = column(index);
    index = made;
    return made;
  }

  int mapcount(int at) {
    return mapcount == null ? 0 : mapcount[at];
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
    if (mapcount == null) {
      mapcount = new int[frames];
    }
    return mapcount;
  }

  long lruNext(int at) {
    return lruHigh != null ? farLink(2 * at) : lru == null ? -1 : link(lru[2 * at]);
  }

  long lruPrev(int at) {
    return lruHigh != null ? farLink(2 * at + 1) : lru == null ? -1 : link(lru[2 * at + 1]);
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
    if (lruHigh != null || isFar(next) || isFar(prev)) {
      byte[] high = makeLruHigh();
      high[2 * at] = highOf(next);
      high[2 * at + 1] = highOf(prev);
    }
  }

  /** Whether it needs more than the int: the complement of 2^32 - 1 is what none is. */
  private static boolean isFar(long link) {
    return link >= 0xffff_ffffL;
  }

  private static byte highOf(long link) {
    return isFar(link) ? (byte) ((link >>> 32) + 1) : 0;
  }

  private long farLink(int place) {
    if (lru == null || lruHigh == null || lruHigh[place] == 0) {
      return lru == null ? -1 : link(lru[place]);
    }
    return (long) (lruHigh[place] - 1) << 32 | Integer.toUnsignedLong(~lru[place]);
  }

  private synchronized byte[] makeLruHigh() {
    if (lruHigh == null) {
      lruHigh = new byte[2 * frames];
    }
    return lruHigh;
  }

  private synchronized int[] makeLru() {
    if (lru == null) {
      lru = new int[2 * frames];
    }
    return lru;
  }

  private static long link(int stored) {
    return stored == 0 ? -1 : Integer.toUnsignedLong(~stored);
  }
}
