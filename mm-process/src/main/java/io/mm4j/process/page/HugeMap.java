// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.TableCursor;
import java.util.NavigableSet;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What an address space maps of one {@link HugePool}: huge entries of its page tables, and the
 * promises that its private mappings have ({@code resv_map}). Such a page counts in no resident set
 * ({@code hugetlb_usage}), and its entry has no deposited table, as it is never split.
 */
public final class HugeMap {
  /** Takes pages from other processes: see {@link #write}. */
  public interface Others {
    /** Unmaps a private page everywhere else ({@code unmap_ref_private}). */
    void unmap(long head);
  }

  private final HugePool pool;
  private final PageTable table;
  private final PageTableFormat format;
  private final TableCursor at;
  private final int level;
  private final long size;
  private long mapped;
  private final TreeSet<Long> promised = new TreeSet<>();

  /** Of owned places those that a file system with a size counts. */
  private final TreeMap<Long, HugeSubpool> subpools = new TreeMap<>();

  /** Where this address space made a promise, kept or not ({@code HPAGE_RESV_OWNER}). */
  private final TreeSet<Long> owned = new TreeSet<>();

  /** Where mappings have lost a page to its owner ({@code HPAGE_RESV_UNMAPPED}): all of theirs. */
  private final TreeSet<Long> lost = new TreeSet<>();

  /** An empty one. */
  HugeMap(PageTable table, HugePool pool) {
    this.pool = pool;
    this.table = table;
    this.format = table.format;
    this.at = table.tables.cursor();
    this.level = pool.level();
    this.size = format.bytes(level);
  }

  /** Bytes of a page. */
  public long pageBytes() {
    return size;
  }

  /** How many pages are mapped. */
  public long mapped() {
    return mapped;
  }

  /** Promises the pages of a private mapping; false if there are not so many. */
  public boolean promise(FileObject file, long start, long end) {
    if (!pool.promise((end - start) / size, file.subpool)) {
      return false;
    }
    for (long page = start; page < end; page += size) {
      promised.add(page);
      owned.add(page);
      if (file.subpool != null) {
        subpools.put(page, file.subpool);
      }
    }
    return true;
  }

  /**
   * Promises the pages of a file that nobody has promised yet; false if there are not so many.
   * O(pages that the file has or was promised there), and O(pages) if they are granted.
   */
  public boolean promiseFile(FileObject file, long firstHuge, long pastHuge) {
    HugePool.Cache cache = pool.cache(file);
    long there =
        cache.pages.subMap(firstHuge, pastHuge).size()
            + (long) cache.promised.subSet(firstHuge, pastHuge).size();
    if (!pool.promise(pastHuge - firstHuge - there, file.subpool)) {
      return false;
    }
    for (long i = firstHuge; i < pastHuge; i++) {
      if (!cache.pages.containsKey(i)) {
        cache.promised.add(i);
      }
    }
    return true;
  }

  /** The first frame of the page at an address, {@link Frames#NONE} if nothing is there. */
  public long head(long addr) {
    if (!table.exists() || at.seek(table.root(), addr, level) != level) {
      return Frames.NONE;
    }
    long entry = at.entry();
    return format.isLeaf(level, entry) ? format.pfn(level, entry) : Frames.NONE;
  }

  /**
   * The first page that is mapped at or behind an address; what has no tables is passed over level
   * by level.
   *
   * @param from of a page
   * @param end of a page, and not below it
   * @return its address, or {@code end} if there is none
   */
  public long nextMapped(long from, long end) {
    if (from < end && table.exists()) {
      at.over(table.root(), from, end);
      while (at.next()) {
        if (at.level() == level && format.isLeaf(level, at.entry())) {
          return at.address();
        }
      }
    }
    return end;
  }

  /** Whether the table of an address's entry exists. */
  public boolean hasDirectory(long addr) {
    return at.seek(table.root(), addr, level) == level;
  }

  /** {@code set_huge_pte_at}: maps a page whose user the caller is; its directory exists. */
  private void set(long addr, long head, long entry) {
    int _ = at.seek(table.root(), addr, level);
    at.set(entry);
    table.frames.addEntireMapcount(head, 1);
    mapped++;
  }

  private long entry(long head, long prot, boolean writable) {
    long entry = table.bits.mkyoung(format.leaf(level, head, prot));
    return writable ? table.written(entry) : entry;
  }

  /** The same, and the page is dirty if it was written to. */
  private void zapEntry(long head) {
    if (table.bits.isDirty(at.entry())) {
      pool.markDirty(head);
    }
    clear(head);
  }

  /** Takes an entry out that the cursor stands at, and its user with it. */
  private void clear(long head) {
    at.set(PageTableFormat.EMPTY);
    table.frames.addEntireMapcount(head, -1);
    mapped--;
    pool.put(head);
  }

  /** {@code huge_pte_alloc}: makes the table of an address's entry; false if there is no frame. */
  public boolean makeDirectory(long addr) {
    return table.makeDown(addr, level);
  }

