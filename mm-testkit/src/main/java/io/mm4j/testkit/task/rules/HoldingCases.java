// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.memory.PhysicalMemory;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.task.naive.NaiveTasks;
import java.util.Objects;

/** Cases of tasks and address spaces that meet otherwise than by fork and exec. */
final class HoldingCases {
  private static final long A = 0x20000000L;
  private static final long THREAD = Tasks.CLONE_VM | Tasks.CLONE_SIGHAND | Tasks.CLONE_THREAD;
  private static final int PAGES = 4;

  private HoldingCases() {}

  private static void misuse(TaskBench bench, String what, Runnable call) {
    try {
      call.run();
    } catch (MisuseException e) {
      bench.checkTasks();
      bench.checkUsers();
      bench.checkCounts();
      bench.checkLoaded();
      return;
    }
    throw new RuleViolation("misuse: " + what, "nothing thrown");
  }

  private static void map(AddressSpace mm, int value) {
    checkEqual(A, mm.mmap(A, PAGES * TaskBench.PAGE, 3, 0x32, -1, 0), "mmap");
    for (int i = 0; i < PAGES; i++) {
      check(mm.write(A + i * TaskBench.PAGE, value).ok(), "a write", "a signal");
    }
  }

  private static NaiveTasks.One child(TaskBench bench, NaiveTasks.One parent, long flags) {
    NaiveTasks.One child = bench.clone(parent, flags);
    check(child != null, "a child", "none");
    return Objects.requireNonNull(child);
  }

  static void adopts(TaskBench bench) {
    AddressSpace before = bench.machine.processes().spawn(bench.config());
    map(before, 5);
    NaiveTasks.One task = bench.adopt(before);
    AddressSpace mm = Objects.requireNonNull(bench.task(task).mm());
    check(mm.equals(before), "the address space that was given", mm.toString());
    checkEqual(5, mm.read(A).value(), "a byte that was there before");
    checkEqual(0, bench.task(task).ppid(), "its parent");
    checkEqual(task.pid, bench.task(task).tgid(), "its group");
    bench.checkUsers();
    misuse(bench, "an address space that a task has", () -> bench.tasks.adopt("again", before));
    NaiveTasks.One copy = child(bench, task, 0);
    misuse(
        bench,
        "an address space that came by fork",
        () -> bench.tasks.adopt("again", bench.space(copy.mm)));
    try (TaskBench other = bench.another()) {
      AddressSpace foreign = other.machine.processes().spawn(other.config());
      misuse(bench, "an address space of another floor", () -> bench.tasks.adopt("x", foreign));
    }
    AddressSpace ended = bench.machine.processes().spawn(bench.config());
    ended.exit();
    misuse(bench, "an address space that has ended", () -> bench.tasks.adopt("x", ended));
    bench.run(0, task);
    checkEqual(5, byteAt(bench, bench.tasks.access(bench.cpu(0), A, 0)), "a byte by the MMU");
    bench.exit(task);
    bench.idle(0);
    bench.exit(copy);
    bench.checkCounts();
    bench.checkDirectories();
  }

  static void exitGroup(TaskBench bench) {
    NaiveTasks.One leader = bench.spawn();
    map(bench.space(leader.mm), 1);
    NaiveTasks.One one = child(bench, leader, THREAD);
    NaiveTasks.One two = child(bench, one, THREAD);
    NaiveTasks.One sharer = child(bench, leader, Tasks.CLONE_VM);
    NaiveTasks.One copy = child(bench, one, 0);
    bench.run(0, leader);
    bench.run(1, one);
    bench.run(2, sharer);
    bench.exitGroup(two);
    bench.checkTasks();
    bench.checkLoaded();
    bench.checkCounts();
    checkEqual(1, bench.space(sharer.mm).read(A).value(), "what a sharer of another group sees");
    checkEqual(1, bench.space(copy.mm).read(A).value(), "what a child sees");
    bench.exitGroup(sharer);
    bench.checkUsers();
    bench.checkTasks();
    bench.exitGroup(copy);
    bench.checkTasks();
    waiting(bench);
  }

