// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.vma;

/**
 * Where memory is to come from ({@code struct mempolicy}, mm/mempolicy.c of Linux 6.18). No policy,
 * {@code MPOL_DEFAULT}, is null. Two that are equal do not keep VMAs apart ({@code mpol_equal}).
 *
 * <p>Differs: it is kept and shown, and pages come from where they come without it.
 *
 * @param mode {@code MPOL_PREFERRED} and so on, without flags
 * @param flags {@link #STATIC_NODES}, {@link #RELATIVE_NODES}, {@link #BALANCING}
 * @param nodes the nodes that count, a bit each; none for {@link #LOCAL}
 * @param userNodes what was asked for, if a flag keeps that; else 0
 * @param homeNode the node to try first, {@link #NO_NODE} for none
 */
public record MemPolicy(int mode, int flags, long nodes, long userNodes, int homeNode) {
  public static final int DEFAULT = 0;
  public static final int PREFERRED = 1;
  public static final int BIND = 2;
  public static final int INTERLEAVE = 3;
  public static final int LOCAL = 4;
  public static final int PREFERRED_MANY = 5;
  public static final int WEIGHTED_INTERLEAVE = 6;

  public static final int BALANCING = 1 << 13;
  public static final int RELATIVE_NODES = 1 << 14;
  public static final int STATIC_NODES = 1 << 15;

  public static final int NO_NODE = -1;

  private static final String[] NAMES = {
    "default", "prefer", "bind", "interleave", "local", "prefer (many)", "weighted interleave"
  };

  /** Whether a flag keeps what was asked for ({@code mpol_store_user_nodemask}). */
  public static boolean keepsNodes(int flags) {
    return (flags & (STATIC_NODES | RELATIVE_NODES | BALANCING)) != 0;
  }

  /** The nodes that get_mempolicy tells. */
  public long toldNodes() {
    return keepsNodes(flags) ? userNodes : nodes;
  }

  /** The same with another home. */
  public MemPolicy withHome(int node) {
    return new MemPolicy(mode, flags, nodes, userNodes, node);
  }

  /** As numa_maps shows it ({@code mpol_to_str}). */
  public String text() {
    StringBuilder out = new StringBuilder(NAMES[mode]);
    if ((flags & (BALANCING | RELATIVE_NODES | STATIC_NODES)) != 0) {
      boolean static_ = (flags & STATIC_NODES) != 0;
      boolean relative = !static_ && (flags & RELATIVE_NODES) != 0;
      boolean balancing = (flags & BALANCING) != 0;
      out.append('=').append(static_ ? "static" : relative ? "relative" : "");
      out.append(balancing ? (static_ || relative ? "|" : "") + "balancing" : "");
    }
    if (nodes != 0) {
      out.append(':').append(list(nodes));
    }
    return out.toString();
  }

  /** Nodes as {@code 0-2,5}. */
  private static String list(long nodes) {
    StringBuilder out = new StringBuilder();
    for (int i = Long.numberOfTrailingZeros(nodes); i < Long.SIZE; i++) {
      int first = i;
      while (i < Long.SIZE - 1 && (nodes >>> (i + 1) & 1) != 0) {
        i++;
      }
      out.append(out.isEmpty() ? "" : ",").append(first).append(i > first ? "-" + i : "");
      long rest = i == Long.SIZE - 1 ? 0 : nodes >>> (i + 1) << (i + 1);
      if (rest == 0) {
        break;
      }
      i = Long.numberOfTrailingZeros(rest) - 1;
    }
    return out.toString();
  }
}
