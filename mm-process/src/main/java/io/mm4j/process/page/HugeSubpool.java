// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

/**
 * What a hugetlbfs that was mounted with {@code size=} or {@code min_size=} has of its pool ({@code
 * struct hugepage_subpool}, mm/hugetlb.c of Linux 6.18), in pages: how many its files and their
 * mappings may use or be promised, and how many the pool has promised to all of them together.
 */
public final class HugeSubpool {
  /** No such limit. */
  static final long NONE = -1;

  /** {@link #get}: there are not so many. */
  static final long REFUSED = -1;

  private final long most;
  private final long least;
  private long used;
  private long kept;

  /** One of which nothing is used; the pool has promised {@code least} pages. */
  HugeSubpool(long most, long least) {
    this.most = most;
    this.least = least;
    this.kept = Math.max(0, least);
  }

  /**
   * {@code hugepage_subpool_get_pages()}: takes pages.
   *
   * @return how many of them the pool has yet to give, or {@link #REFUSED}
   */
  long get(long pages) {
    if (most != NONE) {
      if (used + pages > most) {
        return REFUSED;
      }
      used += pages;
    }
    long fromKept = Math.min(pages, kept);
    kept -= fromKept;
    return pages - fromKept;
  }

  /**
   * {@code hugepage_subpool_put_pages()}: gives pages back.
   *
   * @return how many of them go back to the pool; the others stay promised to the file system
   */
  long put(long pages) {
    used -= most == NONE ? 0 : pages;
    if (least == NONE || used >= least) {
      return pages;
    }
    long back = Math.max(0, kept + pages - least);
    kept += pages - back;
    return back;
  }

  /** A promise that the pool could not keep: those pages are not used. */
  void unused(long pages) {
    used -= most == NONE ? 0 : pages;
  }
}
