// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.naive;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uapi;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The model of a memory policy: what a mode, its flags and a mask of nodes come to on a machine
 * with the first so many nodes.
 *
 * @param mode without flags
 * @param flags the flags of the mode
 * @param nodes those that count, a bit each
 * @param asked those that were asked for, if a flag keeps them, else 0
 * @param home the node to try first, -1 for none
 */
public record NaivePolicy(int mode, int flags, long nodes, long asked, long home) {
  private static final int KEEPING = Uapi.MPOL_F_STATIC_NODES | Uapi.MPOL_F_RELATIVE_NODES;
  private static final int FLAGS = KEEPING | Uapi.MPOL_F_NUMA_BALANCING;
  private static final long MOST_BITS = 8 * Bits.PAGE;
  private static final List<String> NAMES =
      List.of(
          "default",
          "prefer",
          "bind",
          "interleave",
          "local",
          "prefer (many)",
          "weighted interleave");

  /**
   * What comes of a request.
   *
   * @param error 0 or a negated errno
   * @param policy null for the default
   */
  public record Made(long error, @Nullable NaivePolicy policy) {
    static Made wrong() {
      return new Made(-Errno.EINVAL, null);
    }
  }

  /** The mode of a request, without its flags. */
  public static int mode(int word) {
    return word & ~FLAGS;
  }

  /** Whether a mode and its flags can be asked for at all. */
  public static boolean isWord(int word) {
    int mode = mode(word);
    boolean balances = mode == Uapi.MPOL_BIND || mode == Uapi.MPOL_PREFERRED_MANY;
    return mode >= 0
        && mode < NAMES.size()
        && (word & KEEPING) != KEEPING
        && ((word & Uapi.MPOL_F_NUMA_BALANCING) == 0 || balances);
  }

  /** The nodes of a mask of so many bits and one; -1 if it is longer than a page. */
  public static long mask(long nodes, long maxNode) {
    long out = 0;
    if (nodes != 0 && maxNode != 1) {
      if (maxNode < 1 || maxNode - 1 > MOST_BITS) {
        return -1;
      }
      for (int node = 0; node < 63 && node < maxNode - 1; node++) {
        out |= nodes & 1L << node;
      }
    }
    return out;
  }

  /** What a request gives on a machine with the nodes from 0 to {@code count - 1}. */
  public static Made of(int word, long nodes, long maxNode, int count) {
    long mask = mask(nodes, maxNode);
    if (!isWord(word) || mask < 0) {
      return Made.wrong();
    }
    int mode = mode(word);
    int flags = word & FLAGS;
    boolean local = mode == Uapi.MPOL_LOCAL || (mode == Uapi.MPOL_PREFERRED && mask == 0);
    if (mode == Uapi.MPOL_DEFAULT || local) {
      boolean empty = mask == 0 && (mode == Uapi.MPOL_DEFAULT || (flags & KEEPING) == 0);
      @Nullable NaivePolicy plain =
          local ? new NaivePolicy(Uapi.MPOL_LOCAL, flags, 0, 0, -1) : null;
      return empty ? new Made(0, plain) : Made.wrong();
    }
    long counts = 0;
    for (int node = 0; node < 63; node++) {
      boolean wanted = (mask >>> node & 1) != 0;
      if (wanted && (flags & Uapi.MPOL_F_RELATIVE_NODES) != 0) {
        counts |= 1L << node % count;
      } else if (wanted && node < count) {
        counts |= 1L << node;
      }
    }
    if (counts == 0) {
      return Made.wrong();
    }
    counts = mode == Uapi.MPOL_PREFERRED ? counts & -counts : counts;
    return new Made(0, new NaivePolicy(mode, flags, counts, (flags & FLAGS) != 0 ? mask : 0, -1));
  }

  /** The same with a home. */
  public NaivePolicy at(long node) {
    return new NaivePolicy(mode, flags, nodes, asked, node);
  }

  /** The nodes that a process is told. */
  public long told() {
    return (flags & FLAGS) != 0 ? asked : nodes;
  }

  /** As numa_maps shows it. */
  public String text() {
    List<String> words = new ArrayList<>();
    if ((flags & Uapi.MPOL_F_STATIC_NODES) != 0) {
      words.add("static");
    }
    if ((flags & Uapi.MPOL_F_RELATIVE_NODES) != 0) {
      words.add("relative");
    }
    if ((flags & Uapi.MPOL_F_NUMA_BALANCING) != 0) {
      words.add("balancing");
    }
    List<String> ranges = new ArrayList<>();
    for (int node = 0, first = 0; node < 63; node++) {
      boolean in = (nodes >>> node & 1) != 0;
      first = in && (node == 0 || (nodes >>> (node - 1) & 1) == 0) ? node : first;
      if (in && (nodes >>> (node + 1) & 1) == 0) {
        ranges.add(first == node ? "" + node : first + "-" + node);
      }
    }
    return NAMES.get(mode)
        + (words.isEmpty() ? "" : "=" + String.join("|", words))
        + (ranges.isEmpty() ? "" : ":" + String.join(",", ranges));
  }
}
