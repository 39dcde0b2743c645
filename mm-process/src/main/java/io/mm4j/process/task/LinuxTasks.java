// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.task;

import io.mm4j.api.Cpu;
import io.mm4j.api.Cpus;
import io.mm4j.api.MisuseException;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.process.call.Calls;
import io.mm4j.process.exec.ExecLoader;
import io.mm4j.process.mm.FloorContext;
import io.mm4j.process.mm.Mm;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of a machine.
 *
 * <p>Steps of a context switch, as in {@code context_switch()}: to a task without an address space
 * the CPU takes the present {@code active_mm} along, with a reference of its own if the task before
 * it had it as its own; to one with an address space its page directory is loaded, and what was
 * only taken along is given up afterwards. So the page directory that a CPU has loaded always has a
 * reference, also when its last user has ended.
 *
 * <p>Differences: {@code mm_cpumask} loses a CPU when it switches away, as until Linux 6.12; a CPU
 * that idles never changes to {@code init_mm}.
 */
public final class LinuxTasks implements Tasks {
  private final FloorContext context;
  private final PageTables tables;
  private final Cpus cpus;
  private final Function<Mm, AddressSpace> faces;
  private final Function<AddressSpaceConfig, AddressSpace> spawns;
  private final Function<AddressSpace, @Nullable Mm> inner;
  private final ExecLoader loader;
  private final MmCounts counts;
  private final Family family = new Family();
  private final LinuxTask[] idles;
  private final LinuxTask[] current;
  private final TaskMm init = new TaskMm();
  private final Access access;

  /**
   * What the floor lends: how address spaces are made and looked into.
   *
   * @param faces an address space as others see it
   * @param spawns a new one with a stack
   * @param inner what is behind one of this floor; null if it is of another
   */
  public record Makers(
      Function<Mm, AddressSpace> faces,
      Function<AddressSpaceConfig, AddressSpace> spawns,
      Function<AddressSpace, @Nullable Mm> inner) {}

  /** No task but the idle ones. */
  public LinuxTasks(
      FloorContext context, PageTables tables, Cpus cpus, Makers makers, ExecLoader loader) {
    this.context = context;
    this.tables = tables;
    this.cpus = cpus;
    this.faces = makers.faces();
    this.spawns = makers.spawns();
    this.inner = makers.inner();
    this.loader = loader;
    this.counts = new MmCounts(context);
    this.access = new Access(tables);
    idles = new LinuxTask[cpus.count()];
    current = new LinuxTask[cpus.count()];
    for (int i = 0; i < idles.length; i++) {
      LinuxTask idle = new LinuxTask(0, "swapper/" + i, true);
      idle.cpu = i;
      idle.activeMm = init;
      MmCounts.grab(init);
      idles[i] = idle;
      current[i] = idle;
    }
  }

  // ---------------------------------------------------------------- looking

  @Override
  public List<Task> all() {
    return new ArrayList<>(family.tasks.values());
  }

  @Override
  public @Nullable Task find(int pid) {
    return family.tasks.get(pid);
  }

  @Override
  public Task idle(Cpu cpu) {
    return idles[cpu.id()];
  }

  @Override
  public Task current(Cpu cpu) {
    return current[cpu.id()];
  }

  @Override
  public int initMmUsers() {
    return init.refs.users;
  }

  @Override
  public int initMmCount() {
    return init.refs.count;
  }

  // ---------------------------------------------------------------- beginning

  @Override
  public Task spawn(String comm, AddressSpaceConfig config) {
    AddressSpace space = spawns.apply(config);
    LinuxTask task = family.born(comm, false, null);
    task.mm = adopt(mmOf(space), space);
    return task;
  }

  @Override
  public Task adopt(String comm, AddressSpace space) {
    Mm mm = mmOf(space);
    if (mm.refs.counted) {
      throw new MisuseException("tasks have this address space already: " + space);
    }
    if (!mm.pages.exists()) {
      throw new MisuseException("the address space has ended: " + space);
    }
    LinuxTask task = family.born(comm, false, null);
    task.mm = adopt(mm, space);
    return task;
  }

  @Override
  public Task kthread(String comm) {
    return family.born(comm, true, null);
  }

  private TaskMm adopt(Mm mm, AddressSpace space) {
    TaskMm adopted = new TaskMm(mm, space);
    counts.all.add(adopted);
    return adopted;
  }

  private Mm mmOf(AddressSpace space) {
    Mm mm = inner.apply(space);
    if (mm == null || !mm.context.equals(context)) {
      throw new MisuseException("the address space is of another floor: " + space);
    }
    return mm;
  }

  private TaskMm known(AddressSpace space) {
    for (TaskMm each : counts.all) {
      if (space.equals(each.space)) {
        return each;
      }
    }
    throw new MisuseException("no task has this address space, or it has gone: " + space);
  }

