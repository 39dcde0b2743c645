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
 */
@API(status = API.Status.EXPERIMENTAL)
public record MappedFile(
    String name, Kind kind, long sizeBytes, @org.jspecify.annotations.Nullable Content content) {
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
    /** A file of {@code /proc}; it cannot be mapped ({@code -ENODEV} or {@code -EIO}). */
    PROC,
    /** Anything else that can be mapped, taken as a regular file. */
    OTHER
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

  @Override
  public boolean equals(@org.jspecify.annotations.Nullable Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
