// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The names that strace prints for arguments of memory calls, and their values on x86. */
final class Symbols {
  private static final Map<String, Long> VALUES = new HashMap<>();

  static {
    put(
        "PROT_NONE 0 PROT_READ 1 PROT_WRITE 2 PROT_EXEC 4 PROT_SEM 8 PROT_GROWSDOWN 0x1000000"
            + " PROT_GROWSUP 0x2000000");
    put(
        "MAP_FILE 0 MAP_SHARED 1 MAP_PRIVATE 2 MAP_SHARED_VALIDATE 3 MAP_DROPPABLE 8 MAP_FIXED 0x10"
            + " MAP_ANONYMOUS 0x20 MAP_32BIT 0x40 MAP_ABOVE4G 0x80 MAP_GROWSDOWN 0x100"
            + " MAP_DENYWRITE 0x800 MAP_EXECUTABLE 0x1000 MAP_LOCKED 0x2000 MAP_NORESERVE 0x4000"
            + " MAP_POPULATE 0x8000 MAP_NONBLOCK 0x10000 MAP_STACK 0x20000 MAP_HUGETLB 0x40000"
            + " MAP_SYNC 0x80000 MAP_FIXED_NOREPLACE 0x100000 MAP_UNINITIALIZED 0x4000000"
            + " MAP_HUGE_SHIFT 26");
    put("MREMAP_MAYMOVE 1 MREMAP_FIXED 2 MREMAP_DONTUNMAP 4");
    put(
        "MADV_NORMAL 0 MADV_RANDOM 1 MADV_SEQUENTIAL 2 MADV_WILLNEED 3 MADV_DONTNEED 4 MADV_FREE 8"
            + " MADV_REMOVE 9 MADV_DONTFORK 10 MADV_DOFORK 11 MADV_MERGEABLE 12"
            + " MADV_UNMERGEABLE 13 MADV_HUGEPAGE 14 MADV_NOHUGEPAGE 15 MADV_DONTDUMP 16"
            + " MADV_DODUMP 17 MADV_WIPEONFORK 18 MADV_KEEPONFORK 19 MADV_COLD 20 MADV_PAGEOUT 21"
            + " MADV_POPULATE_READ 22 MADV_POPULATE_WRITE 23 MADV_DONTNEED_LOCKED 24"
            + " MADV_COLLAPSE 25 MADV_HWPOISON 100 MADV_SOFT_OFFLINE 101 MADV_GUARD_INSTALL 102"
            + " MADV_GUARD_REMOVE 103");
    put("MS_ASYNC 1 MS_INVALIDATE 2 MS_SYNC 4");
    put("MCL_CURRENT 1 MCL_FUTURE 2 MCL_ONFAULT 4 MLOCK_ONFAULT 1");
    put("NULL 0");
  }

  private Symbols() {}

  private static void put(String table) {
    String[] words = table.split(" ", -1);
    for (int i = 0; i + 1 < words.length; i += 2) {
      VALUES.put(words[i], Long.decode(words[i + 1]));
    }
  }

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
    return named != null ? named : number(part);
  }

  /** A decimal or hex number of at most 64 bits, maybe negative; null if it is none. */
  static @Nullable Long number(String text) {
    try {
      if (text.startsWith("0x")) {
        return text.length() > 18 ? null : Long.parseUnsignedLong(text.substring(2), 16);
      }
      return text.startsWith("-") ? Long.parseLong(text) : Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
