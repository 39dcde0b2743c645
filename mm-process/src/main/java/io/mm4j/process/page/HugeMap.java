// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What an address space maps of the {@link HugePool}, by addresses that are multiples of 2 MiB, and
 * the promises that its private mappings have.
 *
 * <p>Differs: these pages are not in the page tables; they count nowhere in the resident set, as in
 * Linux, but their tables do not count either.
 */
public final class HugeMap {
  public static final long SIZE = 1L << 21;

  /** Takes pages from other processes: see {@link #write}. */
  public interface Others {
    /** Unmaps a private page everywhere else ({@code unmap_ref_private}). */
    void unmap(long head);
  }

  private final HugePool pool;
  private final TreeMap<Long, Long> pages = new TreeMap<>();
  private final TreeSet<Long> promised = new TreeSet<>();

  /** Where this address space made a promise, kept or not ({@code HPAGE_RESV_OWNER}). */
  private final TreeSet<Long> owned = new TreeSet<>();

  /** An empty one. */
  public HugeMap(HugePool pool) {
    this.pool = pool;
  }

  /** Promises the pages of a private mapping; false if there are not so many. */
  public boolean promise(long start, long end) {
    if (!pool.promise((end - start) / SIZE)) {
      return false;
    }
    for (long at = start; at < end; at += SIZE) {
      promised.add(at);
      owned.add(at);
    }
    return true;
  }

  /** Promises the pages of a file that nobody has promised yet. */
  public boolean promise(FileObject file, long firstHuge, long pastHuge) {
    HugePool.Cache cache = pool.cache(file);
    long missing = 0;
    for (long i = firstHuge; i < pastHuge; i++) {
      missing += cache.pages.containsKey(i) || cache.promised.contains(i) ? 0 : 1;
    }
    if (!pool.promise(missing)) {
      return false;
    }
    for (long i = firstHuge; i < pastHuge; i++) {
      if (!cache.pages.containsKey(i)) {
        cache.promised.add(i);
      }
    }
    return true;
  }

  /** The frame of an address, {@link Frames#NONE} if nothing is there. */
  public long frame(long addr) {
    if (pages.isEmpty()) {
      return Frames.NONE; // without a boxed address: every fault asks
    }
    Long head = pages.get(addr & -SIZE);
    return head == null ? Frames.NONE : head + (addr >>> 12 & 511);
  }

  /** Whether somebody else maps the page of an address, too. */
  public boolean isShared(long addr, boolean ofFile) {
    Long head = pages.get(addr & -SIZE);
    return head != null && pool.users(head) > (ofFile ? 2 : 1);
  }

  /** Makes a page of a file present; false if there is none. */
  public boolean mapFile(FileObject file, long huge, long addr) {
    long at = addr & -SIZE;
    if (pages.containsKey(at)) {
      return true;
    }
    HugePool.Cache cache = pool.cache(file);
    Long head = cache.pages.get(huge);
    if (head == null) {
      head = pool.take(cache.promised.remove(huge));
      if (head == Frames.NONE) {
        return false;
      }
      cache.pages.put(huge, head);
    }
    pool.get(head);
    pages.put(at, head);
    return true;
  }

  /** Makes a private page present; false if there is none. */
  public boolean map(long addr) {
    long at = addr & -SIZE;
    if (pages.containsKey(at)) {
      return true;
    }
    long head = pool.take(promised.remove(at));
    if (head == Frames.NONE) {
      return false;
    }
    pages.put(at, head);
    return true;
  }

  /**
   * {@code hugetlb_wp}: makes a private page that is present this address space's own. Who made the
   * promise gets the page at the cost of the others if no other is free.
   *
   * @return false if there is no page for the copy
   */
  public boolean write(long addr, Frames frames, Others others) {
    long at = addr & -SIZE;
    long head = pages.getOrDefault(at, Frames.NONE);
    if (head == Frames.NONE || pool.users(head) == 1) {
      return head != Frames.NONE;
    }
    long copy = pool.take(promised.remove(at));
    if (copy == Frames.NONE && owned.contains(at)) {
      others.unmap(head);
      return true;
    }
    if (copy == Frames.NONE) {
      return false;
    }
    for (int i = 0; i < 512; i++) {
      frames.copyBytes(copy + i, head + i);
    }
    pool.put(head);
    pages.put(at, copy);
    return true;
  }

  /** Takes a page away from this address space, wherever it maps it. */
  public void drop(long head) {
    pages
        .values()
        .removeIf(
            each -> {
              if (each == head) {
                pool.put(head);
                return true;
              }
              return false;
            });
  }

  /**
   * Unmaps pages.
   *
   * @param forGood whether the mapping goes: its promises as well, which it else gets anew
   */
  public void zap(long start, long end, boolean forGood) {
    if (pages.isEmpty() && owned.isEmpty()) {
      return;
    }
    Map<Long, Long> range = pages.subMap(start, end);
    range.forEach(
        (at, head) -> {
          boolean again = !forGood && owned.contains(at) && pool.users(head) == 1;
          pool.put(head);
          if (again && pool.promise(1)) {
            promised.add(at);
          }
        });
    range.clear();
    if (forGood) {
      var gone = promised.subSet(start, end);
      pool.forget(gone.size());
      gone.clear();
      owned.subSet(start, end).clear();
    }
  }

  /** Moves what is mapped and promised. */
  public void move(long from, long to, long bytes) {
    if (pages.isEmpty() && owned.isEmpty()) {
      return;
    }
    TreeMap<Long, Long> moving = new TreeMap<>(pages.subMap(from, from + bytes));
    pages.subMap(from, from + bytes).clear();
    moving.forEach((at, head) -> pages.put(at - from + to, head));
    move(promised, from, to, bytes);
    move(owned, from, to, bytes);
  }

  private static void move(NavigableSet<Long> set, long from, long to, long bytes) {
    TreeSet<Long> moving = new TreeSet<>(set.subSet(from, from + bytes));
    set.subSet(from, from + bytes).clear();
    moving.forEach(at -> set.add(at - from + to));
  }

  /** {@code copy_hugetlb_page_range}: a child has the same pages, and no promise. */
  public void copyTo(HugeMap child, long start, long end) {
    pages
        .subMap(start, end)
        .forEach(
            (at, head) -> {
              pool.get(head);
              child.pages.put(at, head);
            });
  }
}
