// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.MisuseException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest.Abi;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.task.naive.NaiveTasks;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Cases of tasks that were written by hand. */
final class TaskCases {
  private static final long A = 0x20000000L;
  private static final int RW = 3;
  private static final int FIXED = 0x32;

  private TaskCases() {}

  private static AddressSpace mm(TaskBench bench, NaiveTasks.One task) {
    return bench.space(task.mm);
  }

  private static void map(AddressSpace mm) {
    checkEqual(A, mm.mmap(A, 16 * TaskBench.PAGE, RW, FIXED, -1, 0), "mmap");
    for (int i = 0; i < 16; i++) {
      check(mm.write(A + i * TaskBench.PAGE, 7).ok(), "a write", "a signal");
    }
  }

  private static NaiveTasks.One child(TaskBench bench, NaiveTasks.One parent, long flags) {
    NaiveTasks.One child = bench.clone(parent, flags);
    check(child != null, "a child", "none");
    return Objects.requireNonNull(child);
  }

  private static long free(Machine machine) {
    return machine.pages().freePages() + machine.pages().pcpPages();
  }

  static void nothingLost(TaskBench bench) {
    // The first life makes what stays: the kernel's tables and the zero page.
    long[] left = new long[3];
    for (int life = 0; life < left.length; life++) {
      NaiveTasks.One one = bench.spawn();
      bench.run(0, one);
      map(mm(bench, one));
      var _ = mm(bench, one).read(A + 20 * TaskBench.PAGE);
      NaiveTasks.One two = child(bench, one, 0);
      NaiveTasks.One thread = child(bench, two, Tasks.CLONE_VM);
      bench.run(1, two);
      check(mm(bench, two).write(A, 9).ok(), "a write", "a signal");
      NaiveTasks.One worker = bench.kthread();
      bench.run(1, worker);
      bench.exit(two);
      bench.exec(one, "tiny");
      bench.exit(thread);
      bench.exit(one);
      bench.exec(worker, "tiny"); // a kernel thread that becomes a process, as init does
      bench.checkCounts();
      bench.exit(worker);
      // Something else is loaded on each CPU, and ends there: the same is left of every life.
      for (int cpu = 0; cpu < TaskBench.CPUS; cpu++) {
        NaiveTasks.One last = bench.spawn();
        bench.run(cpu, last);
        bench.exit(last);
      }
      left[life] = free(bench.machine);
    }
    checkEqual(left[1], left[2], "free frames after another life");
    bench.checkCounts();
  }

  static void forkCopies(TaskBench bench) {
    NaiveTasks.One parent = bench.spawn();
    map(mm(bench, parent));
    NaiveTasks.One copy = child(bench, parent, 0);
    check(mm(bench, copy).write(A, 1).ok(), "a write", "a signal");
    checkEqual(7, mm(bench, parent).read(A).value(), "the parent's byte after the child's write");
    NaiveTasks.One shares = child(bench, parent, Tasks.CLONE_VM);
    AddressSpace its = Objects.requireNonNull(bench.task(shares).mm());
    check(its.write(A, 2).ok(), "a write", "a signal");
    checkEqual(2, mm(bench, parent).read(A).value(), "the parent's byte after a thread's write");
    checkEqual(1, mm(bench, copy).read(A).value(), "the child's byte");
  }

  private static List<String> maps(AddressSpace mm) {
    List<String> out = new ArrayList<>();
    mm.forEachMap(
        (VmaInfo v) -> {
          if (v.start() >= 0 && v.start() < A) {
            out.add(
                Long.toHexString(v.start()) + "-" + Long.toHexString(v.end()) + " " + v.perms());
          }
        });
    return out;
  }

