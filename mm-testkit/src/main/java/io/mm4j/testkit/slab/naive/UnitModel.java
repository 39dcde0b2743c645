// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.naive;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * The heap of mm/slob.c with every block by its address: {@code slob_alloc()} and {@code
 * slob_free()} of Linux 6.1. It says which block comes next. Where a new page lies it learns from
 * the first block of it.
 */
public final class UnitModel {
  /** {@code SLOB_UNITS(PAGE_SIZE)}, of 2 bytes each. */
  private static final int UNITS = 2048;

  private static final class Page {
    final long base;
    final int node;

    /** Free units by where they begin. */
    final TreeMap<Integer, Integer> free = new TreeMap<>();

    List<Page> list;

    Page(long base, int node, List<Page> list) {
      this.base = base;
      this.node = node;
      this.list = list;
      free.put(0, UNITS);
    }

    int units() {
      return free.values().stream().mapToInt(n -> n).sum();
    }
  }

  private final List<List<Page>> lists =
      List.of(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
  private final Map<Long, Page> pages = new HashMap<>();

  /** How many pages it has. */
  public int pages() {
    return pages.size();
  }

  private List<Page> listFor(int bytes) {
    return lists.get(bytes < 256 ? 0 : bytes < 1024 ? 1 : 2);
  }

  private static int units(int bytes) {
    return (bytes + 1) / 2;
  }

  /**
   * Takes a block.
   *
   * @param offset so many bytes behind its beginning it is aligned
   * @param node the node that it must be of, or -1
   * @param got what the allocator gave
   * @param gotNode the node of that
   * @return what it should have given
   */
  public long alloc(int bytes, int align, int offset, int node, long got, int gotNode) {
    List<Page> list = listFor(bytes);
    for (int i = 0; i < list.size(); i++) {
      Page page = list.get(i);
      if (node < 0 || page.node == node) {
        long block = fromPage(page, bytes, align, offset);
        if (block >= 0) {
          if (page.free.isEmpty()) {
            list.remove(page);
          } else {
            Collections.rotate(list, -i);
          }
          return block;
        }
      }
    }
    long base = got & -4096;
    if (pages.containsKey(base)) {
      return -1;
    }
    Page page = new Page(base, gotNode, list);
    pages.put(base, page);
    list.addFirst(page);
    long block = fromPage(page, bytes, align, offset);
    if (page.free.isEmpty()) {
      list.remove(page);
    }
    return block;
  }

  private static long fromPage(Page page, int bytes, int align, int offset) {
    for (Map.Entry<Integer, Integer> hole : List.copyOf(page.free.entrySet())) {
      int from = hole.getKey();
      int end = from + hole.getValue();
      int at = from;
      while ((2L * at + offset) % align != 0) {
        at++;
      }
      int behind = at + units(bytes);
      if (behind <= end) {
        page.free.remove(from);
        if (at > from) {
          page.free.put(from, at - from);
        }
        if (behind < end) {
          page.free.put(behind, end - behind);
        }
        return page.base + 2L * at;
      }
    }
    return -1;
  }

  /** Gives a block back. */
  public void free(long block, int bytes) {
    Page page = Objects.requireNonNull(pages.get(block & -4096), "no page of the model");
    int units = units(bytes);
    if (page.units() + units == UNITS) {
      page.list.remove(page);
      pages.remove(page.base);
      return;
    }
    if (page.free.isEmpty()) {
      page.list = listFor(bytes);
      page.list.addFirst(page);
    }
    int from = (int) (block - page.base) / 2;
    int end = from + units;
    Map.Entry<Integer, Integer> before = page.free.lowerEntry(from);
    if (before != null && before.getKey() + before.getValue() == from) {
      from = before.getKey();
    }
    Integer after = page.free.remove(end);
    page.free.put(from, end - from + (after == null ? 0 : after));
  }
}
