// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.util.Arrays;

/** A number for every frame of the recorded machine, 0 at first; sections are made when written. */
final class FrameTable {
  private static final int SHIFT = 13;
  private static final int SECTION = 1 << SHIFT;
  private static final long[] NONE = {};

  private final long[][] sections;

  FrameTable(RecordedZones zones) {
    sections = new long[Math.toIntExact((zones.endPfn() >>> SHIFT) + 1)][];
    Arrays.fill(sections, NONE);
  }

  long get(long pfn) {
    long[] section = sections[(int) (pfn >>> SHIFT)];
    return section.length == 0 ? 0 : section[(int) pfn & (SECTION - 1)];
  }

  void set(long pfn, long value) {
    int at = (int) (pfn >>> SHIFT);
    if (sections[at].length == 0) {
      sections[at] = new long[SECTION];
    }
    sections[at][(int) pfn & (SECTION - 1)] = value;
  }
}
