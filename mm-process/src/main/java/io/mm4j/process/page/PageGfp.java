// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.process.MappedFile;

/**
 * What Linux 6.18 asks the page allocator for, when a process or the page cache needs a page. The
 * flags are those that {@code kmem:mm_page_alloc} of a 6.18 kernel tells of each of these requests.
 */
final class PageGfp {
  /** Of anonymous and of shared memory, and of a file that is read without read-ahead. */
  static final int USER = Gfp.GFP_HIGHUSER_MOVABLE | Gfp.__GFP_COMP;

  /** More for a large folio, in whose place a small one does ({@code __filemap_get_folio}). */
  static final int LARGE = Gfp.__GFP_NOWARN | Gfp.__GFP_NORETRY;

  /**
   * {@code readahead_gfp_mask()}, within {@code memalloc_nofs_save()}: who needs the page itself
   * asks again, with more effort.
   */
  static final int READ_AHEAD = (USER & ~Gfp.__GFP_FS) | LARGE;

  /** {@code FGP_WRITE} of a file that is written out. */
  static final int WRITE = USER | Gfp.__GFP_WRITE;

  /** {@code get_huge_zero_folio()}: never moved. */
  static final int HUGE_ZERO = (Gfp.GFP_TRANSHUGE | Gfp.__GFP_ZERO) & ~Gfp.__GFP_MOVABLE;

  /**
   * More for a huge page of a fault, at first ({@code alloc_pages_mpol}): of this node, at once.
   */
  static final int HUGE_NEAR = Gfp.__GFP_THISNODE | Gfp.__GFP_NORETRY;

  /** {@code htlb_alloc_mask()} and {@code alloc_buddy_hugetlb_folio()}, from any node. */
  static final int HUGETLB = USER | Gfp.__GFP_NOWARN | Gfp.__GFP_RETRY_MAYFAIL;

  private PageGfp() {}

  /** {@code vma_thp_gfp_mask()} with the setting {@code defrag=madvise}, which is the default. */
  static int huge(boolean advised) {
    return advised ? Gfp.GFP_TRANSHUGE : Gfp.GFP_TRANSHUGE_LIGHT;
  }

  /** {@code mapping_gfp_mask()} and what the kind of file adds to it. */
  static int of(MappedFile.Kind kind) {
    return switch (kind) {
      case SECRET -> Gfp.GFP_HIGHUSER | Gfp.__GFP_COMP | Gfp.__GFP_ZERO; // secretmem_fault
      case PIPE -> Gfp.GFP_HIGHUSER | Gfp.__GFP_ACCOUNT; // anon_pipe_get_page
      default -> USER;
    };
  }

  /** Of a page that a write makes. */
  static int write(MappedFile.Kind kind) {
    return switch (kind) {
      case EXT4, OTHER -> WRITE;
      default -> of(kind);
    };
  }
}
