// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import static io.mm4j.process.maple.RangeNodes.SHIFT;

import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.index.VmaChecks;
import io.mm4j.process.index.VmaTable;
import java.util.Arrays;

/**
 * VMAs in a B-tree of ranges that knows the largest gap below every entry.
 *
 * <p><b>Models</b> the maple tree ({@code mm_mt} since Linux 6.1, lib/maple_tree.c) in shape and
 * cost: sixteen entries to a node, gaps in inner nodes, neighbours without a climb. Different on
 * purpose: a gap is no entry of its own but a number beside the VMA above it; readers are kept out
 * by the mm's lock, not by RCU; nodes are filled by giving entries to a neighbour before splitting.
 *
 * <p><b>Vocabulary, layout, invariants:</b> {@link RangeNodes} (a node), {@link RangeTree} (the
 * tree), {@link VmaTable} (handles and bounds). {@code leafOf} leads from a handle to its leaf.
 *
 * <p><b>Steps.</b> find: the VMA found last, else one search without jumps in each level. insert:
 * seek the VMA above, whose gap says where the VMA below ends; enter it in that leaf. erase: the
 * handle's leaf, the slot by a search there. Gap search: the VMA at the window's edge, then along
 * its leaf, up and down by the gaps.
 *
 * <p><b>Complexity.</b> find, insert, erase, setRange, gap searches O(log n), four levels for
 * 65,530 VMAs; next, prev, first, last O(1); copy O(n) by array copies.
 */
final class MapleVmaIndex extends VmaTable {
  private static final String NAME = "maple";

  private RangeTree tree;
  private int cached;

  MapleVmaIndex(int maxVmas) {
    super(maxVmas);
    tree = new RangeTree(start.length);
  }

  private MapleVmaIndex(MapleVmaIndex other) {
    super(other);
    tree = new RangeTree(other.tree, start.length);
    cached = other.cached;
  }

  @Override
  protected void growRows(int rows) {
    tree.leafOf = Arrays.copyOf(tree.leafOf, rows);
  }

  @Override
  public boolean reserve(int n) {
    if (!roomFor(n)) {
      return false;
    }
    tree.roomFor(n, size());
    return true;
  }

  @Override
  public int insert(long from, long to) {
    VmaChecks.range(from, to);
    if (from >= tree.top) {
      int row = takeRow(from, to);
      if (row == 0) {
        return NONE;
      }
      tree.append(row, from, to);
      return row;
    }
    int slot = tree.seek(from);
    int next = tree.nodes.ref[slot];
    long above = start[next] - to;
    if (above < 0) {
      throw VmaChecks.overlap(this, from, to, next);
    }
    int row = takeRow(from, to);
    if (row == 0) {
      return NONE;
    }
    tree.insert(slot, row, to, from - (start[next] - tree.nodes.gap[slot]), above);
    return row;
  }

  @Override
  public void erase(int vma) {
    check(vma);
    tree.remove(tree.slotOf(vma, end[vma]), end[vma] - start[vma]);
    if (cached == vma) {
      cached = 0;
    }
    freeRow(vma);
  }

  @Override
  public void setRange(int vma, long from, long to) {
    check(vma);
    VmaChecks.range(from, to);
    RangeNodes nodes = tree.nodes;
    int slot = tree.slotOf(vma, end[vma]);
    long prevEnd = start[vma] - nodes.gap[slot];
    if (from < prevEnd) {
      throw VmaChecks.overlap(this, from, to, nodes.ref[tree.slotBefore(slot)]);
    }
    int after = tree.slotAfter(slot);
    if (after != RangeNodes.NONE) {
      int next = nodes.ref[after];
      if (to > start[next]) {
        throw VmaChecks.overlap(this, from, to, next);
      }
      nodes.gap[after] = start[next] - to;
    }
    start[vma] = from;
    end[vma] = to;
    nodes.gap[slot] = from - prevEnd;
    nodes.key[slot] = to;
    int leaf = slot >> SHIFT;
    tree.carryGap(leaf);
    if (after == RangeNodes.NONE) {
      tree.carryKey(leaf, to);
    } else if (after >> SHIFT != leaf) {
      tree.carryKey(leaf, to);
      tree.carryGap(after >> SHIFT);
    }
  }

