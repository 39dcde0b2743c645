// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which pages of one file on a disk are in memory, and what its open file remembers: from the
 * description of mm/readahead.c, filemap_read and filemap_fault of Linux 6.18. A request larger
 * than the window is cut to it.
 */
public final class NaiveReadAhead {
  private static final long PAGE = 4096;
  private static final int MOST_ORDER = 9;

  /** What a disk reads at once when somebody wants it. */
  private static final long MOST_FORCED = 1024;

  /** How a mapping is read: {@code MADV_NORMAL}, {@code _RANDOM}, {@code _SEQUENTIAL}. */
  public enum Advice {
    NORMAL,
    RANDOM,
    SEQUENTIAL
  }

  /**
   * How a page is touched: by a mapping of data, or of code from one page to another.
   *
   * @param huge whether the mapping wants huge pages
   */
  public record Mapping(long first, long past, boolean code, boolean huge) {}

  private static final class Folio {
    final long first;
    final long past;
    boolean marked;

    Folio(long first, long past) {
      this.first = first;
      this.past = past;
    }
  }

  private final long bytes;
  private final long filePages;

  /** By their first page. */
  private final TreeMap<Long, Folio> folios = new TreeMap<>();

  /** Pages that were touched. What is mapped around them meets no mark and so changes nothing. */
  private final Set<Long> mapped = new HashSet<>();

  private final Set<Long> mappedAsCode = new HashSet<>();

  /** {@code ra_pages} of the disk, and of the open file. */
  private long ofDisk;

  private long most;

  /** Reads bring what they want, and no more. */
  private boolean random;

  private long start;
  private long size;
  private long ahead;
  private int order;

  /** Where the last read ended; -1 before the first. */
  private long ended = -1;

  /**
   * Of a file that nobody has read.
   *
   * @param most the pages of a window
   */
  public NaiveReadAhead(long bytes, long most) {
    this.bytes = bytes;
    this.ofDisk = most;
    this.most = most;
    this.filePages = (bytes + PAGE - 1) / PAGE;
  }

  /**
   * All of the file was written, so many pages at a time, and is in memory: in folios as large as
   * what was left of a write, and its place, allow.
   */
  public void written(long piece) {
    for (long page = 0; page < filePages; ) {
      long left = Math.min(bytes, (page / piece + 1) * piece * PAGE) - page * PAGE;
      int log = 0;
      while (log < MOST_ORDER && (2L << log) * PAGE <= left && page % (2L << log) == 0) {
        log++;
      }
      add(page, log, -1);
      page += 1L << log;
    }
  }

  private boolean has(long page) {
    return folio(page) != null;
  }

  private @Nullable Folio folio(long page) {
    var below = folios.floorEntry(page);
    return below != null && page < below.getValue().past ? below.getValue() : null;
  }

  /** A letter for each page of the file: 1 if it is in memory. */
  public String inMemory() {
    StringBuilder out = new StringBuilder();
    for (long page = 0; page < filePages; page++) {
      out.append(has(page) ? '1' : '0');
    }
    return out.toString();
  }

  /** Whether the folio of a page has a mark. */
  public boolean isMarked(long page) {
    Folio folio = folio(page);
    return folio != null && folio.marked;
  }

  /** Whether two pages are of one folio. */
  public boolean isOne(long page, long other) {
    Folio folio = folio(page);
    return folio != null && folio.equals(folio(other));
  }

  /** Whether all pages of the folio of a page are some of these. */
  public boolean isWithin(long page, BitSet some) {
    Folio folio = folio(page);
    return folio != null && some.nextClearBit((int) folio.first) >= folio.past;
  }

  /** The first page of each folio with a mark. */
  public List<Long> marked() {
    return folios.values().stream().filter(f -> f.marked).map(f -> f.first).toList();
  }

  // ---------------------------------------------------------------- what is asked

  /** POSIX_FADV_NORMAL, _SEQUENTIAL, _RANDOM. */
  public void advised(Advice advice) {
    random = advice == Advice.RANDOM;
    if (!random) {
      most = advice == Advice.SEQUENTIAL ? ofDisk * 2 : ofDisk;
    }
  }

  /** Another open of the file, on a disk with another window: nothing is mapped by it. */
  public void reopened(long window) {
    ofDisk = window;
    most = window;
    random = false;
    start = 0;
    size = 0;
    ahead = 0;
    order = 0;
    ended = -1;
    mapped.clear();
    mappedAsCode.clear();
  }

  /** Nothing is mapped any more, and folios that lie in a range leave memory. */
  public void dropped(long first, long past) {
    mapped.clear();
    mappedAsCode.clear();
    folios.values().removeIf(folio -> folio.first >= first && folio.past <= past);
  }

  /** pread: how many bytes it gives. */
  public long read(long pos, long count) {
    long at = pos;
    long end = pos + count;
    long past = (end + PAGE - 1) / PAGE;
    while (at < end && at < bytes) {
      long page = at / PAGE;
      if (!has(page)) {
        missing(page, past - page);
      }
      // As far as pages are there, or to the first folio with a mark.
      Folio folio = folio(page);
      while (folio != null && !folio.marked && folio.past < past) {
        Folio next = folio(folio.past);
        if (next == null) {
          break;
        }
        folio = next;
      }
      if (folio == null) {
        throw new IllegalStateException("a page that was just read: " + page);
      }
      if (folio.marked) {
        met(folio, folio.first, past - folio.first);
      }
      at = Math.min(Math.min(end, bytes), folio.past * PAGE);
    }
    ended = at > pos ? at : ended; // what the read began with counts until it ends
    return Math.max(0, Math.min(end, bytes) - pos);
  }