  static void exec(TaskBench bench) {
    NaiveTasks.One task = bench.spawn();
    map(mm(bench, task));
    NaiveTasks.One thread =
        child(bench, task, Tasks.CLONE_VM | Tasks.CLONE_SIGHAND | Tasks.CLONE_THREAD);
    bench.run(0, thread);
    AddressSpace before = mm(bench, task);
    bench.exec(thread, "tiny");
    AddressSpace mm = mm(bench, thread);
    check(!mm.equals(before), "another address space", "the old one");
    checkEqual(0, before.fields().users().mmUsers(), "mm_users of the old one");
    List<String> wanted = List.of("401000-402000 r-xp", "403000-404000 rw-p", "404000-406000 rw-p");
    check(maps(mm).equals(wanted), wanted.toString(), maps(mm).toString());
    check(!mm.read(A).ok(), "nothing of the old mappings", "a page");
    for (long at = TinyElf.DATA; at < TinyElf.DATA + TinyElf.DATA_BYTES; at++) {
      checkEqual(TinyElf.FILLER, mm.read(at).value(), "a byte of data");
    }
    long bss = TinyElf.DATA + TinyElf.DATA_BYTES;
    for (long at = bss; at < bss + TinyElf.BSS_BYTES; at++) {
      checkEqual(0, mm.read(at).value(), "a byte of bss");
    }
    long start = mm.fields().places().startBrk();
    check(start >= bss + TinyElf.BSS_BYTES, "a heap behind bss", "0x" + Long.toHexString(start));
    checkEqual(start + TaskBench.PAGE, mm.brk(start + TaskBench.PAGE), "brk");
    bench.checkTasks();
    bench.checkLoaded();
    ExecCases.programs(bench);
  }

