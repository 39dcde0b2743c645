// SPDX-License-Identifier: Apache-2.0
package io.mm4j.api.process;

import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

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
 * @param mount the file system with a size that it lies on; null for one without
 * @param owner who may write to it; null if everybody may
 */
@API(status = API.Status.EXPERIMENTAL)
public record MappedFile(
    String name,
    Kind kind,
    long sizeBytes,
    @Nullable Content content,
    long writtenBytes,
    @Nullable Mount mount,
    @Nullable Owner owner) {
  private static final long SPARSE = -1;

  /**
   * A file.
   *
   * @throws IllegalArgumentException if its file system has files of another kind, or it is there
   *     and not all holes
   */
  public MappedFile {
    if (mount != null && (mount.kind() != kind || writtenBytes != SPARSE)) {
      throw new IllegalArgumentException(
          "file="
              + name
              + " kind="
              + kind
              + ": its file system has files of holes, "
              + mount.kind());
    }
  }

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
    /** A pipe: its bytes are read and written, and it cannot be mapped ({@code -ENODEV}). */
    PIPE,
    /** What {@code memfd_secret} makes: memory that only its processes can read. */
    SECRET,
    /** Anything else that can be mapped, taken as a regular file. */
    OTHER;

    /** Whether its files have a size that calls can change, and bytes behind addresses. */
    public boolean isRegular() {
      return this != DEV_ZERO && this != PROC && this != PIPE;
    }

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

  /**
   * Whose a file is.
   *
   * @param uid its user
   * @param gid its group
   * @param mode its mode, as {@code 0644}
   */
  public record Owner(long uid, long gid, int mode) {}

  /** The same, but a file of its own, that belongs to somebody. */
  public MappedFile owned(Owner by) {
    return new MappedFile(name, kind, sizeBytes, content, writtenBytes, mount, by);
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
  public MappedFile(String name, Kind kind, long sizeBytes, @Nullable Content content) {
    this(name, kind, sizeBytes, content, 0);
  }

  /** A file of a file system without a size. */
  public MappedFile(
      String name, Kind kind, long sizeBytes, @Nullable Content content, long writtenBytes) {
    this(name, kind, sizeBytes, content, writtenBytes, null, null);
  }

  /** A file that is all holes: shared memory that nobody has touched. */
  public static MappedFile sparse(String name, Kind kind, long sizeBytes) {
    return new MappedFile(name, kind, sizeBytes, null, SPARSE);
  }

  /** An empty pipe: open it for reading and for writing. */
  public static MappedFile pipe(String name) {
    return sparse(name, Kind.PIPE, 0);
  }

  /** An empty file on a file system with a size. */
  public static MappedFile on(Mount mount, String name) {
    return new MappedFile(name, mount.kind(), 0, null, SPARSE, mount, null);
  }

  /** Whether no page of it was ever written; so it is with {@link Kind#SHMEM}. */
  public boolean isSparse() {
    return kind == Kind.SHMEM || writtenBytes == SPARSE;
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