  /** A read by a mapping; a fault that had to read is tried again and meets no mark then. */
  public void touch(long page, Advice advice, Mapping mapping) {
    Set<Long> touched = mapping.code ? mappedAsCode : mapped;
    if (!touched.add(page)) {
      return;
    }
    boolean there = has(page);
    if (!there) {
      if (mapping.huge) {
        huge(page, advice);
      } else if (advice == Advice.RANDOM || most == 0) {
        add(page, 0, -1);
      } else if (advice == Advice.SEQUENTIAL) {
        missing(page, most);
      } else if (mapping.code) {
        start = page;
        size = Math.min(page + most, mapping.past) - page;
        ahead = 0;
        order = 0;
        window();
      } else {
        start = Math.max(0, page - most / 2);
        size = most;
        ahead = most / 4;
        order = 0;
        window();
      }
      if (!has(page)) {
        add(page, 0, -1);
      }
    }
    Folio folio = folio(page);
    if (there && folio != null && folio.marked && advice != Advice.RANDOM) {
      met(folio, page, most);
    }
    if (folio != null && folio.past <= filePages) {
      for (long i = folio.first; i < folio.past; i++) { // all of it is mapped at once
        touched.add(i);
      }
    }
  }

  /** MADV_WILLNEED of some pages. */
  public void wanted(long first, long past) {
    singles(first, Math.min(past - first, Math.max(most, MOST_FORCED)), 0);
  }

  // ---------------------------------------------------------------- windows

  /** VM_HUGEPAGE: the 2 MiB around the page, and those behind them. */
  private void huge(long page, Advice advice) {
    long before = start;
    start = page >> MOST_ORDER << MOST_ORDER;
    ahead = 1L << MOST_ORDER;
    size = advice == Advice.RANDOM ? ahead : 2 * ahead;
    order = MOST_ORDER;
    window();
    start = before;
  }

  private void missing(long page, long pages) {
    if (most == 0 || random) {
      singles(page, most == 0 ? 1 : Math.min(pages, Math.max(most, MOST_FORCED)), 0);
      return;
    }
    long before = ended == -1 ? Long.MIN_VALUE : ended / PAGE;
    if (page == 0 || pages > most || page == before || page == before + 1) {
      long power = 1;
      while (power < pages) {
        power *= 2;
      }
      start = page;
      size = power <= most / 32 ? power * 4 : power <= most / 4 ? power * 2 : most;
      ahead = size > pages ? size - pages : size / 2;
    } else {
      long below = slots().missBelow(page - 1, most);
      long run = page - 1 - below;
      if (run <= pages) {
        singles(page, pages, 0);
        return;
      }
      start = page;
      size = Math.min((below < 0 ? 2 * run : run) + pages, most);
      ahead = 1;
    }
    order = 0;
    window();
  }

  /** A mark was met by a read of this page. */
  private void met(Folio folio, long page, long pages) {
    if (most == 0) {
      return;
    }
    folio.marked = false;
    long inFolio = folio.past - folio.first;
    if (page == (start + size - ahead) / inFolio * inFolio) {
      start += size;
      size = Math.max(size, next(size));
    } else {
      long hole = slots().missFrom(page + 1, most);
      if (hole - page > most) {
        return;
      }
      start = hole;
      size = next(hole - page + pages);
    }
    order += 2;
    long align = 1L << Math.min(order, Long.numberOfTrailingZeros(most));
    long end = (start + size) / align * align;
    size = end > start ? end - start : size;
    ahead = size;
    window();
  }

  /** Where the folios are kept now. */
  private NaiveSlots slots() {
    long past = folios.isEmpty() ? 1 : folios.lastEntry().getValue().past;
    Folio first = folios.get(0L);
    NaiveSlots slots = new NaiveSlots(past, first == null ? 0 : log(first));
    folios.values().forEach(folio -> slots.put(folio.first, log(folio)));
    return slots;
  }

  private static int log(Folio folio) {
    return Long.numberOfTrailingZeros(folio.past - folio.first);
  }

  private long next(long now) {
    return now < most / 16 ? now * 4 : now <= most / 2 ? now * 2 : most;
  }

  /** Folios as large as order, place, window and file allow; pages where one is in the way. */
  private void window() {
    long mark = start + size - ahead;
    long past = Math.min(filePages, start + size);
    int log = 0;
    if (size <= 0) {
      return;
    }
    while (2L << log <= size) {
      log++;
    }
    order = Math.min(order, Math.min(log, MOST_ORDER));
    for (long page = start; page < past; ) {
      int now = order;
      while (page % (1L << now) != 0 || page + (1L << now) > past) {
        now--;
      }
      for (long i = page; i < page + (1L << now); i++) {
        if (has(i)) {
          singles(page, start + size - page, ahead);
          return;
        }
      }
      add(page, now, mark);
      page += 1L << now;
    }
  }

  private void singles(long first, long wanted, long lookAhead) {
    long n = Math.min(wanted, filePages - first);
    long mark = lookAhead == 0 ? -1 : first + n - lookAhead;
    for (long page = first; page < first + n; page++) {
      if (!has(page)) {
        add(page, 0, mark);
      }
    }
  }

  private void add(long page, int log, long mark) {
    long pages = 1L << log;
    Folio folio = new Folio(page, page + pages);
    folio.marked = mark >= 0 && page == mark / pages * pages;
    folios.put(page, folio);
  }
}
