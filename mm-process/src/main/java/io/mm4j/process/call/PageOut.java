// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.LruMarks;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * MADV_PAGEOUT of anonymous memory on a machine without a swap device ({@code
 * madvise_cold_or_pageout_pte_range}, mm/madvise.c; {@code reclaim_pages} and {@code
 * shrink_folio_list}, mm/vmscan.c; Linux 6.18): there is nowhere to write it to, so it stays, in
 * single pages, and is active. What MADV_FREE has given up is free, unless somebody wrote to it
 * since; so is droppable memory in any case.
 *
 * <p>Folios of files, and of shared memory, are mapped no more; clean ones leave the page cache,
 * dirty ones stay and are active. Only who owns a file, or may write to it, can do that to it.
 *
 * <p>Only folios that lie in the range whole and that no other process maps are looked at; of those
 * the ones that cannot be evicted ({@link LruMarks#staysLocked}) are not referenced afterwards.
 *
 * <p>Differs: whoever has a file of a disk open may write to it, and root to all.
 */
final class PageOut {
  private final Mm mm;
  private final Frames frames;

  PageOut(Mm mm) {
    this.mm = mm;
    this.frames = mm.context.frames();
  }

  /** What a range maps of a folio. */
  private static final class Part {
    final List<Long> places = new ArrayList<>();
    long pages;
    boolean dirty;
  }

  /** Goes over a part of a VMA. O(entries in it). */
  void apply(Vma vma, long start, long end) {
    Map<Long, Part> folios = new LinkedHashMap<>();
    boolean files = mayDropFilesOf(vma);
    mm.pages
        .ranges()
        .entries(
            start,
            end,
            (addr, bytes, kind, entry) -> {
              long pfn = kind == PageTable.PAGE ? mm.pages.ranges().frame(bytes, entry) : -1;
              boolean whole = addr >= start && addr + bytes <= end;
              if (pfn < 0 || !whole || !(files || frames.isAnon(pfn))) {
                return;
              }
              Part part = folios.computeIfAbsent(frames.head(pfn), head -> new Part());
              part.places.add(addr);
              part.pages += bytes >>> 12;
              part.dirty |= mm.pages.isDirty(entry);
            });
    boolean drops = vma.has(VmFlags.DROPPABLE);
    folios.forEach((head, part) -> shrink(head, part, drops));
  }

  private void shrink(long head, Part part, boolean drops) {
    long pages = 1L << frames.order(head);
    long mapped = 0;
    for (long i = 0; i < pages; i++) {
      mapped += frames.mapCount(head + i);
    }
    if (part.pages != pages || mapped != pages) {
      return; // others map it, or it is not all in the range
    }
    long each = pages / part.places.size(); // a huge mapping has one place and many pages
    LruMarks lru = frames.lru();
    FileObject file = frames.isAnon(head) ? null : frames.fileOf(head);
    if (file != null && file.isUnevictable()) {
      lru.unevictable(head); // shrink_folio_list finds it so
    }
    if (lru.isUnevictable(head)) {
      lru.notReferenced(head);
      return;
    }
    if (!frames.isAnon(head)) {
      ofFile(head, part, each);
      return;
    }
    if (lru.isLazyFree(head)) {
      if (drops || !part.dirty) {
        part.places.forEach(place -> unmap(place, each));
        return;
      }
      lru.swapBacked(head);
    } else if (pages > 1) {
      boolean _ = frames.deferred().split(head, mm.pages);
    }
    for (long place : part.places) {
      for (long i = 0; i < each; i++) {
        activate(lru, place + (i << 12));
      }
    }
  }

  /** {@code can_do_file_pageout}. */
  boolean mayDropFilesOf(Vma vma) {
    FileObject file = vma.backing;
    if (file == null || vma.special != Vma.Special.NONE) {
      return false;
    }
    return mm.uid == 0
        || file.isShmem()
        || mm.descriptors.values().stream().anyMatch(open -> open.file().equals(file.mapped()));
  }

  private void ofFile(long head, Part part, long each) {
    FileObject file = frames.fileOf(head);
    if (file == null) {
      return;
    }
    if (part.dirty) {
      file.dirty().mark(frames.indexOf(head));
    }
    part.places.forEach(place -> unmap(place, each));
    if (!file.eviction().reclaim(frames.indexOf(head))) {
      frames.lru().activated(head);
    }
  }

  /** Page by page: the table of a huge mapping stays (as recorded). */
  private void unmap(long place, long pages) {
    mm.pages.huge().split(place);
    for (long i = 0; i < pages; i++) {
      mm.pages.unmap(place + (i << 12));
    }
  }

  /** Once for each folio. */
  private void activate(LruMarks lru, long addr) {
    long pfn = mm.pages.pageAt(addr);
    if (pfn != Frames.NONE && frames.head(pfn) == pfn) {
      lru.activated(pfn);
    }
  }
}
