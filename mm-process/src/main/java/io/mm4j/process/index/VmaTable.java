// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.index;

import io.mm4j.api.MisuseException;
import io.mm4j.api.vma.VmaIndex;
import java.util.Arrays;

/**
 * The rows of an array-based VMA index: which handles are in use, and the bounds of each.
 *
 * <p><b>Vocabulary.</b> A <i>row</i> is the place of one VMA in the arrays; its number is the
 * handle. Row 0 is never a VMA: subclasses use it as the nil of their links, so handles start at 1.
 *
 * <p><b>Layout.</b> {@code start[row]} and {@code end[row]}, in bytes. A free row has {@code
 * end[row] == FREE} and the number of the next free row in {@code start[row]}; free rows are a
 * stack, so the row erased last is used first, while it is still in the processor's cache. Row 0
 * has both bounds 0. Rows at and above {@code fresh} were never used.
 *
 * <p><b>Invariants.</b> {@code size} rows are in use, {@code freeRows} are on the stack, and {@code
 * size + freeRows + 1 == fresh <= start.length}.
 */
public abstract class VmaTable implements VmaIndex {
  /** The end of a row that is not in use; smaller than every address. */
  protected static final long FREE = -1;

  /** The largest number of VMAs that any table can be made to hold: links take two ints a row. */
  public static final int MOST_VMAS = 1 << 26;

  private static final int FIRST_ROWS = 16;

  /** First address of the VMA in a row; the next free row when it is free. */
  protected long[] start;

  /** First address after the VMA in a row; {@link #FREE} when the row is free. */
  protected long[] end;

  private final int maxVmas;
  private int size;
  private int freeHead;
  private int freeRows;
  private int fresh;

  /** An empty table that refuses more than {@code maxVmas} VMAs. */
  protected VmaTable(int maxVmas) {
    this.maxVmas = checkMost(maxVmas);
    start = new long[FIRST_ROWS];
    end = new long[FIRST_ROWS];
    fresh = 1;
  }

  /** Returns a number of VMAs that an index is asked to hold, or throws. */
  public static int checkMost(int maxVmas) {
    if (maxVmas < 1 || maxVmas > MOST_VMAS) {
      throw new MisuseException(
          "not a number of VMAs: maxVmas=" + maxVmas + " allowed: 1.." + MOST_VMAS);
    }
    return maxVmas;
  }

  /** A copy of another table, without the room that it has to spare. */
  protected VmaTable(VmaTable other) {
    maxVmas = other.maxVmas;
    size = other.size;
    freeHead = other.freeHead;
    freeRows = other.freeRows;
    fresh = other.fresh;
    start = Arrays.copyOf(other.start, Math.max(FIRST_ROWS, fresh));
    end = Arrays.copyOf(other.end, Math.max(FIRST_ROWS, fresh));
  }

  /** Makes the subclass's own arrays as long as {@code rows} rows need. */
  protected abstract void growRows(int rows);

  /** Takes a free row for {@code [start, end)} and returns it, or 0 when there is none. */
  protected final int takeRow(long from, long to) {
    if (size == maxVmas) {
      return 0;
    }
    int row = freeHead;
    if (row != 0) {
      freeHead = (int) start[row];
      freeRows--;
    } else {
      if (fresh == start.length && !roomFor(1)) {
        return 0;
      }
      row = fresh++;
    }
    size++;
    start[row] = from;
    end[row] = to;
    return row;
  }

  /** Gives a row back. */
  protected final void freeRow(int row) {
    start[row] = freeHead;
    end[row] = FREE;
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
    int rows = fresh + Math.max(0, n - freeRows);
    if (rows > start.length) {
      int room = Math.min(Math.max(rows, 2 * start.length), maxVmas + 1);
      growRows(room);
      start = Arrays.copyOf(start, room);
      end = Arrays.copyOf(end, room);
    }
    return true;
  }

  /** Forgets all rows. */
  protected final void clearRows() {
    size = 0;
    freeHead = 0;
    freeRows = 0;
    fresh = 1;
    start = new long[FIRST_ROWS];
    end = new long[FIRST_ROWS];
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
      live += end[row] != FREE ? 1 : 0;
    }
    if (live != size) {
      throw VmaChecks.corrupt(name, "rows in use", 0, live, size);
    }
    int free = 0;
    for (int row = freeHead; row != 0; row = (int) start[row]) {
      if (row >= fresh || end[row] != FREE || ++free > freeRows) {
        throw VmaChecks.corrupt(name, "stack of free rows", row, free, freeRows);
      }
    }
    if (free != freeRows || size + freeRows + 1 != fresh) {
      throw VmaChecks.corrupt(name, "free rows", 0, free, fresh - 1L - size);
    }
    if (start[0] != 0 || end[0] != 0) {
      throw VmaChecks.corrupt(name, "row 0 is used", 0, end[0], 0);
    }
  }

  @Override
  public final boolean contains(int vma) {
    return vma > 0 && vma < fresh && end[vma] != FREE;
  }

  @Override
  public final long start(int vma) {
    return start[vma];
  }

  @Override
  public final long end(int vma) {
    return end[vma];
  }

  @Override
  public final int size() {
    return size;
  }

  @Override
  public final int capacity() {
    return start.length;
  }

  /** A row as a handle: the nil of the links is {@link #NONE}. */
  protected static int handle(int row) {
    return row | ((row - 1) >> 31);
  }
}
