// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.memory.FrameList;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.page.Pressure;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.api.page.Reclaimer;
import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.pagetable.PageTableFormat;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Large folios of anonymous memory that fall into single pages ({@code __folio_split}, {@code
 * remap_page} and {@code try_to_map_unused_to_zeropage}, mm/huge_memory.c and mm/migrate.c, Linux
 * 6.18): pages that hold nothing but zeros are given up for the zero page, and those that nobody
 * maps any more are free.
 *
 * <p>A folio of which some pages are mapped no more keeps all its frames and waits here ({@code
 * deferred_split_folio}); when memory is short, those that wait longest are split first ({@code
 * deferred_split_scan}).
 *
 * <p>Differs: the kernel looks at folios that are mapped whole, too, and splits those that are
 * nearly all zeros; as {@code max_ptes_none} is 511 by default, it finds none.
 */
public final class DeferredSplit implements Reclaimer {
  /** One entry that maps a page of the folio. */
  private record Entry(Mapping vma, PageTable table, long addr) {}

  private final Frames frames;
  private final MemMap map;
  private final FrameList waiting;
  private @Nullable Pressure pressure;
  private Pressure.@Nullable Registration registered;

  DeferredSplit(Frames frames) {
    this.frames = frames;
    this.map = frames.memMap();
    this.waiting = new FrameList(map);
  }

  /** Who asks for memory; it is told of this when the first folio waits. */
  public void reclaimFor(Pressure asking) {
    pressure = asking;
  }

  /** Nobody is to ask any more; no process is left. */
  void close() {
    if (registered != null) {
      registered.close();
      registered = null;
    }
  }

  /** An entry of its own is gone that mapped a page of a large folio. O(1). */
  void unmapped(long pfn) {
    long head = map.head(pfn);
    boolean waits =
        map.mapcount(pfn) == 0
            && map.entireMapcount(head) == 0
            && frames.isAnon(head)
            && (map.flags(head) & PageFlags.PG_PARTIALLY_MAPPED) == 0;
    if (waits) {
      map.setFlags(head, map.flags(head) | PageFlags.PG_PARTIALLY_MAPPED);
      waiting.addLast(head);
      if (registered == null && pressure != null) {
        registered = pressure.register(this);
      }
    }
  }

  /** The folio goes, or is about to be split. O(1). */
  void forget(long head) {
    if ((map.flags(head) & PageFlags.PG_PARTIALLY_MAPPED) != 0) {
      map.setFlags(head, map.flags(head) & ~PageFlags.PG_PARTIALLY_MAPPED);
      waiting.remove(head);
    }
  }

  /** {@inheritDoc} */
  @Override
  public long reclaim(ReclaimRequest request) {
    long before = frames.freed();
    long turns = waiting.size();
    for (long i = 0; i < turns && frames.freed() - before < request.pages(); i++) {
      long head = waiting.first();
      if (!split(head, null)) {
        waiting.remove(head); // somebody has it just now: it waits again behind the others
        waiting.addLast(head);
      }
    }
    return frames.freed() - before;
  }

  /**
   * Splits a folio. O(pages * VMAs of its mapping).
   *
   * @param only the one address space that may map it, null for any
   * @return false if another one does, or somebody else refers to it
   */
  public boolean split(long head, @Nullable PageTable only) {
    int pages = 1 << map.order(head);
    int all = 0;
    List<Entry> entries = new ArrayList<>();
    for (long page = head; page < head + pages; page++) {
      all += frames.mapCount(page);
      int _ =
          frames.mappedAt(
              page,
              (vma, addr) -> {
                PageTable table = vma.pageTable();
                if (table != null && (only == null || only == table)) {
                  entries.add(new Entry(vma, table, addr));
                }
              });
    }
    boolean free =
        all == entries.size() && frames.references(head) == frames.expectedReferences(head);
    if (!free || frames.zeroPage() == Frames.NONE) {
      return false;
    }
    entries.forEach(entry -> entry.table.huge().split(entry.addr));
    long[] old = new long[all];
    for (int i = 0; i < all; i++) {
      old[i] = entries.get(i).table.takeOut(entries.get(i).addr);
    }
    forget(head);
    boolean exclusive = frames.lru().isExclusive(head);
    frames.splitAnon(head, all);
    for (int i = 0; exclusive && i < pages; i++) {
      frames.lru().exclusive(head + i);
    }
    boolean[] taken = new boolean[pages];
    for (int i = 0; i < all; i++) {
      putBack(entries.get(i), old[i], head, taken);
    }
    for (int i = 0; i < pages; i++) {
      if (!taken[i]) {
        frames.put(head + i); // mapped nowhere: its place was unmapped, or it is all zeros
      }
    }
    return true;
  }

  private void putBack(Entry entry, long old, long head, boolean[] taken) {
    PageTable table = entry.table;
    PageTableFormat format = frames.format();
    long page = format.pfn(1, old);
    if (!entry.vma.isLocked() && frames.bytes().isZeroFilled(page)) {
      table.mapZero(entry.addr, zeroInPlaceOf(old, entry));
      return;
    }
    int i = (int) (page - head);
    if (taken[i]) {
      frames.get(page);
    }
    taken[i] = true;
    table.map(entry.addr, page, old);
  }

  /** The zero page is watched, and shows writes, as the page did whose place it takes. */
  private long zeroInPlaceOf(long old, Entry entry) {
    PageTableFormat format = frames.format();
    EntryBits bits = format.bits();
    long zero = entry.table.zeroEntry(frames.zeroPage(), entry.vma.pageProt(format));
    zero = bits.isSoftDirty(old) ? bits.mksoftDirty(zero) : zero;
    return bits.isUffdWp(old) ? bits.mkuffdWp(zero) : zero;
  }
}
