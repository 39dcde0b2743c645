// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.task;

import io.mm4j.api.CorruptStateError;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.Task;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/** Counts users and references of address spaces again, from the tasks and CPUs. */
final class TasksCheck {
  private final Collection<LinuxTask> tasks;
  private final LinuxTask[] current;
  private final List<TaskMm> spaces;
  private final TaskMm init;
  private final IdentityHashMap<TaskMm, int[]> counted = new IdentityHashMap<>();

  TasksCheck(Collection<LinuxTask> tasks, LinuxTask[] current, List<TaskMm> spaces, TaskMm init) {
    this.tasks = tasks;
    this.current = current;
    this.spaces = spaces;
    this.init = init;
  }

  /**
   * Checks.
   *
   * @param loaded the page directory of each CPU
   * @throws CorruptStateError naming what contradicts what
   */
  void run(IntToLongFunction loaded) {
    counted.put(init, new int[2]);
    for (TaskMm mm : spaces) {
      counted.put(mm, new int[2]);
    }
    for (LinuxTask task : tasks) {
      checkTask(task);
    }
    for (int cpu = 0; cpu < current.length; cpu++) {
      checkCpu(cpu, loaded.applyAsLong(cpu));
    }
    compare(init, 2, counts(init)[1] + 1);
    for (TaskMm mm : spaces) {
      int users = counts(mm)[0] + mm.guests;
      compare(mm, users, counts(mm)[1] + mm.grabs + (users > 0 ? 1 : 0));
      CorruptStateError.check(mm.root() != PageTables.NO_ROOT, "no page directory left of " + mm);
    }
  }

  private void checkTask(LinuxTask task) {
    TaskMm mm = task.mm;
    CorruptStateError.check(
        !task.hasEnded() || mm == null, "a task has ended and has an address space: " + task);
    if (mm != null) {
      counts(mm)[task.uses ? 1 : 0]++;
    }
    boolean runs = task.cpu >= 0 && current[task.cpu] == task;
    CorruptStateError.check(
        task.cpu < 0 || runs, "the CPU of a task runs another: " + task + " cpu=" + task.cpu);
    CorruptStateError.check(
        runs || task.activeMm == null || task.activeMm == mm,
        "active_mm of a task that does not run: " + task);
    LinuxTask parent = task.vforkParent;
    CorruptStateError.check(
        parent == null || parent.state == Task.State.VFORK_WAIT,
        "nobody waits for the child of a vfork: " + task);
  }

  private void checkCpu(int cpu, long root) {
    LinuxTask task = current[cpu];
    TaskMm active = task.activeMm;
    if (active == null) {
      throw new CorruptStateError("a CPU has no active_mm: cpu=" + cpu + " task=" + task);
    }
    if (task.mm == null) {
      counts(active)[1]++;
    } else {
      CorruptStateError.check(
          active == task.mm, "active_mm is not mm: cpu=" + cpu + " task=" + task);
    }
    CorruptStateError.check(
        active == init || root == active.root(),
        "the CPU has another page directory loaded: cpu=" + cpu + " root=" + root + " " + active);
  }

  private int[] counts(TaskMm mm) {
    int @Nullable [] found = counted.get(mm);
    if (found == null) {
      throw new CorruptStateError("a task has an address space that has gone: " + mm);
    }
    return found;
  }

  private static void compare(TaskMm mm, int users, int count) {
    CorruptStateError.check(
        mm.refs.users == users && mm.refs.count == count,
        mm
            + ": mm_users="
            + mm.refs.users
            + " recount="
            + users
            + " mm_count="
            + mm.refs.count
            + " recount="
            + count);
  }
}
