// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.MappedFile;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A pool of huge pages of one size ({@code struct hstate}, mm/hugetlb.c of Linux 6.18): pages that
 * are set aside by {@code vm.nr_hugepages}, and promises of them. A mapping promises itself what it
 * may touch when it is made, unless it has MAP_NORESERVE; who has no promise gets a page only if
 * more are free than are promised.
 *
 * <p>Up to {@code nr_overcommit_hugepages} more are taken from the page allocator when a promise or
 * a fault needs them, and pages in use or promised stay when the pool shrinks below them: these are
 * surplus pages, and as many as there are go back to the page allocator as become free.
 *
 * <p>Differs: pages of the page allocator come from the nearest node, not from the nodes in turn;
 * where a page of any node would do, the lowest node gives it.
 */
public final class HugePool {
  /** Files of hugetlbfs have these pages. */
  static final class Cache {
    final TreeMap<Long, Long> pages = new TreeMap<>();
    final TreeSet<Long> promised = new TreeSet<>();
  }

  /** In {@code mapping} of a private mapping's page, as of other anonymous memory. */
  private static final long ANON = 1;

  private final Frames frames;
  private final int level;
  private final long pageBytes;
  private final HugeSource source;
  private final ArrayDeque<Long> free = new ArrayDeque<>();

  /** All of its pages, free or not. */
  private final Set<Long> all = new HashSet<>();

  private final IdentityHashMap<FileObject, Cache> files = new IdentityHashMap<>();

  /** {@code hugetlb_folio_subpool()}: of pages in use, where a file system with a size has them. */
  private final Map<Long, HugeSubpool> subpools = new HashMap<>();

  private long total;
  private long reserved;
  private long surplus;

  /** {@code surplus_huge_pages_node[]}, of nodes that have some. */
  private final TreeMap<Integer, Long> surplusOn = new TreeMap<>();

  private long mostSurplus;

  /**
   * An empty pool.
   *
   * @param level of the page tables at which the pages are leafs
   */
  HugePool(Frames frames, int level) {
    this.frames = frames;
    this.level = level;
    this.pageBytes = frames.format.bytes(level);
    this.source = new HugeSource(frames, frames.format.order(level));
  }

  /** The level of the page tables at which its pages are leafs. */
  public int level() {
    return level;
  }

  /** {@code huge_page_size()}: bytes of a page. */
  public long pageBytes() {
    return pageBytes;
  }

  /** The files of its file system: what they are when calls make them. */
  public MappedFile.Kind fileKind() {
    return level == MappedFile.Kind.HUGETLB.leafLevel()
        ? MappedFile.Kind.HUGETLB
        : MappedFile.Kind.HUGETLB_1G;
  }

  /** {@code HugePages_Total}. */
  public long total() {
    return total;
  }

  /** {@code HugePages_Free}. */
  public long free() {
    return free.size();
  }

  /** {@code HugePages_Rsvd}. */
  public long reserved() {
    return reserved;
  }

  /** {@code HugePages_Surp}: how many of them there are beyond {@link #persistent}. */
  public long surplus() {
    return surplus;
  }

  /** {@code nr_overcommit_hugepages}. */
  public long mostSurplus() {
    return mostSurplus;
  }

  /** {@code persistent_huge_pages()}: what {@link #resize} has made of the pool. */
  public long persistent() {
    return total - surplus;
  }

  /** Whether its pages can be taken beyond the pool: they are blocks of the page allocator. */
  public boolean canHaveSurplus() {
    return !source.isGigantic();
  }

  /** Sets {@code nr_overcommit_hugepages}. */
  public void mostSurplus(long pages) {
    mostSurplus = pages;
  }

  /**
   * {@code set_max_huge_pages}: as near to this size as memory allows. Surplus pages count first,
   * and what is in use or promised becomes surplus.
   */
  public void resize(long pages) {
    while (surplus > 0 && persistent() < pages) {
      surplus(surplusOn.firstKey(), -1);
    }
    while (persistent() < pages && add()) {
      // one more
    }
    long inUse = total - free.size();
    while (persistent() > Math.max(pages, reserved + inUse)) {
      dropFree(free.peek());
    }
    for (int node = 0; persistent() > pages; node++) {
      long more = Math.min(persistent() - pages, totalOn(node) - surplusOn(node));
      surplus(node, more);
    }
  }

