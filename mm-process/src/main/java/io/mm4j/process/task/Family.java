// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.task;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Task;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Who is whose child, and who waits for whom (kernel/exit.c, Linux 6.18). */
final class Family {
  /** Those that are not forgotten, by pid. */
  final TreeMap<Integer, LinuxTask> tasks = new TreeMap<>();

  private int nextPid = 1;

  /** A new task. */
  LinuxTask born(String comm, boolean kernel, @Nullable LinuxTask parent) {
    LinuxTask task = new LinuxTask(nextPid++, comm, kernel);
    task.parent = parent;
    tasks.put(task.pid, task);
    return task;
  }

  /** All of them now, so that the list may change meanwhile. */
  List<LinuxTask> all() {
    return List.copyOf(tasks.values());
  }

  /** The parent of a vfork goes on. */
  static void vforkDone(LinuxTask child) {
    LinuxTask parent = child.vforkParent;
    child.vforkParent = null;
    if (parent != null && parent.state == Task.State.VFORK_WAIT) {
      parent.state = Task.State.RUNNING;
    }
  }

  /** A task has given its address space up: its children get another parent. */
  void ended(LinuxTask task) {
    task.state = Task.State.ZOMBIE;
    LinuxTask heir = heir(task);
    for (LinuxTask child : all()) {
      if (child.parent == task) {
        child.parent = heir;
        if (child.state == Task.State.ZOMBIE && heir == null) {
          forget(child);
        }
      }
      if (child.vforkParent == task) {
        child.vforkParent = null;
      }
    }
    if (task.reapsItself()) {
      forget(task);
    }
  }

  /** Takes its leader's number; the others of its group have ended. */
  void lead(LinuxTask task) {
    if (task.pid == task.tgid) {
      return;
    }
    LinuxTask leader = tasks.get(task.tgid);
    tasks.remove(task.pid);
    if (leader != null) {
      leader.state = Task.State.DEAD;
    }
    task.pid = task.tgid;
    tasks.put(task.pid, task);
  }

  /** See {@link io.mm4j.api.process.Tasks#wait4}. */
  long wait4(LinuxTask parent, int pid) {
    boolean any = false;
    for (LinuxTask child : tasks.values()) {
      if (child.parent != null
          && child.parent.tgid == parent.tgid
          && child.pid == child.tgid
          && (pid == -1 || child.pid == pid)) {
        any = true;
        if (child.state == Task.State.ZOMBIE && !hasThreads(child)) {
          forget(child);
          return child.pid;
        }
      }
    }
    return any ? 0 : -Errno.ECHILD;
  }

  /** {@code delay_group_leader()}: a process has ended when its last thread has. */
  private boolean hasThreads(LinuxTask leader) {
    for (LinuxTask each : tasks.values()) {
      if (each != leader && each.tgid == leader.tgid && !each.hasEnded()) {
        return true;
      }
    }
    return false;
  }

  /** {@code find_new_reaper()}: another thread of its group, else one of the first process. */
  private @Nullable LinuxTask heir(LinuxTask task) {
    LinuxTask thread = alive(task.tgid);
    return thread != null || task.tgid == 1 ? thread : alive(1);
  }

  private @Nullable LinuxTask alive(int group) {
    for (LinuxTask each : tasks.values()) {
      if (each.tgid == group && !each.hasEnded()) {
        return each;
      }
    }
    return null;
  }

  private void forget(LinuxTask task) {
    task.state = Task.State.DEAD;
    tasks.remove(task.pid);
  }
}
