// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.index;

import io.mm4j.api.MisuseException;
import io.mm4j.api.vma.VmaIndex;
import java.util.Arrays;
import java.util.BitSet;

/**
 * The handles of an array-based VMA index: which are in use, which is given out next, how many
 * there may be.
 *
 * <p><b>Vocabulary.</b> A <i>row</i> is the record of one VMA in the subclass's arrays; its number
 * is the handle. Row 0 is never a VMA: subclasses use it as the nil of their links, so handles
 * start at 1.
 *
 * <p><b>Layout.</b> Free rows are a stack, so the row erased last is used first, while it is still
 * in the processor's cache. Rows from {@code fresh} on were never used.
 *
 * <p><b>Invariants.</b> {@code size} rows are in use, {@code freeRows} are on the stack, and {@code
 * size + freeRows + 1 == fresh <= capacity}.
 */
public abstract class VmaTable implements VmaIndex {
  /** The largest number of VMAs that any table can be made to hold: 2^28 longs of 4 a row. */
  public static final int MOST_VMAS = 1 << 26;

  private static final int FIRST_ROWS = 16;

  private final int maxVmas;
  private int capacity;
  private int size;
  private int fresh;
  private int freeRows;
  private int[] stack;

  /** An empty table that refuses more than {@code maxVmas}. */
  protected VmaTable(int maxVmas) {
    this.maxVmas = checkMost(maxVmas);
    capacity = FIRST_ROWS;
    fresh = 1;
    stack = new int[FIRST_ROWS];
  }

  /** A copy of another table, without the room that it has to spare. */
  protected VmaTable(VmaTable other) {
    maxVmas = other.maxVmas;
    size = other.size;
    fresh = other.fresh;
    freeRows = other.freeRows;
    capacity = Math.max(FIRST_ROWS, fresh);
    stack = Arrays.copyOf(other.stack, capacity);
  }

  /** Returns a number of VMAs that an index is asked to hold, or throws. */
  public static int checkMost(int maxVmas) {
    if (maxVmas < 1 || maxVmas > MOST_VMAS) {
      throw new MisuseException(
          "not a number of VMAs: maxVmas=" + maxVmas + " allowed: 1.." + MOST_VMAS);
    }
    return maxVmas;
  }

  /** Makes room for {@code room} rows in the arrays of the subclass. */
  protected abstract void growRows(int room);

  /** Whether a row that was given out is still in use. */
  protected abstract boolean inUse(int row);

  /** Takes a free row and returns it, or 0 when there is none. */
  protected final int takeRow() {
    if (size == maxVmas) {
      return 0;
    }
    int row;
    if (freeRows != 0) {
      row = stack[--freeRows];
    } else {
      if (fresh == capacity) {
        roomFor(1);
      }
      row = fresh++;
    }
    size++;
    return row;
  }

  /** Gives a row back; the subclass marks it as no longer in use. */
  protected final void freeRow(int row) {
    stack[freeRows++] = row;
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
      stack = Arrays.copyOf(stack, room);
      capacity = room;
    }
    return true;
  }

  /** Forgets all rows; the subclass makes new arrays of {@link #capacity} rows. */
  protected final void clearRows() {
    size = 0;
    fresh = 1;
    freeRows = 0;
    capacity = FIRST_ROWS;
    stack = new int[FIRST_ROWS];
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
      live += inUse(row) ? 1 : 0;
    }
    if (live != size) {
      throw VmaChecks.corrupt(name, "rows in use", 0, live, size);
    }
    if (size + freeRows + 1 != fresh || fresh > capacity) {
      throw VmaChecks.corrupt(name, "free rows", 0, freeRows, fresh - 1L - size);
    }
    BitSet seen = new BitSet(fresh);
    for (int i = 0; i < freeRows; i++) {
      int row = stack[i];
      if (row < 1 || row >= fresh || inUse(row) || seen.get(row)) {
        throw VmaChecks.corrupt(name, "stack of free rows", row, i, freeRows);
      }
      seen.set(row);
    }
  }

  @Override
  public final boolean contains(int vma) {
    return vma > 0 && vma < fresh && inUse(vma);
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