  /**
   * Makes a page of a file present, whose directory exists; false if there is none.
   *
   * @param prot of the VMA
   * @param writable whether the VMA is shared and may be written
   */
  public boolean mapFile(FileObject file, long huge, long addr, long prot, boolean writable) {
    if (head(addr) != Frames.NONE) {
      allow(addr, writable);
      return true;
    }
    HugePool.Cache cache = pool.cache(file);
    Long head = cache.pages.get(huge);
    if (head == null) {
      head = pool.takeCached(cache.promised.remove(huge), file.subpool);
      if (head == Frames.NONE) {
        return false;
      }
      cache.pages.put(huge, head);
    }
    pool.get(head);
    set(addr, head, entry(head, prot, writable));
    return true;
  }

  /** Whether a file has a page. */
  public boolean isCached(@Nullable FileObject file, long huge) {
    return file != null && pool.cached(file, huge) != Frames.NONE;
  }

  /** Lets writes through, after an mprotect has not. */
  private void allow(long addr, boolean writable) {
    int _ = at.seek(table.root(), addr, level);
    if (writable && !table.bits.isWrite(at.entry())) {
      at.set(table.written(at.entry()));
    }
  }

  /**
   * Makes a page of a private mapping present, whose directory exists, for reading: that of the
   * file, or one of its own where the file has a hole; false if there is none.
   */
  public boolean map(@Nullable FileObject file, long huge, long addr, long prot) {
    if (head(addr) != Frames.NONE) {
      return true;
    }
    if (lost.contains(addr & -size)) {
      return false; // zeroes, or the file's page, there would look as if data had been lost
    }
    long cached = file == null ? Frames.NONE : pool.cached(file, huge);
    if (cached != Frames.NONE) {
      pool.get(cached);
      set(addr, cached, entry(cached, prot, false));
      return true;
    }
    long head = pool.takeAnon(promised.remove(addr & -size), subpool(file));
    if (head == Frames.NONE) {
      return false;
    }
    set(addr, head, entry(head, prot, false));
    return true;
  }

  /**
   * {@code hugetlb_wp}: makes a private page that is present this address space's own. Who made the
   * promise gets the page at the cost of the others if no other is free.
   *
   * @return false if there is no page for the copy
   */
  public boolean write(@Nullable FileObject file, long addr, Others others) {
    return own(file, addr, others, true);
  }

  /**
   * The same with {@code FAULT_FLAG_UNSHARE}, before somebody reads the page by its frame: no write
   * goes through its entry. A page of the file stays.
   */
  public boolean unshare(@Nullable FileObject file, long addr, Others others) {
    long head = head(addr);
    return head == Frames.NONE || !pool.isAnon(head) || own(file, addr, others, false);
  }

  private boolean own(@Nullable FileObject file, long addr, Others others, boolean writable) {
    long head = head(addr);
    if (pool.users(head) == 1) {
      reuse(addr, head, writable);
      return true;
    }
    long page = addr & -size;
    long copy = pool.takeAnon(promised.remove(page), subpool(file));
    if (copy == Frames.NONE && owned.contains(page)) {
      others.unmap(head);
      reuse(addr, head, writable);
      return true;
    }
    if (copy == Frames.NONE) {
      return false;
    }
    pool.copy(copy, head);
    int _ = at.seek(table.root(), addr, level);
    long prot = format.prot(level, at.entry());
    clear(head);
    set(addr, copy, entry(copy, prot, writable));
    flush(page, page + size);
    return true;
  }

  private static @Nullable HugeSubpool subpool(@Nullable FileObject file) {
    return file == null ? null : file.subpool;
  }

  /** Nobody else has the page. */
  private void reuse(long addr, long head, boolean writable) {
    table.frames.lru().exclusive(head);
    allow(addr, writable);
  }

  private void flush(long start, long end) {
    table.tables.flushRange(table.cpu, table.root(), start, end);
  }

  /**
   * Takes a page away from this address space where a mapping has it; what else that mapping does
   * not have will stay away, too.
   */
  public void drop(long head, long start, long end) {
    boolean any = false;
    for (long page = nextMapped(start, end); page < end; page = nextMapped(page + size, end)) {
      if (head(page) == head) {
        zapEntry(head);
        any = true;
      }
    }
    if (any) {
      flush(start, end);
      for (long page = start; page < end; page += size) {
        lost.add(page);
      }
    }
  }

  /**
   * Unmaps pages.
   *
   * @param forGood whether the mapping goes: its promises as well, which it else gets anew
   */
  public void zap(long start, long end, boolean forGood) {
    if (mapped == 0 && owned.isEmpty() && lost.isEmpty()) {
      return;
    }
    if (mapped > 0) {
      unmap(start, end, forGood);
    }
    if (forGood) {
      var gone = promised.subSet(start, end);
      forget(gone);
      gone.clear();
      subpools.subMap(start, end).clear();
      owned.subSet(start, end).clear();
      lost.subSet(start, end).clear();
    }
  }

