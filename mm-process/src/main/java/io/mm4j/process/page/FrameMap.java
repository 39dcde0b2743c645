// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.Arrays;

/**
 * The frames of a page cache by page offset ({@code address_space.i_pages}): open addressing, two
 * longs a place, no object per page. Amortised O(1); a step over all is O(places).
 */
final class FrameMap {
  /** There is no frame for the key. */
  static final long NONE = Frames.NONE;

  private static final long FREE = -1;

  /** Receives a frame with its page offset. */
  interface Visitor {
    /** One of them. */
    void frame(long index, long pfn);
  }

  private long[] keys = filled(16);
  private long[] values = new long[16];
  private int size;

  private static long[] filled(int places) {
    long[] keys = new long[places];
    Arrays.fill(keys, FREE);
    return keys;
  }

  int size() {
    return size;
  }

  private static int place(long key, int places) {
    return (int) ((key * 0x9E37_79B9_7F4A_7C15L) >>> 32) & places - 1;
  }

  private int find(long key) {
    int i = place(key, keys.length);
    while (keys[i] != key && keys[i] != FREE) {
      i = i + 1 & keys.length - 1;
    }
    return i;
  }

  /** The frame, or {@link #NONE}. */
  long get(long key) {
    int i = find(key);
    return keys[i] == key ? values[i] : NONE;
  }

  /** Adds or replaces one; keys are 0 or more. */
  void put(long key, long value) {
    int i = find(key);
    if (keys[i] == FREE) {
      if (size * 2 >= keys.length) {
        grow();
        i = find(key);
      }
      keys[i] = key;
      size++;
    }
    values[i] = value;
  }

  private void grow() {
    long[] oldKeys = keys;
    long[] oldValues = values;
    keys = filled(oldKeys.length * 2);
    values = new long[keys.length];
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != FREE) {
        int to = find(oldKeys[i]);
        keys[to] = oldKeys[i];
        values[to] = oldValues[i];
      }
    }
  }

  /** Takes one out: its frame, or {@link #NONE}. */
  long remove(long key) {
    int i = find(key);
    if (keys[i] == FREE) {
      return NONE;
    }
    long value = values[i];
    size--;
    int hole = i;
    for (int j = i + 1 & keys.length - 1; keys[j] != FREE; j = j + 1 & keys.length - 1) {
      int home = place(keys[j], keys.length);
      if ((j - home & keys.length - 1) >= (j - hole & keys.length - 1)) {
        keys[hole] = keys[j];
        values[hole] = values[j];
        hole = j;
      }
    }
    keys[hole] = FREE;
    return value;
  }

  /** The lowest key above one, or {@code past} if that is lower. */
  long nextAbove(long key, long past) {
    long next = past;
    for (long each : keys) {
      if (each > key && each < next) {
        next = each;
      }
    }
    return next;
  }

  /** All of them, in no order. */
  void forEach(Visitor visitor) {
    for (int i = 0; i < keys.length; i++) {
      if (keys[i] != FREE) {
        visitor.frame(keys[i], values[i]);
      }
    }
  }

  /** Forgets all of them. */
  void clear() {
    keys = filled(16);
    values = new long[16];
    size = 0;
  }
}
