// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import org.apiguardian.api.API;

/** Sizes of a page, a pageblock and the largest buddy block on x86: 4 KiB, 2 MiB, 4 MiB. */
@API(status = API.Status.MAINTAINED)
public final class Pages {
  /** log2 of the page size. */
  public static final int PAGE_SHIFT = 12;

  /** Bytes of a page. */
  public static final long PAGE_SIZE = 1L << PAGE_SHIFT;

  /** The largest order of the buddy allocator; there are eleven orders. */
  public static final int MAX_PAGE_ORDER = 10;

  /** {@code MAX_FOLIO_ORDER}: the largest order that a block can have, a huge page of 1 GiB. */
  public static final int MAX_FOLIO_ORDER = 18;

  /**
   * The order of a pageblock of x86-64 and of x86-32 with PAE, the unit that has a migratetype.
   * What holds for a machine is {@link Pageblocks#order} of its zones.
   */
  public static final int PAGEBLOCK_ORDER = 9;

  /** Pages of such a pageblock. */
  public static final int PAGEBLOCK_NR_PAGES = 1 << PAGEBLOCK_ORDER;

  /** log2 of the bytes of a SPARSEMEM section. */
  public static final int SECTION_SIZE_BITS = 27;

  /** Pages of a section: 32768, that is 128 MiB. */
  public static final int PAGES_PER_SECTION = 1 << (SECTION_SIZE_BITS - PAGE_SHIFT);

  private Pages() {}

  /** The smallest order whose block holds this many bytes; 0 for up to a page. */
  public static int orderOf(long bytes) {
    long pages = (bytes + PAGE_SIZE - 1) >>> PAGE_SHIFT;
    return pages <= 1 ? 0 : 64 - Long.numberOfLeadingZeros(pages - 1);
  }

  /** {@code PFN_UP()}: the first frame that begins at this address or after it. */
  public static long pfnUp(long paddr) {
    return (paddr + PAGE_SIZE - 1) >>> PAGE_SHIFT;
  }

  /** {@code PFN_DOWN()}: the frame that holds this address. */
  public static long pfnDown(long paddr) {
    return paddr >>> PAGE_SHIFT;
  }

  /** {@code ALIGN()}: the next multiple of a power of two. */
  public static long alignUp(long value, long align) {
    return (value + align - 1) & -align;
  }
}
