// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Uapi;

/**
 * What changes a file other than by its mappings: its size, holes, writes, and its name and seals
 * ({@code ext4_setattr}, {@code shmem_setattr}, {@code truncate_inode_pages_range}, {@code
 * generic_perform_write} of Linux 6.18).
 *
 * <p>A file that becomes smaller loses the pages behind its end, and what is left of its last page
 * becomes zero. A folio that holds the end is written out and split there. A file that becomes
 * larger gets holes. A write makes folios as large as it is, where none are.
 */
public final class FileChange {
  private static final int PAGE = 4096;

  private final FileObject file;
  private boolean unlinked;
  private int seals = Uapi.F_SEAL_SEAL;
  private boolean executable;

  FileChange(FileObject file) {
    this.file = file;
  }

  /** It has no name any more. */
  public void unlink() {
    unlinked = true;
  }

  /** Whether {@link #unlink} was called. */
  public boolean isUnlinked() {
    return unlinked;
  }

  /** Whether its mode lets it be executed. */
  public boolean isExecutable() {
    return executable;
  }

  /** Sets that. */
  public void executable(boolean may) {
    executable = may;
  }

  /** {@code F_SEAL_} bits. */
  public int seals() {
    return seals;
  }

  /** Sets them. */
  public void seals(int bits) {
    seals = bits;
  }

  /**
   * Gives it another size.
   *
   * @param unmapping is to unmap private copies, too
   */
  public void resize(long bytes, FileObject.Unmapping unmapping) {
    boolean ext4 = file.mapped().kind() == MappedFile.Kind.EXT4;
    // shmem_setattr and ext4_setattr truncate also where the size stays: a write that could copy
    // nothing may have left pages behind it.
    boolean same = bytes == file.sizeBytes && (ext4 || file.isShmem());
    if (bytes < file.sizeBytes || same) {
      shrink(bytes, unmapping);
    } else if (bytes > file.sizeBytes) {
      grow(bytes);
      if (ext4) { // ext4_setattr truncates the page cache whatever the new size
        long first = (bytes + PAGE - 1) >>> 12;
        drop(truncateFolio(bytes, first, unmapping), Folios.pastLargest(first));
      }
    }
  }

  private void grow(long bytes) {
    long old = file.sizeBytes;
    if (!file.isShmem() && (old & PAGE - 1) != 0) {
      zeroDirty(old >>> 12, (int) (old & PAGE - 1), PAGE);
    }
    if (file.holesFrom == Long.MAX_VALUE) {
      file.holesFrom = file.pageCount();
    }
    file.sizeBytes = bytes;
  }

  /**
   * fallocate makes the file larger ({@code ext4_alloc_file_blocks}, {@code shmem_fallocate}): no
   * page leaves the cache, and the partial pages at the old and the new end become zero.
   */
  public void allocatedTo(long bytes) {
    long old = file.sizeBytes;
    if (file.holesFrom == Long.MAX_VALUE) {
      file.holesFrom = file.pageCount();
    }
    file.sizeBytes = bytes;
    if (!file.isShmem()) {
      zeroPartial(old, bytes);
    }
  }

  private void shrink(long bytes, FileObject.Unmapping unmapping) {
    long first = (bytes + PAGE - 1) >>> 12;
    long oldPast = file.pageCount();
    unmapping.unmap(first, Long.MAX_VALUE >>> 12);
    long border = bytes >>> 12;
    long kept = truncateFolio(bytes, first, unmapping);
    boolean wasRead = (bytes & PAGE - 1) != 0 && readBlock(border);
    if (hasBlock(border)) {
      if ((bytes & PAGE - 1) != 0) {
        zeroTail(bytes);
        zeroedIn(border);
      }
    } else {
      tailOfHole(bytes);
    }
    if (wasRead) {
      file.stale.set((int) border);
    }
    drop(kept, Folios.pastLargest(oldPast));
    file.disk.forget(first, Long.MAX_VALUE); // also of a folio that stays
    file.holesFrom = Math.min(file.holesFrom, first);
    file.sizeBytes = bytes;
  }

