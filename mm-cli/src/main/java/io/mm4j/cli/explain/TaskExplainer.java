// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.cli.exec.Programs;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.proc.MapsFile;
import io.mm4j.replay.RunningProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Scenarios of several tasks on one CPU: fork, vfork, exec, exit, wait, kernel threads and the
 * context switch, with the kernel's functions and the numbers that they change; and calls of the
 * task that runs, which {@link CallExplainer} explains.
 */
public final class TaskExplainer {
  private final Machine machine;
  private final Tasks tasks;
  private final Cpu cpu;
  private final TaskNumbers numbers;
  private final ForkSteps forks;
  private final SwitchSteps switches;
  private final CallExplainer calls;
  private final List<Long> results;
  private final Path root;
  private final Map<Integer, RunningProcess> processes = new TreeMap<>();

  /**
   * Makes a process a task, which runs.
   *
   * @param first the process; its address space ends with its tasks from now on
   * @param results what the operations before gave, in order; grows
   * @param root below which folder interpreters of programs are looked for
   */
  public TaskExplainer(RunningProcess first, List<Long> results, Path root) {
    this.machine = first.machine();
    this.tasks = machine.processes().tasks();
    this.cpu = machine.cpus().get(0);
    TopTables top = new TopTables(machine);
    this.numbers = new TaskNumbers(tasks, cpu, results);
    this.forks = new ForkSteps(machine, top);
    this.switches = new SwitchSteps(tasks, cpu, top);
    this.results = results;
    this.root = root;
    this.calls = new CallExplainer(List.of(first), first, results);
    String name = first.command().substring(first.command().lastIndexOf('/') + 1);
    Task task = tasks.adopt(name.isEmpty() ? "init" : name, first.mm());
    processes.put(task.pid(), first);
    tasks.switchTo(cpu, task);
  }

  /** Whether a pasted line said that a call failed that did not here, or the other way round. */
  public boolean differs() {
    return calls.differs();
  }

  /** Does an operation of tasks, or a call of the task that runs. */
  public Explanation explain(CallScript.Typed call) {
    List<String> words = call.words();
    if (!TaskForms.knows(words)) {
      user(String.join(" ", words));
      return calls.explain(call);
    }
    String where = String.join(" ", words);
    return switch (words.getFirst()) {
      case "fork" -> fork(false);
      case "vfork" -> fork(true);
      case "exit" -> exit();
      case "wait" -> await(words.size() > 1 ? numbers.pid(words.get(1), where) : -1);
      case "kthread" -> kthread(words.get(1));
      case "switch", "process" -> switchTo(numbers.running(words.get(1), where), words.getFirst());
      case TaskForms.IN -> in(call, where);
      default -> exec(words.subList(1, words.size()), where);
    };
  }

  // ---------------------------------------------------------------- who

  private Task current() {
    return tasks.current(cpu);
  }

  private Task user(String where) {
    Task task = current();
    if (task.mm() == null || !processes.containsKey(task.pid())) {
      throw new InputException(
          task.pid() == 0
              ? "no task runs: the CPU idles"
              : "task " + task.pid() + " is a kernel thread, and makes no system calls",
          where,
          "switch PID with " + numbers.all());
    }
    return task;
  }

  private Explanation done(
      String call, List<Step> steps, long result, String text, List<Change> changes) {
    results.add(result);
    String errno = Errno.isError(result) ? Errno.nameOf((int) -result) : null;
    String shown = errno == null ? text : "-1 " + errno + StateChange.meaning(errno);
    return new Explanation(call, Map.of(), steps, shown, errno, changes);
  }

  // ---------------------------------------------------------------- fork

  private Explanation fork(boolean share) {
    String name = share ? "vfork" : "fork";
    Task parent = user(name);
    RunningProcess process = process(parent);
    AddressSpace old = process.mm();
    Map<Long, Long> writable = forks.writable(old);
    FrameCounts frames = FrameCounts.of(machine);
    List<Step> steps = new ArrayList<>();
    long result = share ? tasks.vfork(parent) : tasks.fork(parent);
    if (Errno.isError(result)) {
      steps.add(new Step("copy_process", "there is no memory for the child: all is undone"));
      return done(name + "()", steps, result, "", List.of());
    }
    Task child = numbers.running(Long.toString(result), name);
    AddressSpace copy = child.mm();
    processes.put(child.pid(), running(child, process));
    steps.add(
        new Step(
            "copy_process",
            "kernel_clone() makes task "
                + result
                + ", a child of "
                + parent.pid()
                + ", "
                + child.comm()));
    if (share || copy == null) {
      ForkSteps.shared(steps, old, parent);
    } else {
      forks.copied(steps, old, copy, writable, frames);
    }
    return done(
        name + "()",
        steps,
        result,
        result
            + ": a copy of process "
            + parent.pid()
            + "; `switch "
            + result
            + "` goes on in it, `in "
            + result
            + " CALL` makes one call there",
        List.of());
  }

  private RunningProcess running(Task task, RunningProcess like) {
    return new RunningProcess(
        task.pid(),
        like.command(),
        java.util.Objects.requireNonNull(task.mm()),
        machine,
        like.compat32(),
        like.swapKb(),
        like.descriptors(),
        like.paths());
  }

