// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.pagetable.TableCursor;

/**
 * What works on ranges of a {@link PageTable}: walks over what is mapped, and passes over what is
 * not, table by table.
 */
public final class PageRanges {
  private static final long PAGE = Pages.PAGE_SIZE;

  /** Frames whose references are given up after one flush ({@code mmu_gather}). */
  private static final int BATCH = 512;

  /** Gets what is mapped, in address order. */
  public interface Visitor {
    /**
     * What one page of addresses maps.
     *
     * @param kind {@link PageTable#GUARD}, {@link PageTable#ZERO}, {@link PageTable#PAGE}, or
     *     {@link PageTable#NOTHING} of another absent entry
     * @param pfn the frame of a page, of the zero page too
     * @param huge whether it is part of a huge mapping
     */
    void entry(long addr, int kind, long pfn, boolean huge);
  }

  private final PageTable table;
  private final PageTableFormat format;
  private final PageTables tables;
  private final Frames frames;
  private final TableCursor walk;
  private final TableCursor probe;
  private final long hugeBytes;

  /** Bits of present entries that the child of a fork inherits. */
  private long uffdBits = -1;

  private final long[] gone = new long[BATCH];

  PageRanges(PageTable table) {
    this.table = table;
    this.format = table.format;
    this.tables = table.tables;
    this.frames = table.frames;
    this.walk = tables.cursor();
    this.probe = tables.cursor();
    this.hugeBytes = table.hugeBytes();
  }

  // ---------------------------------------------------------------- finding

  /** The lowest address in [from, end) where something is mapped, else {@code end}. */
  public long nextEntry(long from, long end) {
    if (from >= end || !table.exists()) {
      return end;
    }
    probe.over(table.root(), from, end);
    return probe.next() ? Math.max(from, probe.address()) : end;
  }

  /** Whether nothing is mapped in a range. */
  public boolean isEmpty(long start, long end) {
    return nextEntry(start, end) >= end;
  }

  /** Whether an address is no place in the middle of a huge mapping. */
  public boolean isWhole(long addr) {
    return (addr & hugeBytes - 1) == 0 || !table.exists() || !table.huge().isAt(addr);
  }

  /** The lowest address in [from, end) with a page table or a huge mapping, else {@code end}. */
  public long nextTable(long from, long end) {
    long at = from;
    while (at < end && table.exists()) {
      int level = probe.seek(table.root(), at, 2);
      if (level == 2 && !format.isNone(probe.entry())) {
        return at;
      }
      at = probe.address() + probe.bytes();
    }
    return end;
  }

  /** Where what one table maps ends: the next border of 2 MiB, or the end of the range. */
  private long endOfTable(long at, long end) {
    return Math.min(end, (at | hugeBytes - 1) + 1);
  }

  /** Visits what is mapped in a range. The visitor may change what it is told of. */
  public void visit(long start, long end, Visitor visitor) {
    if (start >= end || !table.exists()) {
      return;
    }
    walk.over(table.root(), start, end);
    while (walk.next()) {
      int level = walk.level();
      long entry = walk.entry();
      int kind = table.classify(level, entry);
      long pfn = kind >= PageTable.ZERO ? format.pfn(level, entry) : Frames.NONE;
      long base = walk.address();
      if (level == 1) {
        visitor.entry(base, kind, pfn, false);
        continue;
      }
      long to = Math.min(end, base + walk.bytes());
      for (long at = Math.max(start, base); at < to; at += PAGE) {
        visitor.entry(at, kind, pfn + ((at - base) >>> Pages.PAGE_SHIFT), true);
      }
    }
  }

  /** Gets the entries themselves, in address order. */
  public interface EntryVisitor {
    /**
     * An entry that is neither nothing nor a table.
     *
     * @param addr the first address that it covers, which may lie before the range
     * @param bytes how many it covers
     * @param kind {@link PageTable#GUARD}, {@link PageTable#ZERO}, {@link PageTable#PAGE}, or
     *     {@link PageTable#NOTHING} of another absent entry
     */
    void entry(long addr, long bytes, int kind, long entry);
  }