  /**
   * {@code truncate_inode_partial_folio} on the folio that holds the new end.
   *
   * @return the page from which on nothing stays in the cache
   */
  private long truncateFolio(long bytes, long first, FileObject.Unmapping unmapping) {
    long border = bytes >>> 12;
    if (!file.isThere(border)
        || file.folios.start(border) << 12 >= bytes
        || file.folios.order(border) == 0) {
      return first;
    }
    file.dirty.forget(first, Long.MAX_VALUE);
    if (file.dirty.has(border)) {
      return Math.max(first, keepWhole(border, first, unmapping));
    }
    file.folios.splitAt(border, unmapping);
    return first;
  }

  /**
   * {@code truncate_inode_partial_folio} where a folio with a dirty block before the new end cannot
   * be split: all of it stays in the cache, zero behind the end, and is mapped no more.
   *
   * @return the page behind it
   */
  private long keepWhole(long index, long firstBehind, FileObject.Unmapping unmapping) {
    int order = file.folios.order(index);
    long start = file.folios.start(index);
    if (file.page(start) == Frames.NONE) {
      return firstBehind;
    }
    unmapping.unmap(start, firstBehind); // try_folio_split_or_unmap
    file.folios.keepOrder(start, order);
    for (long i = start; i < start + (1L << order); i++) {
      long pfn = file.pages.get(i);
      if (i >= firstBehind && pfn != Frames.NONE) {
        file.frames.bytes().zero(pfn, 0, PAGE);
      }
    }
    return start + (1L << order);
  }

  /**
   * {@code ext4_block_zero_page_range} on a page that is a hole: it is in the cache from there on,
   * but not up to date; nothing maps it before somebody reads it.
   */
  private void tailOfHole(long bytes) {
    long index = bytes >>> 12;
    if ((bytes & PAGE - 1) != 0
        && index < FileObject.MOST_PAGES
        && file.mapped().kind() == MappedFile.Kind.EXT4
        && !file.isCached(index)) {
      file.stale.set((int) index);
    }
  }

  /**
   * {@code __ext4_block_zero_page_range}: what the disk has of a page is read before.
   *
   * @return whether it was, of a file whose page is not up to date then, though its block is
   */
  private boolean readBlock(long index) {
    boolean unread =
        index < FileObject.MOST_PAGES && !file.isThere(index) && !file.holes.has(index);
    return unread
        && file.page(index) != Frames.NONE
        && file.mapped().kind() == MappedFile.Kind.EXT4;
  }

  /**
   * {@code ext4_collapse_range} and {@code ext4_insert_range}: what lies behind a page moves in the
   * file. All of it was written out and has left the cache, private copies too.
   *
   * @param at the first page that goes, or before which the hole will be
   * @param removed pages that go; 0 for none
   * @param inserted pages of the hole; 0 for none
   */
  public void shift(long at, long removed, long inserted, FileObject.Unmapping unmapping) {
    long bytes = file.sizeBytes + ((inserted - removed) << 12);
    file.dirty.writeBack(at, Long.MAX_VALUE);
    DiskBytes.Behind behind = file.disk.from(at + removed);
    shrink(at << 12, unmapping);
    file.disk.put(behind, inserted - removed);
    file.sizeBytes = bytes;
  }

  /** A page of a pipe goes. */
  public void dropPage(long index) {
    file.takeOut(index, index + 1);
  }

  private void drop(long kept, long oldPast) {
    long past = Math.max(kept, oldPast);
    file.takeOut(kept, past);
    file.takeOut(past, Long.MAX_VALUE); // what fallocate has set aside far behind the end
    file.disk.forget(kept, Long.MAX_VALUE);
    if (kept < FileObject.MOST_PAGES) {
      int from = (int) kept;
      file.dirty.forget(from, Long.MAX_VALUE);
      file.folios.forget(from);
      file.holes.forget(from);
      file.absent.clear(from, Integer.MAX_VALUE);
      file.readAhead.clear(from, Integer.MAX_VALUE);
      file.stale.clear(from, Integer.MAX_VALUE);
    }
  }

