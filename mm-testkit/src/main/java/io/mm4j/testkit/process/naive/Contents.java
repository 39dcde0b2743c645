// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The pages of one process that are its own: anonymous ones, zero pages and guard marks. */
public final class Contents {
  /** What stands at a page: the byte of an anonymous page, or one of the two below it. */
  private static final int ZERO_PAGE = -1;

  private static final int GUARD = -2;

  private final TreeMap<Long, Integer> pages = new TreeMap<>();

  private static long page(long addr) {
    return addr & -Bits.PAGE;
  }

  public boolean isAnon(long addr) {
    Integer entry = pages.get(page(addr));
    return entry != null && entry >= 0;
  }

  public boolean isGuard(long addr) {
    Integer entry = pages.get(page(addr));
    return entry != null && entry == GUARD;
  }

  /** Whether an anonymous page or the zero page is there. */
  boolean isPresent(long addr) {
    return pages.containsKey(page(addr)) && !isGuard(addr);
  }

  /** The byte of an anonymous page, 0 of the zero page, null where neither is. */
  @Nullable
  public Integer byteAt(long addr) {
    Integer entry = pages.get(page(addr));
    return entry == null || entry == GUARD ? null : Math.max(0, entry);
  }

  /** Where anonymous pages are. */
  public List<Long> anonPages() {
    return pages.entrySet().stream().filter(e -> e.getValue() >= 0).map(Map.Entry::getKey).toList();
  }

  /** Where anything is, in a range. */
  public List<Long> pages(long start, long end) {
    return new ArrayList<>(pages.subMap(start, end).keySet());
  }

  void set(long addr, int value) {
    pages.put(page(addr), value);
  }

  void setZeroPage(long addr) {
    pages.put(page(addr), ZERO_PAGE);
  }

  void setGuard(long addr) {
    pages.put(page(addr), GUARD);
  }

  void drop(long start, long end, boolean keepGuards) {
    pages.subMap(start, end).values().removeIf(entry -> !keepGuards || entry != GUARD);
  }

  void dropGuards(long start, long end) {
    pages.subMap(start, end).values().removeIf(entry -> entry == GUARD);
  }

  void move(long from, long to, long bytes) {
    List<Map.Entry<Long, Integer>> moved = new ArrayList<>();
    pages
        .subMap(from, from + bytes)
        .entrySet()
        .forEach(e -> moved.add(Map.entry(e.getKey(), e.getValue())));
    drop(from, from + bytes, false);
    moved.forEach(e -> pages.put(e.getKey() - from + to, e.getValue()));
  }

  void copyTo(Contents child, long start, long end) {
    child.pages.putAll(pages.subMap(start, end));
  }
}
