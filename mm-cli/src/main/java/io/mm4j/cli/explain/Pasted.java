// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the addresses of pasted lines mean here: a mapping that lay at one place in the log and lies
 * at another one here is meant wherever the log's address is used later.
 */
final class Pasted {
  private static final Pattern NUMBER = Pattern.compile("0[xX][0-9a-fA-F]{1,16}|[1-9][0-9]{9,18}");

  /** How far above the log's break addresses belong to its heap. */
  private static final long HEAP_BYTES = 1L << 30;

  /** A range of the log, and where it begins here. */
  private record Moved(long start, long bytes, long here) {}

  private final List<Moved> moved = new ArrayList<>();

  /** A mapping of the log and here. */
  void placed(long there, long bytes, long here) {
    moved.addFirst(new Moved(there, Math.max(1, bytes), here));
  }

  /** The break of the log and here. */
  void heap(long there, long here) {
    moved.addLast(new Moved(there, HEAP_BYTES, here));
  }

  /** What an address of the log is here; the text itself if it is none, or unknown. */
  String here(String text) {
    if (moved.isEmpty() || !NUMBER.matcher(text).matches()) {
      return text;
    }
    long address =
        text.startsWith("0")
            ? Long.parseUnsignedLong(text.substring(2), 16)
            : Long.parseUnsignedLong(text);
    for (Moved range : moved) {
      // An address right behind a range may be its end.
      if (Long.compareUnsigned(address - range.start(), range.bytes()) < 0) {
        return "0x" + Long.toHexString(address - range.start() + range.here());
      }
    }
    return text;
  }

  /** The number that a result of strace begins with, or null for an error. */
  static @Nullable Long number(String result) {
    String word = result.strip().split("[\\s<]", 2)[0];
    if (!word.matches("0x[0-9a-fA-F]{1,16}|[0-9]{1,18}")) {
      return null;
    }
    return word.startsWith("0x")
        ? Long.parseUnsignedLong(word.substring(2), 16)
        : Long.parseLong(word);
  }

  /** The error that a result of strace names, or null. */
  static @Nullable String errno(String result) {
    String[] words = result.strip().split("[\\s(]+", -1);
    return words.length > 1 && words[0].equals("-1") ? words[1] : null;
  }
}
