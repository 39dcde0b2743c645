// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.Tasks;
import io.mm4j.testkit.task.naive.NaiveTasks;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** Tasks that are made, and programs that are executed, with less than they need. */
final class ShortCases {
  private static final long PAGE = TaskBench.PAGE;
  private static final long A = 0x20000000L;

  /** Regions that need a page table each. */
  private static final int REGIONS = 5;

  private static final long REGION = 4L << 20;

  /** No program here has so many pages. */
  private static final int MOST_PAGES = 400;

  /** Nor needs one so many frames. */
  private static final int MOST_FRAMES = 100;

  private static final Set<Long> SHORT =
      Set.of((long) -Errno.ENOMEM, (long) -Errno.E2BIG, (long) -Errno.EFAULT);

  private ShortCases() {}

  // ---------------------------------------------------------------- clone

  /** A fork for which there are no frames is ENOMEM, and there is no child; a thread needs none. */
  static void cloneWithoutFrames(TaskBench bench) {
    NaiveTasks.One parent = bench.spawn();
    AddressSpace mm = bench.space(parent.mm);
    for (int i = 0; i < REGIONS; i++) {
      long at = A + i * REGION;
      checkEqual(at, mm.mmap(at, PAGE, 3, 0x32, -1, 0), "mmap");
      check(mm.write(at, 10 + i).ok(), "a write", "a signal");
    }
    long wide = A + 20 * REGION;
    checkEqual(wide, mm.mmap(wide, REGIONS * REGION, 3, 0x32, -1, 0), "mmap");
    bench.run(0, parent);
    PageAllocator pages = bench.machine.pages();
    List<Long> held = new ArrayList<>();
    int refused = 0;
    long pid = -Errno.ENOMEM;
    for (int left = 0; pid == -Errno.ENOMEM && left < 4 * REGIONS + 20; left++) {
      writeAll(bench, wide);
      take(bench, held);
      for (int i = 0; i < left; i++) {
        pages.freePages(bench.cpu(0), held.removeLast(), 0);
      }
      long free = free(bench);
      pid = bench.tasks.clone(bench.task(parent), 0);
      if (pid == -Errno.ENOMEM) {
        refused++;
        checkEqual(free, free(bench), "free frames after a fork that failed");
        Mmu mmu = bench.machine.pageTables().mmu(bench.cpu(0));
        checkEqual(0, mmu.stale(), "translations that a fork that failed has left stale");
        bench.checkTasks();
        bench.checkUsers();
      }
      bench.validate();
    }
    check(pid > 0 && refused > 3, "a child, but not with few frames", "" + pid);
    Task child = Objects.requireNonNull(bench.tasks.find((int) pid));
    AddressSpace its = Objects.requireNonNull(child.mm());
    for (int i = 0; i < REGIONS; i++) {
      checkEqual(10 + i, its.read(A + i * REGION).value(), "a byte of the child");
    }
    take(bench, held);
    long thread = bench.tasks.clone(bench.task(parent), Tasks.CLONE_VM);
    check(thread > 0, "a child that shares all, without frames", "" + thread);
    held.forEach(pfn -> pages.freePages(bench.cpu(0), pfn, 0));
  }

  /** The CPU writes to a page of each table of one mapping, and remembers that it may. */
  private static void writeAll(TaskBench bench, long wide) {
    for (int i = 0; i < REGIONS; i++) {
      long seen = bench.tasks.access(bench.cpu(0), wide + i * REGION, Mmu.USER | Mmu.WRITE);
      check(seen >= 0, "a write by the CPU", Long.toHexString(seen));
    }
  }

  private static void take(TaskBench bench, List<Long> held) {
    PageAllocator pages = bench.machine.pages();
    long pfn = pages.allocPages(bench.cpu(0), Gfp.GFP_KERNEL, 0);
    while (pfn >= 0) {
      held.add(pfn);
      pfn = pages.allocPages(bench.cpu(0), Gfp.GFP_KERNEL, 0);
    }
  }

  private static long free(TaskBench bench) {
    return bench.machine.pages().freePages() + bench.machine.pages().pcpPages();
  }

  // ---------------------------------------------------------------- exec