  static long word(AddressSpace mm, long at, int bytes) {
    long value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      value = value << 8 | mm.read(at + i).value();
    }
    return value;
  }

  static String string(AddressSpace mm, long at) {
    StringBuilder out = new StringBuilder();
    for (long a = at; mm.read(a).value() > 0; a++) {
      out.append((char) mm.read(a).value());
    }
    return out.toString();
  }

  static void firstStack(TaskBench bench) {
    NaiveTasks.One task = bench.spawn();
    bench.exec(task, "tiny", "one", "");
    AddressSpace mm = mm(bench, task);
    int size = bench.abi == Abi.X86_64 ? 8 : 4;
    long sp = mm.fields().places().startStack();
    checkEqual(0, sp & 15, "the lowest bits of the stack pointer");
    checkEqual(3, word(mm, sp, size), "argc");
    List<String> seen = new ArrayList<>();
    long at = sp + size;
    for (int list = 0; list < 2; list++) {
      for (long p = word(mm, at, size); p != 0; p = word(mm, at, size)) {
        seen.add(string(mm, p));
        at += size;
      }
      at += size;
    }
    List<String> wanted = List.of("tiny", "one", "", "HOME=/");
    check(seen.equals(wanted), wanted.toString(), seen.toString());
    long entry = 0;
    long headers = 0;
    for (long type = word(mm, at, size); type != 0; type = word(mm, at, size)) {
      entry = type == 9 ? word(mm, at + size, size) : entry;
      headers = type == 5 ? word(mm, at + size, size) : headers;
      at += 2L * size;
      check(at < mm.fields().places().argStart(), "AT_NULL", "none");
    }
    checkEqual(TinyElf.CODE, entry, "AT_ENTRY");
    checkEqual(3, headers, "AT_PHNUM");
    StackCases.stacks(bench);
  }

  static void cloneArguments(TaskBench bench) {
    NaiveTasks.One task = bench.spawn();
    Task parent = bench.task(task);
    for (long flags :
        new long[] {
          Tasks.CLONE_THREAD,
          Tasks.CLONE_THREAD | Tasks.CLONE_VM,
          Tasks.CLONE_SIGHAND,
          Tasks.CLONE_THREAD | Tasks.CLONE_SIGHAND
        }) {
      checkEqual(-Errno.EINVAL, bench.tasks.clone(parent, flags), "clone");
    }
    bench.checkTasks();
    bench.checkUsers();
  }

  static void waits(TaskBench bench) {
    NaiveTasks.One first = bench.spawn();
    checkEqual(-Errno.ECHILD, bench.tasks.wait4(bench.task(first), -1), "wait4 without children");
    NaiveTasks.One child = child(bench, first, 0);
    NaiveTasks.One grandchild = child(bench, child, 0);
    checkEqual(0, bench.tasks.wait4(bench.task(first), -1), "wait4 while the child lives");
    NaiveTasks.One sibling = child(bench, child, Tasks.CLONE_PARENT);
    checkEqual(first.pid, bench.task(sibling).ppid(), "the parent of a clone with CLONE_PARENT");
    bench.exit(child);
    checkEqual(first.pid, bench.task(grandchild).ppid(), "the orphan's parent");
    check(bench.task(child).state() == Task.State.ZOMBIE, "a zombie", "none");
    checkEqual(child.pid, bench.tasks.wait4(bench.task(first), child.pid), "wait4");
    bench.model.reap(child.pid);
    check(bench.tasks.find(child.pid) == null, "nobody of that pid", "a task");
    NaiveTasks.One thread =
        child(bench, first, Tasks.CLONE_VM | Tasks.CLONE_SIGHAND | Tasks.CLONE_THREAD);
    bench.exit(thread);
    check(bench.tasks.find(thread.pid) == null, "no zombie of a thread", "a task");
    bench.checkTasks();
    waitsOfThreads(bench, first);
  }

  /** Threads wait for each other's children, and nobody waits for a thread. */
  private static void waitsOfThreads(TaskBench bench, NaiveTasks.One first) {
    long threads = Tasks.CLONE_VM | Tasks.CLONE_SIGHAND | Tasks.CLONE_THREAD;
    NaiveTasks.One leader = child(bench, first, 0);
    NaiveTasks.One thread = child(bench, leader, threads);
    NaiveTasks.One its = child(bench, thread, 0);
    bench.exit(its);
    checkEqual(its.pid, bench.tasks.wait4(bench.task(leader), its.pid), "wait4 by another thread");
    bench.model.reap(its.pid);
    checkEqual(
        -Errno.ECHILD, bench.tasks.wait4(bench.task(first), thread.pid), "wait4 for a thread");
    bench.exit(leader);
    checkEqual(
        0,
        bench.tasks.wait4(bench.task(first), leader.pid),
        "wait4 for a leader whose thread goes on");
    check(
        bench.task(leader).state() == Task.State.ZOMBIE,
        "a zombie until the last thread has ended",
        bench.task(leader).state().toString());
    bench.exit(thread);
    checkEqual(
        leader.pid,
        bench.tasks.wait4(bench.task(first), leader.pid),
        "wait4 after the last thread");
    bench.model.reap(leader.pid);
    bench.checkTasks();
  }

  static void cannotRun(TaskBench bench) {
    NaiveTasks.One one = bench.spawn();
    NaiveTasks.One other = bench.spawn();
    bench.run(0, one);
    refused(bench, 1, bench.task(one), "a task that runs on another CPU");
    NaiveTasks.One child = child(bench, one, Tasks.CLONE_VM | Tasks.CLONE_VFORK);
    refused(bench, 0, bench.task(one), "a task that waits");
    Task ended = bench.task(other);
    bench.exit(other);
    refused(bench, 0, ended, "a task that has ended");
    refused(bench, 0, bench.tasks.idle(bench.cpu(1)), "the idle task of another CPU");
    bench.exit(child);
    bench.run(1, one);
    bench.checkTasks();
    NaiveTasks.One program = child(bench, one, Tasks.CLONE_VM | Tasks.CLONE_VFORK);
    refused(bench, 1, bench.task(one), "a task that waits again");
    bench.exec(program, "tiny");
    bench.run(1, one);
    bench.checkTasks();
  }

  private static void refused(TaskBench bench, int cpu, Task task, String what) {
    try {
      bench.tasks.switchTo(bench.cpu(cpu), task);
    } catch (MisuseException e) {
      bench.checkTasks();
      bench.checkLoaded();
      return;
    }
    throw new RuleViolation("misuse: " + what, "nothing thrown");
  }
}
