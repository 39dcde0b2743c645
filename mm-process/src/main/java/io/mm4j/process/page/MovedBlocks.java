// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Blocks of a file that have the bytes which it began with, at another place ({@code
 * ext4_collapse_range}, {@code ext4_insert_range}, fs/ext4/extents.c of Linux 6.18): runs of pages,
 * as the extents of a file.
 *
 * <p>A look-up is O(log runs), and a change O(runs that it touches): a run takes the same memory
 * whatever its length.
 */
final class MovedBlocks {
  /** Of pages side by side: where they were in the file at first. */
  record Run(long pages, long origin) {}

  /** By their first page. */
  private final TreeMap<Long, Run> runs = new TreeMap<>();

  /** Whether a page is such a block. */
  boolean has(long index) {
    return origin(index) >= 0;
  }

  /** Which page it was at first, -1 if it is no such block. */
  long origin(long index) {
    Map.Entry<Long, Run> at = runs.isEmpty() ? null : runs.floorEntry(index);
    if (at == null || index >= at.getKey() + at.getValue().pages()) {
      return -1;
    }
    return at.getValue().origin() + (index - at.getKey());
  }

  /** Pages are such blocks. */
  void put(long first, Run run) {
    runs.put(first, run);
  }

  /** Pages are it no more. */
  void remove(long first, long past) {
    cut(first);
    cut(past);
    runs.subMap(first, past).clear();
  }

  /** A run that reaches over a page ends before it, and another begins there. */
  private void cut(long index) {
    Map.Entry<Long, Run> before = runs.lowerEntry(index);
    long pages = before == null ? 0 : index - before.getKey();
    if (before != null && pages < before.getValue().pages()) {
      Run whole = before.getValue();
      runs.put(before.getKey(), new Run(pages, whole.origin()));
      runs.put(index, new Run(whole.pages() - pages, whole.origin() + pages));
    }
  }

  /** The runs from a page on, by their first page, a copy. */
  Map<Long, Run> from(long first) {
    cut(first);
    return new HashMap<>(runs.tailMap(first));
  }
}
