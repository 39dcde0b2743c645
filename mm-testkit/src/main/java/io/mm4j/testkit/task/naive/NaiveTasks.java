// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.naive;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Tasks as a list: nothing is counted when something happens, everything when it is asked for. An
 * address space is a number; 0 is init_mm.
 */
public final class NaiveTasks {
  /** {@code init_mm}. */
  public static final int INIT = 0;

  /** No address space. */
  public static final int NONE = -1;

  /** A task. */
  public static final class One {
    public int pid;
    public int tgid;
    public int parent;
    public int mm = NONE;
    public int cpu = -1;
    public boolean kernel;
    public boolean uses;
    public boolean waits;
    public boolean zombie;
    public int vforkParent;
  }

  private final Map<Integer, One> tasks = new TreeMap<>();
  private final int[] current;
  private final int[] active;
  private final Map<Integer, Integer> guests = new TreeMap<>();
  private final Map<Integer, Integer> grabs = new TreeMap<>();
  private int nextMm = 1;

  /** On so many CPUs. */
  public NaiveTasks(int cpus) {
    current = new int[cpus];
    active = new int[cpus];
  }

  /** Those that are known, by pid. */
  public List<One> all() {
    return new ArrayList<>(tasks.values());
  }

  /** Those that have not ended. */
  public List<One> living() {
    return all().stream().filter(t -> !t.zombie).toList();
  }

  /** A new address space. */
  public int newMm() {
    return nextMm++;
  }

  /** Every address space that there ever was. */
  public int mms() {
    return nextMm;
  }

  /** A task appears. */
  public One born(int pid, int tgid, int parent, int mm, boolean kernel) {
    One one = new One();
    one.pid = pid;
    one.tgid = tgid;
    one.parent = parent;
    one.mm = mm;
    one.kernel = kernel;
    tasks.put(pid, one);
    return one;
  }

  /** The task that a CPU runs: a pid, 0 for the idle task. */
  public int current(int cpu) {
    return current[cpu];
  }

  /** Whose page directory a CPU has loaded. */
  public int active(int cpu) {
    return active[cpu];
  }

  /** A CPU runs another task; the idle one is 0. */
  public void run(int cpu, int pid) {
    One before = tasks.get(current[cpu]);
    if (before != null) {
      before.cpu = -1;
    }
    current[cpu] = pid;
    One now = tasks.get(pid);
    if (now != null) {
      now.cpu = cpu;
      active[cpu] = now.mm == NONE ? active[cpu] : now.mm;
    }
  }

  /** A task has another address space from now on. */
  public void change(One task, int mm) {
    task.mm = mm;
    if (task.cpu >= 0 && mm != NONE) {
      active[task.cpu] = mm;
    }
  }

  /** Whether a group has a task that has not ended. */
  private boolean alive(int group) {
    return tasks.values().stream().anyMatch(t -> t.tgid == group && !t.zombie);
  }

  /** A task ends. */
  public void end(One task) {
    wake(task);
    task.mm = NONE;
    task.zombie = true;
    task.waits = false;
    if (task.cpu >= 0) {
      run(task.cpu, 0);
    }
    for (One child : all()) {
      child.vforkParent = child.vforkParent == task.pid ? 0 : child.vforkParent;
      if (child.parent == task.tgid && !alive(task.tgid)) {
        child.parent = task.tgid != 1 && alive(1) ? 1 : 0;
        if (child.zombie && child.parent == 0) {
          tasks.remove(child.pid);
        }
      }
    }
    if (task.pid != task.tgid || task.parent == 0 || !alive(task.parent)) {
      tasks.remove(task.pid);
    }
  }

  /** The parent of a vfork goes on. */
  public void wake(One child) {
    One parent = tasks.get(child.vforkParent);
    if (parent != null) {
      parent.waits = false;
    }
    child.vforkParent = 0;
  }

  /** Takes its leader's number: the others have ended. */
  public void lead(One task) {
    if (task.pid == task.tgid) {
      return;
    }
    One leader = tasks.get(task.tgid);
    tasks.remove(task.pid);
    for (One each : tasks.values()) {
      each.parent = each.parent == task.pid ? task.tgid : each.parent;
    }
    if (task.cpu >= 0) {
      current[task.cpu] = task.tgid;
    }
    if (leader != null) {
      task.parent = leader.parent;
    }
    task.pid = task.tgid;
    tasks.put(task.pid, task);
  }

  /** It was asked for. */
  public void reap(int pid) {
    tasks.remove(pid);
  }

  /** Somebody who is no task has it, or has it no more. */
  public void guest(int mm, int change) {
    guests.merge(mm, change, Integer::sum);
  }

  /** A reference more or less. */
  public void grab(int mm, int change) {
    grabs.merge(mm, change, Integer::sum);
  }

  /** How many guests it has. */
  public int guests(int mm) {
    return guests.getOrDefault(mm, 0);
  }

  /** How often it was grabbed. */
  public int grabs(int mm) {
    return grabs.getOrDefault(mm, 0);
  }

  /** {@code mm_users}, counted. */
  public int users(int mm) {
    int users = guests(mm);
    for (One task : tasks.values()) {
      users += task.mm == mm && !task.uses ? 1 : 0;
    }
    return users;
  }

  /** {@code mm_count}, counted. */
  public int count(int mm) {
    int count = grabs(mm) + (mm == INIT || users(mm) > 0 ? 1 : 0);
    for (int cpu = 0; cpu < current.length; cpu++) {
      One task = tasks.get(current[cpu]);
      count += active[cpu] == mm && (task == null || task.mm == NONE) ? 1 : 0;
    }
    for (One task : tasks.values()) {
      count += task.mm == mm && task.uses ? 1 : 0;
    }
    return count;
  }
}
