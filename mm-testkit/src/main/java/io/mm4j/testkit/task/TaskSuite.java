// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.testkit.Suite;
import io.mm4j.testkit.task.faults.TaskFaults;
import io.mm4j.testkit.task.faults.WrongTasksProvider;
import io.mm4j.testkit.task.rules.TaskRules;

/** Everything about tasks, which a plugin of {@code process} has or not. */
public final class TaskSuite {
  /** The suite's name. */
  public static final String NAME = "tasks";

  private TaskSuite() {}

  /** The suite. */
  public static Suite<ProcessFloorProvider> suite() {
    String missing =
        PluginRegistry.discover().plugins(Spi.PROCESS).stream()
                .anyMatch(i -> i.name().equals(Spi.PROCESS.reference()))
            ? null
            : "no process floor is on the module path: add io.mm4j:mm-process";
    return new Suite<>(
        NAME,
        Spi.PROCESS,
        new WrongTasksProvider("right", (floors, tasks) -> tasks),
        TaskRules.all(),
        TaskFaults.all(),
        missing);
  }
}
