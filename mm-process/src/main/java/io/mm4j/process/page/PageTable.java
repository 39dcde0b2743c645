// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.CorruptStateError;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which page is mapped at which address of one address space.
 *
 * <p>Vocabulary: an <i>entry</i> is null (nothing mapped), a {@link Page}, {@link #ZERO} (the
 * shared 4 KiB zero page) or {@link #GUARD} (a guard marker). A <i>leaf</i> holds the 512 entries
 * of 2 MiB; in its place a <i>huge</i> mapping of 512 pages, or of the huge zero page, may stand.
 *
 * <p>Layout: the four levels of x86-64, so that ranges which nobody touched cost nothing and are
 * skipped at once, and so that a leaf exists exactly when Linux has a page table there: a huge page
 * is mapped only where there is none.
 */
public final class PageTable {
  /** Entries that are no page of their own. */
  public enum Marker {
    /** The shared zero page. */
    ZERO,
    /** A guard marker: any access is a SIGSEGV. */
    GUARD
  }

  /** The zero page. */
  public static final Marker ZERO = Marker.ZERO;

  /** A guard marker. */
  public static final Marker GUARD = Marker.GUARD;

  private static final int SLOTS = 512;
  private static final long HUGE_BYTES = 1L << 21;
  private static final int[] SHIFT = {39, 30, 21};

  /** A mapping of 2 MiB at once: 512 pages, or null for the huge zero page. */
  static final class Huge {
    final Page @Nullable [] pages;

    Huge(Page @Nullable [] pages) {
      this.pages = pages;
    }
  }

  /** Gets what is mapped, in address order. */
  public interface Visitor {
    /**
     * One mapped entry.
     *
     * @param huge whether it is part of a huge mapping
     */
    void entry(long addr, Object entry, boolean huge);
  }

  private final @Nullable Object[] root = new Object[SLOTS];
  private final long[] rss = new long[3];
  private long tables;
  private long mapped;
  private final PageBudget budget;

  /** An empty one, whose entries count against a budget. */
  public PageTable(PageBudget budget) {
    this.budget = budget;
  }

  /** Whether the budget has no room for so many more entries. */
  public boolean noRoomFor(long pages) {
    return budget.exceededBy(pages);
  }

  /** Entries of any kind that are mapped, those of a huge zero page not counted. */
  public long mapped() {
    return mapped;
  }

  /** Resident pages of one kind. */
  public long rss(Page.Kind kind) {
    return rss[kind.slot];
  }

  /** Resident pages of all kinds. */
  public long rss() {
    return rss[0] + rss[1] + rss[2];
  }

  /** Page tables of the lower levels in pages, the root not counted. */
  public long tables() {
    return tables;
  }

  /**
   * Checks that nothing is mapped or counted where no VMA is.
   *
   * @throws CorruptStateError if something is
   */
  public void validateEmpty() {
    CorruptStateError.check(
        mapped == 0 && rss() == 0 && tables == 0,
        "no VMA is left: mapped=" + mapped + " rss=" + rss() + " tables=" + tables);
  }

  // ---------------------------------------------------------------- one address

  /** The entry at an address, null if nothing is mapped. */
  public @Nullable Object get(long addr) {
    Object slot = slot(addr);
    if (slot instanceof Huge huge) {
      return huge.pages == null ? ZERO : huge.pages[index(addr, 12)];
    }
    return slot == null ? null : ((@Nullable Object[]) slot)[index(addr, 12)];
  }

  /** Whether a page table or a huge mapping stands for the 2 MiB around an address. */
  public boolean hasTable(long addr) {
    return slot(addr) != null;
  }

  /** Whether the page directory of an address exists ({@code mm_find_pmd}). */
  public boolean hasDirectory(long addr) {
    return directory(addr, false) != null;
  }

  /** Whether the address belongs to a huge mapping. */
  public boolean isHuge(long addr) {
    return slot(addr) instanceof Huge;
  }

  /** Whether the address belongs to a mapping of the huge zero page. */
  public boolean isHugeZero(long addr) {
    return slot(addr) instanceof Huge huge && huge.pages == null;
  }

  /** Maps an entry, in place of another or of none; null unmaps. */
  public void set(long addr, @Nullable Object entry) {
    @Nullable Object @Nullable [] leaf = leaf(addr, entry != null);
    if (leaf == null) {
      return;
    }
    int i = index(addr, 12);
    Object old = leaf[i];
    leaf[i] = entry;
    count(entry, 1);
    count(old, -1);
  }

  /** Maps 2 MiB at once; the place must have no page table. Null maps the huge zero page. */
  public void setHuge(long addr, Page @Nullable [] pages) {
    @Nullable Object @Nullable [] directory = directory(addr, true);
    if (directory == null || directory[index(addr, 21)] != null) {
      throw new IllegalStateException("page table present at addr=" + Long.toHexString(addr));
    }
    directory[index(addr, 21)] = new Huge(pages);
    tables++; // the page table that is deposited for a later split
    if (pages != null) {
      for (Page page : pages) {
        count(page, 1);
      }
    }
  }

  /** Removes a mapping of the huge zero page or of a huge page, page table included. */
  public void clearHuge(long addr) {
    @Nullable Object @Nullable [] directory = directory(addr, false);
    if (directory != null && directory[index(addr, 21)] instanceof Huge huge) {
      drop(huge);
      directory[index(addr, 21)] = null;
      tables--;
    }
  }

  /** Splits the huge mapping around an address, unless the address is its border. */
  public void splitHugeAt(long addr) {
    if ((addr & HUGE_BYTES - 1) != 0) {
      splitHuge(addr);
    }
  }

  /**
   * Replaces the huge mapping around an address, if there is one, by single entries. Pages of a
   * file are unmapped instead: they come back with the next fault.
   */
  public void splitHuge(long addr) {
    @Nullable Object @Nullable [] directory = directory(addr, false);
    if (directory == null || !(directory[index(addr, 21)] instanceof Huge huge)) {
      return;
    }
    if (huge.pages != null && huge.pages[0].kind != Page.Kind.ANON) {
      clearHuge(addr);
      return;
    }
    @Nullable Object[] leaf = new @Nullable Object[SLOTS];
    for (int i = 0; i < SLOTS; i++) {
      leaf[i] = huge.pages == null ? ZERO : huge.pages[i];
    }
    if (huge.pages == null) {
      mapped += SLOTS;
      budget.mapped += SLOTS;
    }
    directory[index(addr, 21)] = leaf;
  }

  // ---------------------------------------------------------------- ranges

  /** Unmaps a range. Guard markers stay if asked. A huge mapping that is cut is split first. */
  public void zap(long start, long end, boolean keepGuards) {
    zap(root, 0, 0, start, end, keepGuards);
  }

  private void zap(
      @Nullable Object[] table, int level, long base, long start, long end, boolean keepGuards) {
    long size = 1L << SHIFT[level];
    int from = index(Math.max(start, base), SHIFT[level]);
    for (int i = from; i < SLOTS; i++) {
      long at = base + i * size;
      if (at >= end) {
        return;
      }
      Object slot = table[i];
      if (slot == null) {
        continue;
      }
      if (level < 2) {
        zap((@Nullable Object[]) slot, level + 1, at, start, end, keepGuards);
        continue;
      }
      if (slot instanceof Huge huge) {
        if (start <= at && at + size <= end) {
          drop(huge);
          table[i] = null;
          tables--;
          continue;
        }
        splitHuge(at);
        slot = table[i];
        if (slot == null) {
          continue;
        }
      }
      @Nullable Object[] leaf = (@Nullable Object[]) slot;
      int last = (int) (Math.min(end - at, size) >> 12);
      for (int j = start > at ? (int) ((start - at) >> 12) : 0; j < last; j++) {
        Object old = leaf[j];
        if (old != null && !(keepGuards && old == GUARD)) {
          leaf[j] = null;
          count(old, -1);
        }
      }
    }
  }

  /**
   * {@code free_pgtables}: frees page tables around an unmapped range that no VMA can use any more.
   *
   * @param floor end of the VMA before the range, 0 if none
   * @param ceiling start of the VMA behind it, {@link Long#MAX_VALUE} if none
   */
  public void freeTables(long start, long end, long floor, long ceiling) {
    free(root, 0, 0, start, end, floor, ceiling);
  }

  private void free(
      @Nullable Object[] table,
      int level,
      long base,
      long start,
      long end,
      long floor,
      long ceiling) {
    long size = 1L << SHIFT[level];
    for (int i = index(Math.max(start, base), SHIFT[level]); i < SLOTS; i++) {
      long at = base + i * size;
      if (at >= end) {
        return;
      }
      Object slot = table[i];
      if (slot == null) {
        continue;
      }
      if (level < 2) {
        free((@Nullable Object[]) slot, level + 1, at, start, end, floor, ceiling);
      }
      if (at >= floor && at + size <= ceiling && !(slot instanceof Huge)) {
        table[i] = null;
        tables--;
      }
    }
  }

  /** The lowest multiple of 2 MiB from {@code from} on that has a table, else {@code end}. */
  public long nextTable(long from, long end) {
    long at = from;
    while (at < end) {
      at = nextPresent(at, end);
      if (at < end && slot(at) != null) {
        return at;
      }
      at += HUGE_BYTES;
    }
    return end;
  }

  /** The lowest address in [from, end) where something is mapped, else {@code end}. */
  public long nextEntry(long from, long end) {
    long at = from;
    while (at < end) {
      at = nextPresent(at, end);
      if (at >= end) {
        return end;
      }
      Object slot = slot(at);
      long next = Math.min(end, (at | HUGE_BYTES - 1) + 1);
      if (slot instanceof Huge) {
        return at;
      }
      if (slot != null) {
        @Nullable Object[] leaf = (@Nullable Object[]) slot;
        for (; at < next; at += 4096) {
          if (leaf[index(at, 12)] != null) {
            return at;
          }
        }
      }
      at = next;
    }
    return end;
  }

  /** Whether nothing is mapped in a range. */
  public boolean isEmpty(long start, long end) {
    return nextEntry(start, end) >= end;
  }

  /** Frees the page table of 2 MiB if it is empty ({@code try_to_free_pte}). */
  public void freeEmptyLeaf(long addr) {
    Object slot = slot(addr);
    if (slot == null || slot instanceof Huge) {
      return;
    }
    for (Object entry : (@Nullable Object[]) slot) {
      if (entry != null) {
        return;
      }
    }
    Objects.requireNonNull(directory(addr, false))[index(addr, 21)] = null;
    tables--;
  }

  /** Moves what is mapped in [from, from + bytes) to another place, which must be empty. */
  public void move(long from, long to, long bytes) {
    long end = from + bytes;
    for (long at = from; at < end; ) {
      @Nullable Object @Nullable [] directory = directory(at, false);
      long next = Math.min(end, (at | HUGE_BYTES - 1) + 1);
      if (directory == null) {
        at = Math.min(end, nextPresent(at, end));
        continue;
      }
      Object slot = directory[index(at, 21)];
      long dest = to + (at - from);
      boolean wholeHuge = next - at == HUGE_BYTES && (dest & HUGE_BYTES - 1) == 0;
      if (slot != null && wholeHuge && moveWhole(directory, at, dest)) {
        at = next;
        continue;
      }
      if (slot instanceof Huge) {
        splitHuge(at);
        slot = directory[index(at, 21)];
      }
      if (slot != null) {
        moveEntries((@Nullable Object[]) slot, at, next, dest);
      }
      at = next;
    }
  }

  private boolean moveWhole(@Nullable Object[] directory, long at, long dest) {
    @Nullable Object[] target = Objects.requireNonNull(directory(dest, true));
    int slot = index(dest, 21);
    if (target[slot] != null) {
      return false;
    }
    target[slot] = directory[index(at, 21)];
    directory[index(at, 21)] = null;
    return true;
  }

  private void moveEntries(@Nullable Object[] source, long at, long end, long dest) {
    for (long a = at; a < end; a += 4096) {
      @Nullable Object[] target = Objects.requireNonNull(leaf(dest + (a - at), true));
      int i = index(a, 12);
      Object entry = source[i];
      if (entry != null) {
        source[i] = null;
        target[index(dest + (a - at), 12)] = entry;
      }
    }
  }

  /** The lowest address in [from, end) whose page directory exists, else {@code end}. */
  private long nextPresent(long from, long end) {
    for (long at = from; at < end; ) {
      Object upper = root[index(at, 39)];
      if (upper == null) {
        at = (at | (1L << 39) - 1) + 1;
      } else if (((@Nullable Object[]) upper)[index(at, 30)] == null) {
        at = (at | (1L << 30) - 1) + 1;
      } else {
        return at;
      }
    }
    return end;
  }

  /**
   * Shares a range with a child ({@code copy_page_range}): every entry is mapped there as well.
   * Huge mappings of pages stay huge in both.
   */
  public void copyTo(PageTable child, long start, long end) {
    for (long at = start; at < end; ) {
      @Nullable Object @Nullable [] directory = directory(at, false);
      if (directory == null) {
        at = nextPresent(at, end);
        continue;
      }
      Object slot = directory[index(at, 21)];
      long next = Math.min(end, (at | HUGE_BYTES - 1) + 1);
      if (slot instanceof Huge huge) {
        if (huge.pages == null || huge.pages[0].kind == Page.Kind.ANON) {
          child.setHuge(at & -HUGE_BYTES, huge.pages);
        }
      } else if (slot != null) {
        @Nullable Object[] leaf = (@Nullable Object[]) slot;
        @Nullable Object[] target = Objects.requireNonNull(child.leaf(at, true));
        for (long a = at; a < next; a += 4096) {
          Object entry = leaf[index(a, 12)];
          target[index(a, 12)] = entry;
          child.count(entry, 1);
        }
      }
      at = next;
    }
  }

  /** Visits what is mapped in a range. */
  public void visit(long start, long end, Visitor visitor) {
    for (long at = start; at < end; ) {
      @Nullable Object @Nullable [] directory = directory(at, false);
      if (directory == null) {
        at = nextPresent(at, end);
        continue;
      }
      Object slot = directory[index(at, 21)];
      long next = Math.min(end, (at | HUGE_BYTES - 1) + 1);
      for (long a = at; slot != null && a < next; a += 4096) {
        Object entry = get(a);
        if (entry != null) {
          visitor.entry(a, entry, slot instanceof Huge);
        }
      }
      at = next;
    }
  }

  // ---------------------------------------------------------------- inner

  private void drop(Huge huge) {
    if (huge.pages != null) {
      for (Page page : huge.pages) {
        count(page, -1);
      }
    }
  }

  private void count(@Nullable Object entry, int n) {
    if (entry != null) {
      mapped += n;
      budget.mapped += n;
    }
    if (entry instanceof Page page) {
      page.mapCount += n;
      rss[page.kind.slot] += n;
    }
  }

  private @Nullable Object slot(long addr) {
    @Nullable Object @Nullable [] directory = directory(addr, false);
    return directory == null ? null : directory[index(addr, 21)];
  }

  private @Nullable Object @Nullable [] directory(long addr, boolean make) {
    @Nullable Object[] table = root;
    for (int level = 0; level < 2; level++) {
      int i = index(addr, SHIFT[level]);
      Object lower = table[i];
      if (lower == null) {
        if (!make) {
          return null;
        }
        lower = new Object[SLOTS];
        table[i] = lower;
        tables++;
      }
      table = (@Nullable Object[]) lower;
    }
    return table;
  }

  private @Nullable Object @Nullable [] leaf(long addr, boolean make) {
    @Nullable Object @Nullable [] directory = directory(addr, make);
    if (directory == null) {
      return null;
    }
    int i = index(addr, 21);
    Object slot = directory[i];
    if (slot instanceof Huge) {
      splitHuge(addr);
      slot = directory[i];
    }
    if (slot == null && make) {
      slot = new Object[SLOTS];
      directory[i] = slot;
      tables++;
    }
    return (@Nullable Object[]) slot;
  }

  private static int index(long addr, int shift) {
    return (int) (addr >>> shift) & SLOTS - 1;
  }
}
