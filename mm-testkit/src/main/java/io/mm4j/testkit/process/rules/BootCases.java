// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.plugin.Setting;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.AddressSpace.VmaUsage;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MemSizeStats;
import io.mm4j.api.process.MmSysctls;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloor.HugePages;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.paging.rules.HookedPages;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** How a floor begins, what it refuses then, and the borders of calls about descriptors. */
public final class BootCases {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final long GIGA = 1L << 30;
  private static final int WHENCE_END = 2;
  private static final long THIRD = 0x2aaaaaaab000L;

  private BootCases() {}

  private static CaseRule of(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      Supplier<CaseSetup> setup,
      Consumer<Rig> body) {
    return new CaseRule(
        new RuleInfo(id, name, statement, why, behind, "a border or a word is not looked at"),
        setup,
        body);
  }

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-68",
            "settings-at-boot",
            "The pools of huge pages have what the settings of the machine say, word by word; what"
                + " is no number or no size, or is said twice, is refused, and so is a layout that"
                + " is no user space. Nodes have their part of the pools, and a process begins with"
                + " the sysctls of the machine. What no VMA begins at has no sums.",
            "A machine that begins otherwise than it was told measures something else.",
            "hugepages_setup, hugepagesz_setup, hugetlb_sysctl_handler; mm4j's contract of"
                + " createAddressSpace",
            CaseSetup::new,
            BootCases::settings),
        of(
            "AS-69",
            "borders-of-calls",
            "dup2, lseek, seals, MADV_REMOVE and names of memory that lie in memory are right at"
                + " their borders; a pool of huge pages is no memory that may be promised; a"
                + " legacy layout that was randomized begins at its base.",
            "Off by one is found by the one program that fills its file exactly.",
            "ksys_dup3, ksys_lseek, shmem_write_begin, madvise_remove, prctl_set_vma,"
                + " vm_commit_limit, mmap_base",
            BootCases::promising,
            BootCases::borders),
        of(
            "AS-73",
            "generations",
            "A process that forks, and whose parent then ends, again and again, costs each"
                + " generation as much as the one before; and loading a state of pages for which"
                + " there is no memory is refused and leaves nothing.",
            "A shell that restarts itself would grow for ever.",
            "anon_vma_clone, anon_vma_fork (num_children, num_active_vmas)",
            CaseSetup::new,
            BootCases::generations));
  }

  // ---------------------------------------------------------------- settings

  private static void settings(Rig rig) {
    pool(rig, Map.of("nr_hugepages", "3"), HUGE, 3);
    pool(rig, Map.of("nr_hugepages", "0"), HUGE, 0);
    pool(rig, Map.of(Setting.IN_ORDER, "hugepages=2"), HUGE, 2);
    pool(rig, Map.of(Setting.IN_ORDER, "hugepagesz=2M hugepages=4"), HUGE, 4);
    pool(rig, Map.of(Setting.IN_ORDER, "default_hugepagesz=2M hugepages=1"), HUGE, 1);
    pool(rig, Map.of(Setting.IN_ORDER, "hugepages=1 hugepagesz=1G hugepages=0"), HUGE, 1);
    pool(rig, Map.of(Setting.IN_ORDER, "default_hugepagesz=1G hugepagesz=2M hugepages=1"), GIGA, 0);
    nodes(rig);
    sysctls();
    for (String wrong :
        List.of(
            "hugepagesz=3M hugepages=1",
            "hugepages=1 hugepages=2",
            "hugepagesz=2M hugepages=1 hugepages=1")) {
      long free = Floors.freeFrames();
      refused(wrong, () -> Floors.booted(Map.of(Setting.IN_ORDER, wrong)).close());
      checkEqual(free, Floors.freeFrames(), "free frames after " + wrong + " was refused");
    }
    refused("nr_hugepages=x", () -> Floors.booted(Map.of("nr_hugepages", "x")).close());
    checkEqual(
        -Errno.EINVAL, rig.floor.writeSysctl("nr_hugepages", "-1"), "less than no huge pages");
    checkEqual(-Errno.ENOENT, rig.floor.writeSysctl("no_such_name", "1"), "no such sysctl");
    layouts(rig);
    if (Floors.hasTasks()) {
      try (ProcessFloor floor = Floors.booted(Map.of())) {
        floor.tasks().validate();
      }
    } else {
      refused("tasks of a floor without", () -> Floors.booted(Map.of()).tasks());
    }
    rig.map(A, PAGE, RW);
    rig.touch(A);
    check(
        rig.mm.usage(A + PAGE).equals(new VmaUsage(0, 0, 0, 0)),
        "no usage of what is not mapped",
        rig.mm.usage(A + PAGE).toString());
    check(rig.mm.sizes(A + PAGE).equals(MemSizeStats.NONE), "no sums of it", "some");
    check(!rig.mm.thpEligible(A + PAGE), "no THPeligible of it", "true");
    checkEqual(4, rig.mm.usage(A).rssKb(), "Rss in kB of a page");
  }

  /** The only node has all of the pool; sizes that there are none of are refused. */
  private static void nodes(Rig rig) {
    if (rig.floor.hugePools().isEmpty()) {
      return;
    }
    checkEqual(0, rig.floor.resizeHugePool(HUGE, 3), "3 huge pages");
    checkEqual(0, rig.floor.overcommitHugePool(HUGE, 5), "5 more");
    checkEqual(A, rig.mm.mmap(A, HUGE, RW, 0x40032, -1, 0), "mmap of one");
    rig.touch(A);
    HugePages all = rig.floor.hugePools().getFirst();
    check(all.equals(new HugePages(HUGE, 3, 2, 0, 0, 5)), "3, 2 free, 5 more", all.toString());
    HugePages here = rig.floor.hugePoolsOf(0).getFirst();
    check(here.equals(new HugePages(HUGE, 3, 2, 0, 0, 0)), "3 on node 0, 2 free", here.toString());
    HugePages there = rig.floor.hugePoolsOf(1).getFirst();
    check(there.equals(new HugePages(HUGE, 0, 0, 0, 0, 0)), "none on node 1", there.toString());
    rig.unmap(A, HUGE);
    for (long wrong : new long[] {PAGE, HUGE / 2, HUGE + 1}) {
      checkEqual(-Errno.ENOENT, rig.floor.resizeHugePool(wrong, 1), "pages of " + wrong);
      checkEqual(-Errno.ENOENT, rig.floor.overcommitHugePool(wrong, 1), "pages of " + wrong);
    }
    checkEqual(-Errno.EINVAL, rig.floor.resizeHugePool(HUGE, -1), "less than none");
    checkEqual(-Errno.EINVAL, rig.floor.overcommitHugePool(HUGE, -1), "less than none");
    checkEqual(-Errno.EINVAL, rig.floor.overcommitHugePool(GIGA, 1), "gigantic ones at need");
    checkEqual(0, rig.floor.resizeHugePool(HUGE, 1 << 20), "as many as there is memory for");
    long most = rig.floor.hugePools().getFirst().total();
    check(most > 0 && most < 1 << 20, "as many as there is memory for", "" + most);
    checkEqual(0, rig.floor.overcommitHugePool(HUGE, 0), "0 more");
    checkEqual(0, rig.floor.resizeHugePool(HUGE, 0), "no huge page");
  }

  /** What the machine was booted with is what a process begins with, until somebody writes it. */
  private static void sysctls() {
    try (ProcessFloor floor =
        Floors.booted(
            Map.of(
                "overcommit_memory", "2",
                "overcommit_ratio", "70",
                "max_map_count", "99",
                "mmap_min_addr", "8192",
                "nr_overcommit_hugepages", "4"))) {
      checkEqual(
          floor.hugePools().isEmpty() ? 0 : 4,
          floor.hugePages().overcommit(),
          "nr_overcommit_hugepages at boot");
      MmSysctls s = floor.sysctls();
      checkEqual(2, s.overcommitMemory(), "overcommit_memory at boot");
      checkEqual(70, s.overcommitRatio(), "overcommit_ratio at boot");
      checkEqual(99, s.maxMapCount(), "max_map_count at boot");
      checkEqual(8192, s.mmapMinAddr(), "mmap_min_addr at boot");
      checkEqual(0, floor.writeSysctl("max_map_count", "98"), "max_map_count");
      checkEqual(0, floor.writeSysctl("overcommit_memory", "1"), "overcommit_memory");
      checkEqual(98, floor.sysctls().maxMapCount(), "max_map_count since");
      checkEqual(1, floor.sysctls().overcommitMemory(), "overcommit_memory since");
    }
  }

  private static void pool(Rig rig, Map<String, String> settings, long bytes, long pages) {
    if (rig.floor.hugePools().isEmpty()) {
      return; // a floor without such pools
    }
    try (ProcessFloor floor = Floors.booted(settings)) {
      HugePages pool = floor.hugePages();
      checkEqual(bytes, pool.pageBytes(), "the default size with " + settings);
      checkEqual(pages, pool.total(), "huge pages with " + settings);
      checkEqual(pages, pool.free(), "free ones with " + settings);
    }
  }

  private static void refused(String what, Runnable call) {
    try {
      call.run();
    } catch (InputException | IllegalArgumentException e) {
      return;
    }
    throw new RuleViolation("a refusal of " + what, "nothing thrown");
  }

  private static void layouts(Rig rig) {
    long[][] wrong = {
      {0, 0x1000},
      {-0x1000, 0x1000},
      {0x7ffffffff001L, 0x1000},
      {0x10000000, 0},
      {0x10000000, -0x1000},
      {0x10000000, 0x10001000}
    };
    for (long[] each : wrong) {
      CaseSetup setup = new CaseSetup();
      setup.taskSize = each[0];
      setup.base = each[1];
      refused(
          "task_size=" + Long.toHexString(each[0]) + " mmap_base=" + Long.toHexString(each[1]),
          () -> setup.create(rig.floor).exit());
    }
    for (long base : new long[] {1, 0x10000000}) {
      CaseSetup setup = new CaseSetup();
      setup.taskSize = 0x10000000;
      setup.base = base;
      setup.create(rig.floor).exit();
    }
  }

  // ---------------------------------------------------------------- borders

  private static CaseSetup promising() {
    CaseSetup setup = new CaseSetup();
    setup.overcommit = 2;
    setup.overcommitRatio = 100;
    setup.ramKb = 64L << 10;
    setup.topDown = false;
    setup.base = THIRD + 0x123000;
    return setup;
  }

  private static void borders(Rig rig) {
    long at = Looks.works("mmap of 1 page", rig.mm.mmap(0, PAGE, RW, 0x22, -1, 0));
    rig.gives("the base of a legacy layout", THIRD + 0x123000, at);
    promises(rig);
    rig.map(FAR, 4 * PAGE, RW);
    rig.put(FAR, 7);
    descriptors(rig);
    seals(rig);
    remove(rig);
    names(rig);
  }

  /** Half of memory in the pool is memory that nobody may be promised. */
  private static void promises(Rig rig) {
    long most = promised(rig);
    if (rig.floor.resizeHugePool(HUGE, 16) == 0) {
      checkEqual(most - 16 * 512, promised(rig), "pages that may be promised beside 16 huge ones");
      long _ = rig.floor.resizeHugePool(HUGE, 0);
    }
    checkEqual(most, promised(rig), "pages that may be promised again");
    long half = promised(rig) / 2;
    rig.map(A, half * PAGE, RW);
    for (long flags : new long[] {0, 1}) {
      Looks.fails(
          rig,
          "mremap to more than is promised",
          Errno.ENOMEM,
          rig.mm.mremap(A, half * PAGE, 2 * half * PAGE + 64 * PAGE, flags, 0));
    }
    long more = half + half / 2;
    rig.gives("mremap to less", A, rig.mm.mremap(A, half * PAGE, more * PAGE, 0, 0));
    rig.unmap(A, more * PAGE);
  }

  /** The largest mapping that may be made. */
  private static long promised(Rig rig) {
    long fits = 0;
    for (long step = 1L << 16; step > 0; step /= 2) {
      long result = rig.mm.mmap(A, (fits + step) * PAGE, RW, 0x32, -1, 0);
      if (result == A) {
        rig.unmap(A, (fits + step) * PAGE);
        fits += step;
      }
    }
    return fits + rig.mm.fields().totalVmPages() / 32;
  }

  private static void descriptors(Rig rig) {
    rig.gives("dup2", 30, rig.mm.syscall(Syscall.DUP2, CaseSetup.DISK, 30));
    rig.gives("dup2 to itself", 30, rig.mm.syscall(Syscall.DUP2, 30, 30));
    Looks.fails(rig, "dup2 of none", Errno.EBADF, rig.mm.syscall(Syscall.DUP2, 99, 31));
    Looks.fails(rig, "dup2 to -1", Errno.EBADF, rig.mm.syscall(Syscall.DUP2, 30, -1));
    long size = CaseSetup.FILE_PAGES * PAGE;
    rig.gives("lseek from the end", size - 1, rig.mm.syscall(Syscall.LSEEK, 30, -1, WHENCE_END));
    rig.gives("lseek on", size, rig.mm.syscall(Syscall.LSEEK, 30, 1, 1));
    rig.gives("lseek to 0", 0, rig.mm.syscall(Syscall.LSEEK, 30, 0, 0));
    for (long[] wrong : new long[][] {{0, 5}, {0, -1}, {-1, 0}, {-size - 1, WHENCE_END}}) {
      Looks.fails(
          rig,
          "lseek " + wrong[0] + " from " + wrong[1],
          Errno.EINVAL,
          rig.mm.syscall(Syscall.LSEEK, 30, wrong[0], wrong[1]));
    }
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, 30));
    Looks.fails(rig, "close again", Errno.EBADF, rig.mm.syscall(Syscall.CLOSE, 30));
  }

  private static void seals(Rig rig) {
    long fd = Looks.works("memfd_create", rig.mm.memfdCreate("x", 2)); // MFD_ALLOW_SEALING
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, PAGE + 100));
    rig.gives(
        "F_SEAL_GROW", 0, rig.mm.syscall(Syscall.FCNTL, fd, Uapi.F_ADD_SEALS, Uapi.F_SEAL_GROW));
    rig.gives("to the end", 100, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 100, PAGE));
    rig.gives("to the last byte", 1, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 1, PAGE + 99));
    Looks.fails(
        rig, "a byte more", Errno.EPERM, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 101, PAGE));
    rig.gives("from before", PAGE, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, PAGE + 101, 0));
    // Half of the buffer cannot be read: shared memory takes what there is.
    rig.unmap(FAR + 3 * PAGE, PAGE);
    rig.gives("a part", 50, rig.mm.syscall(Syscall.PWRITE64, fd, FAR + 3 * PAGE - 50, 100, 0));
  }

  /** The end of what a file system can hold. */
  private static void remove(Rig rig) {
    long most = 0xffff_ffffL << 12; // s_maxbytes of ext4 with blocks of 4 KiB
    rig.gives(
        "mmap up to the last page",
        A,
        rig.mm.mmap(A, 2 * PAGE, RW, 0x11, CaseSetup.DISK, most - 2 * PAGE));
    rig.gives("MADV_REMOVE of it", 0, rig.mm.madvise(A, 2 * PAGE, Uapi.MADV_REMOVE));
    rig.unmap(A, 2 * PAGE);
  }

  private static void names(Rig rig) {
    try {
      rig.floor.kernelOption("anon-vma-name", "true");
    } catch (InputException e) {
      return; // a floor without that option has no names
    }
    rig.map(A, 4 * PAGE, RW);
    String name = "of memory";
    for (int i = 0; i <= name.length(); i++) {
      rig.put(FAR + 10 + i, i < name.length() ? name.charAt(i) : 0);
    }
    rig.gives("a name", 0, rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_VMA, 0, A, PAGE, FAR + 10));
    String seen = Looks.vmas(rig, A, A + 1).getFirst().name();
    check(seen.equals("[anon:" + name + "]"), "[anon:" + name + "]", seen);
    Looks.fails(
        rig,
        "a name that is not mapped",
        Errno.EFAULT,
        rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_VMA, 0, A, PAGE, A - PAGE));
    Looks.fails(
        rig,
        "another word",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_VMA, 1, A, PAGE, FAR + 10));
    rig.gives("no name", 0, rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_VMA, 0, A, PAGE, 0));
    rig.gives("one VMA at most", 0, rig.floor.writeSysctl("max_map_count", "1"));
    Looks.fails(rig, "a name of a part", Errno.EAGAIN, rig.mm.setVmaName(A, PAGE, "part"));
    Looks.fails(rig, "a mark of a part", Errno.EAGAIN, rig.mm.madvise(A, PAGE, Uapi.MADV_DONTDUMP));
    rig.gives("a name of all", 0, rig.mm.setVmaName(A, 4 * PAGE, "all"));
    rig.gives("no name", 0, rig.mm.setVmaName(A, 4 * PAGE, null));
    rig.gives("65530 VMAs", 0, rig.floor.writeSysctl("max_map_count", "65530"));
    rig.shows(A, A + 4 * PAGE, "0-4 rw-p");
  }

  // ---------------------------------------------------------------- generations

  private static void generations(Rig rig) {
    rig.map(A, 4 * PAGE, RW);
    rig.touch(A);
    AddressSpace now = rig.mm;
    List<Long> costs = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      long before = rig.floor.allocationCount();
      AddressSpace child = Objects.requireNonNull(now.fork());
      now.exit();
      check(child.write(A + PAGE, i).ok(), "a write", "a signal");
      costs.add(rig.floor.allocationCount() - before);
      child.validate();
      now = child;
    }
    checkEqual(costs.get(8), costs.get(22), "allocations of a late generation");
    now.exit();
    shortOfMemory();
  }

  private static void shortOfMemory() {
    HookedPages pages = Floors.hook();
    int refused = 0;
    boolean done = false;
    for (int n = 1; n < 40 && !done; n++) {
      long free = Floors.freeFrames();
      ProcessFloor floor = Floors.booted(Map.of());
      AddressSpace mm = new CaseSetup().create(floor);
      pages.failIn(n);
      try {
        for (String letters : List.of("A2", "z2", ".1,A1", "g2")) {
          long at = A + letters.charAt(0) * HUGE;
          mm.loadVma(new VmaInfo(at, at + 2 * PAGE, "rw-p", 0, "", null, List.of(), letters));
        }
        done = true;
        mm.forEachVma(
            vma ->
                check(
                    "A2 z2 .1,A1 g2".contains(vma.pages()) && !vma.pages().equals(".2"),
                    "the pages of the state that was loaded",
                    vma.pages()));
      } catch (IllegalArgumentException e) {
        refused++;
      }
      pages.failIn(0);
      mm.validate();
      mm.exit();
      floor.close();
      checkEqual(free, Floors.freeFrames(), "free frames after a state for which none was left");
    }
    check(done && refused > 4, "a refusal for each frame that is missing", "" + refused);
  }
}