  /** A program that RLIMIT_AS has no room for is not executed; one that it has is, to the page. */
  static void execWithinLimit(TaskBench bench) {
    for (ExecRequest request : ExecCases.largeRequests(bench)) {
      boolean fits = false;
      long most = 0;
      for (int limit = 0; limit < MOST_PAGES && (!fits || limit <= most + 3); limit++) {
        Task task = bench.tasks.spawn("limited", bench.config());
        AddressSpace before = Objects.requireNonNull(task.mm());
        checkEqual(0, before.setrlimit(ResourceLimit.AS, limit * PAGE + PAGE - 1, 0), "setrlimit");
        long error = bench.tasks.exec(task, request);
        String what = "exec within " + limit + " pages";
        check(!fits || error == 0, "0 from " + what + ", as with fewer", "" + error);
        if (error == 0) {
          AddressSpace now = Objects.requireNonNull(task.mm());
          most = now.fields().totalVmPages() - ofKernel(now);
          check(most <= limit, "at most as many pages by " + what, "" + most);
          fits = true;
          bench.tasks.exit(task);
        } else {
          checkEqual(-Errno.ENOMEM, error, what);
          check(task.state() != Task.State.RUNNING, "a task that has ended", "" + task.state());
        }
        bench.validate();
      }
      check(fits, "room in " + MOST_PAGES + " pages", "none");
    }
  }

  /**
   * Each frame that a program needs is refused once, and the next one is there again: exec fails,
   * or does without it and leaves the same stack; what was taken comes back.
   */
  static void execWithoutOneFrame(TaskBench bench) {
    List<ExecRequest> all = new ArrayList<>(ExecCases.largeRequests(bench));
    all.add(bench.request("/bin/tiny"));
    for (ExecRequest request : all) {
      List<Integer> stack = List.of();
      long free = 0;
      int failed = 0;
      boolean done = false;
      for (int n = -1; n < MOST_FRAMES && !done; n++) { // twice with all frames
        Task task = bench.tasks.spawn("short", bench.config());
        AddressSpace before = task.mm();
        bench.hook.failIn(Math.max(0, n));
        long asked = bench.hook.allocations();
        long error = bench.tasks.exec(task, request);
        done = n > 0 && bench.hook.allocations() - asked < n;
        bench.hook.failIn(0);
        String what = "exec without its frame " + n;
        boolean whole = n < 1 || done;
        check(!whole || error == 0, "0 from an exec with all frames", "" + error);
        boolean goesOn = task.state() == Task.State.RUNNING;
        if (error == 0) {
          List<Integer> seen = stack(Objects.requireNonNull(task.mm()));
          check(n < 0 || seen.equals(stack), "the same stack after " + what, "another");
          stack = seen;
        } else {
          failed++;
          check(SHORT.contains(error), "ENOMEM, E2BIG or EFAULT from " + what, "" + error);
          check(!goesOn || Objects.equals(before, task.mm()), "the memory of before", "another");
          check(
              goesOn ? error != -Errno.EFAULT : error != -Errno.E2BIG,
              "a task that goes on after E2BIG and has ended after EFAULT",
              error + " " + task.state());
        }
        bench.validate();
        if (goesOn) {
          bench.tasks.exit(task);
        }
        long left = free(bench);
        check(n < 1 || left == free, free + " free frames after " + what, "" + left);
        free = left;
      }
      check(done && failed > 3, "some frames that exec needs", failed + " of " + MOST_FRAMES);
    }
  }

  /** The bytes of a first stack. */
  private static List<Integer> stack(AddressSpace mm) {
    List<Integer> bytes = new ArrayList<>();
    MmFields.Places places = mm.fields().places();
    for (long at = places.startStack(); at < places.envEnd(); at++) {
      bytes.add(mm.read(at).value());
    }
    return bytes;
  }

  /** Pages of vvar and vdso, for which the limit is not looked at. */
  private static long ofKernel(AddressSpace mm) {
    long[] pages = {0};
    mm.forEachMap(
        vma -> pages[0] += vma.name().startsWith("[v") && vma.start() > 0 ? vma.bytes() / PAGE : 0);
    return pages[0];
  }

  /** What a machine is closed with may still use somebody's memory. */
  static void closedInUse(TaskBench bench) {
    try (TaskBench other = bench.another()) {
      NaiveTasks.One owner = other.spawn();
      NaiveTasks.One runs = other.kthread();
      NaiveTasks.One waits = other.kthread();
      for (NaiveTasks.One one : List.of(waits, runs)) {
        other.run(1, one);
        other.tasks.useMm(other.task(one), other.space(owner.mm));
      }
      other.run(0, owner);
      other.tasks.get(other.space(owner.mm));
      other.tasks.grab(other.space(owner.mm));
      var _ = other.clone(owner, Tasks.CLONE_VM | Tasks.CLONE_VFORK);
      other.validate();
    }
  }
}
