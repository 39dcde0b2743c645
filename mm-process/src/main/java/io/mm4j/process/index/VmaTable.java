// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.index;

import io.mm4j.api.MisuseException;
import io.mm4j.api.vma.VmaIndex;
import java.util.Arrays;

/**
 * The rows of an array-based VMA index: which handles are in use, and the bounds of each.
 *
 * <p><b>Vocabulary.</b> A <i>row</i> is the record of one VMA; its number is the handle. Row 0 is
 * never a VMA: subclasses use it as the nil of their links, so handles start at 1.
 *
 * <p><b>Layout.</b> Two flat arrays. {@code ends} has what the way to a VMA needs, {@code 1 <<
 * near} longs a row: first its end, then what the subclass keeps there. {@code starts} has the
 * rest, {@code 1 << far} longs a row: first its start. Bounds are in bytes. A free row has {@code
 * FREE} for its end and the number of the next free row for its start; free rows are a stack, so
 * the row erased last is used first, while it is still in the processor's cache. Both bounds of row
 * 0 are 0. Rows from {@code fresh} on were never used.
 *
 * <p><b>Invariants.</b> {@code size} rows are in use, {@code freeRows} are on the stack, and {@code
 * size + freeRows + 1 == fresh <= capacity}.
 */
public abstract class VmaTable implements VmaIndex {
  /** The largest number of VMAs that any table can be made to hold: 2^28 longs of 4 a row. */
  public static final int MOST_VMAS = 1 << 26;

  /** The end of a row that is not in use; smaller than every address. */
  protected static final long FREE = -1;

  private static final int FIRST_ROWS = 16;

  /** What a search reads: the end of each row, and {@code (1 << near) - 1} longs after it. */
  protected long[] ends;

  /** The start of each row, and {@code (1 << far) - 1} longs after it. */
  protected long[] starts;

  private final int near;
  private final int far;
  private final int maxVmas;
  private int capacity;
  private int size;
  private int freeHead;
  private int freeRows;
  private int fresh;

  /** An empty table that refuses more than {@code maxVmas}. */
  protected VmaTable(int maxVmas, int near, int far) {
    this.maxVmas = checkMost(maxVmas);
    this.near = near;
    this.far = far;
    capacity = FIRST_ROWS;
    fresh = 1;
    ends = new long[FIRST_ROWS << near];
    starts = new long[FIRST_ROWS << far];
  }

  /** A copy of another table, without the room that it has to spare. */
  protected VmaTable(VmaTable other) {
    maxVmas = other.maxVmas;
    near = other.near;
    far = other.far;
    size = other.size;
    freeHead = other.freeHead;
    freeRows = other.freeRows;
    fresh = other.fresh;
    capacity = Math.max(FIRST_ROWS, fresh);
    ends = Arrays.copyOf(other.ends, capacity << near);
    starts = Arrays.copyOf(other.starts, capacity << far);
  }

  /** Returns a number of VMAs that an index is asked to hold, or throws. */
  public static int checkMost(int maxVmas) {
    if (maxVmas < 1 || maxVmas > MOST_VMAS) {
      throw new MisuseException(
          "not a number of VMAs: maxVmas=" + maxVmas + " allowed: 1.." + MOST_VMAS);
    }
    return maxVmas;
  }

  /** Makes room for {@code room} rows in arrays of the subclass. */
  protected void growRows(int room) {}

  /** Takes a free row for {@code [from, to)} and returns it, or 0 when there is none. */
  protected final int takeRow(long from, long to) {
    if (size == maxVmas) {
      return 0;
    }
    int row = freeHead;
    if (row != 0) {
      freeHead = (int) starts[row << far];
      freeRows--;
    } else {
      if (fresh == capacity) {
        roomFor(1);
      }
      row = fresh++;
    }
    size++;
    setBounds(row, from, to);
    return row;
  }

  /** Changes the bounds of a row. */
  protected final void setBounds(int row, long from, long to) {
    starts[row << far] = from;
    ends[row << near] = to;
  }

  /** Gives a row back. */
  protected final void freeRow(int row) {
    starts[row << far] = freeHead;
    ends[row << near] = FREE;
    freeHead = row;
    freeRows++;
    size--;
  }

  /**
   * Makes room for {@code n} more rows; false, and nothing changed, when that is over the limit.
   */
  protected final boolean roomFor(int n) {
    VmaChecks.count(n);
    if (n > maxVmas - size) {
      return false;
    }
    int need = fresh + Math.max(0, n - freeRows);
    if (need > capacity) {
      int room = Math.min(Math.max(need, 2 * capacity), maxVmas + 1);
      growRows(room);
      ends = Arrays.copyOf(ends, room << near);
      starts = Arrays.copyOf(starts, room << far);
      capacity = room;
    }
    return true;
  }

  /** Forgets all rows. */
  protected final void clearRows() {
    size = 0;
    freeHead = 0;
    freeRows = 0;
    fresh = 1;
    capacity = FIRST_ROWS;
    ends = new long[FIRST_ROWS << near];
    starts = new long[FIRST_ROWS << far];
  }

  /** Throws unless {@code vma} is in use. */
  protected final void check(int vma) {
    if (!contains(vma)) {
      throw VmaChecks.unknown(vma, size);
    }
  }

  /** Checks the invariants of the rows; {@code name} is the plugin's, for the message. */
  protected final void validateRows(String name) {
    int live = 0;
    for (int row = 1; row < fresh; row++) {
      live += end(row) != FREE ? 1 : 0;
    }
    if (live != size) {
      throw VmaChecks.corrupt(name, "rows in use", 0, live, size);
    }
    int free = 0;
    for (int row = freeHead; row != 0; row = (int) start(row)) {
      if (row >= fresh || end(row) != FREE || ++free > freeRows) {
        throw VmaChecks.corrupt(name, "stack of free rows", row, free, freeRows);
      }
    }
    if (free != freeRows || size + freeRows + 1 != fresh) {
      throw VmaChecks.corrupt(name, "free rows", 0, free, fresh - 1L - size);
    }
    if (start(0) != 0 || end(0) != 0) {
      throw VmaChecks.corrupt(name, "row 0 is used", 0, end(0), 0);
    }
  }

  @Override
  public final boolean contains(int vma) {
    return vma > 0 && vma < fresh && end(vma) != FREE;
  }

  @Override
  public final long start(int vma) {
    return starts[vma << far];
  }

  @Override
  public final long end(int vma) {
    return ends[vma << near];
  }

  @Override
  public final int size() {
    return size;
  }

  @Override
  public final int capacity() {
    return capacity;
  }

  /** A row as a handle: the nil of the links is {@link #NONE}. */
  protected static int handle(int row) {
    return row | ((row - 1) >> 31);
  }
}
