// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import java.util.BitSet;

/**
 * The folios of a file on a disk, as a table of its pages. A write makes them as large as what
 * remains of it, each on a border of its size; a hole or a new end within a clean one splits it:
 * the half that has the page goes on being halved, the other stays.
 */
public final class NaiveFolios {
  /** Of each page the first one of its folio and how many it has; 0 where none is. */
  private final int[] first;

  private final int[] pages;

  /** First pages of folios that were written to through a mapping. */
  private final BitSet dirty = new BitSet();

  /**
   * Those that one write of a whole file has made.
   *
   * @param most how many pages the file can have
   * @param size how many it has
   */
  public NaiveFolios(int most, int size) {
    first = new int[most];
    pages = new int[most];
    for (int at = 0; at < size; ) {
      int n = Math.min(512, Integer.highestOneBit(size - at));
      n = at == 0 ? n : Math.min(n, Integer.lowestOneBit(at));
      join(at, n);
      at += n;
    }
  }

  private void join(int start, int n) {
    for (int i = start; i < start + n; i++) {
      first[i] = start;
      pages[i] = n;
    }
  }

  /** Whether the page is in memory. */
  public boolean has(int page) {
    return pages[page] > 0;
  }

  /** The first page of the folio of one that is in memory. */
  public int first(int page) {
    return first[page];
  }

  /** The page behind it. */
  public int past(int page) {
    return first[page] + pages[page];
  }

  /** A page comes into memory alone. */
  public void bring(int page) {
    if (pages[page] == 0) {
      join(page, 1);
    }
  }

  /** All of its folio leaves memory. */
  public void drop(int page) {
    clear(first[page], past(page));
  }

  private void clear(int from, int past) {
    for (int page = from; page < past; page++) {
      pages[page] = 0;
      dirty.clear(page);
    }
  }

  /** Somebody has written to a page through a mapping. */
  public void write(int page) {
    dirty.set(first[page]);
  }

  /** Whether its folio was written to. */
  public boolean isDirty(int page) {
    return dirty.get(first[page]);
  }

  /** All is on the disk. */
  public void sync() {
    dirty.clear();
  }

  /**
   * The page is a folio of its own, and what was around it as large ones as can be.
   *
   * @return whether the folio had others, and could be split, as it is clean
   */
  private boolean split(int page) {
    if (pages[page] < 2 || isDirty(page)) {
      return false;
    }
    int start = first[page];
    for (int n = pages[page] / 2; n > 0; n /= 2) {
      boolean upper = page >= start + n;
      join(upper ? start : start + n, n);
      start += upper ? n : 0;
    }
    join(page, 1);
    return true;
  }

  /**
   * A hole in a clean file.
   *
   * @param size pages of the file: what a folio that is split had behind its end goes
   * @return the pages of folios that were split for it
   */
  public BitSet punch(int from, int past, int size) {
    BitSet split = new BitSet();
    border(from, from, past, split);
    border(past - 1, from, past, split);
    for (int page = split.nextSetBit(size); page >= 0; page = split.nextSetBit(page + 1)) {
      if (first[page] >= size) {
        clear(page, page + 1);
      }
    }
    clear(from, past);
    return split;
  }

  /** A folio that a range has only a part of. */
  private void border(int page, int from, int past, BitSet split) {
    int start = first[page];
    int end = past(page);
    if (pages[page] < 2 || (start >= from && end <= past)) {
      return;
    }
    if (split(Math.max(start, from))) {
      split.set(start, end);
    }
    if (end > past) {
      boolean _ = split(past);
    }
  }

  /**
   * The file ends with a page. What a dirty folio has behind it stays.
   *
   * @return the pages of the folio that was split for it, or could not be
   */
  public BitSet cut(int size) {
    BitSet split = new BitSet();
    int stays = size;
    if (size < pages.length && pages[size] > 1 && first[size] < size) {
      int start = first[size];
      int end = past(size);
      split.set(start, end);
      stays = split(size) ? size : end;
    }
    clear(stays, pages.length);
    return split;
  }
}
