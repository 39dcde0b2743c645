// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.treemap;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.index.VmaChecks;
import io.mm4j.process.index.VmaTable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The simplest VMA index: read this one first, and believe it when two indexes disagree.
 *
 * <p><b>Vocabulary.</b> A <i>gap</i> is a free range between two VMAs, or below the first. What is
 * above the last VMA has no end and is not kept.
 *
 * <p><b>Layout.</b> {@code ranges.get(vma)} holds the bounds (null when the handle is free), {@code
 * byEnd} finds the VMA by its end, {@code gaps} has the start and end of every gap.
 *
 * <p><b>Steps.</b> find_vma is {@code higherEntry(addr)}. Each change takes away the gap around the
 * place and puts back what is left of it. A gap search walks the gaps in order from its end of the
 * window and takes the first that fits.
 *
 * <p><b>Invariants.</b> VMAs and gaps together cover {@code [0, last end)} without overlap; no two
 * gaps touch.
 *
 * <p><b>Complexity.</b> O(log n), but a gap search is linear in the gaps it passes, and everything
 * allocates. Models nothing in Linux.
 */
final class TreeMapVmaIndex implements VmaIndex {
  private record Range(long start, long end) {}

  private final int maxVmas;
  private final List<@Nullable Range> ranges = new ArrayList<>();
  private final Deque<Integer> free = new ArrayDeque<>();
  private final TreeMap<Long, Integer> byEnd = new TreeMap<>();
  private final TreeMap<Long, Long> gaps = new TreeMap<>();

  private int promised;

  TreeMapVmaIndex(int maxVmas) {
    this.maxVmas = VmaTable.checkMost(maxVmas);
  }

  @Override
  public int insert(long start, long end) {
    VmaChecks.range(start, end);
    int next = findIntersection(start, end);
    if (next != NONE) {
      throw VmaChecks.overlap(this, start, end, next);
    }
    if (size() == maxVmas) {
      return NONE;
    }
    int vma = free.isEmpty() ? ranges.size() : free.pop();
    if (vma == ranges.size()) {
      ranges.add(null);
    }
    put(vma, start, end);
    return vma;
  }

  @Override
  public void erase(int vma) {
    take(vma);
    free.push(vma);
  }

  @Override
  public void setRange(int vma, long start, long end) {
    VmaChecks.range(start, end);
    Range old = range(vma);
    int prev = prev(vma);
    int next = next(vma);
    if (prev != NONE && start < end(prev)) {
      throw VmaChecks.overlap(this, start, end, prev);
    }
    if (next != NONE && end > start(next)) {
      throw VmaChecks.overlap(this, start, end, next);
    }
    if (!old.equals(new Range(start, end))) {
      take(vma);
      put(vma, start, end);
    }
  }

  /** Enters a range whose place is free: the gap around it becomes what is left on each side. */
  private void put(int vma, long start, long end) {
    Map.Entry<Long, Integer> below = byEnd.floorEntry(start);
    Map.Entry<Long, Integer> above = byEnd.higherEntry(start);
    long gapStart = below == null ? 0 : below.getKey();
    gaps.remove(gapStart);
    if (gapStart < start) {
      gaps.put(gapStart, start);
    }
    if (above != null && end < start(above.getValue())) {
      gaps.put(end, start(above.getValue()));
    }
    ranges.set(vma, new Range(start, end));
    byEnd.put(end, vma);
  }

  /** Takes a range out: it and the gaps beside it become one gap. */
  private void take(int vma) {
    Range range = range(vma);
    byEnd.remove(range.end());
    Map.Entry<Long, Integer> below = byEnd.floorEntry(range.start());
    Map.Entry<Long, Integer> above = byEnd.higherEntry(range.start());
    long gapStart = below == null ? 0 : below.getKey();
    gaps.remove(range.end());
    gaps.remove(gapStart);
    if (above != null) {
      gaps.put(gapStart, start(above.getValue()));
    }
    ranges.set(vma, null);
  }

