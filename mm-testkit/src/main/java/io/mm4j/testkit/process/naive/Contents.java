// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The pages of one process that are its own: anonymous ones, zero pages and guard marks. */
public final class Contents {
  /** What stands at a page where no anonymous page is. */
  private static final int ZERO_PAGE = -1;

  private static final int GUARD = -2;

  /** What the processes of a family see of one anonymous page until one of them writes to it. */
  private static final class Page {
    int maps = 1;

    /** MADV_FREE was here since it was last kept. */
    boolean lazy;

    /** The kernel made it dirty for somebody who had no need to write himself (PG_dirty). */
    boolean dirty;
  }

  /** An entry of the page table. */
  private static final class Entry {
    /** The byte of an anonymous page, or one of the two above. */
    int value;

    final @Nullable Page page;

    /** Written to through this entry. */
    boolean dirty = true;

    Entry(int value, @Nullable Page page) {
      this.value = value;
      this.page = page;
    }
  }

  private final TreeMap<Long, Entry> entries = new TreeMap<>();

  private static long page(long addr) {
    return addr & -Bits.PAGE;
  }

  private @Nullable Page anon(long addr) {
    Entry entry = entries.get(page(addr));
    return entry == null ? null : entry.page;
  }

  public boolean isAnon(long addr) {
    return anon(addr) != null;
  }

  public boolean isGuard(long addr) {
    Entry entry = entries.get(page(addr));
    return entry != null && entry.value == GUARD;
  }

  /** Whether an anonymous page or the zero page is there. */
  boolean isPresent(long addr) {
    return entries.containsKey(page(addr)) && !isGuard(addr);
  }

  /** The byte of an anonymous page, 0 of the zero page, null where neither is. */
  @Nullable
  public Integer byteAt(long addr) {
    Entry entry = entries.get(page(addr));
    return entry == null || entry.value == GUARD ? null : Math.max(0, entry.value);
  }

  /** Where anonymous pages are. */
  public List<Long> anonPages() {
    return entries.entrySet().stream()
        .filter(e -> e.getValue().page != null)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Where anything is, in a range. */
  public List<Long> pages(long start, long end) {
    return new ArrayList<>(entries.subMap(start, end).keySet());
  }

  private void put(long addr, @Nullable Entry now) {
    Entry old = now == null ? entries.remove(page(addr)) : entries.put(page(addr), now);
    if (old != null && old.page != null) {
      old.page.maps--;
    }
  }

  /** A write: to the page that is there, or to a copy if others have it, too. */
  void set(long addr, int value) {
    Entry entry = entries.get(page(addr));
    if (entry != null && entry.page != null && entry.page.maps == 1) {
      entry.value = value;
      entry.dirty = true;
    } else {
      put(addr, new Entry(value, new Page()));
    }
  }

  /**
   * Somebody wants to write to the anonymous page that is here.
   *
   * @param populates the kernel, which writes nothing: an entry that allows it stays as it is
   */
  void wantWrite(long addr, boolean populates) {
    Entry entry = entries.get(page(addr));
    if (entry == null || entry.page == null) {
      throw new IllegalStateException("no anonymous page at " + Long.toHexString(addr));
    }
    if (populates && entry.page.maps == 1) {
      entry.page.dirty |= !entry.dirty;
    } else {
      set(addr, entry.value);
    }
  }

  /** MADV_FREE: what nobody writes to from now on may go. */
  void free(long start, long end) {
    for (Entry entry : entries.subMap(start, end).values()) {
      if (entry.page != null && (!entry.page.dirty || entry.page.maps == 1)) {
        entry.page.dirty = false;
        entry.page.lazy = true;
        entry.dirty = false;
      }
    }
  }

  /** MADV_PAGEOUT without swap: what MADV_FREE gave away goes, unless it was written to. */
  void pageOut(long start, long end) {
    for (long at : pages(start, end)) {
      Entry entry = entries.get(at);
      if (entry == null || entry.page == null || !entry.page.lazy || entry.page.maps > 1) {
        continue;
      }
      if (entry.dirty || entry.page.dirty) {
        entry.page.lazy = false;
      } else {
        put(at, null);
      }
    }
  }

  void setZeroPage(long addr) {
    put(addr, new Entry(ZERO_PAGE, null));
  }

  void setGuard(long addr) {
    put(addr, new Entry(GUARD, null));
  }

  void drop(long start, long end, boolean keepGuards) {
    for (long at : pages(start, end)) {
      if (!keepGuards || !isGuard(at)) {
        put(at, null);
      }
    }
  }

  void dropGuards(long start, long end) {
    for (long at : pages(start, end)) {
      if (isGuard(at)) {
        put(at, null);
      }
    }
  }

  void move(long from, long to, long bytes) {
    TreeMap<Long, Entry> moved = new TreeMap<>(entries.subMap(from, from + bytes));
    entries.subMap(from, from + bytes).clear();
    moved.forEach((at, entry) -> put(at - from + to, entry));
  }

  void copyTo(Contents child, long start, long end) {
    entries
        .subMap(start, end)
        .forEach(
            (at, entry) -> {
              Entry copy = new Entry(entry.value, entry.page);
              copy.dirty = entry.dirty;
              child.entries.put(at, copy);
              if (entry.page != null) {
                entry.page.maps++;
              }
            });
  }

  /** The process ends. */
  void clear() {
    drop(Long.MIN_VALUE, Long.MAX_VALUE, false);
  }
}