  /** A task of this object that has not ended. */
  private LinuxTask living(Task given, String what) {
    LinuxTask task = (LinuxTask) given;
    if (task.pid == 0 || task.hasEnded() || family.tasks.get(task.pid) != task) {
      throw new MisuseException(
          what
              + ": no such task, or it has ended or is an idle one: "
              + task
              + " state="
              + task.state);
    }
    return task;
  }

  @Override
  public long clone(Task given, long flags) {
    LinuxTask parent = living(given, "clone");
    if (parent.state != Task.State.RUNNING) {
      throw new MisuseException("a task that waits cannot clone: " + parent);
    }
    boolean thread = (flags & CLONE_THREAD) != 0;
    boolean handlers = (flags & CLONE_SIGHAND) != 0;
    boolean share = (flags & CLONE_VM) != 0;
    if ((thread && !handlers) || (handlers && !share)) {
      return -Errno.EINVAL;
    }
    TaskMm old = parent.mm;
    TaskMm mm = null;
    if (old != null && old.mm != null && !parent.uses) {
      if (share) {
        MmCounts.get(old);
        mm = old;
      } else {
        Mm copy = Calls.fork(old.mm);
        if (copy == null) {
          return -Errno.ENOMEM;
        }
        context.add(copy);
        mm = adopt(copy, faces.apply(copy));
      }
    }
    boolean sibling = thread || (flags & CLONE_PARENT) != 0;
    LinuxTask child =
        family.born(parent.comm, parent.isKernelThread(), sibling ? parent.parent : parent);
    child.mm = mm;
    child.tgid = thread ? parent.tgid : child.pid;
    if ((flags & CLONE_VFORK) != 0) {
      child.vforkParent = parent;
      parent.state = Task.State.VFORK_WAIT;
      leave(parent);
    }
    return child.pid;
  }

  // ---------------------------------------------------------------- exec

  @Override
  public long exec(Task given, ExecRequest request) {
    LinuxTask task = living(given, "exec");
    if (task.state != Task.State.RUNNING || task.uses) {
      throw new MisuseException("a task that waits or uses somebody's memory cannot exec: " + task);
    }
    ExecLoader.Result loaded = loader.load(task.mm == null ? null : task.mm.mm, request);
    if (loaded.mm() == null) {
      if (loaded.fatal()) {
        exitGroup(task);
      }
      return loaded.error();
    }
    endOthers(task);
    TaskMm mm = adopt(loaded.mm(), faces.apply(loaded.mm()));
    context.add(loaded.mm());
    TaskMm old = task.mm;
    TaskMm active = task.activeMm;
    task.mm = mm;
    if (task.cpu >= 0) {
      load(cpus.get(task.cpu), active, mm);
      task.activeMm = mm;
    }
    if (old != null) {
      counts.put(old);
    } else if (active != null) {
      counts.drop(active);
    }
    task.process = true;
    task.named(request.path().substring(request.path().lastIndexOf('/') + 1));
    Family.vforkDone(task);
    return 0;
  }

  /** {@code de_thread()}: the others of the group end, and the task takes its leader's number. */
  private void endOthers(LinuxTask task) {
    for (LinuxTask other : family.all()) {
      if (other != task && other.tgid == task.tgid && !other.hasEnded()) {
        end(other);
      }
    }
    family.lead(task);
  }

  // ---------------------------------------------------------------- ending

  @Override
  public void exit(Task given) {
    LinuxTask task = living(given, "exit");
    if (task.uses) {
      throw new MisuseException("it still uses somebody's memory (unuseMm): " + task);
    }
    end(task);
  }

  @Override
  public void exitGroup(Task given) {
    LinuxTask task = living(given, "exit_group");
    int group = task.tgid;
    for (LinuxTask each : family.all()) {
      if (each.tgid == group && !each.hasEnded()) {
        exit(each);
      }
    }
  }

  private void end(LinuxTask task) {
    Family.vforkDone(task);
    TaskMm mm = task.mm;
    if (mm != null) {
      if (task.cpu >= 0) {
        MmCounts.grab(mm); // as active_mm, until the CPU loads another page directory
      }
      task.mm = null;
      counts.put(mm);
    }
    family.ended(task);
    leave(task);
  }

  @Override
  public long wait4(Task given, int pid) {
    return family.wait4(living(given, "wait4"), pid);
  }

  // ---------------------------------------------------------------- switching

  @Override
  public void switchTo(Cpu cpu, Task given) {
    LinuxTask next = (LinuxTask) given;
    boolean runs = next.cpu >= 0 && next.cpu != cpu.id();
    if (runs || next.state != Task.State.RUNNING || (next.pid == 0 && next != idles[cpu.id()])) {
      throw new MisuseException(
          "it cannot run there: "
              + next
              + " state="
              + next.state
              + " cpu="
              + next.cpu
              + " wanted="
              + cpu.id());
    }
    change(cpu, next);
  }

