// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import java.util.Arrays;
import java.util.BitSet;

/**
 * What is mapped of a file of large folios at each of some places: nothing, a page of the file, or
 * a copy. A read maps what is in memory of the 16 pages around it, and of large folios all; a fault
 * that finds nothing there maps its folio whole, where the mapping and the page table have room.
 */
public final class NaiveFilePlaces {
  /** Places of a page table. */
  public static final int TABLE = 512;

  private static final int WINDOW = 16;

  /** Of each place the page of the file that is mapped there, -1 where nothing is. */
  public final int[] index;

  /** Whether its mapping is shared, and whether it may have huge pages. */
  private final BitSet shared = new BitSet();

  private final BitSet large = new BitSet();

  /** Places where a page of the file is, those that let writes through, and those of copies. */
  private final BitSet ofFile = new BitSet();

  private final BitSet written = new BitSet();
  private final BitSet copies = new BitSet();

  /** Places that nobody has accessed since that was last forgotten. */
  private final BitSet old = new BitSet();

  /** Page tables in whose place one entry maps all. */
  private final BitSet huge = new BitSet();

  private final NaiveFolios folios;
  private int size;

  /**
   * What an access needs to know of its place.
   *
   * @param start the first place of its mapping
   * @param past the place behind it
   * @param table whether there is a page table
   */
  public record Where(int place, int start, int past, boolean table) {}

  /** Nothing is mapped of a file of so many pages. */
  public NaiveFilePlaces(int places, NaiveFolios folios, int size) {
    index = new int[places];
    Arrays.fill(index, -1);
    this.folios = folios;
    this.size = size;
  }

  /** Pages of the file. */
  public int size() {
    return size;
  }

  /** Maps pages of the file at some places. */
  public void map(int place, int pages, int first, boolean both, boolean hasHuge) {
    unmap(place, place + pages);
    for (int i = 0; i < pages; i++) {
      index[place + i] = first + i;
    }
    shared.set(place, place + pages, both);
    large.set(place, place + pages, hasHuge);
  }

  /** The mapping goes. */
  public void unmap(int from, int past) {
    discard(from, past);
    Arrays.fill(index, from, past, -1);
  }

  /** What is there goes; a huge entry that the range has a part of goes as a whole. */
  public void discard(int from, int past) {
    for (int table = from / TABLE; table * TABLE < past; table++) {
      if (huge.get(table)) {
        dropHuge(table);
      }
    }
    ofFile.clear(from, past);
    written.clear(from, past);
    copies.clear(from, past);
  }

  private void dropHuge(int table) {
    huge.clear(table);
    ofFile.clear(table * TABLE, (table + 1) * TABLE);
    written.clear(table * TABLE, (table + 1) * TABLE);
  }

  /** Wherever these pages of the file are mapped they are not any more. */
  private void unmapPages(BitSet pages) {
    for (int place = 0; place < index.length; place++) {
      if (ofFile.get(place) && pages.get(index[place])) {
        if (huge.get(place / TABLE)) {
          dropHuge(place / TABLE);
        }
        ofFile.clear(place);
        written.clear(place);
      }
    }
  }

  // ---------------------------------------------------------------- the file

  /** All is on the disk: the next write through any entry says so again. */
  public void sync() {
    folios.sync();
    written.clear();
  }

  /** A hole in a file that is on the disk. */
  public void punch(int from, int past) {
    BitSet gone = folios.punch(from, past, size);
    gone.set(from, past);
    unmapPages(gone);
  }

  /** Another end. */
  public void resize(int pages) {
    size = pages;
    BitSet behind = new BitSet();
    behind.set(pages, Integer.MAX_VALUE);
    unmapPages(behind);
    for (int place = 0; place < index.length; place++) {
      if (index[place] >= pages) {
        copies.clear(place);
      }
    }
    unmapPages(folios.cut(pages));
  }

  /** Folios of a file that is on the disk leave memory if nobody maps a page of them. */
  public void forget() {
    BitSet mapped = new BitSet();
    ofFile.stream().forEach(place -> mapped.set(folios.first(index[place])));
    for (int page = 0; page < size; page++) {
      if (folios.has(page) && !mapped.get(folios.first(page))) {
        folios.drop(page);
      }
    }
  }

  // ---------------------------------------------------------------- accesses

  /**
   * What an access leaves.
   *
   * @param waits whether a fault that has read from the disk begins again
   * @return false if it ends behind the end of the file
   */
  public boolean access(Where where, boolean write, boolean waits) {
    int place = where.place;
    int table = place / TABLE;
    if (copies.get(place) || (ofFile.get(place) && !write)) {
      return true;
    }
    boolean both = shared.get(place);
    if (written.get(place)) {
      return true;
    }
    if (ofFile.get(place) && both) {
      written(huge.get(table) ? table * TABLE : place, huge.get(table) ? TABLE : 1);
      return true;
    }
    if (huge.get(table)) {
      dropHuge(table);
    }
    if (write && !both) {
      boolean within = index[place] < size;
      if (within) {
        folios.bring(index[place]);
        ofFile.clear(place);
        copies.set(place);
        old.clear(place);
      }
      return within;
    }
    return write ? writeFirst(where) : readFirst(where, waits);
  }

