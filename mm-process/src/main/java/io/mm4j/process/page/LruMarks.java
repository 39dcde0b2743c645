// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;

/**
 * What reclaim would know of a folio: whether it was used, once or more, is locked into memory, or
 * belongs to one process (mm/swap.c, mm/mlock.c and {@code PG_anon_exclusive} of Linux 6.18, built
 * without CONFIG_LRU_GEN).
 *
 * <p>Differs: every folio is shown as after {@code lru_add_drain_all()}. The kernel puts up to 30
 * aside on each CPU, whoever works there, before they are on a list; which those are is not known
 * here. Of a large anonymous folio the first page says whether it is one process's.
 */
public final class LruMarks {
  private static final int USE = PageFlags.PG_REFERENCED | PageFlags.PG_ACTIVE;
  private static final int LOCKED = PageFlags.PG_MLOCKED | PageFlags.PG_UNEVICTABLE;

  private final Frames frames;
  private final MemMap map;

  // The entries that were unmapped last, while they map one folio in a row.
  private long nextInRow = Frames.NONE;
  private boolean rowWritable;
  private boolean rowUsed;

  LruMarks(Frames frames) {
    this.frames = frames;
    this.map = frames.memMap();
  }

  /**
   * {@code folio_mark_accessed()}: used once, then active, then used once more.
   *
   * @param locked whether the VMA of the access is locked: then the folio cannot become active
   */
  public void accessed(long pfn, boolean locked) {
    long head = map.head(pfn);
    int flags = map.flags(head);
    int now = flags;
    if ((flags & PageFlags.PG_REFERENCED) == 0) {
      now |= PageFlags.PG_REFERENCED;
    } else if ((flags & PageFlags.PG_ACTIVE) == 0 && !locked && !isUnevictable(head)) {
      now = (flags & ~PageFlags.PG_REFERENCED) | PageFlags.PG_ACTIVE;
    }
    set(head, flags, locked ? now & ~PageFlags.PG_ACTIVE : now);
  }

  /** A folio that a write makes in shared memory: {@code folio_set_referenced()}. */
  public void usedOnce(long pfn) {
    long head = map.head(pfn);
    set(head, map.flags(head), map.flags(head) | PageFlags.PG_REFERENCED);
  }

  /** {@code zap_present_folio_ptes()} begins with other entries. */
  void zapBegins() {
    nextInRow = Frames.NONE;
  }

  /**
   * An entry is taken out that maps a page of a file. Entries in a row that map one folio count as
   * one access, if any of them was used.
   *
   * @param pages that it maps
   */
  void zapped(long pfn, long pages, boolean young, boolean writable, boolean locked) {
    boolean sameRow =
        pfn == nextInRow && writable == rowWritable && map.order(pfn) > 0 && map.head(pfn) != pfn;
    rowUsed = sameRow && rowUsed;
    nextInRow = pfn + pages;
    rowWritable = writable;
    if (young && !rowUsed) {
      accessed(pfn, locked);
      rowUsed = true;
    }
  }

  /** {@code madvise_cold}: nobody has used it lately. */
  void cold(long pfn) {
    long head = map.head(pfn);
    set(head, map.flags(head), map.flags(head) & ~USE);
  }

  /** {@code folio_clear_referenced()}, by clear_refs and MADV_PAGEOUT. */
  public void notReferenced(long pfn) {
    long head = map.head(pfn);
    set(head, map.flags(head), map.flags(head) & ~PageFlags.PG_REFERENCED);
  }

  /**
   * {@code folio_mark_lazyfree()}: it need not go to swap; if it need not already, no more. What
   * cannot be evicted stays as it is.
   */
  void lazyFree(long pfn) {
    long head = map.head(pfn);
    int flags = map.flags(head);
    if ((flags & PageFlags.PG_SWAPBACKED) != 0 && !isLocked(head)) {
      map.setFlags(head, flags & ~(USE | PageFlags.PG_SWAPBACKED));
    }
  }

  /** Whether reclaim may drop it: what MADV_FREE has given up, and droppable memory. */
  public boolean isLazyFree(long pfn) {
    long head = map.head(pfn);
    return frames.isAnon(head) && (map.flags(head) & PageFlags.PG_SWAPBACKED) == 0;
  }

  /** {@code folio_set_swapbacked()}: it was written to since. */
  public void swapBacked(long pfn) {
    long head = map.head(pfn);
    set(head, map.flags(head), map.flags(head) | PageFlags.PG_SWAPBACKED);
  }

