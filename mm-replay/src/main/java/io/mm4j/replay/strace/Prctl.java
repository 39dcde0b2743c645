// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay.strace;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The options of prctl that a process keeps and that memory calls look at. */
final class Prctl {
  private static final Set<String> REPLAYED = Set.of("PR_SET_THP_DISABLE", "PR_SET_MDWE");
  private static final int ARGUMENTS = 5;

  private Prctl() {}

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