  /** Visits the entries of a range; one that the range cuts is visited as a whole. */
  public void entries(long start, long end, EntryVisitor visitor) {
    if (start >= end || !table.exists()) {
      return;
    }
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      visitor.entry(walk.address(), walk.bytes(), table.classify(walk.level(), entry), entry);
    }
  }

  /** The frame of an entry that covers so many bytes. */
  public long frame(long bytes, long entry) {
    return format.pfn(bytes == PAGE ? 1 : bytes == hugeBytes ? 2 : 3, entry);
  }

  // ---------------------------------------------------------------- changing

  /**
   * Unmaps a range of one VMA. Guard markers stay if asked. A huge mapping that is cut is split
   * first.
   *
   * @param recency whether it tells what was used lately ({@code vma_has_recency})
   * @param locked whether the VMA is locked
   */
  public void zap(long start, long end, boolean keepGuards, boolean recency, boolean locked) {
    if (start >= end || !table.exists()) {
      return;
    }
    LruMarks lru = frames.lru();
    lru.zapBegins();
    table.huge().splitAt(start);
    table.huge().splitAt(end);
    int n = 0;
    boolean any = false;
    long within = start & -hugeBytes;
    walk.over(table.root(), start, end);
    while (walk.next()) {
      if (walk.address() - within >= hugeBytes) {
        table.counters().tell(); // of one table (add_mm_rss_vec), or of one huge page
        within = walk.address() & -hugeBytes;
      }
      long entry = walk.entry();
      int level = walk.level();
      int kind = table.classify(level, entry);
      if (kind == PageTable.GUARD && keepGuards && !table.isPoison(level, entry)) {
        continue;
      }
      walk.set(PageTableFormat.EMPTY);
      any = true;
      if (level == 2) {
        table.huge().withdrawFor(walk, entry);
      }
      if (kind != PageTable.PAGE) {
        continue;
      }
      long page = format.pfn(level, entry);
      if (table.bits.isDirty(entry)) {
        frames.markDirty(page);
      }
      if (recency && !frames.isAnon(page)) {
        long pages = walk.bytes() >>> Pages.PAGE_SHIFT;
        lru.zapped(page, pages, table.bits.isYoung(entry), table.bits.isWrite(entry), locked);
      }
      if (level == 2) {
        table.huge().uncount(page);
      } else {
        frames.addMapcount(page, -1);
        table.count(page, -1);
      }
      gone[n++] = page;
      if (n == BATCH) {
        release(start, end, n);
        n = 0;
      }
    }
    table.counters().tell();
    if (any) {
      release(start, end, n);
    }
  }

  private void release(long start, long end, int n) {
    tables.flushRange(table.cpu, table.root(), start, end);
    for (int i = 0; i < n; i++) {
      frames.put(gone[i]);
    }
  }

  /**
   * {@code change_protection}: gives all entries of a range another protection. A range that cuts a
   * huge mapping has split it before.
   */
  public void protect(long start, long end, long prot) {
    if (start >= end || !table.exists()) {
      return;
    }
    boolean any = false;
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      int level = walk.level();
      if (format.isLeaf(level, entry)) {
        walk.set(format.modify(level, entry, prot));
        any = true;
      }
    }
    if (any) {
      tables.flushRange(table.cpu, table.root(), start, end);
    }
  }

  /**
   * {@code page_vma_mkclean_one()}: the entry at an address is clean, and writes through it fault.
   */
  void mkclean(long addr) {
    int level = probe.seek(table.root(), addr, 1);
    long entry = probe.entry();
    if (table.classify(level, entry) == PageTable.PAGE) {
      long now = table.bits.mkclean(table.bits.wrprotect(entry));
      if (now != entry) {
        probe.set(now);
        tables.flushRange(table.cpu, table.root(), addr & -PAGE, (addr & -PAGE) + PAGE);
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
    if (start < end && table.exists()) {
      walk.over(table.root(), start, end);
      dropTables(floor, ceiling == Long.MAX_VALUE ? 0 : ceiling);
    }
  }

  private void dropTables(long floor, long ceiling) {
    table.freedTables();
    long _ = walk.freeTables(table.cpu, floor, ceiling);
  }

  /** The tables of user space go, but the top one; nothing is mapped. */
  public void freeUserTables(long taskSize) {
    if (table.exists()) {
      table.tables.flushRoot(table.cpu, table.root());
      freeTables(0, taskSize, 0, Long.MAX_VALUE);
    }
  }

  /** Frees the page table of 2 MiB if it is empty ({@code try_to_free_pte}). */
  public void freeEmptyTable(long addr) {
    long from = addr & -hugeBytes;
    if (isEmpty(from, from + hugeBytes)) {
      walk.over(table.root(), from, from + hugeBytes);
      dropTables(from, from + hugeBytes);
    }
  }

  // ---------------------------------------------------------------- moving and copying

  /**
   * Makes the tables into which {@link #move} puts entries, so that moving cannot fail ({@code
   * alloc_new_pud}, {@code alloc_new_pmd}, {@code pte_alloc} of {@code move_page_tables}): those
   * that the old place has, empty ones among them.
   *
   * @return false if memory is out; tables that were made are still there, empty
   */
  public boolean prepareMove(long from, long to, long bytes) {
    long end = from + bytes;
    for (long at = from; at < end && table.exists(); ) {
      int level = probe.seek(table.root(), at, 2);
      boolean none = format.isNone(probe.entry());
      long next = Math.min(end, probe.address() + probe.bytes());
      long base = Math.max(from, at & -directoryBytes());
      boolean wholeDirectory = isWholeDirectory(base, to + (base - from), end);
      if (level == 2 && !prepareOne(at, next, to + (at - from), none, wholeDirectory)) {
        return false;
      }
      at = next;
    }
    return true;
  }

  private boolean prepareOne(long at, long next, long dest, boolean none, boolean wholeDirectory) {
    if (none && !wholeDirectory) {
      return table.makeDown(dest, 3) && table.makeDown(dest + (next - at) - PAGE, 3);
    }
    if (none || isWholeHuge(at, next, dest)) {
      return table.makeDirectory(dest);
    }
    return table.makeTable(dest) && table.makeTable(dest + (next - at) - PAGE);
  }

  /** Bytes that one page directory maps, {@link Long#MAX_VALUE} with two levels of tables. */
  private long directoryBytes() {
    return format.levels() > 2 ? format.bytes(3) : 1L << 62;
  }

  /**
   * Whether all that a page directory maps moves to where another one can take it ({@code
   * move_normal_pud}).
   */
  private boolean isWholeDirectory(long at, long dest, long end) {
    return format.levels() > 3
        && ((at | dest) & directoryBytes() - 1) == 0
        && end - at >= directoryBytes();
  }

  /** A huge mapping that moves as a whole to where nothing is. */
  private boolean isWholeHuge(long at, long next, long dest) {
    return next - at == hugeBytes
        && (dest & hugeBytes - 1) == 0
        && table.huge().isAt(at)
        && !table.hasTable(dest);
  }

  /** Moves what is mapped to another place, which is empty and was prepared. */
  public void move(long from, long to, long bytes) {
    long end = from + bytes;
    for (long at = nextTable(from, end); at < end; at = nextTable(endOfTable(at, end), end)) {
      long next = endOfTable(at, end);
      long dest = to + (at - from);
      if (isWholeHuge(at, next, dest)) {
        moveHuge(at, dest);
        continue;
      }
      table.huge().split(at);
      boolean wholeTable = next - at == hugeBytes && (dest & hugeBytes - 1) == 0;
      walk.over(table.root(), at, next);
      while (walk.next()) {
        long entry = walk.getAndClear();
        int _ = table.at.seek(table.root(), dest + (walk.address() - at), 1);
        table.at.set(wholeTable ? entry : moved(1, entry));
      }
      if (wholeTable) {
        freeEmptyTable(at); // move_normal_pmd takes the table along
      }
    }
    freeMovedDirectories(from, to, end);
    tables.flushRange(table.cpu, table.root(), from, end);
  }

  /** {@code move_soft_dirty_pte}: who watches the new place has not seen it there. */
  private long moved(int level, long entry) {
    if (!table.tracksSoftDirty()) {
      return entry;
    }
    return format.isLeaf(level, entry)
        ? table.bits.mksoftDirty(entry)
        : format.absent().mksoftDirty(entry);
  }

  /** {@code move_normal_pud} takes a page directory along that moves as a whole. */
  private void freeMovedDirectories(long from, long to, long end) {
    long size = directoryBytes();
    long first = from + size - 1 & -size;
    for (long at = first; at + size <= end && at >= from; at += size) {
      if (isWholeDirectory(at, to + (at - from), end) && isEmpty(at, at + size)) {
        walk.over(table.root(), at, at + size);
        dropTables(at, at + size);
      }
    }
  }

  private void moveHuge(long at, long dest) {
    int _ = table.at.seek(table.root(), at, 2);
    long entry = table.at.getAndClear();
    boolean ofFile = !table.bits.isSpecial(entry) && !frames.isAnon(format.pfn(2, entry));
    long deposited = ofFile ? PageTables.NO_TABLE : table.at.withdraw();
    int _ = table.at.seek(table.root(), dest, 2);
    table.at.set(moved(2, entry));
    if (deposited != PageTables.NO_TABLE) {
      table.at.deposit(deposited);
    }
  }

  /**
   * {@code copy_page_range}: maps what is mapped in a range in a child as well. Huge mappings of
   * anonymous memory stay huge in both; those of a file come back with a fault.
   *
   * @param copyOnWrite takes the right to write away in both ({@code is_cow_mapping})
   * @param keepsUffd whether a userfaultfd is told of writes in the child, too
   * @return false if memory is out; what was copied stays
   */
  public boolean copyTo(
      PageTable child, long start, long end, boolean copyOnWrite, boolean keepsUffd) {
    uffdBits = keepsUffd ? -1 : table.bits.clearUffdWp(-1L);
    for (long at = start; at < end && table.exists(); ) {
      int level = probe.seek(table.root(), at, 2);
      long next = Math.min(end, probe.address() + probe.bytes());
      boolean enters =
          level < format.levels() && (at == start || (at & format.bytes(level + 1) - 1) == 0);
      if (enters && !child.makeDown(at, level)) {
        return false;
      }
      if (level == 2 && !copyEntry(child, at, next, copyOnWrite)) {
        return false;
      }
      at = next;
    }
    tables.flushRange(table.cpu, table.root(), start, end);
    return true;
  }

  /** What stands for one page table: nothing, a huge mapping or the table. */
  private boolean copyEntry(PageTable child, long at, long next, boolean copyOnWrite) {
    if (!table.hasTable(at)) {
      return true;
    }
    return table.huge().isAt(at) ? copyHuge(child, at) : copyTable(child, at, next, copyOnWrite);
  }

  private boolean copyHuge(PageTable child, long at) {
    int _ = table.at.seek(table.root(), at, 2);
    long entry = table.at.entry();
    boolean zero = table.bits.isSpecial(entry);
    if (!zero && !frames.isAnon(format.pfn(2, entry))) {
      return true;
    }
    long deposit = child.huge().newTable();
    if (deposit == PageTables.NO_TABLE) {
      return false;
    }
    if (!child.makeDirectory(at)) {
      child.huge().freeTable(deposit);
      return false;
    }
    int _ = table.at.seek(table.root(), at, 2);
    long shared = table.bits.wrprotect(table.at.entry());
    table.at.set(shared);
    if (!zero) {
      frames.lru().shared(format.pfn(2, shared));
      frames.get(format.pfn(2, shared));
    }
    child.huge().map(at, table.bits.mkold(shared) & uffdBits, deposit);
    return true;
  }

  private boolean copyTable(PageTable child, long start, long end, boolean copyOnWrite) {
    if (!child.makeTable(start)) {
      return false;
    }
    long inherited = uffdBits;
    walk.over(table.root(), start, end);
    while (walk.next()) {
      long entry = walk.entry();
      int kind = table.classify(1, entry);
      if (copyOnWrite && kind >= PageTable.ZERO && table.bits.isWrite(entry)) {
        entry = table.bits.wrprotect(entry);
        walk.set(entry);
      }
      // The child has used nothing yet, and what it shares is not dirty for it.
      entry = table.bits.mkold(copyOnWrite ? entry : table.bits.mkclean(entry)) & inherited;
      switch (kind) {
        case PageTable.PAGE -> {
          long page = format.pfn(1, entry);
          if (copyOnWrite) {
            frames.lru().shared(page);
          }
          child.mapCached(walk.address(), page, entry);
        }
        case PageTable.ZERO -> child.mapZero(walk.address(), entry);
        case PageTable.GUARD ->
            child.putAbsent(walk.address(), format.absent().clearUffdWp(walk.entry()));
        default -> {
          if (inherited == -1) {
            child.putAbsent(walk.address(), walk.entry());
          }
        }
      }
    }
    return true;
  }
}
