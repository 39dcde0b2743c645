// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.vma;

import java.util.ArrayList;
import java.util.List;

/** Ranges of bytes, unsigned and without order: few, so that each is looked at. */
final class ByteRanges {
  /** From and to. */
  record Range(long from, long to) {
    boolean isEmpty() {
      return Long.compareUnsigned(from, to) >= 0;
    }

    /** What lies in the other one as well; maybe empty. */
    Range within(Range other) {
      return new Range(
          Long.compareUnsigned(from, other.from) < 0 ? other.from : from,
          Long.compareUnsigned(to, other.to) > 0 ? other.to : to);
    }

    /** The same range elsewhere. */
    Range moved(long by) {
      return new Range(from + by, to + by);
    }
  }

  private final List<Range> ranges = new ArrayList<>();

  /** Adds a range that is not empty. */
  void add(Range range) {
    remove(range);
    ranges.add(range);
  }

  /** Adds all of another one's. */
  void addAll(ByteRanges other) {
    other.ranges.forEach(this::add);
  }

  /** Takes a range away. */
  void remove(Range range) {
    List<Range> left = new ArrayList<>();
    for (Range each : ranges) {
      Range below = each.within(new Range(0, range.from()));
      Range above = each.within(new Range(range.to(), -1));
      if (each.within(range).isEmpty()) {
        left.add(each);
        continue;
      }
      if (!below.isEmpty()) {
        left.add(below);
      }
      if (!above.isEmpty()) {
        left.add(above);
      }
    }
    ranges.clear();
    ranges.addAll(left);
  }

  /** The parts that lie in a range. */
  List<Range> in(Range range) {
    return ranges.stream().map(each -> each.within(range)).filter(each -> !each.isEmpty()).toList();
  }
}
