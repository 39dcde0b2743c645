// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import static io.mm4j.process.maple.RangeNodes.SHIFT;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.index.VmaChecks;
import io.mm4j.process.index.VmaTable;

/**
 * VMAs in a B-tree of ranges that knows the largest gap below every entry.
 *
 * <p><b>Models</b> the maple tree ({@code mm_mt} since Linux 6.1, lib/maple_c) in shape and cost:
 * sixteen entries to a node, gaps in inner nodes, neighbours without a climb. Different on purpose:
 * a gap is no entry of its own but a number beside the VMA above it; readers are kept out by the
 * mm's lock, not by RCU; nodes are filled by giving entries to a neighbour before splitting.
 *
 * <p><b>Vocabulary, layout, invariants:</b> {@link RangeNodes} (a node), {@link RangeTree} (the
 * tree), {@link VmaTable} (handles and bounds).
 *
 * <p><b>Steps.</b> find: the VMA found last, else one search without jumps in each level. insert:
 * seek the VMA above, whose gap says where the VMA below ends; enter it in that leaf. erase: the
 * handle's leaf, the slot by a search there. Gap search: the VMA at the window's edge, then along
 * its leaf, up and down by the gaps.
 *
 * <p><b>Complexity.</b> find, insert, erase, setRange, gap searches O(log n), four levels for
 * 65,530 VMAs; next, prev, first, last O(1); copy O(n) by array copies.
 */
final class MapleVmaIndex extends RangeTree {
  private static final String NAME = "maple";

  private int cached;

  MapleVmaIndex(int maxVmas) {
    super(maxVmas);
  }

  private MapleVmaIndex(MapleVmaIndex other) {
    super(other);
    cached = other.cached;
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
      int row = takeRow(from, to);
      if (row == 0) {
        return NONE;
      }
      append(row, from, to);
      return row;
    }
    int slot = seek(from);
    int next = nodes.ref(slot);
    long above = start(next) - to;
    if (above < 0) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    int row = takeRow(from, to);
    if (row == 0) {
      return NONE;
    }
    enter(slot, row, to, from - (start(next) - nodes.gap(slot)), above);
    return row;
  }

  @Override
  public void erase(int vma) {
    check(vma);
    remove(slotOf(vma), end(vma) - start(vma));
    if (cached == vma) {
      cached = 0;
    }
    freeRow(vma);
  }

  @Override
  public void setRange(int vma, long from, long to) {
    check(vma);
    VmaChecks.range(from, to);
    int slot = slotOf(vma);
    long prevEnd = start(vma) - nodes.gap(slot);
    if (from < prevEnd) {
      throw VmaChecks.overlap(this, from, to, nodes.ref(slotBefore(slot)));
    }
    int after = slotAfter(slot);
    if (after != RangeNodes.NONE) {
      int next = nodes.ref(after);
      if (to > start(next)) {
        throw VmaChecks.overlap(this, from, to, next);
      }
      nodes.setGap(after, start(next) - to);
    }
    setBounds(vma, from, to);
    nodes.setGap(slot, from - prevEnd);
    nodes.setKey(slot, to);
    int leaf = slot >> SHIFT;
    carryGap(leaf);
    if (after == RangeNodes.NONE) {
      carryKey(leaf, to);
    } else if (after >> SHIFT != leaf) {
      carryKey(leaf, to);
      carryGap(after >> SHIFT);
    }
  }

  @Override
  public int find(long addr) {
    int row = cached;
    if (addr < end(row) && addr >= start(row)) {
      return row;
    }
    if (Long.compareUnsigned(addr, top) >= 0) {
      return NONE;
    }
    row = seekVma(addr);
    cached = row;
    return row;
  }

  @Override
  public int first() {
    return size() == 0 ? NONE : nodes.ref(RangeTree.FIRST_LEAF << SHIFT);
  }

  @Override
  public int last() {
    return size() == 0 ? NONE : lastVma();
  }

  @Override
  public int next(int vma) {
    int slot = slotAfter(slotOf(vma));
    return slot == RangeNodes.NONE ? NONE : nodes.ref(slot);
  }

  @Override
  public int prev(int vma) {
    int slot = slotBefore(slotOf(vma));
    return slot == RangeNodes.NONE ? NONE : nodes.ref(slot);
  }

  /** Where the gap of the VMA at a leaf's slot begins. */
  private long gapStart(int slot) {
    return start(nodes.ref(slot)) - nodes.gap(slot);
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    long from = Math.max(low, top);
    if (low < top) {
      int slot = seek(low);
      long edge = Math.max(low, gapStart(slot));
      if (Math.min(high, start(nodes.ref(slot))) - edge >= length) {
        return edge;
      }
      slot = nextFit(slot, length);
      if (slot != RangeNodes.NONE) {
        from = gapStart(slot);
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
    int slot = seek(Math.min(high, top) - 1);
    long to = Math.min(high, start(nodes.ref(slot)));
    if (to - Math.max(low, gapStart(slot)) < length) {
      slot = prevFit(slot, length);
      if (slot == RangeNodes.NONE) {
        return NONE_ADDR;
      }
      to = start(nodes.ref(slot));
    }
    return to - length >= low ? to - length : NONE_ADDR;
  }

  @Override
  public VmaIndex copy() {
    return new MapleVmaIndex(this);
  }

  @Override
  public void clear() {
    clearTree();
    cached = 0;
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
    int slot = entries == 0 ? RangeNodes.NONE : RangeTree.FIRST_LEAF << SHIFT;
    while (slot != RangeNodes.NONE) {
      int vma = nodes.ref(slot);
      if (++seen > entries || !contains(vma) || slotBefore(slot) != before) {
        throw VmaChecks.corrupt(NAME, "chain of leaves", vma, slotBefore(slot), before);
      }
      if (start(vma) < at || nodes.key(slot) != end(vma)) {
        throw VmaChecks.corrupt(NAME, "order", vma, start(vma), at);
      }
      if (nodes.gap(slot) != start(vma) - at) {
        throw VmaChecks.corrupt(NAME, "gap", vma, nodes.gap(slot), start(vma) - at);
      }
      if (seek(start(vma)) != slot) {
        throw VmaChecks.corrupt(NAME, "slot found", vma, seek(start(vma)), slot);
      }
      at = end(vma);
      before = slot;
      slot = slotAfter(slot);
    }
    if (seen != entries || top != at) {
      throw VmaChecks.corrupt(NAME, "top", 0, top, at);
    }
    if (cached != 0 && !contains(cached)) {
      throw VmaChecks.corrupt(NAME, "cached row is free", cached, cached, 0);
    }
  }
}
