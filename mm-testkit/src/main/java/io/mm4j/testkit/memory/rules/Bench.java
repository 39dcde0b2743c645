// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.MemoryMap;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.memory.naive.NaiveMemMap;
import java.util.Set;
import java.util.TreeSet;

/**
 * One memory beside a naive {@code mem_map}, and the frame numbers where something may go wrong.
 */
final class Bench {
  private static final int SPREAD = 3;
  private static final int FEW_ORDER = 10;

  final PhysicalMemory memory;
  final MemMap map;
  final MemoryLayout layout;
  final NaiveMemMap model;
  private final long[] points;

  Bench(PhysicalMemory memory, MemoryLayout layout) {
    this.memory = memory;
    this.map = memory.memMap();
    this.layout = layout;
    this.model = new NaiveMemMap(layout);
    this.points = points(layout);
  }

  /** Around the ends of ranges and zones, and the borders of the sections near them. */
  private static long[] points(MemoryLayout layout) {
    TreeSet<Long> found = new TreeSet<>();
    long end = layout.endPfn();
    for (MemoryMap.Range range : layout.map().ranges()) {
      around(found, range.start() >>> Pages.PAGE_SHIFT, end);
      around(found, range.end() >>> Pages.PAGE_SHIFT, end);
    }
    layout.zones().forEach(zone -> around(found, zone.startPfn(), end));
    around(found, end, end);
    return found.stream().mapToLong(Long::longValue).toArray();
  }

  private static void around(Set<Long> found, long pfn, long end) {
    long section = pfn & -(long) Pages.PAGES_PER_SECTION;
    for (long base : new long[] {pfn, section, section + Pages.PAGES_PER_SECTION}) {
      for (long at = base - SPREAD; at <= base + SPREAD; at++) {
        if (at >= 0 && at < end) {
          found.add(at);
        }
      }
    }
  }

  /** One of the points, moved a little for most numbers. */
  long pick(long number) {
    long point = points[(int) Long.remainderUnsigned(number, points.length)];
    long moved = point + (number >>> 40 & 1) * (number >>> 41 & 0xfff);
    return moved < map.endPfn() ? moved : point;
  }

  /** The largest order up to this one whose block around a frame ends before the machine does. */
  int fitting(long pfn, int order) {
    int fits = order;
    while (first(pfn, fits) + (1L << fits) > map.endPfn()) {
      fits--;
    }
    return fits;
  }

  /** Whether nothing but owners is known of the frames: it is as at boot. */
  boolean onlyOwners(long start, long end) {
    return model.onlyOwners(start, end);
  }

  static long first(long pfn, int order) {
    return pfn & -(1L << order);
  }

  /** All points as the model has them. */
  void comparePoints() {
    for (long pfn : points) {
      compare(pfn);
    }
  }

  /** The nodes and zones are those that it was created with. */
  void compareNodes() {
    check(
        memory.nodes().equals(layout.nodes()), "nodes() = " + layout.nodes(), "" + memory.nodes());
  }

  /** Who looks for a frame that is not there gets no reference, and no exception. */
  void nobodyBehindTheEnd() {
    long end = map.endPfn();
    for (long pfn : new long[] {end, end + 1, (end | Pages.PAGES_PER_SECTION - 1) + 1}) {
      check(!map.tryGet(pfn), "no reference of frame " + pfn + ", for there is none", "one");
    }
  }

  /** What must follow from the map alone, at every point. */
  void comparePresence() {
    checkEqual(0, map.startPfn(), "startPfn()");
    checkEqual(layout.endPfn(), map.endPfn(), "endPfn()");
    for (long pfn : points) {
      present(pfn);
    }
    long end = map.endPfn();
    for (long pfn : new long[] {end, end + 1, end + 5, end + Pages.PAGES_PER_SECTION, -1}) {
      present(pfn);
    }
    for (MemoryMap.Range range : layout.map().ranges()) {
      present(range.end() >>> Pages.PAGE_SHIFT);
      present(((range.start() + range.end()) / 2) >>> Pages.PAGE_SHIFT);
    }
  }

  private void present(long pfn) {
    boolean expected = model.isPresent(pfn);
    if (map.isPresent(pfn) != expected) {
      throw new RuleViolation("isPresent(" + pfn + ") = " + expected, "" + !expected);
    }
  }

  /** A block, the frames beside it, and those that lie where it does in other sections. */
  void compareBlock(long pfn, int order) {
    long first = first(pfn, order);
    long end = first + (1L << order);
    for (long at = first - 1; at <= end; at++) {
      compareIfThere(at);
    }
    compareIfThere(first - Pages.PAGES_PER_SECTION);
    compareIfThere(first + Pages.PAGES_PER_SECTION);
    compareIfThere(first ^ Pages.PAGEBLOCK_NR_PAGES);
  }

  /** As {@link #compareBlock}; of a block of many frames only some, also where sections meet. */
  void compareSome(long first, int order) {
    if (order <= FEW_ORDER) {
      compareBlock(first, order);
      return;
    }
    long end = first + (1L << order);
    for (long at = first; at < end; at += Pages.PAGES_PER_SECTION / 8 - 1) {
      compareIfThere(at);
    }
    for (long at = first; at <= end; at += Pages.PAGES_PER_SECTION / 2) {
      compareIfThere(at - 1);
      compareIfThere(at);
      compareIfThere(at + 1);
    }
  }

  private void compareIfThere(long pfn) {
    if (pfn >= 0 && pfn < map.endPfn()) {
      compare(pfn);
    }
  }

  /** Everything that is known of a frame. */
  void compare(long pfn) {
    FrameFields.compare(model, map, pfn);
    FrameFields.same(pfn, "head", pfn & -(1L << model.order(pfn)), map.head(pfn));
  }

  /** A walk may step over frames only if they all read the same. */
  void compareSameUntil(long pfn) {
    long until = map.sameUntil(pfn);
    check(
        until > pfn && until <= map.endPfn(),
        "sameUntil(" + pfn + ") between " + (pfn + 1) + " and " + map.endPfn(),
        "" + until);
    check(
        model.allEqual(pfn, until),
        "all frames from " + pfn + " to sameUntil = " + until + " read the same",
        "one that does not");
  }
}
