// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * The folios of a file: which pages the cache holds as one, and how they fall apart ({@code
 * __filemap_get_folio}, mm/filemap.c, and {@code __folio_split}, mm/huge_memory.c, of Linux 6.18).
 *
 * <p>Nothing is kept of a folio that the first write of the file made: its size follows from what
 * was written at once. Kept is only where the cache has come to differ from that: pages that are
 * single now, and pages that are in a folio of another order. Shared memory has single pages, but
 * for what MADV_COLLAPSE has made, of which the frame knows the order.
 *
 * <p>Asking is O(1) but for pages of the first write, where it is O(its folios within 2 MiB).
 */
public final class Folios {
  static final int MOST_ORDER = 9;

  private final FileObject file;
  private final BitSet single = new BitSet();

  /** Of pages that are in another folio than the first write made, the order of that. */
  private final Map<Long, Integer> splitOrders = new HashMap<>();

  Folios(FileObject file) {
    this.file = file;
  }

  /** Log2 of the pages in the folio that holds this page. */
  public int order(long index) {
    if (file.isShmem()) { // single pages, but for what MADV_COLLAPSE has made
      long pfn = file.pages.get(index);
      return pfn == Frames.NONE ? 0 : file.frames.order(pfn);
    }
    if (!mayBeLarge(index) || single.get((int) index)) {
      return 0;
    }
    Integer split = splitOrders.isEmpty() ? null : splitOrders.get(index);
    return split != null ? split : index >= file.holesFrom ? 0 : writtenOrder(index);
  }

  /** The first page of the folio that holds this page. */
  public long start(long index) {
    return index & -(1L << order(index));
  }

  /** The page behind the folio that holds this page. */
  public long end(long index) {
    return start(index) + (1L << order(index));
  }

  /**
   * Whether a fault around this folio may map more than its window, and make a page table ({@code
   * can_map_large} in {@code filemap_map_pages}): the folio ends before the last page of the file.
   */
  public boolean mapsLarge(long index) {
    return file.isShmem() || end(index) <= file.pageCount() - 1;
  }

  private boolean mayBeLarge(long index) {
    return file.mapped().content() != null
        && !file.isShmem()
        && index < FileObject.MOST_PAGES
        && (!file.beyondEnd(index) || file.pages.get(index) != Frames.NONE);
  }

  /** The folio that the write of the whole file, or of a piece of it, made. */
  private int writtenOrder(long index) {
    long piece = file.mapped().writtenBytes();
    long whole = file.mapped().sizeBytes();
    long from = piece == 0 ? 0 : (index << 12) / piece * piece;
    long bytes = piece == 0 ? whole : Math.min(whole, from + piece);
    long at = Math.max((from + 4095) >>> 12, (index >>> MOST_ORDER) << MOST_ORDER);
    if (index < at) {
      return 0; // a page that two pieces wrote
    }
    while (true) {
      int order = orderFor(at, bytes - (at << 12));
      if (index < at + (1L << order)) {
        return order;
      }
      at += 1L << order;
    }
  }

  /**
   * {@code fgf_set_order} and {@code __filemap_get_folio}: the folio that a write of so many bytes
   * makes at a page.
   */
  static int orderFor(long at, long bytes) {
    int order = bytes < 8192 ? 0 : Math.min(MOST_ORDER, 51 - Long.numberOfLeadingZeros(bytes));
    while ((at & ((1L << order) - 1)) != 0) {
      order--;
    }
    return order;
  }

  /** Behind the largest folio that a page can be in. */
  static long pastLargest(long index) {
    return (index | (1L << MOST_ORDER) - 1) + 1;
  }

  /** Pages are single from now on. */
  void makeSingle(long firstIndex, long pastIndex) {
    single.set((int) firstIndex, (int) pastIndex);
  }

  /** A new folio is about to take these pages. */
  void begin(long first, int order) {
    int past = (int) (first + (1L << order));
    single.clear((int) first, past);
    file.absent.clear((int) first, past);
    keepOrder(first, order);
  }

  /** These pages are one folio, whatever the first write of the file made. */
  void keepOrder(long first, int order) {
    for (long i = first; i < first + (1L << order); i++) {
      splitOrders.put(i, order);
    }
  }

  /** Pages from here on have left the file. */
  void forget(int from) {
    single.clear(from, Integer.MAX_VALUE);
    splitOrders.keySet().removeIf(index -> index >= from);
  }

  /**
   * {@code split_folio}: the folio that holds this page falls into single pages, unless it is
   * dirty: then its buffers cannot be released.
   */
  public boolean split(long index, FileObject.Unmapping unmapping) {
    boolean has = file.isShmem() ? order(index) > 0 : mayBeLarge(index);
    if (!has || file.dirty.has(index)) {
      return false;
    }
    long first = start(index);
    long past = end(index);
    unmapping.unmap(first, past);
    long head = file.pages.get(first);
    if (head != Frames.NONE && file.frames.order(head) > 0) {
      releaseBuffers(head, first, past);
      file.frames.splitCached(head, 0);
    }
    if (!file.isShmem()) {
      makeSingle(first, past);
    }
    dropBehindEnd(first, past);
    return true;
  }

  /**
   * {@code folio_split} down to one page: the half that does not hold the page stays a folio, the
   * other is halved again.
   */
  void splitAt(long index, FileObject.Unmapping unmapping) {
    int order = order(index);
    long whole = start(index);
    long past = end(index);
    long first = whole;
    unmapping.unmap(first, past);
    if (file.pages.get(first) != Frames.NONE) {
      releaseBuffers(file.pages.get(first), first, past);
    }
    while (order > 0) {
      order--;
      long head = file.pages.get(first);
      if (head != Frames.NONE && file.frames.order(head) > order) {
        file.frames.splitCached(head, order);
      }
      long half = 1L << order;
      long other = index < first + half ? first + half : first;
      if (!file.isShmem()) {
        keepOrder(other, order);
      }
      first = other == first ? first + half : first;
    }
    if (!file.isShmem()) {
      single.set((int) index);
    }
    dropBehindEnd(whole, past);
  }

  /**
   * {@code try_to_free_buffers()}: no block is dirty, so the folio is not. Shared memory has no
   * buffers, and what falls out of a dirty folio is dirty.
   */
  private void releaseBuffers(long head, long first, long past) {
    if (!file.isShmem()) {
      file.filled.clear((int) first, (int) past);
      file.frames.markClean(head);
    }
  }

  /**
   * {@code __folio_split}: new folios that lie behind the end of the file leave the cache; the one
   * that begins where the old one began stays.
   */
  private void dropBehindEnd(long head, long past) {
    for (long i = Math.max(head, file.pageCount()); i < past; i++) {
      long folio = start(i);
      boolean stays = folio < file.pageCount() || folio == head;
      long pfn = stays ? Frames.NONE : file.pages.remove(i);
      if (pfn != Frames.NONE) {
        splitOrders.remove(i);
        file.frames.put(pfn);
      }
    }
  }
}
