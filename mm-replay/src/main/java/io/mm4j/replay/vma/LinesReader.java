// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import io.mm4j.replay.text.Cursor;

/** Maps lines and state lines. */
final class LinesReader {
  private static final long PAGE_MASK = 4095;
  private static final String PAGE_LETTERS = ".AaFfzZgs";
  private static final String[] PERMS = new String[16];

  static {
    for (int bits = 0; bits < 16; bits++) {
      PERMS[bits] =
          ((bits & 1) != 0 ? "r" : "-")
              + ((bits & 2) != 0 ? "w" : "-")
              + ((bits & 4) != 0 ? "x" : "-")
              + ((bits & 8) != 0 ? "s" : "p");
    }
  }

  private final Cursor at;

  LinesReader(Cursor at) {
    this.at = at;
  }

  /** Takes a maps line; the name is the last word taken. */
  MapsLine maps() {
    int mark = at.mark();
    long start = at.hexDigits();
    at.expect("-");
    long end = at.hexDigits();
    if (((start | end) & PAGE_MASK) != 0 || Long.compareUnsigned(start, end) >= 0) {
      at.reset(mark);
      throw at.unexpected("START-END, multiples of 0x1000, START below END");
    }
    at.expect(" ");
    int bits = perm('r', 1) | perm('w', 2) | perm('x', 4);
    if (at.take("s")) {
      bits |= 8;
    } else {
      at.expect("p");
    }
    at.expect(" ");
    long offset = at.hexDigits();
    boolean backed = at.take(" F F ");
    if (!backed) {
      at.expect(" 0 0 ");
    }
    return new MapsLine(start, end, PERMS[bits], offset, backed, at.word());
  }

  private int perm(char letter, int bit) {
    if (at.take(String.valueOf(letter))) {
      return bit;
    }
    at.expect("-");
    return 0;
  }

  /** Fails unless the line starts at or above the end of the line before. */
  void checkOrder(MapsLine maps, long previousEnd) {
    if (Long.compareUnsigned(maps.start(), previousEnd) < 0) {
      throw at.error(
          "this VMA begins at 0x"
              + Long.toHexString(maps.start())
              + ", below the end of the one before, 0x"
              + Long.toHexString(previousEnd),
          "lines in the order of their addresses, without overlap");
    }
  }

  /** Takes a state line. */
  StateLine state() {
    MapsLine maps = maps();
    at.expect(" rss=");
    long rss = at.decimal();
    at.expect(" anon=");
    long anon = at.decimal();
    at.expect(" locked=");
    long locked = at.decimal();
    at.expect(" ahp=");
    long anonHuge = at.decimal();
    at.expect(" flags=");
    int mark = at.mark();
    String flags = at.word();
    if (!flagsValid(flags)) {
      at.reset(mark);
      throw at.unexpected("VmFlags: pairs of letters, comma-separated");
    }
    at.expect(" pages=");
    return new StateLine(maps, rss, anon, locked, anonHuge, flags, pages(maps));
  }

  private static boolean flagsValid(String flags) {
    for (int i = 0; i < flags.length(); i++) {
      char c = flags.charAt(i);
      if (i % 3 == 2 ? c != ',' : c < '0' || c > 'z') {
        return false;
      }
    }
    return flags.length() % 3 == 2;
  }

  private String pages(MapsLine maps) {
    if (at.take("?")) {
      return "?";
    }
    int start = at.mark();
    long left = (maps.end() - maps.start()) >>> 12;
    while (true) {
      int letter = at.peek();
      if (letter < 0 || PAGE_LETTERS.indexOf(letter) < 0) {
        throw at.unexpected("a page state, one of " + PAGE_LETTERS);
      }
      at.take(String.valueOf((char) letter));
      long run = at.decimal();
      left -= run;
      if (run <= 0 || left < 0) {
        throw at.error("the page states do not fill the VMA", "runs that sum up to its pages");
      }
      if (!at.take(",")) {
        break;
      }
    }
    if (left != 0) {
      throw at.error("the page states do not fill the VMA", "runs that sum up to its pages");
    }
    int end = at.mark();
    at.reset(start);
    String text = at.rest();
    at.reset(end);
    return text.substring(0, end - start);
  }
}
