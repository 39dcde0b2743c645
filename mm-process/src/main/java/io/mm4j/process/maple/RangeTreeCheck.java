// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.maple;

import static io.mm4j.process.maple.RangeNodes.NONE;
import static io.mm4j.process.maple.RangeNodes.PLACES;

import io.mm4j.process.index.VmaChecks;

/** Checks nodes, links, keys and gaps of a whole {@link RangeTree}. */
final class RangeTreeCheck {
  private final RangeTree tree;
  private final RangeNodes nodes;
  private final int[] slots;
  private final String name;

  /** Nodes that were reached. */
  private int seen;

  /** For a tree that errors call so. */
  RangeTreeCheck(RangeTree tree, String name) {
    this.tree = tree;
    this.nodes = tree.nodes;
    this.slots = tree.slots;
    this.name = name;
  }

  /** The number of VMAs. */
  int validate() {
    int free = nodes.countFree();
    if (free < 0) {
      throw VmaChecks.corrupt(name, "stack of free nodes", 0, free, 0);
    }
    int entries = validate(tree.root, tree.height);
    if (seen != nodes.used()) {
      throw VmaChecks.corrupt(name, "nodes reached", 0, seen, nodes.used());
    }
    if (nodes.up(tree.root) != NONE) {
      throw VmaChecks.corrupt(name, "parent of the root", tree.root, nodes.up(tree.root), NONE);
    }
    return entries;
  }

  private int validate(int node, int level) {
    seen++;
    int n = nodes.count(node);
    int least = node != tree.root ? RangeTree.FEW : level > 0 ? 2 : 0;
    if (n < least || !Order.isValid(nodes.order(node))) {
      throw VmaChecks.corrupt(name, "entries of node " + node, 0, n, least);
    }
    for (int rank = n; rank < PLACES; rank++) {
      int slot = nodes.slot(node, rank);
      if (nodes.keys[slot] != RangeNodes.UNUSED || nodes.lows[slot] != 0) {
        throw VmaChecks.corrupt(name, "unused slot " + slot, 0, nodes.keys[slot], 0);
      }
    }
    int entries = 0;
    for (int rank = 0; rank < n; rank++) {
      int slot = nodes.slot(node, rank);
      int below = nodes.refs[slot];
      if (nodes.rank(slot) != rank) {
        throw VmaChecks.corrupt(name, "rank at slot " + slot, 0, nodes.rank(slot), rank);
      }
      if (level == 0) {
        entries++;
        if (!tree.contains(below) || slots[below] != slot) {
          throw VmaChecks.corrupt(
              name, "slot", below, tree.contains(below) ? slots[below] : 0, slot);
        }
        continue;
      }
      if (nodes.up(below) != slot) {
        throw VmaChecks.corrupt(name, "parent of node " + below, 0, nodes.up(below), slot);
      }
      entries += validate(below, level - 1);
      long most = level > 1 ? nodes.largestGapOfInner(below) : nodes.largestGapOfLeaf(below);
      if (nodes.keys[slot] != nodes.highestKey(below)) {
        throw VmaChecks.corrupt(
            name, "key at slot " + slot, 0, nodes.keys[slot], nodes.highestKey(below));
      }
      if (nodes.lows[slot] != most) {
        throw VmaChecks.corrupt(name, "gap at slot " + slot, 0, nodes.lows[slot], most);
      }
    }
    return entries;
  }
}