  private void change(Cpu cpu, LinuxTask next) {
    LinuxTask prev = current[cpu.id()];
    if (prev == next) {
      return;
    }
    TaskMm taken = prev.activeMm;
    TaskMm mm = next.mm;
    TaskMm left = null;
    if (mm == null) {
      next.activeMm = taken;
      if (prev.mm != null && taken != null) {
        MmCounts.grab(taken);
      }
    } else {
      load(cpu, taken, mm);
      next.activeMm = mm;
      left = prev.mm == null ? taken : null;
    }
    prev.activeMm = null;
    prev.cpu = prev.pid == 0 ? cpu.id() : -1;
    next.cpu = cpu.id();
    current[cpu.id()] = next;
    if (left != null) {
      counts.drop(left);
    }
  }

  /** {@code switch_mm_irqs_off()}. */
  private void load(Cpu cpu, @Nullable TaskMm from, TaskMm to) {
    tables.mmu(cpu).switchTo(to.root());
    long bit = cpu.id() < Long.SIZE ? 1L << cpu.id() : 0;
    if (from != null) {
      from.refs.cpus &= ~bit;
    }
    to.refs.cpus |= bit;
  }

  /** A task that can run no longer leaves its CPU. */
  private void leave(LinuxTask task) {
    if (task.cpu >= 0) {
      change(cpus.get(task.cpu), idles[task.cpu]);
    }
  }

  // ---------------------------------------------------------------- others' memory

  @Override
  public void useMm(Task given, AddressSpace space) {
    LinuxTask task = living(given, "kthread_use_mm");
    TaskMm mm = known(space);
    TaskMm active = task.activeMm;
    if (!task.isKernelThread() || task.cpu < 0 || task.mm != null || active == null) {
      throw new MisuseException("no kernel thread that runs without an address space: " + task);
    }
    MmCounts.grab(mm);
    task.mm = mm;
    task.uses = true;
    task.activeMm = mm;
    load(cpus.get(task.cpu), active, mm);
    counts.drop(active);
  }

  @Override
  public void unuseMm(Task given) {
    LinuxTask task = living(given, "kthread_unuse_mm");
    TaskMm mm = task.mm;
    if (!task.uses || mm == null || task.cpu < 0) {
      throw new MisuseException("it does not run, or uses nobody's memory: " + task);
    }
    MmCounts.grab(mm); // as active_mm
    task.mm = null;
    task.uses = false;
    counts.drop(mm);
  }

  @Override
  public void get(AddressSpace space) {
    TaskMm mm = known(space);
    if (mm.refs.users == 0) {
      throw new MisuseException("its last user has gone: " + mm);
    }
    mm.guests++;
    MmCounts.get(mm);
  }

  @Override
  public void put(AddressSpace space) {
    TaskMm mm = known(space);
    if (mm.guests == 0) {
      throw new MisuseException("nobody but its tasks has it: " + mm);
    }
    mm.guests--;
    counts.put(mm);
  }

  @Override
  public void grab(AddressSpace space) {
    TaskMm mm = known(space);
    mm.grabs++;
    MmCounts.grab(mm);
  }

  @Override
  public void drop(AddressSpace space) {
    TaskMm mm = known(space);
    if (mm.grabs == 0) {
      throw new MisuseException("nobody has grabbed it: " + mm);
    }
    mm.grabs--;
    counts.drop(mm);
  }

  @Override
  public long access(Cpu cpu, long uaddr, int kind) {
    TaskMm mm = current[cpu.id()].mm;
    return access.at(cpu, mm == null ? null : mm.mm, uaddr, kind);
  }

  // ---------------------------------------------------------------- checking

  @Override
  public void validate() {
    new TasksCheck(family.tasks.values(), current, counts.all, init).run(cpu -> mmu(cpu).root());
  }

  private Mmu mmu(int cpu) {
    return tables.mmu(cpus.get(cpu));
  }

  /** Ends everybody; CPUs have no page directory any more. */
  public void close() {
    for (LinuxTask task : family.all()) {
      TaskMm used = task.uses ? task.mm : null;
      if (used != null && task.cpu >= 0) {
        unuseMm(task);
      } else if (used != null) {
        task.mm = null;
        task.uses = false;
        counts.drop(used);
      }
      if (!task.hasEnded()) {
        end(task);
      }
    }
    family.tasks.clear();
    for (int i = 0; i < idles.length; i++) {
      TaskMm lazy = idles[i].activeMm;
      if (lazy != null && lazy != init) {
        mmu(i).switchTo(PageTables.NO_ROOT);
        idles[i].activeMm = init;
        MmCounts.grab(init);
        counts.drop(lazy);
      }
    }
    for (TaskMm left : List.copyOf(counts.all)) {
      while (left.guests > 0) {
        left.guests--;
        counts.put(left);
      }
      while (left.grabs > 0) {
        left.grabs--;
        counts.drop(left);
      }
    }
  }
}
