// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

/**
 * How many pages may be mapped in all address spaces of one floor together, guard markers and zero
 * pages included. Beyond that memory is out: a call on terabytes ends instead of filling them page
 * by page.
 */
public final class PageBudget {
  /** 8 GiB. */
  public static final long MOST_PAGES = 1L << 21;

  long mapped;

  /** Nothing is mapped yet. */
  public PageBudget() {}

  /** Whether so many more do not fit. */
  public boolean exceededBy(long pages) {
    return mapped + pages > MOST_PAGES;
  }
}