  private RunningProcess process(Task task) {
    return java.util.Objects.requireNonNull(processes.get(task.pid()));
  }

  // ---------------------------------------------------------------- exec

  private Explanation exec(List<String> argv, String where) {
    Task task = user(where);
    RunningProcess before = process(task);
    AddressSpace old = before.mm();
    ExecRequest request =
        new Programs(root)
            .request(
                Path.of(argv.getFirst()),
                machine.architecture(),
                argv,
                List.of(),
                ExecRequest.Auxiliary.DEFAULTS);
    List<String> linesBefore = new MapsFile(List.of(before)).lines(before);
    int users = old.fields().users().mmUsers();
    long oldRoot = TopTables.frame(old);
    long oldRss = old.fields().rssPages();
    List<Step> steps = new ArrayList<>();
    ElfImage image = request.program().image();
    steps.add(
        new Step(
            "load_elf_binary",
            (image.is64() ? "Elf64" : "Elf32")
                + (image.type() == ElfImage.ET_DYN
                    ? ", ET_DYN: it may lie anywhere"
                    : ", ET_EXEC: its addresses are fixed")
                + "; "
                + image.segments().stream().filter(s -> s.type() == ElfImage.PT_LOAD).count()
                + " segments to load; interpreter "
                + image.interpreter()));
    long result = tasks.exec(task, request);
    if (Errno.isError(result)) {
      boolean dead = task.state() != Task.State.RUNNING;
      steps.add(
          new Step(
              "begin_new_exec",
              dead
                  ? "it failed behind the point of no return: the task has been killed"
                  : "it failed before the point of no return: nothing has changed"));
      return done("execve(" + String.join(" ", argv) + ")", steps, result, "", List.of());
    }
    AddressSpace now = java.util.Objects.requireNonNull(task.mm());
    RunningProcess after =
        new RunningProcess(
            task.pid(),
            request.path(),
            now,
            machine,
            !image.is64() && machine.architecture().is64Bit(),
            before.swapKb(),
            Map.of(),
            name -> name);
    processes.put(task.pid(), after);
    calls.become(after);
    ExecSteps.succeeded(
        steps, request, now, argv.size(), new ExecSteps.Old(oldRoot, users, oldRss));
    Change maps =
        new Change("maps", "maps", linesBefore, new MapsFile(List.of(after)).lines(after));
    return done("execve(" + String.join(" ", argv) + ")", steps, result, "0", List.of(maps));
  }

  // ---------------------------------------------------------------- exit and wait

  private Explanation exit() {
    Task task = user("exit");
    AddressSpace mm = process(task).mm();
    ExitSteps ended = ExitSteps.before(machine, mm);
    int pid = task.pid();
    tasks.exit(task);
    processes.remove(pid);
    List<Step> steps = new ArrayList<>();
    ended.tell(steps, pid, cpu);
    Task parent = tasks.find(task.ppid());
    steps.add(
        new Step(
            "exit_notify",
            task.state() == Task.State.ZOMBIE
                ? "a zombie until "
                    + (parent == null ? "its parent" : "task " + parent.pid())
                    + " calls wait"
                : "nobody waits for it: it is forgotten"));
    steps.add(new Step("schedule", "the CPU idles; there are " + numbers.all()));
    return done("exit()", steps, 0, "does not return", List.of());
  }

  private Explanation await(int pid) {
    Task task = user("wait");
    long result = tasks.wait4(task, pid);
    String text =
        result == 0
            ? "none of its children has ended"
            : Errno.isError(result) ? "it has no such child" : "task " + result + " is forgotten";
    return done(
        "wait4(" + pid + ", WNOHANG)",
        List.of(new Step("wait_task_zombie", text)),
        result,
        Long.toString(result),
        List.of());
  }

  // ---------------------------------------------------------------- switching

  private Explanation kthread(String name) {
    Task thread = tasks.kthread(name);
    return done(
        "kthread_create(" + name + ")",
        List.of(
            new Step(
                "kthread",
                "task "
                    + thread.pid()
                    + " has no mm; when it runs it borrows what is loaded (active_mm)")),
        thread.pid(),
        Integer.toString(thread.pid()),
        List.of());
  }

  private Explanation switchTo(Task next, String name) {
    List<Step> steps = change(next);
    return done(
        name + "(" + next.pid() + ")",
        steps,
        next.pid(),
        "task " + next.pid() + " runs",
        List.of());
  }

  private List<Step> change(Task next) {
    boolean other = !current().equals(next);
    List<Step> steps = switches.to(next);
    if (other && processes.containsKey(next.pid())) {
      calls.become(process(next));
    }
    return steps;
  }

  private Explanation in(CallScript.Typed call, String where) {
    Task back = current();
    Task there = numbers.running(call.words().get(1), where);
    List<String> inner = call.words().subList(2, call.words().size());
    List<Step> steps = new ArrayList<>(change(there));
    Explanation one = explain(new CallScript.Typed(inner, call.result(), call.pasted()));
    steps.addAll(one.steps());
    if (back.state() == Task.State.RUNNING && !current().equals(back)) {
      steps.addAll(change(back));
    }
    return new Explanation(
        "in task " + there.pid() + ": " + one.call(),
        one.arguments(),
        steps,
        one.result(),
        one.errno(),
        one.changes());
  }
}
