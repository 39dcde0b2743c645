// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import java.util.HashSet;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Which pages of one file on a disk are in memory, and what its open file remembers: from the
 * description of mm/readahead.c, filemap_read and filemap_fault of Linux 6.18. Requests are no
 * larger than the window.
 */
public final class NaiveReadAhead {
  private static final long PAGE = 4096;
  private static final long MOST = 32;

  /** Pages whose places in memory are kept together. */
  private static final long TOGETHER = 64;

  private static final int MOST_ORDER = 5;

  /** How a mapping is read: {@code MADV_NORMAL}, {@code _RANDOM}, {@code _SEQUENTIAL}. */
  public enum Advice {
    NORMAL,
    RANDOM,
    SEQUENTIAL
  }

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

  private long start;
  private long size;
  private long ahead;
  private int order;

  /** Where the last read ended; -1 before the first. */
  private long ended = -1;

  /** Of a file that nobody has read. */
  public NaiveReadAhead(long bytes) {
    this.bytes = bytes;
    this.filePages = (bytes + PAGE - 1) / PAGE;
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

  // ---------------------------------------------------------------- what is asked

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
  public void touch(long page, Advice advice) {
    if (!mapped.add(page)) {
      return;
    }
    boolean there = has(page);
    if (!there) {
      if (advice == Advice.RANDOM) {
        add(page, 0, -1);
      } else if (advice == Advice.SEQUENTIAL) {
        missing(page, MOST);
      } else {
        start = Math.max(0, page - MOST / 2);
        size = MOST;
        ahead = MOST / 4;
        order = 0;
        window();
      }
      if (!has(page)) {
        add(page, 0, -1);
      }
    }
    Folio folio = folio(page);
    if (there && folio != null && folio.marked && advice != Advice.RANDOM) {
      met(folio, page, MOST);
    }
    if (folio != null && folio.past <= filePages) {
      for (long i = folio.first; i < folio.past; i++) { // all of it is mapped at once
        mapped.add(i);
      }
    }
  }

  /** MADV_WILLNEED of some pages. */
  public void wanted(long first, long past) {
    singles(first, past - first, 0);
  }

  // ---------------------------------------------------------------- windows

  private void missing(long page, long wanted) {
    long before = ended == -1 ? Long.MIN_VALUE : ended / PAGE;
    if (page == 0 || page == before || page == before + 1) {
      long power = 1;
      while (power < wanted) {
        power *= 2;
      }
      start = page;
      size = power <= MOST / 32 ? power * 4 : power <= MOST / 4 ? power * 2 : MOST;
      ahead = size > wanted ? size - wanted : size / 2;
    } else {
      long run = runBefore(page);
      if (run <= wanted) {
        singles(page, wanted, 0);
        return;
      }
      boolean fromTheStart = run == page;
      start = page;
      size = Math.min((fromTheStart ? 2 * run : run) + wanted, MOST);
      ahead = 1;
    }
    order = 0;
    window();
  }

  /** A mark was met by a read of this page. */
  private void met(Folio folio, long page, long wanted) {
    folio.marked = false;
    long pages = folio.past - folio.first;
    if (page == (start + size - ahead) / pages * pages) {
      start += size;
      size = Math.max(size, next(size));
    } else {
      long hole = holeBehind(page + 1);
      if (hole - page > MOST) {
        return;
      }
      start = hole;
      size = next(hole - page + wanted);
    }
    order += 2;
    long align = 1L << Math.min(order, MOST_ORDER);
    long end = (start + size) / align * align;
    size = end > start ? end - start : size;
    ahead = size;
    window();
  }

  /** Where a folio begins, and where a page is that is none. */
  private long head(long page) {
    Folio folio = folio(page);
    return folio == null ? page : folio.first;
  }

  /**
   * The first page that is not there, as the kernel counts: who begins within a folio sees its
   * first page there, and all behind it as much too late, until 64 pages end together.
   */
  private long holeBehind(long from) {
    long late = from - head(from);
    long page = from;
    while (page - from < MOST && has(page - late)) {
      late = (page - late) % TOGETHER == TOGETHER - 1 ? 0 : late;
      page++;
    }
    return page;
  }

  /** How many pages are there before one, counted in the same way. */
  private long runBefore(long page) {
    long seen = head(page - 1);
    long run = 0;
    while (run < MOST && seen >= 0 && has(seen)) {
      run++;
      long at = page - 1 - run;
      if (seen % TOGETHER != 0) {
        seen--;
      } else if (at < 0 || at % TOGETHER != 0) {
        seen = (seen / TOGETHER - 1) * TOGETHER + Math.floorMod(at, TOGETHER);
      }
    }
    return run;
  }

  private static long next(long size) {
    return size < MOST / 16 ? size * 4 : size <= MOST / 2 ? size * 2 : MOST;
  }

  /** Folios as large as order, place, window and file allow; pages where one is in the way. */
  private void window() {
    long mark = start + size - ahead;
    long past = Math.min(filePages, start + size);
    int log = 0;
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
