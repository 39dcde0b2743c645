// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.explain;

import io.mm4j.api.Cpu;
import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.plugin.Sizes;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ElfImage;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.cli.exec.Programs;
import io.mm4j.cli.explain.Explanation.Change;
import io.mm4j.cli.explain.Explanation.Step;
import io.mm4j.cli.proc.MapsFile;
import io.mm4j.replay.RunningProcess;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Scenarios of several tasks on one CPU: fork, vfork, exec, exit, wait, kernel threads and the
 * context switch, with the kernel's functions and the numbers that they change; and calls of the
 * task that runs, which {@link CallExplainer} explains.
 */
public final class TaskExplainer {
  private static final String EXEC = "exec";
  private static final String IN = "in";
  private static final Set<String> OPERATIONS =
      Set.of("fork", "vfork", "execve", "exit", "wait", "kthread", "switch", "process", IN);

  private final Machine machine;
  private final Tasks tasks;
  private final Cpu cpu;
  private final TopTables top;
  private final ForkSteps forks;
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
    this.top = new TopTables(machine);
    this.forks = new ForkSteps(machine, top);
    this.results = results;
    this.root = root;
    this.calls = new CallExplainer(List.of(first), first, results);
    String name = first.command().substring(first.command().lastIndexOf('/') + 1);
    Task task = tasks.adopt(name.isEmpty() ? "init" : name, first.mm());
    processes.put(task.pid(), first);
    tasks.switchTo(cpu, task);
  }

  /** How the operations are typed, a line each. */
  public static List<String> forms() {
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
          String.join(", ", forms()));
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

  /** Whether a pasted line said that a call failed that did not here, or the other way round. */
  public boolean differs() {
    return calls.differs();
  }

  /** Does an operation of tasks, or a call of the task that runs. */
  public Explanation explain(CallScript.Typed call) {
    List<String> words = call.words();
    if (!knows(words)) {
      user(String.join(" ", words));
      return calls.explain(call);
    }
    String where = String.join(" ", words);
    return switch (words.getFirst()) {
      case "fork" -> fork(false);
      case "vfork" -> fork(true);
      case "exit" -> exit();
      case "wait" -> await(words.size() > 1 ? pid(words.get(1), where) : -1);
      case "kthread" -> kthread(words.get(1));
      case "switch", "process" -> switchTo(task(words.get(1), where), words.getFirst());
      case IN -> in(call, where);
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
          "switch PID with " + pids());
    }
    return task;
  }

  private String pids() {
    return tasks.all().stream()
        .map(t -> t.pid() + " (" + t.comm() + ", " + word(t.state()) + ")")
        .reduce((a, b) -> a + ", " + b)
        .orElse("no task: all have ended");
  }

  private static String word(Task.State state) {
    return state.name().toLowerCase(Locale.ROOT);
  }

  private int pid(String text, String where) {
    if (text.matches("[$r][0-9]+")) {
      int at = (int) Sizes.parseNumber(text.substring(1), where);
      if (at < 1 || at > results.size()) {
        throw new InputException("there is no result " + text, where, "$1 to $" + results.size());
      }
      return results.get(at - 1).intValue();
    }
    return (int) Math.min(Sizes.parseNumber(text, where), Integer.MAX_VALUE);
  }

  private Task task(String text, String where) {
    int pid = pid(text, where);
    Task found = pid == 0 ? tasks.idle(cpu) : tasks.find(pid);
    if (found == null || found.state() != Task.State.RUNNING) {
      throw new InputException(
          found == null
              ? "there is no task " + pid
              : "task " + pid + " cannot run: " + word(found.state()),
          where,
          "one of " + pids());
    }
    return found;
  }

  static String mm(@Nullable AddressSpace space) {
    if (space == null) {
      return "init_mm";
    }
    MmFields.Users users = space.fields().users();
    return "mm_users=" + users.mmUsers() + " mm_count=" + users.mmCount();
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
    long root = TopTables.frame(old);
    Map<Long, Long> writable = new LinkedHashMap<>();
    old.forEachMap(vma -> writable.put(vma.start(), forks.writable(root, vma)));
    long[] frames = forks.frames();
    List<Step> steps = new ArrayList<>();
    long result = share ? tasks.vfork(parent) : tasks.fork(parent);
    if (Errno.isError(result)) {
      steps.add(new Step("copy_process", "there is no memory for the child: all is undone"));
      return done(name + "()", steps, result, "", List.of());
    }
    Task child = task(Long.toString(result), name);
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
      steps.add(
          new Step(
              "copy_mm",
              "CLONE_VM: the child has the same mm_struct, and nothing is copied: " + mm(old)));
      steps.add(
          new Step(
              "vfork",
              "CLONE_VFORK: task "
                  + parent.pid()
                  + " waits until the child calls exec or exit (wait_for_vfork_done); the CPU"
                  + " idles"));
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
    MmFields before = mm.fields();
    long root = TopTables.frame(mm);
    long[] frames = forks.frames();
    long committed = machine.processes().committedPages();
    int pid = task.pid();
    tasks.exit(task);
    processes.remove(pid);
    List<Step> steps = new ArrayList<>();
    boolean last = before.users().mmUsers() == 1;
    steps.add(
        new Step(
            "exit_mm",
            "do_exit(): task "
                + pid
                + " has no mm any more; mm_users goes from "
                + before.users().mmUsers()
                + " to "
                + (before.users().mmUsers() - 1)
                + (last ? ": mmput() calls exit_mmap()" : ": others go on with all of it")));
    if (last) {
      long[] after = forks.frames();
      steps.add(
          new Step(
              "unmap_vmas",
              String.format(
                  Locale.ROOT,
                  "%d VMAs with %d resident pages: %d anonymous pages had no other user and are"
                      + " free; %d page-cache pages stay cached",
                  before.mapCount(),
                  before.rssPages(),
                  frames[1] - after[1],
                  machine.framesOwnedBy(FrameOwner.FILE))));
      steps.add(
          new Step(
              "free_pgtables",
              String.format(
                  Locale.ROOT,
                  "%d page tables below the directory are free",
                  frames[0] - after[0])));
      steps.add(
          new Step(
              "vm_unacct_memory",
              String.format(
                  Locale.ROOT,
                  "%d pages are committed no longer",
                  committed - machine.processes().committedPages())));
      steps.add(
          new Step(
              "lazy TLB",
              String.format(
                  Locale.ROOT,
                  "cpu%d has page directory 0x%x loaded until it runs a task with another"
                      + " (active_mm of its idle task): that is the last reference of mm_count",
                  cpu.id(),
                  root)));
    }
    Task parent = tasks.find(task.ppid());
    steps.add(
        new Step(
            "exit_notify",
            task.state() == Task.State.ZOMBIE
                ? "a zombie until "
                    + (parent == null ? "its parent" : "task " + parent.pid())
                    + " calls wait"
                : "nobody waits for it: it is forgotten"));
    steps.add(new Step("schedule", "the CPU idles; there are " + pids()));
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
    Task prev = current();
    AddressSpace loaded = prev.activeMm();
    LongFunction<String> hex = frame -> "0x" + Long.toHexString(frame);
    long before = loaded == null ? -1 : TopTables.frame(loaded);
    List<Step> steps = new ArrayList<>();
    if (prev.equals(next)) {
      steps.add(new Step("schedule", "task " + next.pid() + " runs already"));
      return steps;
    }
    tasks.switchTo(cpu, next);
    AddressSpace mm = next.mm();
    if (mm == null) {
      steps.add(
          new Step(
              "enter_lazy_tlb",
              "task "
                  + next.pid()
                  + " has no mm: page directory "
                  + (before < 0 ? "of init_mm" : hex.apply(before))
                  + " stays loaded as its active_mm: "
                  + mm(next.activeMm())));
      return steps;
    }
    long now = TopTables.frame(mm);
    if (now == before) {
      steps.add(
          new Step(
              "switch_mm",
              "page directory " + hex.apply(now) + " is loaded already: CR3 stays, no TLB flush"));
    } else {
      steps.add(
          new Step(
              "switch_mm",
              "CR3 goes from "
                  + (before < 0 ? "init_mm's" : hex.apply(before))
                  + " to "
                  + hex.apply(now)
                  + (before < 0 ? "" : "; " + top.compared(before, now))));
    }
    steps.add(
        new Step(
            "mm_struct",
            "of task "
                + next.pid()
                + ": "
                + mm(mm)
                + (loaded == null || loaded.equals(mm)
                    ? ""
                    : "; of the one before: " + left(loaded))));
    if (processes.containsKey(next.pid())) {
      calls.become(process(next));
    }
    return steps;
  }

  /** The counts of an address space that may have gone with this switch. */
  private static String left(AddressSpace mm) {
    MmFields.Users users = mm.fields().users();
    return users.mmCount() == 0 ? "gone, with its page directory (mmdrop)" : mm(mm);
  }

  private Explanation in(CallScript.Typed call, String where) {
    Task back = current();
    Task there = task(call.words().get(1), where);
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
