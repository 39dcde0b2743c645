// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.InputException;
import java.util.List;
import java.util.Set;

/** How the operations about tasks are typed, which {@link TaskExplainer} does. */
public final class TaskForms {
  /** {@code in PID CALL}: a call made by another task. */
  static final String IN = "in";

  private static final String EXEC = "exec";
  private static final Set<String> OPERATIONS =
      Set.of("fork", "vfork", "execve", "exit", "wait", "kthread", "switch", "process", IN);

  private TaskForms() {}

  /** All of them, a line each. */
  static List<String> all() {
    return List.of(
        "fork",
        "vfork",
        "execve FILE [ARG...]",
        "exit",
        "wait [PID]",
        "kthread NAME",
        "switch PID",
        "in PID CALL...");
  }

  /** Whether an operation is about tasks; {@code exec} is if a path follows. */
  public static boolean knows(List<String> words) {
    String name = words.getFirst();
    return OPERATIONS.contains(name)
        || (name.equals(EXEC) && words.size() > 1 && words.get(1).contains("/"));
  }

  /** Throws if an operation about tasks has too few or too many arguments. */
  public static void check(List<String> words) {
    String name = words.getFirst();
    int given = words.size() - 1;
    boolean good =
        switch (name) {
          case "fork", "vfork", "exit" -> given == 0;
          case "wait" -> given <= 1;
          case "kthread", "switch", "process" -> given == 1;
          default -> name.equals(IN) ? given >= 2 : given >= 1;
        };
    if (!good) {
      throw new InputException(
          "wrong number of arguments in '" + String.join(" ", words) + "'",
          "mm explain",
          String.join(", ", all()));
    }
    if (name.equals(IN)) {
      List<String> inner = words.subList(2, words.size());
      if (knows(inner)) {
        check(inner);
      } else {
        CallExplainer.check(inner);
      }
    }
  }
}