  private boolean readFirst(Where where, boolean waits) {
    int page = index[where.place];
    Where now = around(where);
    if (ofFile.get(where.place)) {
      return true;
    }
    if (page >= size) {
      return false;
    }
    boolean absent = !folios.has(page);
    folios.bring(page);
    now = absent && waits ? around(now) : now;
    if (!ofFile.get(where.place)) {
      int _ = finish(now);
    }
    return true;
  }

  private boolean writeFirst(Where where) {
    int page = index[where.place];
    if (page >= size) {
      return false;
    }
    folios.bring(page);
    int mapped = finish(where);
    int from =
        mapped == TABLE
            ? where.place - where.place % TABLE
            : mapped > 1 ? start(where) : where.place;
    written(from, mapped);
    return true;
  }

  private void written(int place, int pages) {
    old.clear(place, place + pages);
    written.set(place, place + pages);
    folios.write(index[place]);
  }

  /** Maps what is in memory of the window of a place, where nothing is; what is known then. */
  private Where around(Where where) {
    int base = index[where.place] - where.place;
    int table = where.place - where.place % TABLE;
    int from = Math.max(Math.max(where.start, table), where.place - where.place % WINDOW);
    int past = Math.min(Math.min(where.past, table + TABLE), from + WINDOW);
    int end = Math.min(past + base, size);
    int page = next(from + base, end);
    if (page == end) {
      return where;
    }
    boolean whole = isWhole(page);
    if (whole && mapHuge(where, page)) {
      return where;
    }
    if (!whole && !where.table) {
      return where;
    }
    for (; page < end; page = next(folios.past(page), end)) {
      boolean all = isWhole(page) && fits(where, page);
      mapAbsent(
          (all ? folios.first(page) : page) - base,
          (all ? folios.past(page) : Math.min(folios.past(page), end)) - base);
    }
    return new Where(where.place, where.start, where.past, true);
  }

  /** The next page that is in memory. */
  private int next(int from, int end) {
    int page = from;
    while (page < end && !folios.has(page)) {
      page++;
    }
    return Math.min(page, end);
  }

  /** Whether all of a folio may be mapped around a fault: it ends before the last page. */
  private boolean isWhole(int page) {
    return folios.past(page) < size;
  }

  private boolean fits(Where where, int page) {
    int base = index[where.place] - where.place;
    int table = where.place - where.place % TABLE;
    int from = folios.first(page) - base;
    int past = folios.past(page) - base;
    return from >= Math.max(where.start, table) && past <= Math.min(where.past, table + TABLE);
  }

  private void mapAbsent(int from, int past) {
    for (int place = from; place < past; place++) {
      if (!copies.get(place) && !ofFile.get(place)) {
        ofFile.set(place);
        old.clear(place);
      }
    }
  }

  private int start(Where where) {
    return folios.first(index[where.place]) - index[where.place] + where.place;
  }

  /** The page, or all of its folio; how many places that are. */
  private int finish(Where where) {
    int page = index[where.place];
    boolean within = folios.past(page) <= size;
    if (within && mapHuge(where, page)) {
      return TABLE;
    }
    int from = start(where);
    int past = from + folios.past(page) - folios.first(page);
    boolean all =
        within && fits(where, page) && isEmpty(ofFile, from, past) && isEmpty(copies, from, past);
    ofFile.set(all ? from : where.place, all ? past : where.place + 1);
    old.clear(all ? from : where.place, all ? past : where.place + 1);
    return all ? past - from : 1;
  }

  private static boolean isEmpty(BitSet set, int from, int past) {
    int next = set.nextSetBit(from);
    return next < 0 || next >= past;
  }

  private boolean mapHuge(Where where, int page) {
    int table = where.place - where.place % TABLE;
    int first = index[where.place] - where.place % TABLE;
    boolean can =
        !where.table
            && large.get(where.place)
            && table >= where.start
            && table + TABLE <= where.past
            && first % TABLE == 0
            && folios.past(page) - folios.first(page) == TABLE;
    if (can) {
      huge.set(table / TABLE);
      ofFile.set(table, table + TABLE);
      old.clear(table, table + TABLE);
    }
    return can;
  }

  /** The CPU has used the entry of a place. */
  public void used(int place) {
    int table = place - place % TABLE;
    boolean all = huge.get(place / TABLE);
    old.clear(all ? table : place, all ? table + TABLE : place + 1);
  }

  /** clear_refs: no entry was used. */
  public void forgetAccesses() {
    old.set(0, index.length);
  }

  // ---------------------------------------------------------------- looking

  /** Whether the entry of a place says that it was used. */
  public boolean isYoung(int place) {
    return !old.get(place);
  }

  /**
   * What is there: {@code f} a page of the file, {@code F} one that lets writes through, capital
   * {@code A} a copy, {@code .} nothing; {@code h} and {@code H} are those of a huge entry.
   */
  public char letter(int place) {
    boolean all = huge.get(place / TABLE);
    char file = all ? 'h' : 'f';
    char ofWrites = all ? 'H' : 'F';
    return copies.get(place) ? 'A' : written.get(place) ? ofWrites : ofFile.get(place) ? file : '.';
  }
}
