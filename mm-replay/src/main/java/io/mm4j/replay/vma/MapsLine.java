// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

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
