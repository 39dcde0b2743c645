// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import java.util.List;
import java.util.Locale;

/** Which task a number means that was typed: a PID, or what an earlier operation gave. */
final class TaskNumbers {
  private final Tasks tasks;
  private final Cpu cpu;
  private final List<Long> results;

  /**
   * Of the tasks of one CPU.
   *
   * @param results what the operations before gave, in order
   */
  TaskNumbers(Tasks tasks, Cpu cpu, List<Long> results) {
    this.tasks = tasks;
    this.cpu = cpu;
    this.results = results;
  }

  /** The number that was typed; {@code $1} and {@code r1} are the first result. */
  int pid(String text, String where) {
    if (text.matches("[$r][0-9]+")) {
      int at = (int) Sizes.parseNumber(text.substring(1), where);
      if (at < 1 || at > results.size()) {
        throw new InputException("there is no result " + text, where, "$1 to $" + results.size());
      }
      return results.get(at - 1).intValue();
    }
    return (int) Math.min(Sizes.parseNumber(text, where), Integer.MAX_VALUE);
  }

  /** A task that can run; 0 is the idle task. */
  Task running(String text, String where) {
    int pid = pid(text, where);
    Task found = pid == 0 ? tasks.idle(cpu) : tasks.find(pid);
    if (found == null || found.state() != Task.State.RUNNING) {
      throw new InputException(
          found == null
              ? "there is no task " + pid
              : "task " + pid + " cannot run: " + word(found.state()),
          where,
          "one of " + all());
    }
    return found;
  }

  /** The tasks that there are, in words. */
  String all() {
    return tasks.all().stream()
        .map(t -> t.pid() + " (" + t.comm() + ", " + word(t.state()) + ")")
        .reduce((a, b) -> a + ", " + b)
        .orElse("no task: all have ended");
  }

  private static String word(Task.State state) {
    return state.name().toLowerCase(Locale.ROOT);
  }
}
