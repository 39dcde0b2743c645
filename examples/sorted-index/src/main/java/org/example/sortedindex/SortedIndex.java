// SPDX-License-Identifier: Apache-2.0

package org.example.sortedindex;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.vma.VmaIndex;
import java.util.Arrays;

/**
 * VMAs as a sorted array of handles: a search is a binary search, an insert moves what is above.
 *
 * <p>Layout: {@code starts[vma]} and {@code ends[vma]} are the bounds, {@code order[0 .. size)} the
 * handles by address, {@code placeOf[vma]} where a handle stands there, or -1. Erased handles are a
 * stack in {@code free}.
 *
 * <p>Complexity: O(log n) to find, O(n) to insert and erase, and for gaps. Faster than trees for a
 * few hundred VMAs, as moving ints is cheap. Models nothing in Linux.
 */
final class SortedIndex implements VmaIndex {
  private static final int FIRST = 16;

  private final int maxVmas;
  private long[] starts = new long[FIRST];
  private long[] ends = new long[FIRST];
  private int[] order = new int[FIRST];
  private int[] placeOf = new int[FIRST];
  private int[] free = new int[FIRST];
  private int size;
  private int freeCount;
  private int fresh;
  private int promised;

  SortedIndex(int maxVmas) {
    if (maxVmas < 1 || maxVmas > 1 << 20) {
      throw new MisuseException("maxVmas=" + maxVmas + " allowed: 1 to " + (1 << 20));
    }
    this.maxVmas = maxVmas;
  }

  /** The place of the first VMA that ends above an address; {@code size} if there is none. */
  private int placeAbove(long addr) {
    int low = 0;
    int high = size;
    if (addr < 0) {
      return size; // unsigned: above every VMA
    }
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ends[order[middle]] > addr) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  private static void checkRange(long start, long end) {
    if (start < 0 || start >= end || end > MAX_ADDRESS) {
      throw new MisuseException(String.format("not a range: start=0x%x end=0x%x", start, end));
    }
  }

  private MisuseException overlap(long start, long end, int vma) {
    return new MisuseException(
        String.format(
            "start=0x%x end=0x%x overlaps vma=%d start=0x%x end=0x%x",
            start, end, vma, starts[vma], ends[vma]));
  }

  private int place(int vma) {
    if (!contains(vma)) {
      throw new MisuseException("no such VMA: vma=" + vma + " size=" + size);
    }
    return placeOf[vma];
  }

  @Override
  public int insert(long start, long end) {
    checkRange(start, end);
    int at = placeAbove(start);
    if (at < size && starts[order[at]] < end) {
      throw overlap(start, end, order[at]);
    }
    if (size == maxVmas) {
      return NONE;
    }
    int vma = freeCount > 0 ? free[--freeCount] : fresh++;
    grow(Math.max(fresh, size + 1));
    System.arraycopy(order, at, order, at + 1, size - at);
    order[at] = vma;
    size++;
    starts[vma] = start;
    ends[vma] = end;
    renumber(at);
    return vma;
  }

  private void renumber(int from) {
    for (int i = from; i < size; i++) {
      placeOf[order[i]] = i;
    }
  }

  private void grow(int needed) {
    if (needed > starts.length) {
      int length = Math.max(needed, starts.length * 2);
      starts = Arrays.copyOf(starts, length);
      ends = Arrays.copyOf(ends, length);
      order = Arrays.copyOf(order, length);
      placeOf = Arrays.copyOf(placeOf, length);
      free = Arrays.copyOf(free, length);
    }
  }

  @Override
  public void erase(int vma) {
    int at = place(vma);
    System.arraycopy(order, at + 1, order, at, size - at - 1);
    size--;
    placeOf[vma] = -1;
    free[freeCount++] = vma;
    renumber(at);
  }

  @Override
  public void setRange(int vma, long start, long end) {
    checkRange(start, end);
    int at = place(vma);
    if (at > 0 && start < ends[order[at - 1]]) {
      throw overlap(start, end, order[at - 1]);
    }
    if (at + 1 < size && end > starts[order[at + 1]]) {
      throw overlap(start, end, order[at + 1]);
    }
    starts[vma] = start;
    ends[vma] = end;
  }

  @Override
  public boolean reserve(int n) {
    if (n < 0) {
      throw new MisuseException("not a number of inserts: n=" + n);
    }
    if (n > maxVmas - size) {
      return false;
    }
    promised = Math.max(promised, fresh + Math.max(0, n - freeCount));
    grow(Math.max(promised, size + n));
    return true;
  }

  @Override
  public int find(long addr) {
    int at = placeAbove(addr);
    return at < size ? order[at] : NONE;
  }

  @Override
  public int first() {
    return size == 0 ? NONE : order[0];
  }

  @Override
  public int last() {
    return size == 0 ? NONE : order[size - 1];
  }

  @Override
  public int next(int vma) {
    int at = place(vma) + 1;
    return at < size ? order[at] : NONE;
  }

  @Override
  public int prev(int vma) {
    int at = place(vma) - 1;
    return at >= 0 ? order[at] : NONE;
  }

  @Override
  public long start(int vma) {
    return starts[vma];
  }

  @Override
  public long end(int vma) {
    return ends[vma];
  }

  @Override
  public boolean contains(int vma) {
    return vma >= 0 && vma < fresh && placeOf[vma] >= 0;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public int capacity() {
    return Math.max(fresh, promised);
  }

  private static void checkGap(long low, long high, long length) {
    if (low < 0 || high > MAX_ADDRESS || length < 1) {
      throw new MisuseException(
          String.format("not a gap search: low=0x%x high=0x%x length=0x%x", low, high, length));
    }
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    checkGap(low, high, length);
    long at = low;
    for (int i = placeAbove(low); i < size && starts[order[i]] < high; i++) {
      if (starts[order[i]] - at >= length) {
        return at;
      }
      at = Math.max(at, ends[order[i]]);
    }
    return high - at >= length ? at : NONE_ADDR;
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    checkGap(low, high, length);
    long top = high;
    for (int i = high <= 0 ? -1 : Math.min(size - 1, placeAbove(high - 1)); i >= 0; i--) {
      int vma = order[i];
      if (starts[vma] >= top) {
        continue;
      }
      if (ends[vma] <= low) {
        break;
      }
      if (top - ends[vma] >= length) {
        return top - length;
      }
      top = Math.min(top, starts[vma]);
    }
    return top - low >= length ? top - length : NONE_ADDR;
  }

  @Override
  public VmaIndex copy() {
    SortedIndex copy = new SortedIndex(maxVmas);
    copy.starts = starts.clone();
    copy.ends = ends.clone();
    copy.order = order.clone();
    copy.placeOf = placeOf.clone();
    copy.free = free.clone();
    copy.size = size;
    copy.freeCount = freeCount;
    copy.fresh = fresh;
    return copy;
  }

  @Override
  public void clear() {
    starts = new long[FIRST];
    ends = new long[FIRST];
    order = new int[FIRST];
    placeOf = new int[FIRST];
    free = new int[FIRST];
    size = 0;
    freeCount = 0;
    fresh = 0;
    promised = 0;
  }

  @Override
  public void validate() {
    long at = 0;
    for (int i = 0; i < size; i++) {
      int vma = order[i];
      CorruptStateError.check(
          starts[vma] >= at && ends[vma] > starts[vma] && placeOf[vma] == i,
          "place=" + i + " vma=" + vma + " start=" + starts[vma] + " after=" + at);
      at = ends[vma];
    }
    CorruptStateError.check(
        size + freeCount == fresh, "size=" + size + " free=" + freeCount + " fresh=" + fresh);
  }
}
