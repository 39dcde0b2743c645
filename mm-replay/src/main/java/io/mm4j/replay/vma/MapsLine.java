// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import org.jspecify.annotations.Nullable;

/**
 * One line of maps in the recordings' spelling.
 *
 * @param start first address
 * @param end address behind the last byte
 * @param perms four letters, {@code rw-p}
 * @param offsetBytes offset as maps shows it
 * @param backed whether maps shows a device and an inode
 * @param name {@code -} for none, {@code EXE}, {@code F3}, {@code Z1}, {@code [heap]}...
 */
public record MapsLine(
    long start, long end, String perms, long offsetBytes, boolean backed, String name) {
  // Written out: what a record has by itself is linked at its first use, a start's milliseconds.
  /** Whether it has no name, or one that only prctl gave. */
  public boolean isNameless() {
    return name.equals("-") || name.startsWith("[anon:");
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof MapsLine line
        && start == line.start
        && end == line.end
        && offsetBytes == line.offsetBytes
        && backed == line.backed
        && perms.equals(line.perms)
        && name.equals(line.name);
  }

  @Override
  public int hashCode() {
    return (Long.hashCode(start) * 31 + Long.hashCode(end)) * 31 + name.hashCode();
  }

  @Override
  public String toString() {
    String kind = backed ? " F F " : " 0 0 ";
    return Long.toHexString(start)
        + "-"
        + Long.toHexString(end)
        + " "
        + perms
        + " "
        + Long.toHexString(offsetBytes)
        + kind
        + name;
  }
}
