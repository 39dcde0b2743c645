// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import java.util.List;
import org.apiguardian.api.API;

/**
 * The request of {@code ioctl(PAGEMAP_SCAN)} on {@code /proc/PID/pagemap}: {@code struct
 * pm_scan_arg} (include/uapi/linux/fs.h, Linux 6.18). A page is found if, after the categories of
 * {@code inverted} were turned round, it has all of {@code mask} and, unless that is 0, one of
 * {@code anyof}.
 *
 * @param argUaddr where the struct lies in the memory of the process; 0 if another process asks,
 *     whose memory nobody looks at
 * @param size what the caller says of the struct's size; {@link #SIZE} is the right one
 * @param flags {@link #WP_MATCHING}, {@link #CHECK_WPASYNC}
 * @param start the first address, page-aligned
 * @param end one past the last address; rounded up to a page
 * @param vec where the regions are written: memory of whoever asks
 * @param vecLen for how many regions there is room
 * @param maxPages how many pages may be found; 0 for any number
 * @param inverted categories that a page shall not have
 * @param mask categories that are all wanted
 * @param anyof categories of which one is wanted; 0 for none
 * @param returned categories that the regions tell
 */
@API(status = API.Status.EXPERIMENTAL)
public record PagemapScan(
    long argUaddr,
    long size,
    long flags,
    long start,
    long end,
    long vec,
    long vecLen,
    long maxPages,
    long inverted,
    long mask,
    long anyof,
    long returned) {
  /** Bytes of the struct. */
  public static final long SIZE = 96;

  /** Where in the struct the kernel writes how far it came. */
  public static final int WALK_END_OFFSET = 32;

  /** {@code PM_SCAN_WP_MATCHING}: write-protects what it finds where userfaultfd allows it. */
  public static final long WP_MATCHING = 1;

  /** {@code PM_SCAN_CHECK_WPASYNC}: refuses VMAs that userfaultfd does not allow it for. */
  public static final long CHECK_WPASYNC = 2;

  /** {@code PAGE_IS_WPALLOWED}: userfaultfd tracks writes to the VMA. */
  public static final long WPALLOWED = 1;

  /** {@code PAGE_IS_WRITTEN}: not write-protected since somebody looked. */
  public static final long WRITTEN = 1 << 1;

  /** {@code PAGE_IS_FILE}: a page of a file or of shared memory. */
  public static final long FILE = 1 << 2;

  /** {@code PAGE_IS_PRESENT}. */
  public static final long PRESENT = 1 << 3;

  /** {@code PAGE_IS_SWAPPED}: not there, and the entry says more. */
  public static final long SWAPPED = 1 << 4;

  /** {@code PAGE_IS_PFNZERO}: the zero page. */
  public static final long PFNZERO = 1 << 5;

  /** {@code PAGE_IS_HUGE}: mapped by an entry for a huge page. */
  public static final long HUGE = 1 << 6;

  /** {@code PAGE_IS_SOFT_DIRTY}. */
  public static final long SOFT_DIRTY = 1 << 7;

  /** {@code PAGE_IS_GUARD}: a guard of MADV_GUARD_INSTALL. */
  public static final long GUARD = 1 << 8;

  /** Every category that there is. */
  public static final long CATEGORIES = (1 << 9) - 1;

  /** What another process asks of a range: all pages that have these categories, and all theirs. */
  public static PagemapScan of(long start, long end, long mask) {
    return new PagemapScan(0, SIZE, 0, start, end, 1, 1 << 20, 0, 0, mask, 0, CATEGORIES);
  }

  /** The same with other flags. */
  public PagemapScan withFlags(long other) {
    return new PagemapScan(
        argUaddr, size, other, start, end, vec, vecLen, maxPages, inverted, mask, anyof, returned);
  }

  /**
   * Neighbouring pages with the same categories: {@code struct page_region}.
   *
   * @param start the first address
   * @param end one past the last address
   * @param categories those of {@link PagemapScan#returned} that they have
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Region(long start, long end, long categories) {}

  /**
   * What it came to.
   *
   * @param result how many regions were found, or a negated {@link Errno}
   * @param walkEnd the first address that was not looked at; -1 if the request was refused before
   * @param regions what was written to the vector
   */
  @API(status = API.Status.EXPERIMENTAL)
  public record Found(long result, long walkEnd, List<Region> regions) {
    /** Copies the list. */
    public Found {
      regions = List.copyOf(regions);
    }
  }
}
