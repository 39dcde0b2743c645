// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.lists;

import static io.mm4j.buddy.lists.BlockTable.NIL;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Migratetype;
import io.mm4j.buddy.lists.BlockTable.Section;

/**
 * The free lists of one zone: a doubly linked list for every order and migratetype, with its length
 * and, for every migratetype, a mask of the orders whose list is not empty. Models {@code struct
 * free_area}.
 *
 * <p>The list of an order and migratetype is three ints at its <i>slot</i>, {@code (order << 3 |
 * migratetype) << 2}: head, tail, and length (unsigned). Indexes are those of {@link BlockTable};
 * blocks of the largest order are written down in one table, all others in another. The calls that
 * list or unlist a block take its table and section, which the caller has at hand.
 */
final class FreeLists {
  private static final int SLOTS = (Pages.MAX_PAGE_ORDER + 1) << 5;

  /** Bytes of the lists' heads, tails and lengths. */
  static final int BYTES = 4 * SLOTS;

  private static final int HEAD = 0;
  private static final int TAIL = 1;
  private static final int LENGTH = 2;

  private final BlockTable top;
  private final BlockTable frames;
  private final long base;
  private final int[] lists = new int[SLOTS];
  private final int[] nonempty = new int[8];

  FreeLists(BlockTable top, BlockTable frames, long base) {
    this.top = top;
    this.frames = frames;
    this.base = base;
    for (int slot = 0; slot < SLOTS; slot += 4) {
      lists[slot + HEAD] = NIL;
      lists[slot + TAIL] = NIL;
    }
  }

  private static int slot(int order, int migratetype) {
    return (order << 3 | migratetype) << 2;
  }

  private BlockTable table(int order) {
    return order == top.shift ? top : frames;
  }

  /** The orders of this migratetype that have a block, as a bit mask. */
  int orders(int migratetype) {
    return nonempty[migratetype];
  }

  int head(int order, int migratetype) {
    return lists[slot(order, migratetype) + HEAD];
  }

  long count(int order, int migratetype) {
    return Integer.toUnsignedLong(lists[slot(order, migratetype) + LENGTH]);
  }

  void push(int index, int order, int migratetype) {
    BlockTable table = table(order);
    push(table, table.section(index), index, order, migratetype);
  }

  void append(int index, int order, int migratetype) {
    BlockTable table = table(order);
    append(table, table.section(index), index, order, migratetype);
  }

  void remove(int index, int order, int migratetype) {
    BlockTable table = table(order);
    remove(table, table.section(index), index, order, migratetype);
  }

  /** {@code __add_to_free_list()} at the head. */
  void push(BlockTable table, Section section, int index, int order, int migratetype) {
    int slot = slot(order, migratetype);
    int at = table.at(index);
    int head = lists[slot + HEAD];
    section.state[at] = (byte) (migratetype << 4 | order + 1);
    section.links[2 * at] = NIL;
    section.links[2 * at + 1] = head;
    lists[slot + HEAD] = index;
    if (head == NIL) {
      lists[slot + TAIL] = index;
      nonempty[migratetype] |= 1 << order;
    } else {
      table.setPrev(head, index);
    }
    lists[slot + LENGTH]++;
  }

  /** {@code __add_to_free_list()} at the tail. */
  void append(BlockTable table, Section section, int index, int order, int migratetype) {
    int slot = slot(order, migratetype);
    int at = table.at(index);
    int tail = lists[slot + TAIL];
    section.state[at] = (byte) (migratetype << 4 | order + 1);
    section.links[2 * at] = tail;
    section.links[2 * at + 1] = NIL;
    lists[slot + TAIL] = index;
    if (tail == NIL) {
      lists[slot + HEAD] = index;
      nonempty[migratetype] |= 1 << order;
    } else {
      table.setNext(tail, index);
    }
    lists[slot + LENGTH]++;
  }

  /**
   * Appends a run of neighbouring blocks of the largest order, lowest first; they lie in one
   * section, and none of them is listed.
   */
  void appendRun(int index, int blocks, int migratetype) {
    Section section = top.section(index);
    int at = top.at(index);
    int slot = slot(top.shift, migratetype);
    int tail = lists[slot + TAIL];
    int last = index + ((blocks - 1) << top.shift);
    section.fillStates(at, blocks, (byte) (migratetype << 4 | (top.shift + 1)));
    link(section.links, at, blocks, index, 1 << top.shift);
    section.links[2 * at] = tail;
    section.links[2 * (at + blocks) - 1] = NIL;
    lists[slot + TAIL] = last;
    if (tail == NIL) {
      lists[slot + HEAD] = index;
      nonempty[migratetype] |= 1 << top.shift;
    } else {
      top.setNext(tail, index);
    }
    lists[slot + LENGTH] += blocks;
  }

  /** Links neighbours; small, as a boot compiles it while it runs. */
  private static void link(int[] links, int at, int blocks, int index, int step) {
    int here = index;
    for (int i = 2 * at; i < 2 * (at + blocks); i += 2) {
      links[i] = here - step;
      here += step;
      links[i + 1] = here;
    }
  }

  /** {@code __del_page_from_free_list()}. */
  void remove(BlockTable table, Section section, int index, int order, int migratetype) {
    int slot = slot(order, migratetype);
    int at = table.at(index);
    int prev = section.links[2 * at];
    int next = section.links[2 * at + 1];
    section.state[at] = 0;
    lists[slot + LENGTH]--;
    if (prev == NIL) {
      lists[slot + HEAD] = next;
      if (next == NIL) {
        nonempty[migratetype] &= ~(1 << order);
      }
    } else {
      table.setNext(prev, next);
    }
    if (next == NIL) {
      lists[slot + TAIL] = prev;
    } else {
      table.setPrev(next, prev);
    }
  }

  /** Walks every list; returns the free frames found. */
  long validate(String zone) {
    long pages = 0;
    long blocks = 0;
    for (int order = 0; order <= top.shift; order++) {
      for (int type = 0; type < Migratetype.TYPES; type++) {
        long length = walk(zone, order, type);
        blocks += length;
        pages += length << order;
      }
    }
    long marked = top.countHeads() + (top == frames ? 0 : frames.countHeads());
    if (marked != blocks) {
      throw new CorruptStateError(
          zone + ": heads marked free=" + marked + " blocks on lists=" + blocks);
    }
    return pages;
  }

  private long walk(String zone, int order, int type) {
    BlockTable table = table(order);
    int slot = slot(order, type);
    long count = count(order, type);
    long length = 0;
    int last = NIL;
    for (int i = lists[slot + HEAD]; i != NIL; i = table.next(i)) {
      int state = table.state(i);
      if (state != (type << 4 | order + 1) || table.prev(i) != last) {
        throw new CorruptStateError(
            String.format(
                "%s: pfn=%d on list order=%d migratetype=%s has state=0x%x prev=%d, expected"
                    + " prev=%d",
                zone, pfn(i), order, Migratetype.name(type), state, table.prev(i), last));
      }
      last = i;
      if (++length > count) {
        break;
      }
    }
    boolean marked = (nonempty[type] & 1 << order) != 0;
    if (length != count || lists[slot + TAIL] != last || marked != (length > 0)) {
      throw new CorruptStateError(
          String.format(
              "%s: list order=%d migratetype=%s walked=%d count=%d tail=%d last=%d nonempty=%s",
              zone,
              order,
              Migratetype.name(type),
              length,
              count,
              lists[slot + TAIL],
              last,
              marked));
    }
    return length;
  }

  private long pfn(int index) {
    return base + Integer.toUnsignedLong(index);
  }
}
