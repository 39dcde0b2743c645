// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.process.Uapi;

/**
 * What an open file remembers of its reads, and the pages that a read brings in beside those that
 * it wants ({@code struct file_ra_state}, mm/readahead.c and {@code do_sync_mmap_readahead} of
 * Linux 6.18).
 *
 * <p>Vocabulary: the <i>window</i> is what was read last; its page that is {@code asyncSize} before
 * the end is <i>marked</i>, and whoever meets the mark makes the next window be read. A request
 * larger than the window is cut to it: what a disk can read at once ({@code bdi->io_pages}) does
 * not make the window larger here.
 */
public final class ReadAhead {
  /** {@code bdi->io_pages} of a disk with the kernel's usual largest request, 4 MiB. */
  private static final long IO_PAGES = 1024;

  private final long diskPages;
  private long maxPages;

  /** {@code FMODE_RANDOM}: reads bring what they want and no more. */
  private boolean random;

  private long start;
  private long size;
  private long asyncSize;
  private int order;
  private long prevPos = -1;

  /**
   * Of an open that has read nothing.
   *
   * @param pages {@code ra_pages}: the disk's read_ahead_kb in pages; 0 for no read-ahead
   */
  public ReadAhead(long pages) {
    diskPages = pages;
    maxPages = pages;
  }

  /** {@code POSIX_FADV_NORMAL}, {@code _SEQUENTIAL} (a window twice as large), {@code _RANDOM}. */
  public void advised(int advice) {
    random = advice == Uapi.POSIX_FADV_RANDOM;
    if (!random) {
      maxPages = advice == Uapi.POSIX_FADV_SEQUENTIAL ? 2 * diskPages : diskPages;
    }
  }

  /**
   * A fault found that the page is not in the cache ({@code do_sync_mmap_readahead}): the window
   * lies around it. Code is read from its mapping only, without a mark.
   */
  public void around(FileObject file, long index, Mapping vma, boolean code) {
    if (maxPages == 0) {
      return;
    }
    order = 0;
    if (code) {
      start = Math.max(index, vma.firstIndex());
      size = Math.min(start + maxPages, vma.pastIndex()) - start;
      asyncSize = 0;
    } else {
      start = Math.max(0, index - maxPages / 2);
      size = maxPages;
      asyncSize = maxPages / 4;
    }
    read(file);
  }

  /**
   * The same of a mapping with {@code MADV_HUGEPAGE}: the 2 MiB around the page, and those behind
   * them unless it has {@code MADV_RANDOM}, as the largest folios that can be there, whether the
   * file is read ahead at all or not. Where the window begins is not remembered.
   */
  public void huge(FileObject file, long index, boolean alone) {
    long pages = 1L << Folios.MOST_ORDER;
    long remembered = start;
    start = index & -pages;
    size = alone ? pages : 2 * pages;
    asyncSize = pages;
    order = Folios.MOST_ORDER;
    read(file);
    start = remembered;
  }

  /** The same of a mapping with {@code MADV_SEQUENTIAL}: as by read of a whole window. */
  public void sequential(FileObject file, long index) {
    if (maxPages != 0) {
      sync(file, index, maxPages);
    }
  }

  /**
   * The page is not in the cache, and so many are wanted from it on ({@code page_cache_sync_ra}).
   */
  public void sync(FileObject file, long index, long wanted) {
    if (maxPages == 0) {
      readPages(file, index, 1, Long.MAX_VALUE);
      return;
    }
    if (random) {
      force(file, index, wanted);
      return;
    }
    long previous = prevPos >>> 12;
    if (index == 0 || wanted > maxPages || Long.compareUnsigned(index - previous, 1) <= 0) {
      start = index;
      size = firstSize(wanted);
      asyncSize = size > wanted ? size - wanted : size >> 1;
    } else {
      long miss = new CacheWalk(file).previousMiss(index - 1, maxPages);
      long cached = index - miss - 1;
      if (cached <= wanted) {
        readPages(file, index, wanted, Long.MAX_VALUE); // small and alone: not remembered
        return;
      }
      start = index;
      size = Math.min((miss < 0 ? cached * 2 : cached) + wanted, maxPages);
      asyncSize = 1;
    }
    order = 0;
    read(file);
  }

