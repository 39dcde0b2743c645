// SPDX-License-Identifier: Apache-2.0

package io.mm4j.buddy.lists;

import io.mm4j.api.memory.Pages;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where the heads of free blocks are written down: state and list links of one zone.
 *
 * <p><b>Vocabulary.</b> An <i>index</i> is a frame number relative to {@link #base}, as an unsigned
 * int; {@link #NIL} is none. A <i>top block</i> has the largest order. The <i>state</i> of a frame
 * is 0 unless a free block begins there; then it is {@code migratetype << 4 | order + 1}.
 *
 * <p><b>Layout.</b> Top blocks have arrays of their own, 9 bytes each, so a zone that nobody has
 * split costs 9 bytes for every 4 MiB. Smaller blocks are written down in arrays of a section (128
 * MiB), 9 bytes for every frame, which come into being with the first split in that section.
 *
 * <pre>
 *   topState[block]              byte      sectionState[section][frame]       byte
 *   topLinks[2 * block + 0, 1]   int       sectionLinks[section][2 * frame + 0, 1]   int
 *                     prev, next                                      prev, next
 * </pre>
 */
final class BlockTable {
  static final int NIL = -1;

  /** The largest zone: every index is below {@link #NIL}, and the base may lie a section lower. */
  private static final long MAX_ZONE_PAGES = (1L << 32) - 2L * Pages.PAGES_PER_SECTION;

  /** As many top blocks as one array of links holds. */
  private static final long MAX_TOP_BLOCKS = 1L << 29;

  private static final int SECTION_SHIFT = Pages.SECTION_SIZE_BITS - Pages.PAGE_SHIFT;
  private static final int SECTION_MASK = Pages.PAGES_PER_SECTION - 1;

  final long base;
  final int topOrder;

  private final byte[] topState;
  private final int[] topLinks;
  private final byte[] @Nullable [] sectionState;
  private final int[] @Nullable [] sectionLinks;

  BlockTable(long startPfn, long endPfn, int topOrder) {
    this.base = startPfn & ~(long) SECTION_MASK;
    this.topOrder = topOrder;
    int sections = Math.toIntExact((endPfn - base + SECTION_MASK) >>> SECTION_SHIFT);
    int blocks = Math.toIntExact((long) sections << (SECTION_SHIFT - topOrder));
    topState = new byte[blocks];
    topLinks = new int[2 * blocks];
    sectionState = new byte[sections][];
    sectionLinks = new int[sections][];
  }

  static long maxZonePages(int topOrder) {
    return Math.min(MAX_ZONE_PAGES, MAX_TOP_BLOCKS << topOrder);
  }

  static int orderOf(int state) {
    return (state & 15) - 1;
  }

  static int migratetypeOf(int state) {
    return state >>> 4;
  }

  /** The state of a top block. */
  int topState(int index) {
    return topState[index >>> topOrder];
  }

  /** The state of a frame below the top order. */
  int innerState(int index) {
    byte[] states = sectionState[index >>> SECTION_SHIFT];
    return states == null ? 0 : states[index & SECTION_MASK];
  }

  /** The state of a frame at whatever order. */
  int state(int index) {
    if ((index & ((1 << topOrder) - 1)) == 0) {
      int top = topState[index >>> topOrder];
      if (top != 0) {
        return top;
      }
    }
    return innerState(index);
  }

  /** The state of a frame where a block of this order could begin. */
  int state(int index, int order) {
    return order == topOrder ? topState(index) : innerState(index);
  }

  /** The first frame of the free block that holds this frame, or {@link #NIL}. */
  int holder(int index) {
    if (topState(index) != 0) {
      return index & -(1 << topOrder);
    }
    byte[] states = sectionState[index >>> SECTION_SHIFT];
    if (states == null) {
      return NIL;
    }
    // A block that holds this frame begins where some of its low bits are cleared.
    int floor = index & -(1 << topOrder);
    int head = index;
    while (states[head & SECTION_MASK] == 0) {
      if (head == floor) {
        return NIL;
      }
      head &= head - 1;
    }
    return index - head < 1 << orderOf(states[head & SECTION_MASK]) ? head : NIL;
  }

  /** Whether nothing smaller than a top block was ever free in the section of this frame. */
  boolean isUnsplit(int index) {
    return sectionState[index >>> SECTION_SHIFT] == null;
  }

  void setState(int index, int order, int state) {
    if (order == topOrder) {
      topState[index >>> topOrder] = (byte) state;
    } else {
      section(index)[index & SECTION_MASK] = (byte) state;
    }
  }

  private byte[] section(int index) {
    byte[] states = sectionState[index >>> SECTION_SHIFT];
    return states != null ? states : materialise(index >>> SECTION_SHIFT);
  }

  private byte[] materialise(int section) {
    byte[] states = new byte[Pages.PAGES_PER_SECTION];
    sectionState[section] = states;
    sectionLinks[section] = new int[2 * Pages.PAGES_PER_SECTION];
    return states;
  }

  int prev(int index, int order) {
    return links(index, order)[at(index, order)];
  }

  int next(int index, int order) {
    return links(index, order)[at(index, order) + 1];
  }

  void setPrev(int index, int order, int prev) {
    links(index, order)[at(index, order)] = prev;
  }

  void setNext(int index, int order, int next) {
    links(index, order)[at(index, order) + 1] = next;
  }

  void setLinks(int index, int order, int prev, int next) {
    int[] links = links(index, order);
    int at = at(index, order);
    links[at] = prev;
    links[at + 1] = next;
  }

  @SuppressWarnings("NullAway") // state is set before links: the section is there
  private int[] links(int index, int order) {
    return order == topOrder ? topLinks : sectionLinks[index >>> SECTION_SHIFT];
  }

  private int at(int index, int order) {
    return (order == topOrder ? index >>> topOrder : index & SECTION_MASK) << 1;
  }

  /** How many indexes there are, as an unsigned number of frames. */
  long span() {
    return (long) topState.length << topOrder;
  }

  /** How many frames have a state other than 0; walks everything. */
  long countHeads() {
    long heads = 0;
    for (byte state : topState) {
      heads += state == 0 ? 0 : 1;
    }
    for (byte[] states : sectionState) {
      if (states != null) {
        for (byte state : states) {
          heads += state == 0 ? 0 : 1;
        }
      }
    }
    return heads;
  }

  @Override
  public String toString() {
    long split = Arrays.stream(sectionState).filter(s -> s != null).count();
    return "BlockTable base=" + base + " tops=" + topState.length + " splitSections=" + split;
  }
}