  /** Bytes behind an end become zero, up to the end of its page. */
  void zeroTail(long bytes) {
    if ((bytes & PAGE - 1) != 0) {
      zero(bytes >>> 12, (int) (bytes & PAGE - 1), PAGE);
    }
  }

  private void zero(long index, int from, int to) {
    long pfn = file.isCached(index) ? file.page(index) : file.known(index);
    if (pfn != Frames.NONE) {
      file.frames.bytes().zero(pfn, from, to);
    }
  }

  /** Whether the block of a page is in memory, though perhaps the page is not up to date. */
  private boolean hasBlock(long index) {
    return file.isCached(index) || (!file.isShmem() && file.known(index) != Frames.NONE);
  }

  /**
   * Zeroes the parts of a byte range that cover no whole page; the rest is {@link Holes#punch}'s.
   */
  void zeroPartial(long from, long to) {
    long first = from >>> 12;
    long last = (to - 1) >>> 12;
    int low = (int) (from & PAGE - 1);
    int high = (int) (to & PAGE - 1);
    if (first == last && (low != 0 || high != 0)) {
      zeroDirty(first, low, high == 0 ? PAGE : high);
      return;
    }
    if (low != 0) {
      zeroDirty(first, low, PAGE);
    }
    if (high != 0) {
      zeroDirty(last, 0, high);
    }
  }

  /**
   * {@code ext4_zero_partial_blocks} where the range ends in pages behind the end of the file: they
   * come into the cache too, not up to date, and no other folio can be there.
   */
  public void partsBehindEnd(long from, long to) {
    for (long edge : new long[] {from, to}) {
      if ((edge & PAGE - 1) != 0 && file.beyondEnd(edge >>> 12)) {
        tailOfHole(edge);
      }
    }
  }

  /** Zeroes a byte range of a folio that stays in the cache. */
  void zeroKept(long from, long to) {
    for (long at = from; at < to; at = (at | PAGE - 1) + 1) {
      long low = at & PAGE - 1;
      zero(at >>> 12, (int) low, (int) Math.min(PAGE, low + to - at));
    }
  }

  /**
   * {@code ext4_block_zero_page_range}: a hole is zero already, and does not become dirty. Of a
   * page that is not in the cache the block is read, so that it can be written out, but the page is
   * not up to date until somebody wants it.
   */
  private void zeroDirty(long index, int from, int to) {
    if (!file.beyondEnd(index)) {
      boolean wasRead = readBlock(index);
      tailOfHole((index << 12) + 1);
      zero(index, from, to);
      if (hasBlock(index) || !file.isStale(index)) {
        zeroedIn(index);
      }
      if (wasRead) {
        file.stale.set((int) index);
      }
    }
  }

  /** A part of a page that is there has become zero: it is dirty, unless the disk has a hole. */
  private void zeroedIn(long index) {
    if (file.isShmem() || !file.holes().has(index)) {
      file.dirty.markBlock(index);
    }
  }

  /**
   * The frame that a write goes to, made if it is not there.
   *
   * @param bytes how much is left to write from this page on
   * @return {@link Frames#NONE} if memory is out
   */
  public long pageToWrite(long index, long bytes) {
    if (file.holesFrom == Long.MAX_VALUE && index >= file.pageCount()) {
      file.holesFrom = file.pageCount();
    }
    boolean there = index < file.pageCount() && file.isCached(index);
    long left = file.pages.get(index); // behind the end, of a write that could copy nothing
    if (left != Frames.NONE && file.isStale(index) && !file.isShmem()) {
      return left; // not up to date before all of its blocks are
    }
    if (there || left != Frames.NONE || index >= FileObject.MOST_PAGES) {
      return file.page(index);
    }
    int order = file.isShmem() || file.mapped().content() == null ? 0 : orderThere(index, bytes);
    file.folios.begin(index, order);
    file.filled.clear((int) index, (int) index + (1 << order));
    return file.take(index, order, PageGfp.write(file.mapped().kind()));
  }

