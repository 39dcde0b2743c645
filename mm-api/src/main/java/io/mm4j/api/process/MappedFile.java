// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;

/**
 * A file that can be mapped: the kernel's inode. Identity is object identity.
 *
 * @param name what maps shows as its name
 * @param kind where it lives
 * @param sizeBytes its size; mapped pages wholly behind the end give SIGBUS. Not read for {@link
 *     Kind#DEV_ZERO}
 * @param content gives the bytes of the file, or null when they are unknown
 * @param writtenBytes in writes of how many bytes it was written, which decides about its folios; 0
 *     for a single write
 */
@API(status = API.Status.EXPERIMENTAL)
public record MappedFile(
    String name,
    Kind kind,
    long sizeBytes,
    @org.jspecify.annotations.Nullable Content content,
    long writtenBytes) {
  private static final long SPARSE = -1;

  /** What kind of file system or device serves the file. */
  public enum Kind {
    /** A regular file of a disk file system; large mappings are aligned for huge pages. */
    EXT4,
    /** A regular file of tmpfs. */
    TMPFS,
    /** The device {@code /dev/zero}: a private mapping of it is anonymous. */
    DEV_ZERO,
    /**
     * The object behind a {@code MAP_SHARED|MAP_ANONYMOUS} mapping, {@code /dev/zero (deleted)}.
     */
    SHMEM,
    /** A file of hugetlbfs, whose pages are of the pool of huge pages that a page table spans. */
    HUGETLB,
    /** The same with pages of 1 GiB, each a leaf of level 3 of the page tables. */
    HUGETLB_1G,
    /** A file of {@code /proc}; it cannot be mapped ({@code -ENODEV} or {@code -EIO}). */
    PROC,
    /** Anything else that can be mapped, taken as a regular file. */
    OTHER;

    /** Whether it is a file of hugetlbfs ({@code is_file_hugepages()}). */
    public boolean isHugetlb() {
      return this == HUGETLB || this == HUGETLB_1G;
    }

    /**
     * The level of the page tables at which its pages are leafs, unless huge pages happen to fit.
     */
    public int leafLevel() {
      return this == HUGETLB_1G ? 3 : this == HUGETLB ? 2 : 1;
    }
  }

  /** The bytes of a file as they are in the page cache before anybody writes to them. */
  @FunctionalInterface
  public interface Content {
    /** The byte (0..255) at this offset below the file's size. */
    int byteAt(long offsetBytes);
  }

  /** A file whose bytes are unknown. */
  public MappedFile(String name, Kind kind, long sizeBytes) {
    this(name, kind, sizeBytes, null);
  }

  /** A file that was written at once. */
  public MappedFile(
      String name, Kind kind, long sizeBytes, @org.jspecify.annotations.Nullable Content content) {
    this(name, kind, sizeBytes, content, 0);
  }

  /** A file that is all holes: shared memory that nobody has touched. */
  public static MappedFile sparse(String name, Kind kind, long sizeBytes) {
    return new MappedFile(name, kind, sizeBytes, null, SPARSE);
  }

  /** Whether no page of it was ever written; so it is with {@link Kind#SHMEM}. */
  public boolean isSparse() {
    return kind == Kind.SHMEM || writtenBytes == SPARSE;
  }

  @Override
  public boolean equals(@org.jspecify.annotations.Nullable Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
