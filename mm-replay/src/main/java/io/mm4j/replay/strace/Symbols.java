// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import io.mm4j.api.process.CallFlags;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The names that strace prints for arguments of memory calls, and their values on x86. */
final class Symbols {
  private static final Map<String, Long> VALUES = new HashMap<>();

  static {
    for (CallFlags flags : CallFlags.values()) {
      VALUES.putAll(flags.names());
    }
    VALUES.put("NULL", 0L);
    VALUES.put("SHM_NORESERVE", io.mm4j.api.process.Uapi.SHM_NORESERVE);
    VALUES.put("IPC_64", 0x100L);
  }

  private Symbols() {}

  /**
   * The value of an argument as strace prints it: a number, a name, names and numbers joined by
   * {@code |}, a shifted number {@code 21<<MAP_HUGE_SHIFT}, each maybe with a comment.
   *
   * @return null if it is none of these
   */
  static @Nullable Long value(String argument) {
    String text = argument;
    int comment = text.indexOf("/*");
    if (comment >= 0) {
      int end = text.indexOf("*/", comment);
      if (end < 0) {
        return null;
      }
      text = text.substring(0, comment) + text.substring(end + 2);
    }
    long value = 0;
    for (String part : text.split("\\|", -1)) {
      Long one = part(part.strip());
      if (one == null) {
        return null;
      }
      value |= one;
    }
    return value;
  }

  private static @Nullable Long part(String part) {
    int shift = part.indexOf("<<");
    if (shift >= 0) {
      Long left = plain(part.substring(0, shift));
      Long right = plain(part.substring(shift + 2));
      return left == null || right == null || right < 0 || right > 63 ? null : left << right;
    }
    return plain(part);
  }

  private static @Nullable Long plain(String part) {
    Long named = VALUES.get(part);
    if (named == null) {
      named = CallFlags.hugeSize(part);
    }
    if (named == null && part.matches("0[0-7]{1,20}")) {
      return Long.parseLong(part, 8); // rights
    }
    return named != null ? named : number(part);
  }

  /** A decimal or hex number of at most 64 bits, maybe negative; null if it is none. */
  static @Nullable Long number(String text) {
    try {
      if (text.startsWith("0x")) {
        return text.length() > 18 ? null : Long.parseUnsignedLong(text.substring(2), 16);
      }
      if (text.startsWith("-0x")) {
        return text.length() > 18 ? null : -Long.parseLong(text.substring(3), 16);
      }
      return text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
