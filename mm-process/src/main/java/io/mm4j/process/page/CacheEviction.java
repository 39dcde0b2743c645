// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

/**
 * Clean folios of a file leave the page cache; the disk has their bytes ({@code
 * mapping_try_invalidate}, mm/truncate.c, and {@code remove_mapping}, mm/vmscan.c, of Linux 6.18).
 */
public final class CacheEviction {
  private final FileObject file;

  CacheEviction(FileObject file) {
    this.file = file;
  }

  /**
   * Folios that lie in the range whole, are clean and nobody maps leave the cache; so do those that
   * a write that could copy nothing has left behind the end of the file, for which there is nothing
   * to write out. O(folios).
   */
  public void invalidate(long firstIndex, long pastIndex) {
    long most = Math.min(pastIndex, FileObject.MOST_PAGES);
    long end = Math.min(most, file.pageCount());
    for (long i = firstIndex; i < end; i = file.folios.end(i)) {
      if (file.isThere(i) && !file.dirty.has(i) && mayGo(i, firstIndex, pastIndex)) {
        evict(file.folios.start(i), file.folios.end(i));
      }
    }
    partsBehindEnd(Math.max(firstIndex, end), most);
    long behind = file.pages.nextAbove(Math.max(firstIndex, end) - 1, most);
    while (behind < most) {
      long past = file.folios.end(behind);
      boolean begins = file.beyondEnd(file.folios.start(behind)); // else it was looked at above
      if (begins && mayGo(behind, firstIndex, pastIndex)) {
        long first = file.folios.start(behind);
        file.dirty.forget(first, past);
        file.takeOut(first, past);
        file.folios.makeSingle(first, past);
      }
      behind = file.pages.nextAbove(past - 1, most);
    }
  }

  /** Pages that are there behind the end as a part of them became zero: they are clean. */
  private void partsBehindEnd(long from, long past) {
    long i = from < past ? file.stale.nextSetBit((int) from) : -1;
    while (i >= 0 && i < past) {
      if (file.pages.get(i) == Frames.NONE) {
        file.stale.clear((int) i);
      }
      i = file.stale.nextSetBit((int) i + 1);
    }
  }

  private boolean mayGo(long index, long firstIndex, long pastIndex) {
    long first = file.folios.start(index);
    boolean whole = first >= firstIndex && file.folios.end(index) <= pastIndex;
    return whole && !isMapped(first);
  }

  /**
   * {@code shrink_folio_list} of a folio that nobody maps any more: it goes if it is clean. Shared
   * memory that was never written to is zero again. A dirty folio of a disk is left to who writes
   * it out ({@code folio_set_reclaim}): the bit is that of read-ahead's mark, so it is marked.
   *
   * @return false if it stays
   */
  public boolean reclaim(long index) {
    long first = file.folios.start(index);
    long past = file.folios.end(index);
    long pfn = file.pages.get(first);
    if (file.dirty.has(first) || (pfn != Frames.NONE && file.frames.isDirty(pfn))) {
      if (!file.isShmem()) {
        file.mark(first);
      }
      return false;
    }
    if (!file.isShmem()) {
      invalidate(first, past);
    } else if (first >= file.holesFrom) {
      file.takeOut(first, past);
    }
    return !file.isThere(first);
  }

  private boolean isMapped(long first) {
    for (long i = first; i < file.folios.end(first); i++) {
      long pfn = file.pages.get(i);
      if (pfn != Frames.NONE && file.frames.mapCount(pfn) > 0) {
        return true;
      }
    }
    return file.mappedElsewhere() > 0;
  }

  private void evict(long firstIndex, long pastIndex) {
    for (long i = firstIndex; i < pastIndex; i++) {
      file.disk.keep(i);
    }
    file.takeOut(firstIndex, pastIndex);
    int first = (int) firstIndex;
    int past = (int) pastIndex;
    file.absent.set(first, past);
    file.folios.makeSingle(first, past);
    file.readAhead.clear(first, past);
    file.stale.clear(first, past);
  }
}
