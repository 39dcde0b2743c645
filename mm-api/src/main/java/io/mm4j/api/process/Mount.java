// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * A file system of memory that was mounted with a size: tmpfs ({@code size=}) or hugetlbfs ({@code
 * size=}, {@code min_size=}, {@code pagesize=}). Its files together have no more pages than that.
 * It exists from {@link ProcessFloor#mount} on. Identity is object identity.
 *
 * @param kind what its files are: {@link MappedFile.Kind#TMPFS}, {@link MappedFile.Kind#HUGETLB} or
 *     {@link MappedFile.Kind#HUGETLB_1G}
 * @param mostBytes {@code size=}; {@link #NONE} for no limit. Of tmpfs a part of a page counts as a
 *     page, and 0 is no limit; of hugetlbfs a part of a page does not count
 * @param leastBytes {@code min_size=}: so much is promised to its files when it is mounted; {@link
 *     #NONE} without, as always of tmpfs
 */
@API(status = API.Status.EXPERIMENTAL)
public record Mount(MappedFile.Kind kind, long mostBytes, long leastBytes) {
  /** No such limit. */
  public static final long NONE = -1;

  /**
   * A file system.
   *
   * @throws IllegalArgumentException for a kind that no mount has, a negative size, or a least size
   *     of tmpfs
   */
  public Mount {
    boolean tmpfs = kind == MappedFile.Kind.TMPFS;
    if ((!tmpfs && !kind.isHugetlb())
        || mostBytes < NONE
        || leastBytes < NONE
        || (tmpfs && leastBytes != NONE)) {
      throw new IllegalArgumentException(
          "kind=" + kind + " size=" + mostBytes + " min_size=" + leastBytes + ": no such mount");
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
