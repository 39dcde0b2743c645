// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import io.mm4j.api.process.Tasks;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.task.naive.NaiveTasks;
import java.util.List;
import java.util.Set;

/**
 * One step of a random life of tasks. Numbers mean "modulo how many there are".
 *
 * @param kind what is done
 * @param a whose turn it is
 * @param b the other number
 */
record TaskOp(Kind kind, int a, int b) implements Operation<TaskBench> {
  private static final int MOST_TASKS = 20;

  /** What can be done. */
  enum Kind {
    SPAWN,
    KTHREAD,
    FORK,
    SHARE,
    THREAD,
    VFORK,
    EXEC,
    EXIT,
    RUN,
    IDLE,
    WAIT,
    GET,
    PUT,
    GRAB,
    DROP,
    USE,
    UNUSE,
    TOUCH,
    ADOPT,
    EXIT_GROUP
  }

  private static final Set<Kind> HOLDING = Set.of(Kind.GET, Kind.PUT, Kind.GRAB, Kind.DROP);

  private static final int[] WEIGHTS = {
    3, 3, 6, 4, 4, 3, 4, 9, 20, 4, 4, 2, 2, 2, 2, 4, 4, 6, 2, 2
  };

  static TaskOp random(Seeded random) {
    return new TaskOp(
        Kind.values()[random.weighted(WEIGHTS)], random.below(1000), random.below(1000));
  }

  @Override
  public List<TaskOp> simpler() {
    return a == 0 && b == 0
        ? List.of()
        : List.of(new TaskOp(kind, 0, 0), new TaskOp(kind, a / 2, b), new TaskOp(kind, a, b / 2));
  }

  private static <T> T pick(List<T> from, int n) {
    return from.get(n % from.size());
  }

  @Override
  public void apply(TaskBench bench) {
    NaiveTasks model = bench.model;
    List<NaiveTasks.One> living = model.living();
    List<NaiveTasks.One> ready = living.stream().filter(t -> !t.waits).toList();
    boolean room = living.size() < MOST_TASKS;
    if (kind == Kind.SPAWN && room) {
      var _ = bench.spawn();
    } else if (kind == Kind.ADOPT && room) {
      var _ = bench.adopt(bench.machine.processes().spawn(bench.config()));
    } else if (kind == Kind.KTHREAD && room) {
      var _ = bench.kthread();
    } else if (kind == Kind.IDLE) {
      bench.idle(a % TaskBench.CPUS);
    } else if (HOLDING.contains(kind)) {
      hold(bench);
    } else if (!ready.isEmpty()) {
      ofTask(bench, pick(ready, a), room);
    }
  }

  private void hold(TaskBench bench) {
    List<Integer> left = bench.leftMms();
    if (left.isEmpty()) {
      return;
    }
    int mm = pick(left, a);
    NaiveTasks model = bench.model;
    if (kind == Kind.GET && model.users(mm) > 0) {
      bench.tasks.get(bench.space(mm));
      model.guest(mm, 1);
    } else if (kind == Kind.PUT && model.guests(mm) > 0) {
      bench.tasks.put(bench.space(mm));
      model.guest(mm, -1);
    } else if (kind == Kind.GRAB) {
      bench.tasks.grab(bench.space(mm));
      model.grab(mm, 1);
    } else if (kind == Kind.DROP && model.grabs(mm) > 0) {
      bench.tasks.drop(bench.space(mm));
      model.grab(mm, -1);
    }
  }

  private void ofTask(TaskBench bench, NaiveTasks.One task, boolean room) {
    switch (kind) {
      case FORK -> child(bench, task, 0, room);
      case SHARE -> child(bench, task, Tasks.CLONE_VM, room);
      case THREAD ->
          child(bench, task, Tasks.CLONE_VM | Tasks.CLONE_SIGHAND | Tasks.CLONE_THREAD, room);
      case VFORK -> child(bench, task, Tasks.CLONE_VM | Tasks.CLONE_VFORK, room);
      case EXEC -> {
        if (!task.uses && groupIsFree(bench, task)) {
          bench.exec(task, "tiny", "x");
        }
      }
      case EXIT -> {
        if (!task.uses) {
          bench.exit(task);
        }
      }
      case EXIT_GROUP -> {
        if (groupIsFree(bench, task)) {
          bench.exitGroup(task);
        }
      }
      case RUN -> run(bench, task);
      case WAIT -> {
        long pid = bench.tasks.wait4(bench.task(task), -1);
        if (pid > 0) {
          bench.model.reap((int) pid);
        }
      }
      case USE -> use(bench, task);
      case UNUSE -> {
        if (task.uses && task.cpu >= 0) {
          bench.tasks.unuseMm(bench.task(task));
          bench.model.change(task, NaiveTasks.NONE);
          task.uses = false;
        }
      }
      case TOUCH -> touch(bench, task);
      default -> {}
    }
  }

  /** Whether nobody of the group uses somebody's memory, which only kernel threads do. */
  private static boolean groupIsFree(TaskBench bench, NaiveTasks.One task) {
    return bench.model.living().stream().noneMatch(t -> t.tgid == task.tgid && t.uses);
  }

  private static void child(TaskBench bench, NaiveTasks.One task, long flags, boolean room) {
    if (room && !task.uses) {
      var _ = bench.clone(task, flags);
    }
  }

  private void run(TaskBench bench, NaiveTasks.One task) {
    if (task.cpu < 0) {
      bench.run(b % TaskBench.CPUS, task);
    }
  }

  private void use(TaskBench bench, NaiveTasks.One task) {
    List<Integer> left = bench.leftMms().stream().filter(mm -> bench.model.users(mm) > 0).toList();
    if (task.kernel && task.cpu >= 0 && task.mm == NaiveTasks.NONE && !left.isEmpty()) {
      int mm = pick(left, b);
      bench.tasks.useMm(bench.task(task), bench.space(mm));
      task.uses = true;
      bench.model.change(task, mm);
    }
  }

  /** Writes to the stack, which every address space here has. */
  private void touch(TaskBench bench, NaiveTasks.One task) {
    if (task.cpu >= 0 && task.mm != NaiveTasks.NONE && !task.uses) {
      long top = bench.space(task.mm).layout().taskSize();
      long addr = top - 1 - (long) (b % 8) * TaskBench.PAGE;
      var _ = bench.tasks.access(bench.cpu(task.cpu), addr, b % 3 == 0 ? 0 : 2);
    }
  }
}