  /** {@code shrink_folio_list()} could not take it: used of late, as far as it knows. */
  public void activated(long pfn) {
    long head = map.head(pfn);
    int flags = map.flags(head) & ~PageFlags.PG_REFERENCED;
    set(head, map.flags(head), isUnevictable(head) ? flags : flags | PageFlags.PG_ACTIVE);
  }

  /** The VMA that maps it is locked: what cannot be evicted is on no active list. */
  public void notActive(long pfn) {
    long head = map.head(pfn);
    int flags = map.flags(head);
    if ((flags & PageFlags.PG_ACTIVE) != 0 && isLocked(head)) {
      map.setFlags(head, flags & ~PageFlags.PG_ACTIVE);
    }
  }

  /**
   * The VMA that maps it is about to be no locked one, and nobody unlocks its pages ({@code
   * dontunmap_complete}, mm/mremap.c): the folio stays locked as long as it lives, as nobody counts
   * down what that VMA counted ({@code mlock_count}).
   */
  public void staysLocked(long pfn) {
    long head = map.head(pfn);
    if (isLocked(head)) {
      map.setFlags(head, (map.flags(head) & ~PageFlags.PG_ACTIVE) | LOCKED);
    }
  }

  /** {@code folio_test_unevictable()}: reclaim cannot take it. */
  public boolean isUnevictable(long pfn) {
    long head = map.head(pfn);
    return (map.flags(head) & PageFlags.PG_UNEVICTABLE) != 0 || isLocked(head);
  }

  /** {@code lru_add()} of a page that may not go ({@code folio_evictable()}). */
  public void unevictable(long pfn) {
    long head = map.head(pfn);
    set(head, map.flags(head), (map.flags(head) & ~USE) | PageFlags.PG_UNEVICTABLE);
  }

  /** {@code check_move_unevictable_folios()}: it may, unless it is locked. */
  void evictable(long pfn) {
    long head = map.head(pfn);
    int flags = map.flags(head);
    if ((flags & PageFlags.PG_MLOCKED) == 0) {
      set(head, flags, flags & ~PageFlags.PG_UNEVICTABLE);
    }
  }

  /** {@code folio_try_dup_anon_rmap()}: a child maps it, too. */
  void shared(long pfn) {
    set(pfn, map.flags(pfn), map.flags(pfn) & ~PageFlags.PG_ANON_EXCLUSIVE);
  }

  /** {@code wp_page_reuse()}: one process has it, and may write to it. */
  public void exclusive(long pfn) {
    if (map.head(pfn) == pfn) {
      set(pfn, map.flags(pfn), map.flags(pfn) | PageFlags.PG_ANON_EXCLUSIVE);
    }
  }

  /** Whether it is one process's, as far as is known: see above. */
  public boolean isExclusive(long pfn) {
    return (map.flags(map.head(pfn)) & PageFlags.PG_ANON_EXCLUSIVE) != 0;
  }

  private void set(long pfn, int before, int now) {
    if (now != before) {
      map.setFlags(pfn, now);
    }
  }

  /** {@code folio_test_mlocked()}: whether a locked VMA maps the whole folio, or once did. */
  private boolean isLocked(long head) {
    if ((map.flags(head) & PageFlags.PG_MLOCKED) != 0) {
      return true;
    }
    MappingList list = frames.mappingsOf(head);
    long index = map.index(head);
    long past = index + (1L << map.order(head));
    for (int i = 0; list != null && i < list.size(); i++) {
      Mapping vma = list.get(i);
      PageTable table = vma.isLocked() ? vma.pageTable() : null;
      if (table != null
          && index >= vma.firstIndex()
          && past <= vma.pastIndex()
          && table.pageAt(vma.addressOf(index)) == head) {
        return true;
      }
    }
    return false;
  }

  /** Flags of a frame's folio, of {@link PageFlags}: 0 for one that is on no list. */
  public int flags(long pfn) {
    FrameOwner owner = map.owner(pfn);
    long head = map.head(pfn);
    if (owner == FrameOwner.HUGETLB) {
      return map.flags(head) & PageFlags.PG_ANON_EXCLUSIVE; // it is on no list
    }
    FileObject file = owner == FrameOwner.FILE ? frames.fileOf(head) : null;
    if (owner != FrameOwner.ANON && (file == null || file.isOfKernel())) {
      return 0;
    }
    int shown = USE | PageFlags.PG_ANON_EXCLUSIVE | PageFlags.PG_UNEVICTABLE;
    int kept = (map.flags(head) & shown) | PageFlags.PG_LRU;
    return isLocked(head) ? (kept & ~PageFlags.PG_ACTIVE) | LOCKED : kept;
  }
}
