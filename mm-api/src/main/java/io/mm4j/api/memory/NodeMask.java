// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.memory;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Sizes;
import java.util.BitSet;
import org.apiguardian.api.API;

/**
 * A set of nodes: {@code nodemask_t}. Written as the kernel writes lists, {@code 0-2,5}.
 *
 * <p>Immutable. Whoever asks for pages with a mask keeps the object and asks with it again: an
 * allocator may remember what follows from it.
 */
@API(status = API.Status.MAINTAINED)
public final class NodeMask {
  /** One more than the highest number of a node: {@code MAX_NUMNODES}. */
  public static final int MAX_NODES = 1024;

  private final BitSet nodes;

  private NodeMask(BitSet nodes) {
    this.nodes = nodes;
  }

  /** These nodes. */
  public static NodeMask of(int... nodeIds) {
    BitSet nodes = new BitSet();
    for (int node : nodeIds) {
      if (node < 0 || node >= MAX_NODES) {
        throw new InputException("node " + node, "a set of nodes", "0 to " + (MAX_NODES - 1));
      }
      nodes.set(node);
    }
    return new NodeMask(nodes);
  }

  /** The nodes from 0 on, so many. */
  public static NodeMask first(int count) {
    if (count < 0 || count > MAX_NODES) {
      throw new InputException(count + " nodes", "a set of nodes", "0 to " + MAX_NODES);
    }
    BitSet nodes = new BitSet();
    nodes.set(0, count);
    return new NodeMask(nodes);
  }

  /**
   * Reads a list of numbers and ranges: {@code 0-2,5}; an empty text is the empty set.
   *
   * @param where for messages
   */
  public static NodeMask parse(String text, String where) {
    BitSet nodes = new BitSet();
    if (!text.isBlank()) {
      for (String part : text.split(",", -1)) {
        int dash = part.indexOf('-');
        int from = node(dash < 0 ? part : part.substring(0, dash), text, where);
        int to = dash < 0 ? from : node(part.substring(dash + 1), text, where);
        if (to < from) {
          throw new InputException("'" + part + "' is turned round", where, "ranges such as 0-2");
        }
        nodes.set(from, to + 1);
      }
    }
    return new NodeMask(nodes);
  }

  private static int node(String text, String list, String where) {
    String allowed = "numbers and ranges of nodes below " + MAX_NODES + ", such as 0-2,5";
    long number;
    try {
      number = Sizes.parseNumber(text.strip(), where);
    } catch (InputException e) {
      throw new InputException("'" + list + "' is no list of nodes", where, allowed);
    }
    if (number < 0 || number >= MAX_NODES) {
      throw new InputException("there is no node " + text.strip(), where, allowed);
    }
    return (int) number;
  }

  /** Whether a node is in it: {@code node_isset()}. */
  public boolean contains(int nodeId) {
    return nodeId >= 0 && nodes.get(nodeId);
  }

  /** Whether no node is in it: {@code nodes_empty()}. */
  public boolean isEmpty() {
    return nodes.isEmpty();
  }

  /** Whether a machine with so many nodes has any of it. */
  public boolean intersects(int nodeCount) {
    int first = next(0);
    return first >= 0 && first < nodeCount;
  }

  /** How many nodes there are in it: {@code nodes_weight()}. */
  public int size() {
    return nodes.cardinality();
  }

  /**
   * The lowest node of it from this one on: {@code first_node()}, {@code next_node()}.
   *
   * @return -1 if there is none
   */
  public int next(int fromNodeId) {
    return nodes.nextSetBit(fromNodeId);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof NodeMask mask && nodes.equals(mask.nodes);
  }

  @Override
  public int hashCode() {
    return nodes.hashCode();
  }

  /** The kernel's list format. */
  @Override
  public String toString() {
    StringBuilder out = new StringBuilder();
    for (int from = nodes.nextSetBit(0); from >= 0; ) {
      int end = nodes.nextClearBit(from);
      out.append(out.isEmpty() ? "" : ",").append(from);
      if (end - 1 > from) {
        out.append('-').append(end - 1);
      }
      from = nodes.nextSetBit(end);
    }
    return out.toString();
  }
}
