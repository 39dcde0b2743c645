// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.machine.LeakReport;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.MachineConfig;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpaceConfig;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.paging.rules.HookedProvider;
import io.mm4j.testkit.task.naive.NaiveTasks;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A machine with the tasks that are judged, and the list of what they should be. */
final class TaskBench extends Subject {
  static final int CPUS = 3;
  static final long PAGE = 4096;

  /** Plugins below, as found beside the kit. */
  private static final List<Spi<?>> BELOW =
      List.of(
          Spi.PHYSICAL_MEMORY,
          Spi.FRAME_ALLOCATOR,
          Spi.PAGE_ALLOCATOR,
          Spi.PAGE_TABLE,
          Spi.PAGING,
          Spi.VMA_INDEX);

  final Machine machine;

  /** What refuses frames when a case wants that. */
  final HookedPages hook;

  final Tasks tasks;
  final NaiveTasks model = new NaiveTasks(CPUS);
  final Abi abi;

  /** The program: one file, whose pages stay in the page cache. */
  private final MappedFile file;

  /** AT_RANDOM of the programs that were drawn, by their seed. */
  final Map<Long, List<Integer>> randomBytes = new HashMap<>();

  private final Map<Integer, AddressSpace> spaces = new HashMap<>();
  private final Supplier<TaskBench> others;
  private final List<LeakReport> leaks = new ArrayList<>();

  TaskBench(ProcessFloorProvider provider, Options options, Architecture architecture) {
    others = () -> new TaskBench(provider, options, architecture);
    PluginRegistry found = PluginRegistry.discover();
    Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
    for (Spi<?> spi : BELOW) {
      String name = spi.reference(architecture);
      providers.put(spi, List.of(found.provider(spi, name, "the test kit")));
    }
    String pages = Spi.PAGE_ALLOCATOR.reference(architecture);
    HookedProvider hooked =
        new HookedProvider(found.provider(Spi.PAGE_ALLOCATOR, pages, "the test kit"));
    providers.put(Spi.PAGE_ALLOCATOR, List.of(hooked));
    providers.put(Spi.PROCESS, List.of(provider));
    MachineConfig config =
        new MachineConfig()
            .registry(PluginRegistry.of(providers))
            .architecture(architecture)
            .memory(64L << 20)
            .cpus(CPUS)
            .onLeak(leaks::add)
            .plugin(Spi.PAGE_ALLOCATOR, PluginSpec.of(hooked.name()))
            .plugin(Spi.PROCESS, new PluginSpec(provider.name(), options.asMap()));
    machine = config.boot();
    hook = hooked.made();
    tasks = machine.processes().tasks();
    abi =
        switch (architecture) {
          case X86_64 -> Abi.X86_64;
          case X86_32_24 -> Abi.I386_24;
          default -> Abi.I386;
        };
    file = TinyElf.file(abi.is64());
  }

  /** Why nothing can be judged here, or null. */
  static @Nullable String missing() {
    PluginRegistry found = PluginRegistry.discover();
    for (Spi<?> spi : BELOW) {
      if (found.plugins(spi).stream().noneMatch(i -> i.name().equals(spi.reference()))) {
        return "no " + spi.reference() + " of " + spi.id() + " is on the module path";
      }
    }
    return null;
  }

  Cpu cpu(int id) {
    return machine.cpus().get(id);
  }

  AddressSpaceConfig config() {
    AddressSpaceConfig config = AddressSpaceConfig.defaults().totalRamKb(64L << 10);
    if (abi == Abi.X86_64) {
      return config;
    }
    return config.layout(MmLayout.x8632());
  }

  // ---------------------------------------------------------------- both sides at once

  Task task(NaiveTasks.One one) {
    Task task = tasks.find(one.pid);
    check(task != null, "a task of pid " + one.pid, "none");
    return Objects.requireNonNull(task);
  }

  AddressSpace space(int mm) {
    return Objects.requireNonNull(spaces.get(mm));
  }

  NaiveTasks.One spawn() {
    Task task = tasks.spawn("first", config());
    int mm = model.newMm();
    spaces.put(mm, Objects.requireNonNull(task.mm()));
    return model.born(task.pid(), task.pid(), 0, mm, false);
  }

  /** Another machine of the same kind. */
  TaskBench another() {
    return others.get();
  }

  /** A task that has this address space. */
  NaiveTasks.One adopt(AddressSpace space) {
    Task task = tasks.adopt("adopted", space);
    int mm = model.newMm();
    spaces.put(mm, Objects.requireNonNull(task.mm()));
    return model.born(task.pid(), task.pid(), 0, mm, false);
  }

  NaiveTasks.One kthread() {
    Task task = tasks.kthread("kthread");
    return model.born(task.pid(), task.pid(), 0, NaiveTasks.NONE, true);
  }

  /** The child; null if the call failed. */
  NaiveTasks.@Nullable One clone(NaiveTasks.One parent, long flags) {
    long pid = tasks.clone(task(parent), flags);
    if (pid < 0) {
      return null;
    }
    boolean thread = (flags & Tasks.CLONE_THREAD) != 0;
    boolean sibling = thread || (flags & Tasks.CLONE_PARENT) != 0;
    int mm = NaiveTasks.NONE;
    if (parent.mm != NaiveTasks.NONE && !parent.uses) {
      mm = (flags & Tasks.CLONE_VM) != 0 ? parent.mm : model.newMm();
    }
    NaiveTasks.One child =
        model.born(
            (int) pid,
            thread ? parent.tgid : (int) pid,
            sibling ? parent.parent : parent.tgid,
            mm,
            parent.kernel);
    AddressSpace space = task(child).mm();
    if (mm != NaiveTasks.NONE) {
      check(space != null, "an address space of the child", "none");
      spaces.putIfAbsent(mm, Objects.requireNonNull(space));
    }
    if ((flags & Tasks.CLONE_VFORK) != 0) {
      child.vforkParent = parent.pid;
      parent.waits = true;
      if (parent.cpu >= 0) {
        model.run(parent.cpu, 0);
      }
    }
    return child;
  }

