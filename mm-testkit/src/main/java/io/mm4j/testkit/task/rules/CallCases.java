// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ExecRequest;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Task;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** Calls of a process whose pages CPUs know already, and exec when memory is short. */
final class CallCases {
  private static final long PAGE = TaskBench.PAGE;
  private static final long A = 0x20000000L;
  private static final long FILE = 0x28000000L;
  private static final int PAGES = 6;
  private static final int RW = 3;
  private static final int STEPS = 25;

  /** More frames than any of the programs needs. */
  private static final int ENOUGH = 60;

  private static final Set<Long> SHORT =
      Set.of((long) -Errno.ENOMEM, (long) -Errno.E2BIG, (long) -Errno.EFAULT);

  private CallCases() {}

  // ---------------------------------------------------------------- calls beside accesses

  /** A process and its child, each on a CPU: what they access is what their page tables say. */
  static void seenByCpus(TaskBench bench, Seeded random) {
    Task parent = bench.tasks.spawn("parent", bench.config());
    AddressSpace mm = Objects.requireNonNull(parent.mm());
    MappedFile file =
        new MappedFile("shared", MappedFile.Kind.EXT4, PAGES * PAGE, at -> (int) (at >> 12 & 127));
    mm.installFd(5, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    checkEqual(A, mm.mmap(A, PAGES * PAGE, RW, 0x32, -1, 0), "mmap");
    checkEqual(FILE, mm.mmap(FILE, PAGES * PAGE, RW, 0x11, 5, 0), "mmap of a file");
    long memory = mm.memfdCreate("kept", 0);
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, memory, PAGE), "ftruncate");
    bench.tasks.switchTo(bench.cpu(0), parent);
    for (int i = 0; i < PAGES; i++) {
      access(bench, 0, A + i * PAGE, Mmu.WRITE);
    }
    Task child = Objects.requireNonNull(bench.tasks.find((int) bench.tasks.fork(parent)));
    bench.tasks.switchTo(bench.cpu(1), child);
    AddressSpace its = Objects.requireNonNull(child.mm());
    checkEqual(1, mm.syscall(Syscall.PWRITE64, memory, A, 1, 9), "pwrite64");
    checkEqual(0, mm.syscall(Syscall.CLOSE, memory), "close of what the child has open, too");
    checkEqual(PAGE - 9, its.syscall(Syscall.PREAD64, memory, A, PAGE, 9), "what the child reads");
    for (int i = 0; i < STEPS; i++) {
      int cpu = random.below(2);
      step(bench, cpu, cpu == 0 ? mm : its, random);
      for (int each = 0; each < TaskBench.CPUS; each++) {
        Mmu mmu = bench.machine.pageTables().mmu(bench.cpu(each));
        checkEqual(0, mmu.stale(), "stale translations of CPU " + each);
      }
    }
    cut(mm, its);
    bench.tasks.exit(child);
    bench.tasks.exit(parent);
  }

  private static long access(TaskBench bench, int cpu, long at, int kind) {
    return bench.tasks.access(bench.cpu(cpu), at, kind);
  }

  private static void step(TaskBench bench, int cpu, AddressSpace mm, Seeded random) {
    long at = A + random.below(PAGES) * PAGE;
    long len = PAGE * (1 + random.below(3));
    long fileAt = FILE + random.below(PAGES) * PAGE;
    switch (random.below(13)) {
      case 0 -> {
        long _ = access(bench, cpu, at, Mmu.WRITE);
      }
      case 1 -> {
        long _ = access(bench, cpu, random.oneIn(2) ? at : fileAt, 0);
      }
      case 2 -> {
        long _ = access(bench, cpu, fileAt, Mmu.WRITE);
      }
      case 3 -> forget(bench, cpu, mm, at);
      case 4 -> {
        long _ = mm.madvise(at, PAGE, Uapi.MADV_DONTNEED);
        clean(bench, cpu, mm, at);
      }
      case 5 -> {
        long _ = mm.mprotect(at, len, random.oneIn(2) ? 1 : RW);
        protect(bench, cpu, mm, at, len);
      }
      case 6 -> {
        long _ = mm.mremap(at, PAGE, PAGE, 3, A + random.below(PAGES) * PAGE);
        long _ = mm.mmap(A, PAGES * PAGE, RW, 0x100032, -1, 0); // fills what is free
      }
      case 7 -> {
        long _ = mm.madvise(at, len, random.oneIn(2) ? Uapi.MADV_COLD : Uapi.MADV_PAGEOUT);
      }
      case 8 -> checkEqual(0, mm.clearRefs(random.oneIn(2) ? 4 : 1), "clear_refs");
      case 9 -> checkEqual(0, mm.syscall(Syscall.FSYNC, 5), "fsync");
      case 10 -> {
        long _ = mm.madvise(fileAt, len, Uapi.MADV_DONTNEED);
      }
      case 11 -> {
        long _ = mm.madvise(at, len, Uapi.MADV_FREE);
      }
      default -> {
        long _ = mm.munmap(at, len);
        long _ = mm.mmap(at, len, RW, 0x32, -1, 0);
      }
    }
  }

  /** MADV_FREE makes a page clean; the next write makes it dirty, whatever a CPU remembers. */
  private static void forget(TaskBench bench, int cpu, AddressSpace mm, long at) {
    if (access(bench, cpu, at, Mmu.WRITE) >= 0) {
      long before = dirty(mm, at);
      if (mm.madvise(at, PAGE, Uapi.MADV_FREE) == 0 && access(bench, cpu, at, Mmu.WRITE) >= 0) {
        checkEqual(before, dirty(mm, at), "dirty bytes after MADV_FREE and another write");
      }
    }
  }

  /** What smaps says of the mapping around an address. */
  private static long dirty(AddressSpace mm, long at) {
    MemSizeStats[] sizes = new MemSizeStats[1];
    mm.forEachVma(at, at + 1, vma -> sizes[0] = mm.sizes(vma.start()));
    return sizes[0].privateDirty() + sizes[0].sharedDirty();
  }

  /** What is taken away no CPU can do, whatever it remembers. */
  private static void protect(TaskBench bench, int cpu, AddressSpace mm, long at, long len) {
    if (mm.mprotect(at, len, 1) == 0) {
      long seen = access(bench, cpu, at + len - PAGE, Mmu.WRITE);
      check(seen < 0, "a signal for a write to what may be read", Long.toHexString(seen));
      checkEqual(0, mm.mprotect(at, PAGE, 0), "mprotect to nothing");
      seen = access(bench, cpu, at, 0);
      check(seen < 0, "a signal for a read of what nobody may", Long.toHexString(seen));
      checkEqual(0, mm.mprotect(at, len, RW), "mprotect back");
    }
  }

  private static void clean(TaskBench bench, int cpu, AddressSpace mm, long at) {
    long paddr = access(bench, cpu, at, 0);
    if (paddr >= 0) {
      checkEqual(0, bench.machine.memory().getByte(paddr), "a byte after MADV_DONTNEED");
      checkEqual(0, mm.read(at).value(), "the same byte");
    }
  }

  /** A file that is cut is cut for all who map it, children of fork included. */
  private static void cut(AddressSpace mm, AddressSpace its) {
    check(mm.read(FILE).ok() && its.read(FILE).ok(), "a byte of the file in both", "a signal");
    checkEqual(0, mm.syscall(Syscall.FTRUNCATE, 5, 0), "ftruncate");
    for (AddressSpace each : List.of(mm, its)) {
      TouchOutcome.Kind seen = each.read(FILE).kind();
      check(seen == TouchOutcome.Kind.BUS_ADRERR, "SIGBUS behind the end", seen.toString());
      each.validate();
    }
  }

  // ---------------------------------------------------------------- exec without memory

  /** With few frames left exec says so, and either nothing has happened or the task has ended. */
  static void shortOfFrames(TaskBench bench) {
    shortOfFrames(bench, bench.request("/bin/tiny"));
    for (ExecRequest large : ExecCases.largeRequests(bench)) {
      Set<Long> errors = shortOfFrames(bench, large);
      check(errors.equals(SHORT), "each of ENOMEM, E2BIG and EFAULT", errors.toString());
    }
  }

  /** The errors that there were until there were frames enough. */
  private static Set<Long> shortOfFrames(TaskBench bench, ExecRequest request) {
    PageAllocator pages = bench.machine.pages();
    Cpu cpu = bench.cpu(0);
    List<Task> tasks = new ArrayList<>();
    for (int i = 0; i <= ENOUGH; i++) {
      tasks.add(bench.tasks.spawn("short", bench.config()));
    }
    checkEqual(0, bench.tasks.exec(tasks.removeLast(), request), "exec");
    List<Long> held = new ArrayList<>();
    Set<Long> errors = new HashSet<>();
    int refused = 0;
    boolean done = false;
    for (int left = 0; left < ENOUGH && !done; left++) {
      for (long pfn = take(pages, cpu); pfn >= 0; pfn = take(pages, cpu)) {
        held.add(pfn);
      }
      for (int i = 0; i < left; i++) {
        pages.freePages(cpu, held.removeLast(), 0);
      }
      Task task = tasks.get(left);
      AddressSpace before = task.mm();
      long error = bench.tasks.exec(task, request);
      done = error == 0;
      check(done || SHORT.contains(error), "ENOMEM, E2BIG or EFAULT from exec", "" + error);
      if (!done) {
        errors.add(error);
        refused++;
      }
      boolean goesOn = task.state() == Task.State.RUNNING;
      check(
          goesOn ? error != -Errno.EFAULT : error != -Errno.E2BIG,
          "a task that goes on after E2BIG and has ended after EFAULT",
          error + " " + task.state());
      if (!done && goesOn) {
        check(Objects.equals(before, task.mm()), "the memory of before", "another");
      }
      bench.validate();
    }
    check(done && refused > 3, "exec with enough frames, and not with few", "refused " + refused);
    held.forEach(pfn -> pages.freePages(cpu, pfn, 0));
    long[] free = new long[3];
    for (int life = 0; life < free.length; life++) {
      Task task = bench.tasks.spawn("again", bench.config());
      checkEqual(0, bench.tasks.exec(task, request), "exec after that");
      bench.tasks.exit(task);
      free[life] = pages.freePages() + pages.pcpPages();
    }
    checkEqual(free[1], free[2], "free frames after another life");
    tasks.stream()
        .filter(task -> task.state() == Task.State.RUNNING)
        .forEach(task -> bench.tasks.exit(task));
    return errors;
  }

  private static long take(PageAllocator pages, Cpu cpu) {
    return pages.allocPages(cpu, Gfp.GFP_KERNEL, 0);
  }
}
