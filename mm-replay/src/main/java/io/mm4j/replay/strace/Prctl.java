// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The options of prctl that a process keeps and that memory calls look at. */
final class Prctl {
  private static final Set<String> REPLAYED =
      Set.of("PR_SET_THP_DISABLE", "PR_SET_MDWE", "PR_SET_MEMORY_MERGE");
  private static final int ARGUMENTS = 5;

  private Prctl() {}

  /**
   * The name that {@code PR_SET_VMA_ANON_NAME} gives, {@code -} for none; null for any other call,
   * and where strace did not show the whole name.
   */
  static @Nullable String vmaName(StraceLine line) {
    List<String> args = line.args();
    if (!namesVma(line)
        || Symbols.value(args.get(2)) == null
        || Symbols.value(args.get(3)) == null) {
      return null;
    }
    String name = args.get(4);
    if (name.equals("NULL")) {
      return "-";
    }
    return name.matches("\"[^\"\\\\]{1,79}\"") ? name.substring(1, name.length() - 1) : null;
  }

  /** Whether it is {@code PR_SET_VMA_ANON_NAME}, and has an answer. */
  static boolean namesVma(StraceLine line) {
    List<String> args = line.args();
    return args.size() == ARGUMENTS
        && args.getFirst().equals("PR_SET_VMA")
        && args.get(1).equals("PR_SET_VMA_ANON_NAME")
        && !line.result().startsWith("?");
  }

  /** The range that it names, and no third argument. */
  static List<Long> range(StraceLine line) {
    Long addr = Symbols.value(line.args().get(2));
    Long len = Symbols.value(line.args().get(3));
    return List.of(addr == null ? 0 : addr, len == null ? 0 : len, 0L);
  }

  /** The arguments of one that is replayed, else none. */
  static List<Long> args(StraceLine line) {
    if (line.args().isEmpty() || !REPLAYED.contains(line.args().getFirst())) {
      return List.of();
    }
    List<Long> args = new ArrayList<>();
    for (String text : line.args()) {
      Long value = Symbols.value(text);
      if (value == null) {
        return List.of();
      }
      args.add(value);
    }
    while (args.size() < ARGUMENTS) {
      args.add(0L);
    }
    return args;
  }
}