  void exec(NaiveTasks.One task, String... arguments) {
    long error = tasks.exec(task(task), TinyElf.request(file, abi, arguments));
    checkEqual(0, error, "exec");
    for (NaiveTasks.One other : model.living()) {
      if (other != task && other.tgid == task.tgid) {
        model.end(other);
      }
    }
    model.lead(task);
    model.wake(task);
    int mm = model.newMm();
    task.kernel = false;
    model.change(task, mm);
    spaces.put(mm, Objects.requireNonNull(task(task).mm()));
  }

  void exit(NaiveTasks.One task) {
    tasks.exit(task(task));
    model.end(task);
  }

  void exitGroup(NaiveTasks.One task) {
    tasks.exitGroup(task(task));
    int group = task.tgid;
    for (NaiveTasks.One each : model.living()) {
      if (each.tgid == group) {
        model.end(each);
      }
    }
  }

  /** The program under that path. */
  ExecRequest request(String path) {
    ExecRequest r = TinyElf.request(file, abi);
    return new ExecRequest(
        path, r.program(), null, r.abi(), r.arguments(), r.environment(), r.auxiliary());
  }

  void run(int cpu, NaiveTasks.One task) {
    tasks.switchTo(cpu(cpu), task(task));
    model.run(cpu, task.pid);
  }

  void idle(int cpu) {
    tasks.switchTo(cpu(cpu), tasks.idle(cpu(cpu)));
    model.run(cpu, 0);
  }

  // ---------------------------------------------------------------- comparing

  /** Address spaces of which something is left. */
  List<Integer> leftMms() {
    List<Integer> left = new ArrayList<>();
    for (int mm = 1; mm < model.mms(); mm++) {
      if (model.count(mm) > 0) {
        left.add(mm);
      }
    }
    return left;
  }

  void checkUsers() {
    for (int mm : leftMms()) {
      int seen = space(mm).fields().users().mmUsers();
      checkEqual(model.users(mm), seen, "mm_users of address space " + mm);
    }
  }

  void checkCounts() {
    for (int mm = 1; mm < model.mms(); mm++) {
      int seen = space(mm).fields().users().mmCount();
      checkEqual(model.count(mm), seen, "mm_count of address space " + mm);
    }
  }

  void checkInit() {
    checkEqual(2, tasks.initMmUsers(), "mm_users of init_mm");
    checkEqual(model.count(NaiveTasks.INIT), tasks.initMmCount(), "mm_count of init_mm");
  }

  void checkDirectories() {
    for (int mm = 1; mm < model.mms(); mm++) {
      boolean there = space(mm).fields().pgd() != 0;
      check(
          there == (model.count(mm) > 0),
          "the page directory of address space " + mm + (there ? " gone" : " there"),
          there ? "there" : "gone");
    }
  }

  void checkTasks() {
    checkEqual(model.all().size(), tasks.all().size(), "tasks");
    for (NaiveTasks.One one : model.all()) {
      Task seen = task(one);
      Task.State state =
          one.zombie ? Task.State.ZOMBIE : one.waits ? Task.State.VFORK_WAIT : Task.State.RUNNING;
      check(seen.state() == state, one.pid + " " + state, "" + seen.state());
      checkEqual(one.cpu, seen.cpu(), "the CPU of " + one.pid);
      checkEqual(one.tgid, seen.tgid(), "tgid of " + one.pid);
      checkEqual(one.parent, seen.ppid(), "ppid of " + one.pid);
      check(
          one.kernel == seen.isKernelThread(),
          one.pid + " kernel=" + one.kernel,
          "" + seen.isKernelThread());
    }
  }

  void checkLoaded() {
    PageTables tables = machine.pageTables();
    for (int cpu = 0; cpu < CPUS; cpu++) {
      checkEqual(model.current(cpu), tasks.current(cpu(cpu)).pid(), "the task of CPU " + cpu);
      int active = model.active(cpu);
      long wanted =
          active == NaiveTasks.INIT ? PageTables.NO_ROOT : space(active).fields().pgd() >>> 12;
      checkEqual(wanted, tables.mmu(cpu(cpu)).root(), "page directory loaded on CPU " + cpu);
      AddressSpace seen = tasks.current(cpu(cpu)).activeMm();
      check(
          active == NaiveTasks.INIT ? seen == null : space(active).equals(seen),
          "active_mm of the task of CPU " + cpu + ": that of address space " + active,
          "" + seen);
    }
    for (int mm : leftMms()) {
      long cpus = 0;
      for (int cpu = 0; cpu < CPUS; cpu++) {
        cpus |= model.active(cpu) == mm ? 1L << cpu : 0;
      }
      checkEqual(
          cpus, space(mm).fields().tables().cpuVmMask(), "mm_cpumask of address space " + mm);
    }
  }

  @Override
  public void validate() {
    tasks.validate();
  }

  @Override
  public void close() {
    machine.close();
    check(leaks.isEmpty(), "no frame in use when the machine is closed", leaks.toString());
  }
}
