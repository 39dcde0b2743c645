// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.List;

/** Masks of nodes as strace prints them: words in brackets, {@code [0x1]}, the lowest first. */
final class NodeMask {
  private NodeMask() {}

  /** The first 64 nodes; 0 where the mask is not shown. */
  static long first(String text) {
    String word = text.substring(1).replaceFirst("[], ].*", "");
    Long bits = Symbols.number(word);
    return bits == null ? 0 : bits;
  }

  /** One more than the highest node that a call about a policy names, 0 for none. */
  static int nodes(StraceLine line) {
    int place =
        switch (line.name()) {
          case "mbind" -> 3;
          case "set_mempolicy" -> 1;
          default -> -1;
        };
    List<String> args = line.args();
    boolean shown = place >= 0 && args.size() > place && args.get(place).startsWith("[");
    return shown ? Long.SIZE - Long.numberOfLeadingZeros(first(args.get(place))) : 0;
  }
}
