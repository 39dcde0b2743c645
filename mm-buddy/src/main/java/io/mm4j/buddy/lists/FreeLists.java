// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.lists;

import static io.mm4j.buddy.lists.BlockTable.NIL;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Migratetype;
import java.util.Arrays;

/**
 * The free lists of one zone: a doubly linked list for every order and migratetype, with its length
 * and, for every migratetype, a mask of the orders whose list is not empty. Models {@code struct
 * free_area}.
 *
 * <p>A <i>slot</i> is {@code order << 3 | migratetype}. Indexes are those of {@link BlockTable}.
 */
final class FreeLists {
  private static final int SLOTS = (Pages.MAX_PAGE_ORDER + 1) << 3;

  private final BlockTable table;
  private final int[] heads = new int[SLOTS];
  private final int[] tails = new int[SLOTS];
  private final long[] counts = new long[SLOTS];
  private final int[] nonempty = new int[8];

  FreeLists(BlockTable table) {
    this.table = table;
    Arrays.fill(heads, NIL);
    Arrays.fill(tails, NIL);
  }

  /** The orders of this migratetype that have a block, as a bit mask. */
  int orders(int migratetype) {
    return nonempty[migratetype];
  }

  int head(int order, int migratetype) {
    return heads[order << 3 | migratetype];
  }

  long count(int order, int migratetype) {
    return counts[order << 3 | migratetype];
  }

  /** {@code __add_to_free_list()} at the head. */
  void push(int index, int order, int migratetype) {
    int slot = order << 3 | migratetype;
    int head = heads[slot];
    table.setState(index, order, migratetype << 4 | order + 1);
    table.setLinks(index, order, NIL, head);
    heads[slot] = index;
    if (head == NIL) {
      tails[slot] = index;
      nonempty[migratetype] |= 1 << order;
    } else {
      table.setPrev(head, order, index);
    }
    counts[slot]++;
  }

  /** {@code __add_to_free_list()} at the tail. */
  void append(int index, int order, int migratetype) {
    int slot = order << 3 | migratetype;
    int tail = tails[slot];
    table.setState(index, order, migratetype << 4 | order + 1);
    table.setLinks(index, order, tail, NIL);
    tails[slot] = index;
    if (tail == NIL) {
      heads[slot] = index;
      nonempty[migratetype] |= 1 << order;
    } else {
      table.setNext(tail, order, index);
    }
    counts[slot]++;
  }

  /** {@code __del_page_from_free_list()}. */
  void remove(int index, int order, int migratetype) {
    int slot = order << 3 | migratetype;
    int prev = table.prev(index, order);
    int next = table.next(index, order);
    if (prev == NIL) {
      heads[slot] = next;
    } else {
      table.setNext(prev, order, next);
    }
    if (next == NIL) {
      tails[slot] = prev;
    } else {
      table.setPrev(next, order, prev);
    }
    if (heads[slot] == NIL) {
      nonempty[migratetype] &= ~(1 << order);
    }
    table.setState(index, order, 0);
    counts[slot]--;
  }

  /** Walks every list; returns the free frames found. */
  long validate(String zone) {
    long pages = 0;
    long blocks = 0;
    for (int order = 0; order <= table.topOrder; order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        long length = walk(zone, order, type);
        blocks += length;
        pages += length << order;
      }
    }
    long heads = table.countHeads();
    if (heads != blocks) {
      throw new CorruptStateError(
          zone + ": heads marked free=" + heads + " blocks on lists=" + blocks);
    }
    return pages;
  }

  private long walk(String zone, int order, int type) {
    int slot = order << 3 | type;
    long length = 0;
    int last = NIL;
    for (int i = heads[slot]; i != NIL; i = table.next(i, order)) {
      int state = table.state(i, order);
      if (state != (type << 4 | order + 1) || table.prev(i, order) != last) {
        throw new CorruptStateError(
            String.format(
                "%s: pfn=%d on list order=%d migratetype=%s has state=0x%x prev=%d, expected"
                    + " prev=%d",
                zone, pfn(i), order, Migratetype.name(type), state, table.prev(i, order), last));
      }
      last = i;
      if (++length > counts[slot]) {
        break;
      }
    }
    boolean marked = (nonempty[type] & 1 << order) != 0;
    if (length != counts[slot] || tails[slot] != last || marked != (length > 0)) {
      throw new CorruptStateError(
          String.format(
              "%s: list order=%d migratetype=%s walked=%d count=%d tail=%d last=%d nonempty=%s",
              zone,
              order,
              Migratetype.name(type),
              length,
              counts[slot],
              tails[slot],
              last,
              marked));
    }
    return length;
  }

  private long pfn(int index) {
    return table.base + Integer.toUnsignedLong(index);
  }
}
