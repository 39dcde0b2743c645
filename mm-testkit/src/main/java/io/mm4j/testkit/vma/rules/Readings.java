// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.rules;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.testkit.RuleViolation;

/** Lookups in an index with VMAs at equal distances, so that every answer is known. */
final class Readings {
  /** How many kinds of lookups there are. */
  static final int KINDS = 7;

  private final VmaIndex index;
  private final int[] handles;

  /** Fills an empty index. */
  Readings(VmaIndex index, int vmas) {
    this.index = index;
    handles = new int[vmas];
    for (int i = 0; i < vmas; i++) {
      handles[i] = index.insert(64L * i + 16, 64L * i + 48);
    }
  }

  /** Whether one reader gets what it should; else other rules have to say what is wrong. */
  boolean areRightAlone() {
    try {
      for (int at = 0; at < handles.length; at++) {
        checkAll(at);
      }
      return true;
    } catch (RuleViolation e) {
      return false;
    }
  }

  /** All kinds of lookups about one VMA. */
  void checkAll(int at) {
    for (int kind = 0; kind < KINDS; kind++) {
      check(kind, at);
    }
  }

  /** One lookup about one VMA. */
  void check(int kind, int at) {
    long base = 64L * at;
    switch (kind) {
      case 0 -> equal(handles[at], index.find(base + 20), "find inside VMA ", at);
      case 1 -> equal(handles[at], index.find(base + 10), "find below VMA ", at);
      case 2 -> equal(handle(at + 1), index.next(handles[at]), "next of VMA ", at);
      case 3 -> equal(handle(at - 1), index.prev(handles[at]), "prev of VMA ", at);
      case 4 -> equal(base + 16, index.start(handles[at]), "start of VMA ", at);
      case 5 -> {
        long above = index.gapAbove(base + 20, VmaIndex.MAX_ADDRESS, 20);
        equal(base + 48, above, "gap above VMA ", at);
      }
      default -> {
        long below = index.gapBelow(0, base + 20, 20);
        equal(at == 0 ? VmaIndex.NONE_ADDR : base - 4, below, "gap below VMA ", at);
      }
    }
  }

  private int handle(int at) {
    return at < 0 || at >= handles.length ? VmaIndex.NONE : handles[at];
  }

  private static void equal(long expected, long seen, String what, int at) {
    if (expected != seen) {
      RuleViolation.checkEqual(expected, seen, what + at + ", with other readers,");
    }
  }
}
