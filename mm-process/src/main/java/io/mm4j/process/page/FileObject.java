// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.process.MappedFile;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The page cache of one file ({@code address_space} of an inode). Pages of files on a file system
 * are all in the cache from the start; those of a shared-memory object appear when first touched.
 */
public final class FileObject {
  private static final long READ_AROUND_PAGES = 32;

  private final MappedFile mapped;
  private final Map<Long, Page> pages = new HashMap<>();
  private final Map<Long, Boolean> punched = new HashMap<>();
  private final BitSet splitPages = new BitSet();

  /** An empty cache. */
  public FileObject(MappedFile mapped) {
    this.mapped = mapped;
  }

  /** The file. */
  public MappedFile mapped() {
    return mapped;
  }

  /**
   * Log2 of the pages in the folio that holds this page. A file whose content is known was written
   * at once, and a write makes folios as large as what remains of it allows, up to 2 MiB; pages of
   * other files are taken as single.
   */
  public int folioOrder(long index) {
    if (mapped.content() == null
        || isShmem()
        || punched.containsKey(index)
        || splitPages.get((int) index)) {
      return 0;
    }
    long at = 0;
    while (true) {
      long left = mapped.sizeBytes() - (at << 12);
      int order = left < 8192 ? 0 : Math.min(9, 63 - Long.numberOfLeadingZeros(left) - 12);
      while ((at & ((1L << order) - 1)) != 0) {
        order--;
      }
      if (index < at + (1L << order)) {
        return order;
      }
      at += 1L << order;
    }
  }

  /**
   * Whether the folio that holds this page ends before the last page of the file, so that page
   * tables may be made for it at once ({@code can_map_large} in {@code filemap_map_pages}).
   */
  public boolean folioEndsEarly(long index) {
    long size = 1L << folioOrder(index);
    return (index & -size) + size <= (mapped.sizeBytes() - 1) >>> 12;
  }

  /** {@code split_folio}: the folio that holds this page falls into single pages. */
  public void splitFolio(long index) {
    long size = 1L << folioOrder(index);
    long first = index & -size;
    splitPages.set((int) first, (int) (first + size));
  }

  /** Whether its pages count as shared memory. */
  public boolean isShmem() {
    return mapped.kind() == MappedFile.Kind.SHMEM || mapped.kind() == MappedFile.Kind.TMPFS;
  }

  /** Whether this page offset lies behind the end of the file. */
  public boolean beyondEnd(long index) {
    return Long.compareUnsigned(index, (mapped.sizeBytes() + 4095) >>> 12) >= 0;
  }

  /** Whether the page is in the cache. */
  public boolean isCached(long index) {
    if (beyondEnd(index)) {
      return false;
    }
    if (mapped.kind() == MappedFile.Kind.SHMEM || punched.containsKey(index)) {
      return pages.containsKey(index);
    }
    return true;
  }

  /** The page if it is in the cache, else null. */
  public @Nullable Page cached(long index) {
    return isCached(index) ? page(index) : null;
  }

  /** The page; read in or made new when it is not in the cache. */
  public Page page(long index) {
    Page page = pages.get(index);
    if (page == null) {
      boolean zero = mapped.kind() == MappedFile.Kind.SHMEM || punched.containsKey(index);
      page = zero ? zero() : Page.ofFile(this, index);
      pages.put(index, page);
    }
    return page;
  }

  /**
   * Reads a page that is not in the cache, with what the file system reads around it ({@code
   * do_sync_mmap_readahead}, mm/filemap.c).
   *
   * @param around whether the mapping wants read-ahead
   */
  public void readIn(long index, boolean around) {
    long from = around && !isShmem() ? Math.max(0, index - READ_AROUND_PAGES / 2) : index;
    long to = around && !isShmem() ? from + READ_AROUND_PAGES : index + 1;
    for (long i = from; i < to && !beyondEnd(i); i++) {
      page(i);
    }
  }

  /** Takes pages out of the file: a hole is left, which reads as zero. */
  public void punch(long firstIndex, long pastIndex) {
    for (long i = firstIndex; i < pastIndex && !beyondEnd(i); i++) {
      pages.remove(i);
      punched.put(i, Boolean.TRUE);
    }
  }

  private Page zero() {
    return isShmem()
        ? Page.zeroedShmem()
        : Page.ofFile(new FileObject(new MappedFile("", mapped.kind(), 0, o -> 0)), 0);
  }
}