  /** One of the group waits for the child of its vfork, which lives on. */
  private static void waiting(TaskBench bench) {
    NaiveTasks.One leader = bench.spawn();
    NaiveTasks.One thread = child(bench, leader, THREAD);
    NaiveTasks.One child = child(bench, leader, Tasks.CLONE_VM | Tasks.CLONE_VFORK);
    bench.exitGroup(thread);
    bench.checkTasks();
    bench.validate();
    bench.exec(child, "tiny");
    bench.checkTasks();
    bench.validate();
  }

  static void names(TaskBench bench) {
    Task first = bench.task(bench.spawn());
    check(first.comm().equals("first"), "first", first.comm());
    Task worker = bench.tasks.kthread("kworker/u257:13-events");
    bench.model.born(worker.pid(), worker.pid(), 0, NaiveTasks.NONE, true);
    check(worker.comm().equals("kworker/u257:13"), "15 bytes", worker.comm());
    long pid = bench.tasks.fork(first);
    Task child = Objects.requireNonNull(bench.tasks.find((int) pid));
    check(child.comm().equals("first"), "its parent's name", child.comm());
    for (String[] form :
        new String[][] {
          {"/usr/bin/a", "a"},
          {"b", "b"},
          {"./x/123456789012345", "123456789012345"},
          {"/bin/1234567890123456", "123456789012345"}
        }) {
      checkEqual(0, bench.tasks.exec(child, bench.request(form[0])), "exec");
      check(child.comm().equals(form[1]), form[1], child.comm());
    }
    check(first.comm().equals("first"), "the parent's own name", first.comm());
  }

  static void usesMm(TaskBench bench) {
    NaiveTasks.One owner = bench.spawn();
    map(bench.space(owner.mm), 9);
    AddressSpace mm = bench.space(owner.mm);
    NaiveTasks.One worker = bench.kthread();
    Task kthread = bench.task(worker);
    misuse(bench, "a kernel thread that does not run", () -> bench.tasks.useMm(kthread, mm));
    bench.run(1, worker);
    misuse(bench, "a kernel thread that uses none", () -> bench.tasks.unuseMm(kthread));
    checkEqual(
        signalOf(TouchOutcome.Kind.SEGV_MAPERR),
        bench.tasks.access(bench.cpu(1), A, 0),
        "an access without memory");
    bench.tasks.useMm(kthread, mm);
    worker.uses = true;
    bench.model.change(worker, owner.mm);
    check(mm.equals(kthread.mm()), "the memory that it uses", "" + kthread.mm());
    checkEqual(9, byteAt(bench, bench.tasks.access(bench.cpu(1), A, 0)), "the owner's byte");
    misuse(bench, "a second use", () -> bench.tasks.useMm(kthread, mm));
    misuse(bench, "exit with somebody's memory", () -> bench.tasks.exit(kthread));
    misuse(
        bench,
        "exec with somebody's memory",
        () -> bench.tasks.exec(kthread, bench.request("tiny")));
    bench.run(0, owner);
    misuse(bench, "a process", () -> bench.tasks.useMm(bench.task(owner), mm));
    // A child has its parent's memory, and this is not the kernel thread's.
    long pid = bench.tasks.clone(kthread, Tasks.CLONE_VM);
    check(pid > 0, "a child", Long.toString(pid));
    bench.model.born((int) pid, (int) pid, worker.pid, NaiveTasks.NONE, true);
    bench.checkUsers();
    Task child = Objects.requireNonNull(bench.tasks.find((int) pid));
    check(child.mm() == null, "a child without memory", "with");
    bench.tasks.unuseMm(kthread);
    bench.model.change(worker, NaiveTasks.NONE);
    worker.uses = false;
    bench.checkCounts();
    bench.checkLoaded();
    check(kthread.mm() == null, "no memory of its own", "" + kthread.mm());
    check(mm.equals(kthread.activeMm()), "what was loaded, lazily", "" + kthread.activeMm());
    bench.exit(owner);
    misuse(bench, "memory that nobody has", () -> bench.tasks.get(mm));
    bench.checkDirectories();
    bench.exit(worker);
    misuse(bench, "an ended kernel thread", () -> bench.tasks.useMm(kthread, mm));
    ShortCases.closedInUse(bench);
  }