  /**
   * {@code shmem_get_folio} with {@code SGP_FALLOC}: a page of shared memory that is new has a
   * frame and is not up to date until somebody writes to it or a fault finds it; one that was there
   * becomes so.
   *
   * @return false if memory is out
   */
  public boolean allocate(long index) {
    boolean there = file.pages.get(index) != Frames.NONE || file.isThere(index);
    if (pageToWrite(index, PAGE) == Frames.NONE) {
      return false;
    }
    if (!there && index < FileObject.MOST_PAGES) {
      file.stale.set((int) index);
    }
    return true;
  }

  /**
   * {@code shmem_undo_range} of a fallocate that failed: what it had added to a range goes, what
   * was there before stays.
   */
  public void giveUp(long first, long past) {
    int end = (int) Math.min(past, FileObject.MOST_PAGES);
    int from = (int) Math.min(first, end);
    for (int i = file.stale.nextSetBit(from); i >= 0 && i < end; i = file.stale.nextSetBit(i + 1)) {
      file.stale.clear(i);
      file.takeOut(i, i + 1L);
      file.absent.set(i, i < file.holesFrom);
    }
  }

  /** The largest folio that a write makes, and that no page in the cache is in the way of. */
  private int orderThere(long index, long bytes) {
    int order = Folios.orderFor(index, bytes);
    while (order > 0 && taken(index, order)) {
      order--;
    }
    return order;
  }

  private boolean taken(long index, int order) {
    for (long i = index; i < index + (1L << order); i++) {
      if (file.pages.get(i) != Frames.NONE
          || file.isStale(i)
          || (i < file.pageCount() && file.isCached(i))) {
        return true;
      }
    }
    return false;
  }

  /**
   * A write began at a place and could copy nothing: the page is there, and the file reaches to it
   * ({@code shmem_write_end} and {@code ext4_da_do_write_end} without a byte). A block that it
   * would have begun within is dirty ({@code block_commit_write}).
   *
   * @param bytes of a folio that is not up to date: so much of it is zero, and dirty, where the
   *     disk has nothing ({@code folio_zero_new_buffers}), and stays unread where it has; else 0
   */
  public void writtenNothing(long at, long bytes) {
    for (long done = 0; done < bytes; done += PAGE - ((at + done) & (PAGE - 1))) {
      long index = (at + done) >>> 12;
      if (file.holes.has(index)) {
        file.dirty.markBlock(index);
        fill(index, index + 1);
      }
    }
    if (at > file.sizeBytes) {
      file.sizeBytes = at;
    }
    if ((at & (PAGE - 1)) != 0) {
      file.dirty.markBlock(at >>> 12);
    }
    if (bytes > 0) {
      fill(at >>> 12, (at + PAGE - 1) >>> 12);
      fill((at + bytes) >>> 12, (at + bytes + PAGE - 1) >>> 12);
      settle(at >>> 12);
    }
  }

  /**
   * {@code block_commit_write} in a folio that is not up to date: it becomes so if each of its
   * blocks is, as it was written to, or was read since the write was to cover a part of it.
   */
  public void commit(long at, long bytes) {
    fill(at >>> 12, (at + bytes + PAGE - 1) >>> 12);
    settle(at >>> 12);
  }

  private void fill(long first, long past) {
    if (past <= FileObject.MOST_PAGES) {
      file.filled.set((int) first, (int) past);
    }
  }

  private void settle(long index) {
    long first = file.folios.start(index);
    long past = file.folios.end(index);
    if (first < FileObject.MOST_PAGES && !file.isShmem()) {
      file.stale.set((int) first, (int) past, file.filled.nextClearBit((int) first) < past);
    }
  }

  /** A write has reached this far: the file is at least so large. */
  public void written(long index, long end) {
    if (end > file.sizeBytes) {
      if (file.holesFrom == Long.MAX_VALUE) {
        file.holesFrom = file.pageCount();
      }
      file.sizeBytes = end;
    }
    file.dirty.markBlock(index);
  }

  /** A write begins behind the end: what was behind it in its page is zero now, and dirty. */
  public void writesBehind(long pos) {
    int used = (int) (file.sizeBytes & PAGE - 1);
    if (pos > file.sizeBytes && !file.isShmem() && used != 0) {
      zeroDirty(file.sizeBytes >>> 12, used, PAGE);
    }
  }
}
