// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.task.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Advice;
import io.mm4j.api.process.MapFlag;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.Prot;
import java.util.ArrayList;
import java.util.List;

/** Cases of what an address space tells somebody who watches it. */
final class WatcherCases {
  private static final long A = 0x20000000L;
  private static final long RW = Prot.READ | Prot.WRITE;
  private static final long ANON = MapFlag.PRIVATE | MapFlag.ANONYMOUS;
  private static final int PAGES = 6;

  private WatcherCases() {}

  /** Keeps what it is told. */
  private static final class Watcher implements MmEvents {
    private final List<String> counters = new ArrayList<>();
    private final List<AreaSearch> searches = new ArrayList<>();
    private final List<Long> found = new ArrayList<>();

    @Override
    public void rssStat(int pid, int counter, long pages) {
      counters.add("counter " + counter + " of " + pid + " is " + pages);
    }

    @Override
    public void vmUnmappedArea(AreaSearch search, long result) {
      searches.add(search);
      found.add(result);
    }
  }

  private static void checkTold(Watcher watcher, AddressSpace mm, String after, long... pages) {
    checkTold(watcher, mm, MmEvents.MM_ANONPAGES, after, pages);
  }

  private static void checkTold(
      Watcher watcher, AddressSpace mm, int counter, String after, long... pages) {
    List<String> wanted = new ArrayList<>();
    for (long count : pages) {
      wanted.add("counter " + counter + " of " + mm.pid() + " is " + count);
    }
    check(
        watcher.counters.equals(wanted),
        "of " + after + " is told " + wanted,
        watcher.counters.toString());
    watcher.counters.clear();
  }

  static void counters(TaskBench bench) {
    AddressSpace mm = bench.machine.processes().spawn(bench.config());
    Watcher watcher = new Watcher();
    if (!mm.watch(watcher)) {
      return; // it says that it has no such sink
    }
    long had = mm.fields().sums().rssPages();
    checkEqual(A, mm.mmap(A, PAGES * TaskBench.PAGE, RW, ANON, -1, 0), "mmap");
    checkTold(watcher, mm, "mmap");
    check(mm.read(A).ok(), "a byte of the zero page", "a signal");
    checkTold(watcher, mm, "a read, which maps the zero page");
    for (int i = 0; i < PAGES; i++) {
      check(mm.write(A + i * TaskBench.PAGE, 1).ok(), "a write", "a signal");
      checkTold(watcher, mm, "the first write to a page", i + 1);
      check(mm.write(A + i * TaskBench.PAGE, 2).ok(), "a write", "a signal");
      checkTold(watcher, mm, "the second write to a page");
    }
    checkEqual(had + PAGES, mm.fields().sums().rssPages(), "resident pages");
    long zapped = mm.madvise(A, 2 * TaskBench.PAGE, Advice.DONTNEED);
    checkEqual(0, zapped, "MADV_DONTNEED");
    checkTold(watcher, mm, "MADV_DONTNEED of two pages", PAGES - 2);
    AddressSpace child = mm.fork();
    check(child != null, "a child", "none");
    checkTold(watcher, mm, "fork");
    checkEqual(0, mm.munmap(A, PAGES * TaskBench.PAGE), "munmap");
    checkTold(watcher, mm, "munmap of pages of one table", 0);
    checkEqual(had, mm.fields().sums().rssPages(), "resident pages");
    shared(watcher, mm);
    boolean _ = mm.watch(null);
    checkEqual(A, mm.mmap(A, TaskBench.PAGE, RW, ANON, -1, 0), "mmap");
    check(mm.write(A, 1).ok(), "a write", "a signal");
    checkTold(watcher, mm, "what comes when nobody watches any more");
    mm.exit();
    if (child != null) {
      child.exit();
    }
  }

  /** Shared memory has a counter of its own. */
  private static void shared(Watcher watcher, AddressSpace mm) {
    long flags = MapFlag.SHARED | MapFlag.ANONYMOUS;
    checkEqual(A, mm.mmap(A, TaskBench.PAGE, RW, flags, -1, 0), "mmap of shared memory");
    checkTold(watcher, mm, "mmap of shared memory");
    check(mm.write(A, 1).ok(), "a write", "a signal");
    checkTold(watcher, mm, MmEvents.MM_SHMEMPAGES, "a write to shared memory", 1);
    checkEqual(0, mm.munmap(A, TaskBench.PAGE), "munmap");
    checkTold(watcher, mm, MmEvents.MM_SHMEMPAGES, "munmap of shared memory", 0);
  }

  static void searches(TaskBench bench) {
    AddressSpace mm = bench.machine.processes().spawn(bench.config());
    Watcher watcher = new Watcher();
    if (!mm.watch(watcher)) {
      return;
    }
    checkEqual(A, mm.mmap(A, TaskBench.PAGE, RW, ANON, -1, 0), "mmap");
    checkEqual(0, watcher.searches.size(), "searches where the hint is free");
    for (int pages = 1; pages <= PAGES; pages++) {
      long bytes = pages * TaskBench.PAGE;
      long at = mm.mmap(0, bytes, RW, ANON, -1, 0);
      checkEqual(1, watcher.searches.size(), "searches of one mmap");
      MmEvents.AreaSearch search = watcher.searches.getFirst();
      checkEqual(at, watcher.found.getFirst(), "what was found, which is what mmap gives");
      checkEqual(bytes, search.lengthBytes(), "for how much room");
      check(
          search.low() <= at && at + bytes <= search.high(), "a place within the limits", "" + at);
      watcher.searches.clear();
      watcher.found.clear();
    }
    mm.exit();
  }
}