  /** All of one file system at once, for how many it keeps hangs on how many come back. */
  private void forget(SortedSet<Long> places) {
    if (subpools.isEmpty()) {
      pool.forget(places.size());
      return;
    }
    long count = 0;
    HugeSubpool last = null;
    for (long page : places) {
      HugeSubpool of = subpools.get(page);
      if (of != last) {
        pool.forget(count, last);
        count = 0;
        last = of;
      }
      count++;
    }
    pool.forget(count, last);
  }

  private void unmap(long start, long end, boolean forGood) {
    boolean any = false;
    at.over(table.root(), start, end);
    while (at.next()) {
      long head = at.level() == level ? format.pfn(level, at.entry()) : Frames.NONE;
      if (head == Frames.NONE || table.frames.map.owner(head) != FrameOwner.HUGETLB) {
        continue;
      }
      long page = at.address();
      // Where it makes a difference, also of a mapping that goes, which then gives all back at
      // once.
      boolean again =
          (!forGood || subpools.containsKey(page))
              && owned.contains(page)
              && pool.users(head) == 1
              && pool.surplus() == 0;
      if (again) {
        pool.keepPlace(head);
      }
      zapEntry(head);
      any = true;
      if (again && pool.promise(1)) {
        promised.add(page);
      }
    }
    if (any) {
      flush(start, end);
    }
  }

  /**
   * Makes the tables into which {@link #move} puts entries ({@code huge_pte_alloc} of {@code
   * move_hugetlb_page_tables}).
   *
   * @return false if memory is out; tables that were made are still there, empty
   */
  public boolean prepareMove(long from, long to, long bytes) {
    long end = from + bytes;
    for (long page = nextMapped(from, end); page < end; page = nextMapped(page + size, end)) {
      if (!makeDirectory(to + (page - from))) {
        return false;
      }
    }
    return true;
  }

  /** {@code move_hugetlb_page_tables}: moves entries and promises to a place that was prepared. */
  public void move(long from, long to, long bytes) {
    boolean any = false;
    long end = from + bytes;
    for (long page = nextMapped(from, end); page < end; page = nextMapped(page + size, end)) {
      long entry = at.getAndClear();
      int _ = at.seek(table.root(), to + (page - from), level);
      at.set(entry);
      any = true;
    }
    if (any) {
      flush(from, end);
    }
    if (!subpools.isEmpty()) {
      TreeMap<Long, HugeSubpool> moving = new TreeMap<>(subpools.subMap(from, from + bytes));
      subpools.subMap(from, from + bytes).clear();
      moving.forEach((page, of) -> subpools.put(page - from + to, of));
    }
    move(promised, from, to, bytes);
    move(owned, from, to, bytes);
    move(lost, from, to, bytes);
  }

  private static void move(NavigableSet<Long> set, long from, long to, long bytes) {
    if (set.isEmpty()) {
      return;
    }
    TreeSet<Long> moving = new TreeSet<>(set.subSet(from, from + bytes));
    set.subSet(from, from + bytes).clear();
    moving.forEach(at -> set.add(at - from + to));
  }

  /**
   * {@code copy_hugetlb_page_range}: a child has the same pages, and no promise; who writes first
   * copies.
   *
   * @return false if there is no frame for its tables
   */
  public boolean copyTo(HugeMap child, long start, long end) {
    for (long page = start; page < end; page += size) {
      int reached = at.seek(table.root(), page, level);
      if (reached != level) { // as hugetlb_mask_last_page: nothing below this entry
        page = (page | format.bytes(reached) - 1) + 1 - size;
        continue;
      }
      if (!child.makeDirectory(page)) { // also where no page is
        return false;
      }
      long head = head(page);
      if (head == Frames.NONE) {
        continue;
      }
      long entry = table.bits.wrprotect(at.entry());
      at.set(entry);
      if (pool.isAnon(head)) {
        table.frames.lru().shared(head);
      }
      pool.get(head);
      child.set(page, head, entry);
    }
    flush(start, end);
    return true;
  }

  /**
   * Checks the pages of one mapping.
   *
   * @return how many it has
   * @throws CorruptStateError naming what contradicts what
   */
  public long validate(long start, long end) {
    long count = 0;
    for (long page = nextMapped(start, end); page < end; page = nextMapped(page + size, end)) {
      checkPage(page, head(page));
      count++;
    }
    return count;
  }

  private void checkPage(long page, long head) {
    int maps = table.frames.mapCount(head);
    boolean good =
        table.frames.map.owner(head) == FrameOwner.HUGETLB
            && maps > 0
            && maps <= pool.users(head)
            && !(pool.isAnon(head) && promised.contains(page)); // else it waits for the first write
    CorruptStateError.check(
        good,
        () ->
            String.format(
                "addr=0x%x pfn=%d owner=%s mapcount=%d users=%d promised=%b",
                page,
                head,
                table.frames.map.owner(head),
                maps,
                pool.users(head),
                promised.contains(page)));
  }
}