  @Override
  public boolean reserve(int n) {
    VmaChecks.count(n);
    if (n > maxVmas - size()) {
      return false;
    }
    promised = Math.max(promised, ranges.size() + Math.max(0, n - free.size()));
    return true;
  }

  @Override
  public int find(long addr) {
    return addr < 0 ? NONE : handle(byEnd.higherEntry(addr));
  }

  @Override
  public int first() {
    return handle(byEnd.firstEntry());
  }

  @Override
  public int last() {
    return handle(byEnd.lastEntry());
  }

  @Override
  public int next(int vma) {
    return handle(byEnd.higherEntry(end(vma)));
  }

  @Override
  public int prev(int vma) {
    return handle(byEnd.lowerEntry(end(vma)));
  }

  private static int handle(Map.@Nullable Entry<Long, Integer> entry) {
    return entry == null ? NONE : entry.getValue();
  }

  private Range range(int vma) {
    if (!contains(vma)) {
      throw VmaChecks.unknown(vma, size());
    }
    return Objects.requireNonNull(ranges.get(vma));
  }

  @Override
  public long start(int vma) {
    return range(vma).start();
  }

  @Override
  public long end(int vma) {
    return range(vma).end();
  }

  @Override
  public boolean contains(int vma) {
    return vma >= 0 && vma < ranges.size() && ranges.get(vma) != null;
  }

  @Override
  public int size() {
    return byEnd.size();
  }

  @Override
  public int capacity() {
    return Math.max(promised, ranges.size());
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    Map.Entry<Long, Long> gap = gaps.floorEntry(low);
    for (gap = gap == null ? gaps.higherEntry(low) : gap;
        gap != null && gap.getKey() < high;
        gap = gaps.higherEntry(gap.getKey())) {
      long from = Math.max(low, gap.getKey());
      if (Math.min(high, gap.getValue()) - from >= length) {
        return from;
      }
    }
    long from = Math.max(low, top());
    return high - from >= length ? from : NONE_ADDR;
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    if (high - Math.max(low, top()) >= length) {
      return high - length;
    }
    for (Map.Entry<Long, Long> gap = gaps.lowerEntry(high);
        gap != null && gap.getValue() > low;
        gap = gaps.lowerEntry(gap.getKey())) {
      long to = Math.min(high, gap.getValue());
      if (to - Math.max(low, gap.getKey()) >= length) {
        return to - length;
      }
    }
    return NONE_ADDR;
  }

  /** The end of the last VMA. */
  private long top() {
    return byEnd.isEmpty() ? 0 : byEnd.lastKey();
  }

  @Override
  public VmaIndex copy() {
    TreeMapVmaIndex copy = new TreeMapVmaIndex(maxVmas);
    copy.ranges.addAll(ranges);
    copy.free.addAll(free);
    copy.byEnd.putAll(byEnd);
    copy.gaps.putAll(gaps);
    return copy;
  }

  @Override
  public void clear() {
    ranges.clear();
    free.clear();
    byEnd.clear();
    gaps.clear();
    promised = 0;
  }

  @Override
  public void validate() {
    TreeMap<Long, Long> expected = new TreeMap<>();
    long at = 0;
    for (Map.Entry<Long, Integer> entry : byEnd.entrySet()) {
      Range range = range(entry.getValue());
      if (range.start() < at || range.end() != entry.getKey()) {
        throw VmaChecks.corrupt("treemap", "order", entry.getValue(), range.start(), at);
      }
      if (range.start() > at) {
        expected.put(at, range.start());
      }
      at = range.end();
    }
    if (!expected.equals(gaps)) {
      throw VmaChecks.corrupt("treemap", "gaps", NONE, gaps.size(), expected.size());
    }
    if (ranges.size() != byEnd.size() + free.size()) {
      throw VmaChecks.corrupt("treemap", "handles", NONE, ranges.size(), byEnd.size());
    }
  }
}
