// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.BitSet;

/**
 * Which pages of a file the disk has not yet got as they are, and how they are written out ({@code
 * block_dirty_folio}, fs/buffer.c; {@code folio_mkclean}, mm/rmap.c; {@code ext4_writepages},
 * fs/ext4/inode.c; Linux 6.18).
 *
 * <p>A block, here a page, is dirty or clean; a folio is dirty if a block of it is, and is written
 * out as a whole. Shared memory has no blocks: of it only the frames are marked.
 */
public final class DirtyPages {
  private final FileObject file;
  private final BitSet blocks = new BitSet();

  DirtyPages(FileObject file) {
    this.file = file;
  }

  /**
   * A shared mapping wrote to this page: all blocks of its folio are dirty, and a mark of
   * read-ahead goes ({@code folio_mark_dirty}, mm/page-writeback.c: it is the bit that reclaim
   * uses, too).
   */
  public void mark(long index) {
    long pfn = file.pages.get(index);
    if (pfn != Frames.NONE && !file.beyondEnd(index)) {
      file.frames.markDirty(pfn);
    }
    if (!file.isShmem() && !file.beyondEnd(index) && index < FileObject.MOST_PAGES) {
      blocks.set((int) file.folios.start(index), (int) file.folios.end(index));
      file.unmark(index);
    }
  }

  /**
   * A call wrote to this page: its block is dirty, and no other of its folio. It lies behind the
   * end of the file where a write began that could copy nothing.
   */
  void markBlock(long index) {
    long pfn = file.pages.get(index);
    if (pfn != Frames.NONE) {
      file.frames.markDirty(pfn);
    }
    if (!file.isShmem() && index < FileObject.MOST_PAGES) {
      blocks.set((int) index);
    }
  }

  /** Whether a block of the folio that holds this page is dirty: its buffers cannot be released. */
  boolean has(long index) {
    if (index >= FileObject.MOST_PAGES) {
      return false;
    }
    int next = blocks.nextSetBit((int) file.folios.start(index));
    return next >= 0 && next < file.folios.end(index);
  }

  /** Pages leave the cache, and nobody will write them out. */
  void forget(long firstIndex, long pastIndex) {
    int from = (int) Math.min(firstIndex, FileObject.MOST_PAGES);
    blocks.clear(from, (int) Math.min(pastIndex, FileObject.MOST_PAGES));
  }

  /**
   * Every folio that has a page of the range was written back. What lies behind the end of the file
   * in its last page becomes zero when that is written out ({@code ext4_bio_write_folio}). Marks of
   * read-ahead go ({@code folio_end_writeback}, mm/filemap.c). O(dirty folios, and the VMAs that
   * map them).
   */
  public void writeBack(long firstIndex, long pastIndex) {
    long past = Math.min(pastIndex, FileObject.MOST_PAGES);
    if (firstIndex >= past || blocks.isEmpty()) {
      return;
    }
    zeroBehindEnd(firstIndex, past);
    int from = (int) file.folios.start(firstIndex);
    int to = (int) file.folios.end(past - 1);
    for (int i = blocks.nextSetBit(from); i >= 0 && i < to; ) {
      long pfn = file.pages.get(i);
      if (pfn != Frames.NONE) {
        file.frames.markClean(pfn);
        writesFaultAgain(i);
      }
      file.unmark(i);
      i = blocks.nextSetBit((int) file.folios.end(i));
    }
    file.disk.allocate(blocks, from, to);
    blocks.clear(from, to);
  }

  private void zeroBehindEnd(long firstIndex, long pastIndex) {
    long last = file.sizeBytes >>> 12;
    if ((file.sizeBytes & 4095) != 0
        && last >= file.folios.start(firstIndex)
        && last < file.folios.end(pastIndex - 1)
        && has(last)) {
      file.change().zeroTail(file.sizeBytes);
    }
  }

  /** {@code folio_mkclean()}: the next write through any entry of the folio says so again. */
  private void writesFaultAgain(long index) {
    Frames frames = file.frames;
    for (long i = file.folios.start(index); i < file.folios.end(index); i++) {
      long page = file.pages.get(i);
      if (page != Frames.NONE && frames.mapCount(page) > 0) {
        int _ =
            frames.mappedAt(
                page,
                (vma, addr) -> {
                  PageTable table = vma.pageTable();
                  if (table != null) {
                    table.ranges().mkclean(addr);
                  }
                });
      }
    }
  }
}
