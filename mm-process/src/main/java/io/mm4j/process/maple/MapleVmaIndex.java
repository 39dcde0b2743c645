// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.index.VmaChecks;

/**
 * VMAs in a B-tree of ranges that knows the largest gap below every entry.
 *
 * <p><b>Models</b> the maple tree ({@code mm_mt} since Linux 6.1, lib/maple_tree.c) in shape and
 * cost: up to fifteen entries to a node, gaps in inner nodes, neighbours without a climb. Different
 * on purpose: a gap is no entry of its own but belongs to the VMA above it; readers are kept out by
 * the mm's lock, not by RCU; entries are not kept sorted in a node, their order is ({@link Order});
 * nodes are filled by giving entries to a neighbour before splitting.
 *
 * <p><b>Vocabulary, layout, invariants:</b> {@link RangeNodes} (a node), {@link RangeTree} (the
 * tree). {@code recent} is what {@code mmap_cache} was before: the slot of the VMA found or made
 * last in its low {@link #SLOT_BITS} bits, and above them how many addresses below its end have no
 * other VMA. Being one long, it can be read while another thread writes it.
 *
 * <p><b>Steps.</b> find: the VMA found last, else one search without jumps in each level. insert:
 * seek the VMA above; enter the new one into that leaf. erase: the handle names the slot. Gap
 * search: the VMA at the window's edge, then along its leaf, up and down by the gaps.
 *
 * <p><b>Complexity.</b> find, insert, erase, setRange, gap searches O(log n), five levels for
 * 65,530 VMAs; start, end, next, prev, first, last O(1); copy O(n) by array copies.
 */
final class MapleVmaIndex extends RangeTree {
  private static final String NAME = "maple";
  private static final int SLOT_BITS = 28;
  private static final int SLOT_MASK = (1 << SLOT_BITS) - 1;
  private static final long MOST_SPAN = -1L >>> SLOT_BITS;

  private long recent;

  MapleVmaIndex(int maxVmas) {
    super(maxVmas);
  }

  private MapleVmaIndex(MapleVmaIndex other) {
    super(other);
    recent = other.recent;
  }

  @Override
  public long start(int vma) {
    return nodes.lows[slots[vma]];
  }

  @Override
  public long end(int vma) {
    return nodes.keys[slots[vma]];
  }

  @Override
  public boolean reserve(int n) {
    if (!roomFor(n)) {
      return false;
    }
    roomForNodes(n);
    return true;
  }

  @Override
  public int insert(long from, long to) {
    VmaChecks.range(from, to);
    if (from >= top) {
      int row = takeRow();
      if (row == 0) {
        return NONE;
      }
      append(row, from, to);
      remember(slots[row], from);
      return row;
    }
    int slot = remembered(from);
    if (slot == 0) {
      int leaf = seek(from);
      nodes.bring(leaf);
      slot = nodes.slot(leaf, RangeNodes.search(nodes.keys, leaf, from));
    }
    if (nodes.lows[slot] < to) {
      throw VmaChecks.overlap(this, from, to, nodes.refs[slot]);
    }
    int row = takeRow();
    if (row == 0) {
      return NONE;
    }
    enter(slot, row, from, to);
    remember(slots[row], from);
    return row;
  }

  @Override
  public void erase(int vma) {
    int slot = (int) recent & SLOT_MASK; // mostly the VMA was just found
    if (slot == 0 || nodes.refs[slot] != vma) {
      check(vma);
      slot = slots[vma];
    }
    recent = 0;
    remove(slot);
    slots[vma] = FREE;
    freeRow(vma);
  }

  @Override
  public void setRange(int vma, long from, long to) {
    check(vma);
    VmaChecks.range(from, to);
    int slot = slots[vma];
    if (from < gapStart(slot)) {
      throw VmaChecks.overlap(this, from, to, nodes.refs[slotBefore(slot)]);
    }
    int after = slotAfter(slot);
    if (after != RangeNodes.NONE && to > nodes.lows[after]) {
      throw VmaChecks.overlap(this, from, to, nodes.refs[after]);
    }
    move(slot, from, to);
    remember(slot, from);
  }

  @Override
  public int find(long addr) {
    int slot = remembered(addr);
    if (slot != 0) {
      return nodes.refs[slot];
    }
    if (Long.compareUnsigned(addr, top) >= 0) {
      return NONE;
    }
    int leaf = seek(addr);
    long[] keys = nodes.keys;
    int rank = RangeNodes.search(keys, leaf, addr);
    long order = keys[leaf];
    slot = leaf + Order.place(order, rank);
    remember(slot, rank == 0 ? nodes.lows[slot] : keys[leaf + Order.place(order, rank - 1)]);
    return nodes.refs[slot];
  }

