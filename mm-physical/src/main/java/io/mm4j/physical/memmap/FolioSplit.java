// SPDX-License-Identifier: Apache-2.0

package io.mm4j.physical.memmap;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.FrameStates;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.PageState;

/**
 * Splits one frozen, unmapped block: {@code __split_folio_to_order()} of mm/huge_memory.c (Linux
 * 6.18). The caller has looked whether it may.
 */
final class FolioSplit {
  /** What each frame of a block has for itself. */
  private static final int OF_FRAME = PageFlags.PG_ANON_EXCLUSIVE;

  /** What the first block keeps and the others do not get. */
  private static final int OF_FIRST = PageFlags.PG_LRU | PageFlags.PG_HEAD | OF_FRAME;

  private final FrameStates states;
  private final FrameRows rows;
  private final long first;
  private final long whole;

  /**
   * For one block.
   *
   * @param pfn its first frame
   * @param state the state of that
   */
  FolioSplit(FrameStates states, FrameRows rows, long pfn, long state) {
    this.states = states;
    this.rows = rows;
    this.first = pfn;
    this.whole = state;
  }

  /** Makes blocks of the smaller order; the first one, which others may find, last. */
  void into(int order, int toOrder) {
    FrameOwner owner = PageState.owner(whole);
    boolean swap = owner == FrameOwner.SWAP_CACHE;
    int count = 1 + (swap || owner == FrameOwner.FILE ? 1 << toOrder : 0);
    int head = toOrder > 0 ? PageFlags.PG_HEAD : 0;
    int flags = PageState.flags(whole);
    long mapping = rows.get(first, FrameRows.MAPPING);
    long index = rows.get(first, FrameRows.INDEX);
    long privateData = rows.get(first, FrameRows.PRIVATE);
    long size = 1L << toOrder;
    for (long p = first + (1L << order) - size; p > first; p -= size) {
      long[] row = rows.chunk(p);
      int at = FrameRows.at(p);
      row[at + FrameRows.INDEX] = index + (p - first);
      row[at + FrameRows.PRIVATE] = swap ? privateData + (p - first) : 0;
      row[at] = mapping;
      tails(p, toOrder, owner);
      write(p, PageState.heldBlock(toOrder, owner, (flags & ~OF_FIRST) | own(p) | head, count));
    }
    tails(first, toOrder, owner);
    int kept = (flags & ~PageFlags.PG_HEAD) | head;
    write(first, PageState.heldBlock(toOrder, owner, kept, count));
  }

  private int own(long pfn) {
    return PageState.flags(states.get(pfn)) & OF_FRAME;
  }

  private void tails(long block, int order, FrameOwner owner) {
    for (long p = block + 1; p < block + (1L << order); p++) {
      long held = states.get(p) & PageState.HELD;
      write(p, PageState.withFlags(PageState.tail(order, owner), own(p)) | held);
    }
  }

  private void write(long pfn, long state) {
    PageState.publish(states.words(pfn), states.at(pfn), state);
  }
}