  static void holds(TaskBench bench) {
    NaiveTasks.One task = bench.spawn();
    AddressSpace mm = bench.space(task.mm);
    map(mm, 3);
    misuse(bench, "put without get", () -> bench.tasks.put(mm));
    misuse(bench, "drop without grab", () -> bench.tasks.drop(mm));
    bench.tasks.get(mm);
    bench.model.guest(task.mm, 1);
    bench.tasks.grab(mm);
    bench.model.grab(task.mm, 1);
    int number = task.mm;
    bench.exit(task);
    checkEqual(3, mm.read(A).value(), "a byte that a guest reads after the last task");
    bench.tasks.put(mm);
    bench.model.guest(number, -1);
    bench.checkCounts();
    misuse(bench, "get after the last user", () -> bench.tasks.get(mm));
    misuse(bench, "put after the last user", () -> bench.tasks.put(mm));
    bench.checkDirectories();
    bench.tasks.drop(mm);
    bench.model.grab(number, -1);
    bench.checkDirectories();
    misuse(bench, "an address space that has gone", () -> bench.tasks.grab(mm));
    AddressSpace nobodys = bench.machine.processes().spawn(bench.config());
    misuse(bench, "an address space of no task", () -> bench.tasks.get(nobodys));
    nobodys.exit();
  }

  /** The byte in RAM where an access led. */
  private static int byteAt(TaskBench bench, long paddr) {
    check(paddr >= 0, "a physical address", "signal " + (-1 - paddr));
    PhysicalMemory memory = bench.machine.memory();
    return memory.getByte(paddr) & 0xff;
  }

  static void accesses(TaskBench bench) {
    NaiveTasks.One task = bench.spawn();
    AddressSpace mm = bench.space(task.mm);
    map(mm, 6);
    checkEqual(
        A + 16 * TaskBench.PAGE,
        mm.mmap(A + 16 * TaskBench.PAGE, TaskBench.PAGE, 1, 0x32, -1, 0),
        "mmap to read");
    bench.run(0, task);
    long first = bench.tasks.access(bench.cpu(0), A + 5, Mmu.WRITE);
    bench.machine.memory().putByte(first, (byte) 77);
    checkEqual(77, mm.read(A + 5).value(), "a byte that was written where the access led");
    NaiveTasks.One copy = child(bench, task, 0);
    long read = bench.tasks.access(bench.cpu(0), A + 5, 0);
    checkEqual(first, read, "where a read leads after a fork");
    long written = bench.tasks.access(bench.cpu(0), A + 5, Mmu.WRITE);
    check(written != first, "a copy of the page", "the shared one");
    checkEqual(77, byteAt(bench, written), "the copied byte");
    signal(bench, TouchOutcome.Kind.SEGV_MAPERR, A - TaskBench.PAGE, 0);
    signal(bench, TouchOutcome.Kind.SEGV_ACCERR, A + 16 * TaskBench.PAGE, Mmu.WRITE);
    signal(bench, TouchOutcome.Kind.SEGV_MAPERR, mm.layout().taskSize(), 0);
    if (bench.machine.pageTables().format().shape().addressBits() > 32) {
      signal(bench, TouchOutcome.Kind.SEGV_ACCERR, A, Mmu.FETCH);
      signal(bench, TouchOutcome.Kind.SEGV_KERNEL, 1L << 62, 0);
      long direct = bench.machine.pageTables().format().kernel().directMap();
      signal(bench, TouchOutcome.Kind.SEGV_MAPERR, direct, 0);
    }
    bench.exit(copy);
    bench.idle(0);
    signal(bench, TouchOutcome.Kind.SEGV_MAPERR, A, 0);
  }

  private static void signal(TaskBench bench, TouchOutcome.Kind kind, long uaddr, int access) {
    checkEqual(
        signalOf(kind),
        bench.tasks.access(bench.cpu(0), uaddr, access),
        kind + " at 0x" + Long.toHexString(uaddr));
  }

  @SuppressWarnings("EnumOrdinal") // so Tasks.access promises
  private static long signalOf(TouchOutcome.Kind kind) {
    return -1L - kind.ordinal();
  }
}