  /** {@code surplus_huge_pages_node[]}: how many of {@link #surplus} are a node's. */
  public long surplusOn(int nodeId) {
    return surplusOn.getOrDefault(nodeId, 0L);
  }

  private void surplus(int node, long change) {
    surplus += change;
    if (surplusOn.merge(node, change, Long::sum) == 0) {
      surplusOn.remove(node);
    }
  }

  /** A page of frames that were taken at boot. */
  public void adopt(long pfn) {
    source.adopt(pfn);
    have(pfn);
  }

  private void have(long head) {
    all.add(head);
    free.push(head);
    total++;
  }

  /** {@code nr_huge_pages_node[]}: how many of its pages lie on a node. O(pages). */
  public long totalOn(int nodeId) {
    return all.stream().filter(head -> frames.nodeOf(head) == nodeId).count();
  }

  /** {@code free_huge_pages_node[]}. O(pages). */
  public long freeOn(int nodeId) {
    return free.stream().filter(head -> frames.nodeOf(head) == nodeId).count();
  }

  /** One page more, which is free; false if memory is out. */
  private boolean add() {
    long head = source.take();
    if (head == Frames.NONE) {
      return false;
    }
    have(head);
    return true;
  }

  private void dropFree(long head) {
    free.remove(head);
    all.remove(head);
    source.giveBack(head);
    total--;
  }

  /** {@code alloc_surplus_hugetlb_folio}: one page more than the pool has; false if none may be. */
  private boolean addSurplus() {
    if (surplus >= mostSurplus || !canHaveSurplus() || !add()) {
      return false;
    }
    surplus(frames.nodeOf(free.peek()), 1);
    return true;
  }

  /** {@code hugetlb_acct_memory}: promises pages; false if there are not so many. */
  boolean promise(long pages) {
    long more = 0;
    while (pages > 0 && free.size() - reserved < pages) {
      if (!addSurplus()) {
        dropSurplus(more);
        return false;
      }
      more++;
    }
    reserved += pages;
    return true;
  }

  /** {@code hugetlb_reserve_pages}: the same for a file system with a size. */
  boolean promise(long pages, @Nullable HugeSubpool of) {
    if (of == null) {
      return promise(pages);
    }
    long more = of.get(pages);
    if (more == HugeSubpool.REFUSED) {
      return false;
    }
    if (promise(more)) {
      return true;
    }
    if (pages > more) {
      forget(of.put(pages - more));
    }
    of.unused(more);
    return false;
  }

  /** {@code hugetlb_unreserve_pages}: the same of a file system with a size. */
  void forget(long pages, @Nullable HugeSubpool of) {
    forget(of == null ? pages : of.put(pages));
  }

  /** {@code return_unused_surplus_pages}: takes promises back. */
  void forget(long pages) {
    reserved -= pages;
    dropSurplus(pages);
  }

  private void dropSurplus(long most) {
    for (long left = Math.min(most, surplus); left > 0; left--) {
      long head = freeOfSurplus();
      if (head == Frames.NONE) {
        return;
      }
      surplus(frames.nodeOf(head), -1);
      dropFree(head);
    }
  }

  /** {@code remove_pool_hugetlb_folio}: a free page of a node that has surplus pages. */
  private long freeOfSurplus() {
    for (long head : free) {
      if (surplusOn(frames.nodeOf(head)) > 0) {
        return head;
      }
    }
    return Frames.NONE;
  }

  /**
   * A zeroed page with one user.
   *
   * @param promised whether it was promised
   * @param of the file system with a size that it is for, or null
   * @return {@link Frames#NONE} if there is none
   */
  private long take(boolean promised, @Nullable HugeSubpool of) {
    long more = promised ? 0 : of == null ? 1 : of.get(1);
    // available_huge_pages() is unsigned: with more promises than free pages one seems to be there.
    boolean none = free.isEmpty() || free.size() == reserved;
    if (more == HugeSubpool.REFUSED || (more > 0 && none && !addSurplus())) {
      return Frames.NONE; // alloc_hugetlb_folio leaves it counted as used by the file system
    }
    if (more == 0) {
      reserved--;
    }
    long head = free.pop();
    if (of != null) {
      subpools.put(head, of);
    }
    source.clear(head);
    frames.get(head);
    return head;
  }

  /** The same for a private mapping ({@code hugetlb_add_new_anon_rmap}). */
  long takeAnon(boolean promised, @Nullable HugeSubpool of) {
    long head = take(promised, of);
    if (head != Frames.NONE) {
      frames.map.setMapping(head, ANON);
      frames.lru().exclusive(head);
    }
    return head;
  }