  /** Somebody met the mark on a page and wants so many ({@code page_cache_async_ra}). */
  public void async(FileObject file, long index, long wanted) {
    if (maxPages == 0) {
      return;
    }
    file.unmark(index);
    long pages = file.folios.end(index) - file.folios.start(index);
    if (index == ((start + size - asyncSize) & -pages)) {
      start += size;
      size = Math.max(size, nextSize(size));
    } else {
      long gap = new CacheWalk(file).nextMiss(index + 1, maxPages);
      if (gap - index > maxPages) {
        return;
      }
      start = gap;
      size = nextSize(gap - index + wanted);
    }
    order += 2;
    long align = 1L << Math.min(order, Long.numberOfTrailingZeros(maxPages));
    long alignedEnd = (start + size) & -align;
    if (alignedEnd > start) {
      size = alignedEnd - start;
    }
    asyncSize = size;
    read(file);
  }

  /** {@code force_page_cache_ra}: for {@code MADV_WILLNEED}, without a mark. */
  public void force(FileObject file, long index, long wanted) {
    readPages(file, index, Math.min(wanted, Math.max(maxPages, IO_PAGES)), Long.MAX_VALUE);
  }

  /** A read ended before this place of the file. */
  public void readTo(long pos) {
    prevPos = pos;
  }

  /** Whether the last byte that was read lies in these pages. */
  public boolean endedWithin(long first, long past) {
    long last = prevPos - 1;
    return last >= first << 12 && last < past << 12;
  }

  /** {@code get_init_ra_size}. */
  private long firstSize(long wanted) {
    long rounded = wanted <= 1 ? 1 : Long.highestOneBit(wanted - 1) << 1;
    if (wanted > maxPages || rounded > maxPages / 4) {
      return maxPages;
    }
    return rounded <= maxPages / 32 ? rounded * 4 : rounded * 2;
  }

  /** {@code get_next_ra_size}. */
  private long nextSize(long now) {
    return now < maxPages / 16 ? 4 * now : now <= maxPages / 2 ? 2 * now : maxPages;
  }

  /**
   * {@code page_cache_ra_order}: folios up to the first that is in the way of one; what lies behind
   * that is read as single pages.
   */
  private void read(FileObject file) {
    long end = start + size;
    long past = Math.min(file.pageCount(), end);
    long mark = end - asyncSize;
    if (size <= 0) {
      return;
    }
    order = Math.min(Math.min(order, Folios.MOST_ORDER), 63 - Long.numberOfLeadingZeros(size));
    long index = start;
    while (index < past) {
      int now = Math.min(order, Long.numberOfTrailingZeros(index));
      while (index + (1L << now) > past) {
        now--;
      }
      if (!isFree(file, index, now)) {
        single(file, index, end - index);
        return;
      }
      readFolio(file, index, now, (mark & -(1L << now)) == index);
      index = file.folios.end(index);
    }
  }

  /**
   * {@code do_page_cache_ra}: the pages end with the file, and the mark is counted from their end.
   */
  private void single(FileObject file, long index, long wanted) {
    long pages = Math.min(wanted, file.pageCount() - index);
    readPages(file, index, pages, index + pages - asyncSize);
  }

  /**
   * {@code page_cache_ra_unbounded}: reads what of these pages is not in the cache, as single ones,
   * up to the first for which there is no memory.
   *
   * @param mark the page that gets the mark of read-ahead if it is among those that are read
   */
  private static void readPages(FileObject file, long index, long count, long mark) {
    long past = Math.min(file.pageCount(), index + count);
    for (long i = index; i < past; i++) {
      if (file.isThere(i)) {
        continue;
      }
      if (file.pageAhead(i) == Frames.NONE) {
        return;
      }
      if (i == mark && i < FileObject.MOST_PAGES) {
        file.readAhead.set((int) i);
      }
    }
  }

  /** {@code ra_alloc_folio}: reads pages that are not in the cache as one folio. */
  private static void readFolio(FileObject file, long index, int order, boolean marked) {
    if (order == 0 || index >= FileObject.MOST_PAGES || file.mapped().content() == null) {
      readPages(file, index, 1, marked ? index : Long.MAX_VALUE);
      return;
    }
    file.folios.begin(index, order);
    if (marked) {
      file.readAhead.set((int) index);
    }
    long _ = file.take(index, order, PageGfp.READ_AHEAD);
  }

  /** Whether no page of this folio is in the cache. */
  private static boolean isFree(FileObject file, long first, int order) {
    for (long i = first; i < first + (1L << order); i++) {
      if (file.isThere(i)) {
        return false;
      }
    }
    return true;
  }
}