  @Override
  public int find(long addr) {
    int row = cached;
    if (addr < end[row] && addr >= start[row]) {
      return row;
    }
    if (Long.compareUnsigned(addr, tree.top) >= 0) {
      return NONE;
    }
    row = tree.nodes.ref[tree.seek(addr)];
    cached = row;
    return row;
  }

  @Override
  public int first() {
    return size() == 0 ? NONE : tree.nodes.ref[RangeTree.FIRST_LEAF << SHIFT];
  }

  @Override
  public int last() {
    int leaf = tree.lastLeaf;
    return size() == 0 ? NONE : tree.nodes.ref[(leaf << SHIFT) + tree.nodes.count[leaf] - 1];
  }

  @Override
  public int next(int vma) {
    int slot = tree.slotAfter(tree.slotOf(vma, end[vma]));
    return slot == RangeNodes.NONE ? NONE : tree.nodes.ref[slot];
  }

  @Override
  public int prev(int vma) {
    int slot = tree.slotBefore(tree.slotOf(vma, end[vma]));
    return slot == RangeNodes.NONE ? NONE : tree.nodes.ref[slot];
  }

  /** Where the gap of the VMA at a leaf's slot begins. */
  private long gapStart(int slot) {
    return start[tree.nodes.ref[slot]] - tree.nodes.gap[slot];
  }

  @Override
  public long gapAbove(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    long from = Math.max(low, tree.top);
    if (low < tree.top) {
      int slot = tree.seek(low);
      long edge = Math.max(low, gapStart(slot));
      if (Math.min(high, start[tree.nodes.ref[slot]]) - edge >= length) {
        return edge;
      }
      slot = tree.nextFit(slot, length);
      if (slot != RangeNodes.NONE) {
        from = gapStart(slot);
      }
    }
    return high - from >= length ? from : NONE_ADDR;
  }

  @Override
  public long gapBelow(long low, long high, long length) {
    VmaChecks.gap(low, high, length);
    if (high - Math.max(low, tree.top) >= length) {
      return high - length;
    }
    if (high <= low || size() == 0) {
      return NONE_ADDR;
    }
    int slot = tree.seek(Math.min(high, tree.top) - 1);
    long to = Math.min(high, start[tree.nodes.ref[slot]]);
    if (to - Math.max(low, gapStart(slot)) < length) {
      slot = tree.prevFit(slot, length);
      if (slot == RangeNodes.NONE) {
        return NONE_ADDR;
      }
      to = start[tree.nodes.ref[slot]];
    }
    return to - length >= low ? to - length : NONE_ADDR;
  }

  @Override
  public VmaIndex copy() {
    return new MapleVmaIndex(this);
  }

  @Override
  public void clear() {
    clearRows();
    tree = new RangeTree(start.length);
    cached = 0;
  }

  @Override
  public void validate() {
    validateRows(NAME);
    int entries = tree.validate(NAME);
    if (entries != size()) {
      throw VmaChecks.corrupt(NAME, "VMAs in the tree", 0, entries, size());
    }
    long at = 0;
    int seen = 0;
    int before = RangeNodes.NONE;
    int slot = entries == 0 ? RangeNodes.NONE : RangeTree.FIRST_LEAF << SHIFT;
    while (slot != RangeNodes.NONE) {
      int vma = tree.nodes.ref[slot];
      if (++seen > entries || !contains(vma) || tree.slotBefore(slot) != before) {
        throw VmaChecks.corrupt(NAME, "chain of leaves", vma, tree.slotBefore(slot), before);
      }
      if (start[vma] < at || tree.nodes.key[slot] != end[vma]) {
        throw VmaChecks.corrupt(NAME, "order", vma, start[vma], at);
      }
      if (tree.nodes.gap[slot] != start[vma] - at) {
        throw VmaChecks.corrupt(NAME, "gap", vma, tree.nodes.gap[slot], start[vma] - at);
      }
      if (tree.seek(start[vma]) != slot) {
        throw VmaChecks.corrupt(NAME, "slot found", vma, tree.seek(start[vma]), slot);
      }
      at = end[vma];
      before = slot;
      slot = tree.slotAfter(slot);
    }
    if (seen != entries || tree.top != at) {
      throw VmaChecks.corrupt(NAME, "top", 0, tree.top, at);
    }
    if (cached != 0 && !contains(cached)) {
      throw VmaChecks.corrupt(NAME, "cached row is free", cached, cached, 0);
    }
  }
}
