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

  /** Folios that lie in the range whole, are clean and nobody maps leave the cache. O(folios). */
  public void invalidate(long firstIndex, long pastIndex) {
    long past = Math.min(Math.min(pastIndex, file.pageCount()), FileObject.MOST_PAGES);
    for (long i = firstIndex; i < past; i = file.folioEnd(i)) {
      long first = file.folioStart(i);
      boolean whole = first >= firstIndex && file.folioEnd(i) <= pastIndex;
      if (whole && file.isThere(i) && !file.isDirty(first) && !isMapped(first)) {
        evict(first, file.folioEnd(i));
      }
    }
  }

  /**
   * {@code shrink_folio_list} of a folio that nobody maps any more: it goes if it is clean. Shared
   * memory that was never written to is zero again.
   *
   * @return false if it stays
   */
  public boolean reclaim(long index) {
    long first = file.folioStart(index);
    long past = file.folioEnd(index);
    long pfn = file.pages.get(first);
    if (file.isDirty(first) || (pfn != Frames.NONE && file.frames.isDirty(pfn))) {
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
    for (long i = first; i < file.folioEnd(first); i++) {
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
    file.single.set(first, past);
    file.readAhead.clear(first, past);
    file.stale.clear(first, past);
  }
}
