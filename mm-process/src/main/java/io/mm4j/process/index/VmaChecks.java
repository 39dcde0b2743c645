// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.index;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.MisuseException;
import io.mm4j.api.vma.VmaIndex;

/** The argument checks that every VMA index owes its caller, with the words for each. */
public final class VmaChecks {
  private VmaChecks() {}

  /** Throws unless {@code 0 <= start < end <= MAX_ADDRESS}. */
  public static void range(long start, long end) {
    if (start < 0 || start >= end || end > VmaIndex.MAX_ADDRESS) {
      throw new MisuseException(
          "not a range of addresses: "
              + text(start, end)
              + " allowed: 0 <= start < end <= "
              + hex(VmaIndex.MAX_ADDRESS));
    }
  }

  /** Throws unless the arguments of a gap search are within their limits. */
  public static void gap(long low, long high, long length) {
    if (low < 0 || high > VmaIndex.MAX_ADDRESS || length < 1) {
      throw new MisuseException(
          "not a gap search: low="
              + hex(low)
              + " high="
              + hex(high)
              + " length="
              + hex(length)
              + " allowed: 0 <= low, high <= "
              + hex(VmaIndex.MAX_ADDRESS)
              + ", 1 <= length");
    }
  }

  /** Throws unless {@code n} is a number of inserts. */
  public static void count(int n) {
    if (n < 0) {
      throw new MisuseException("not a number of inserts: n=" + n + " allowed: n >= 0");
    }
  }

  /** The error for a range that reaches into the VMA {@code vma} of {@code index}. */
  public static MisuseException overlap(VmaIndex index, long start, long end, int vma) {
    return new MisuseException(
        text(start, end) + " overlaps vma=" + vma + " " + text(index.start(vma), index.end(vma)));
  }

  /** The error for a handle that is not in the index. */
  public static MisuseException unknown(int vma, int size) {
    return new MisuseException("no such VMA in the index: vma=" + vma + " size=" + size);
  }

  /** The error for a structure that contradicts itself. */
  public static CorruptStateError corrupt(String index, String what, int vma, long is, long be) {
    return new CorruptStateError(
        index + " index is corrupt: " + what + " vma=" + vma + " is=" + is + " expected=" + be);
  }

  private static String text(long start, long end) {
    return "start=" + hex(start) + " end=" + hex(end);
  }

  private static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }
}