  /** The same for a file, which keeps it dirty ({@code hugetlb_add_to_page_cache}). */
  long takeCached(boolean promised, @Nullable HugeSubpool of) {
    long head = take(promised, of);
    if (head != Frames.NONE) {
      markDirty(head);
    }
    return head;
  }

  /** Whether it is a private mapping's. */
  boolean isAnon(long head) {
    return (frames.map.mapping(head) & ANON) != 0;
  }

  /** {@code folio_mark_dirty()}, which nothing takes back, not even that the page is free again. */
  void markDirty(long head) {
    frames.map.setFlags(head, frames.map.flags(head) | PageFlags.PG_DIRTY);
  }

  /** {@code copy_user_large_folio()}. */
  void copy(long to, long from) {
    source.copy(to, from);
  }

  /** One user more. */
  void get(long head) {
    frames.get(head);
  }

  /** One user less; without any the page is free. */
  void put(long head) {
    frames.put(head);
    if (users(head) == 0) {
      frames.map.setMapping(head, 0);
      frames.lru().shared(head);
      free.push(head);
      HugeSubpool of = subpools.isEmpty() ? null : subpools.remove(head);
      if (of != null && of.put(1) == 0) {
        reserved++; // its file system would have fewer than it was promised
      }
      if (surplusOn(frames.nodeOf(head)) > 0) {
        surplus(frames.nodeOf(head), -1);
        dropFree(head);
      }
    }
  }

  /** {@code folio_set_hugetlb_restore_reserve()}: its file system goes on to have it. */
  void keepPlace(long head) {
    HugeSubpool _ = subpools.remove(head);
  }

  /** How many use a page, mappings and the cache of a file: references but the pool's own. */
  int users(long head) {
    return frames.references(head) - 1;
  }

  /** The pages of a file of hugetlbfs. */
  Cache cache(FileObject file) {
    return files.computeIfAbsent(file, f -> new Cache());
  }

  /** Frames of the pages that a file has. */
  public long frames(FileObject file) {
    Cache cache = files.get(file);
    return cache == null ? 0 : cache.pages.size() * (pageBytes >>> 12);
  }

  /** The first frame of a page of a file, {@link Frames#NONE} for a hole. */
  public long cached(FileObject file, long huge) {
    Cache cache = files.get(file);
    Long head = cache == null ? null : cache.pages.get(huge);
    return head == null ? Frames.NONE : head;
  }

  /** Gives a file a page where it has none; false if none is left. */
  public boolean allocate(FileObject file, long huge) {
    Cache cache = cache(file);
    if (cache.pages.containsKey(huge)) {
      return true;
    }
    long head = takeCached(cache.promised.remove(huge), file.subpool);
    if (head == Frames.NONE) {
      return false;
    }
    cache.pages.put(huge, head);
    return true;
  }

  /** Makes bytes of one page of a file zero, if it has the page. */
  public void clear(FileObject file, long from, long to) {
    long head = cached(file, from / pageBytes);
    if (head != Frames.NONE && from < to) {
      frames.bytes().clear(head, from & pageBytes - 1, to - from);
    }
  }

  /**
   * {@code remove_inode_hugepages} of a part of a file that nothing maps any more. A hole leaves
   * what was promised for pages that the file does not have; all up to {@link Long#MAX_VALUE}, the
   * new end, takes that back, too.
   */
  public void remove(FileObject file, long firstHuge, long pastHuge) {
    Cache cache = files.get(file);
    if (cache != null) {
      Map<Long, Long> pages = cache.pages.subMap(firstHuge, pastHuge);
      pages.values().forEach(this::put);
      pages.clear();
      if (pastHuge == Long.MAX_VALUE) {
        var promises = cache.promised.tailSet(firstHuge);
        forget(promises.size(), file.subpool);
        promises.clear();
      }
    }
  }

  /** {@code remove_inode_hugepages}: nothing maps the file any more. */
  public void evict(FileObject file) {
    Cache cache = files.remove(file);
    if (cache != null) {
      cache.pages.values().forEach(this::put);
      forget(cache.promised.size(), file.subpool);
    }
  }

  /** Gives all pages back; nothing uses them. */
  public void close() {
    reserved = 0;
    while (!free.isEmpty()) {
      dropFree(free.peek());
    }
  }
}
