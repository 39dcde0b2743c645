// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.BitSet;

/**
 * The holes of a file, of which the disk has no block, and how they are punched ({@code
 * truncate_inode_pages_range} and {@code truncate_pagecache_range}, mm/truncate.c; {@code
 * shmem_undo_range}, mm/shmem.c; Linux 6.18).
 *
 * <p>A hole reads as zero. It is what was punched, or lies from {@link FileObject#holesFrom} on,
 * and has not been written out since.
 */
public final class Holes {
  private final FileObject file;
  private final BitSet punched = new BitSet();

  Holes(FileObject file) {
    this.file = file;
  }

  /** Whether this page is in a hole. */
  boolean has(long index) {
    boolean hole =
        index >= file.holesFrom || (index < FileObject.MOST_PAGES && punched.get((int) index));
    return hole && !file.disk.has(index);
  }

  /** Whether all pages of this folio are. */
  boolean hasAll(long first, int order) {
    long past = first + (1L << order);
    long i = first;
    while (i < past && has(i)) {
      i++;
    }
    return i == past;
  }

  /** Told of pages side by side. */
  interface Stretch {
    /** Pages from {@code firstIndex} on, {@code pastIndex} excluded. */
    void pages(long firstIndex, long pastIndex);
  }

  /** The stretches between the holes that were punched in a range. O(holes). */
  void forEachBetween(long firstIndex, long pastIndex, Stretch stretch) {
    for (long from = firstIndex; from < pastIndex; ) {
      int hole = from < FileObject.MOST_PAGES ? punched.nextSetBit((int) from) : -1;
      long to = hole < 0 ? pastIndex : Math.min(pastIndex, hole);
      if (from < to) {
        stretch.pages(from, to);
      }
      from = to < pastIndex ? punched.nextClearBit((int) to) : pastIndex;
    }
  }

  /** Pages from here on have left the file. */
  void forget(int from) {
    punched.clear(from, Integer.MAX_VALUE);
  }

  /**
   * {@code truncate_pagecache_range}: takes pages out of the file. A folio that lies in the range
   * only in part is split first, or, if it is dirty elsewhere, stays with zeroes.
   */
  public void punch(long firstIndex, long pastIndex, FileObject.Unmapping unmapping) {
    punchBytes(firstIndex << 12, pastIndex << 12, unmapping);
  }

  /**
   * The same of bytes: pages that are only in part in the range become zero there. A range that
   * ends within the first page has its last whole page before the file, which is unsigned and so
   * behind everything: all pages behind its start are unmapped.
   */
  public void punchBytes(long from, long to, FileObject.Unmapping unmapping) {
    long firstIndex = (from + 4095) >>> 12;
    long pastIndex = to >>> 12;
    if (pastIndex == 0) {
      unmapping.unmap(firstIndex, Long.MAX_VALUE >>> 12);
    }
    if (!file.isShmem()) {
      punchCache(from, to, unmapping);
    } else if (firstIndex >= file.holesFrom) {
      punchFrames(from, to, unmapping);
    } else if (pastIndex > file.holesFrom) {
      punchBytes(from, file.holesFrom << 12, unmapping);
      punchBytes(file.holesFrom << 12, to, unmapping);
    } else {
      punchCache(from, to, unmapping);
    }
  }

  /** Of shared memory where only pages that have a frame are in the cache. */
  private void punchFrames(long from, long to, FileObject.Unmapping unmapping) {
    long firstIndex = (from + 4095) >>> 12;
    long pastIndex = to >>> 12;
    boolean _ = splitBorders(from >>> 12, from, to, unmapping);
    boolean _ = splitBorders((to - 1) >>> 12, from, to, unmapping);
    file.change().zeroPartial(from, to);
    unmapping.unmap(firstIndex, pastIndex);
    file.takeOut(firstIndex, pastIndex);
    int first = (int) Math.min(firstIndex, FileObject.MOST_PAGES);
    file.stale.clear(first, Math.max(first, (int) Math.min(pastIndex, FileObject.MOST_PAGES)));
  }

  /** Where pages are in the cache, or come from the disk, without a frame. */
  private void punchCache(long from, long to, FileObject.Unmapping unmapping) {
    long end = Math.min(to, Math.min(pastLast(to), FileObject.MOST_PAGES) << 12);
    if (from >= end) {
      return;
    }
    long firstIndex = (from + 4095) >>> 12;
    long past = end >>> 12;
    if (firstIndex < past) {
      unmapping.unmap(firstIndex, past);
      file.dirty.forget(firstIndex, past);
      file.disk.forget(firstIndex, past);
      punched.set((int) firstIndex, (int) past); // also where a folio stays, with zeroes
    }
    if (!splitBorders(from >>> 12, from, end, unmapping)) {
      long behind = file.folios.end(from >>> 12);
      file.change().zeroKept(from, Math.min(end, behind << 12));
      firstIndex = Math.max(firstIndex, behind);
    }
    if (firstIndex << 12 < end && !splitBorders((end - 1) >>> 12, from, end, unmapping)) {
      past = Math.min(past, file.folios.start((end - 1) >>> 12));
      file.change().zeroKept(past << 12, end);
    }
    file.change().zeroPartial(from, end);
    if (firstIndex < past) {
      cut((int) firstIndex, (int) past);
    }
  }

  /** The page from which on nothing is in the cache, as far as a place of the file. */
  private long pastLast(long to) {
    long past = Folios.pastLargest(Math.max(0, file.pageCount() - 1));
    if (to <= past << 12) {
      return past;
    }
    long[] last = {Math.max(past, file.stale.length())};
    file.pages.forEach((index, pfn) -> last[0] = Math.max(last[0], file.folios.end(index)));
    return last[0];
  }

  private void cut(int first, int past) {
    file.takeOut(first, past);
    file.absent.set(first, past);
    file.folios.makeSingle(first, past);
    file.readAhead.clear(first, past);
    file.stale.clear(first, past);
  }

  /**
   * {@code truncate_inode_partial_folio} on the folio of a page of the range. False if a dirty
   * block of it that is not in the range keeps it whole; then it is mapped no more.
   */
  private boolean splitBorders(long index, long from, long to, FileObject.Unmapping unmapping) {
    Folios folios = file.folios;
    long start = folios.start(index);
    long end = folios.end(index);
    boolean inRange = start << 12 >= from && end << 12 <= to;
    if (!file.isThere(index) || folios.order(index) == 0 || inRange) {
      return true;
    }
    if (file.dirty.has(index)) {
      unmapping.unmap(start, end);
      return false;
    }
    folios.splitAt(Math.max(start, from >>> 12), unmapping);
    if (end << 12 > to && folios.order(to >>> 12) > 0) {
      folios.splitAt(to >>> 12, unmapping);
    }
    return true;
  }
}