  /** The slot found last if it is the answer for this address too, else 0, which is a head. */
  private int remembered(long addr) {
    long last = recent;
    int slot = (int) last & SLOT_MASK;
    boolean same = Long.compareUnsigned(nodes.keys[slot] - 1 - addr, last >>> SLOT_BITS) < 0;
    return same ? slot : 0;
  }

  /** Keeps the slot of a VMA for what is asked next; there is no other from {@code low} on. */
  private void remember(int slot, long low) {
    recent = (Math.min(nodes.keys[slot] - low, MOST_SPAN) << SLOT_BITS) | slot;
  }

  @Override
  public int first() {
    return size() == 0 ? NONE : nodes.refs[nodes.slot(FIRST_LEAF, 0)];
  }

  @Override
  public int last() {
    return size() == 0 ? NONE : lastVma();
  }

  @Override
  public int next(int vma) {
    int slot = slotAfter(slots[vma]);
    return slot == RangeNodes.NONE ? NONE : nodes.refs[slot];
  }

  @Override
  public int prev(int vma) {
    int slot = slotBefore(slots[vma]);
    return slot == RangeNodes.NONE ? NONE : nodes.refs[slot];
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    long from = Math.max(low, top);
    if (low < top) {
      int leaf = seek(low);
      int rank = RangeNodes.search(nodes.keys, leaf, low);
      long edge = Math.max(low, nodes.gapStart(leaf, rank));
      if (Math.min(high, nodes.lows[nodes.slot(leaf, rank)]) - edge >= length) {
        return edge;
      }
      int slot = nextFit(leaf, rank, length);
      if (slot != RangeNodes.NONE) {
        from = gapStart(slot);
        remember(slot, from);
      }
    }
    return high - from >= length ? from : NONE_ADDR;
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    if (high - Math.max(low, top) >= length) {
      return high - length;
    }
    if (high <= low || size() == 0) {
      return NONE_ADDR;
    }
    long last = Math.min(high, top) - 1;
    int leaf = seek(last);
    int rank = RangeNodes.search(nodes.keys, leaf, last);
    long to = Math.min(high, nodes.lows[nodes.slot(leaf, rank)]);
    if (to - Math.max(low, nodes.gapStart(leaf, rank)) < length) {
      int slot = prevFit(leaf, rank, length);
      if (slot == RangeNodes.NONE || nodes.lows[slot] - length < low) {
        return NONE_ADDR;
      }
      to = nodes.lows[slot];
      remember(slot, to - length);
    }
    return to - length;
  }

  @Override
  public VmaIndex copy() {
    return new MapleVmaIndex(this);
  }

  @Override
  public void clear() {
    clearTree();
    recent = 0;
  }

  @Override
  public void validate() {
    validateRows(NAME);
    int entries = validateTree(NAME);
    if (entries != size()) {
      throw VmaChecks.corrupt(NAME, "VMAs in the tree", 0, entries, size());
    }
    long at = 0;
    int seen = 0;
    int before = RangeNodes.NONE;
    int slot = entries == 0 ? RangeNodes.NONE : nodes.slot(FIRST_LEAF, 0);
    while (slot != RangeNodes.NONE) {
      int vma = nodes.refs[slot];
      if (++seen > entries || slotBefore(slot) != before) {
        throw VmaChecks.corrupt(NAME, "chain of leaves", vma, slotBefore(slot), before);
      }
      if (start(vma) < at || start(vma) >= end(vma)) {
        throw VmaChecks.corrupt(NAME, "order", vma, start(vma), at);
      }
      if (end(vma) <= top) {
        int leaf = seek(start(vma));
        int found = nodes.slot(leaf, RangeNodes.search(nodes.keys, leaf, start(vma)));
        if (found != slot) {
          throw VmaChecks.corrupt(NAME, "slot found", vma, found, slot);
        }
      }
      at = end(vma);
      before = slot;
      slot = slotAfter(slot);
    }
    if (seen != entries || top != at) {
      throw VmaChecks.corrupt(NAME, "top", 0, top, at);
    }
    validateRecent();
  }

  private void validateRecent() {
    int slot = (int) recent & SLOT_MASK;
    long span = recent >>> SLOT_BITS;
    if (span != 0) {
      int vma = nodes.refs[slot];
      if (!contains(vma) || slots[vma] != slot || span > nodes.keys[slot] - gapStart(slot)) {
        throw VmaChecks.corrupt(NAME, "what was found last", vma, span, 0);
      }
    }
  }
}
