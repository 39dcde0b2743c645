// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/**
 * Cases of pages of 1 GiB, with the answers that a program got from Linux 6.18 and the numbers that
 * it saw under {@code /sys/kernel/mm/hugepages}.
 */
public final class GigaCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Virtual machines and packet processing have their memory in such pages.",
          "one size is taken for all, or a leaf of level 3 is not seen",
          setup -> setup.machine = Ground.LARGE);

  private static final long GIGA = 1L << 30;
  private static final long HUGE = HugeCases.SIZE;
  private static final long AT = 1L << 40;
  private static final long TO = AT + 600 * GIGA;
  private static final int SHARED = 1;
  private static final int NAMES_HUGE = (int) Uapi.MAP_HUGETLB | 21 << Uapi.MAP_HUGE_SHIFT;
  private static final int OF_GIGA = Uapi.MFD_HUGETLB | 30 << Uapi.MAP_HUGE_SHIFT;
  private static final int ANON_HUGE = 0x22 | (int) Uapi.MAP_HUGETLB;
  private static final int ANON = ANON_HUGE | 30 << Uapi.MAP_HUGE_SHIFT;
  private static final int FIXED = 0x10;
  private static final int NORESERVE = 0x4000;

  private GigaCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F30",
            "giga-pages",
            "Pages of 1 GiB have a pool of their own, with its promises and SIGBUS without one;"
                + " lengths are rounded up to them, places and what calls may cut lie on their"
                + " borders.",
            "hstate_sizelog, hugetlb_reserve_pages, hugetlb_vm_op_split, align_hugetlb",
            GigaCases::pages),
        GROUP.rule(
            "AS-F31",
            "giga-pages-and-fork",
            "A child has its parent's pages of 1 GiB until one writes, who then has a copy if the"
                + " pool has a page that nobody was promised.",
            "copy_hugetlb_page_range, hugetlb_wp",
            GigaCases::child),
        GROUP.rule(
            "AS-F32",
            "giga-files",
            "A file of memfd_create with MFD_HUGE_1GB consists of pages of 1 GiB, whatever size"
                + " mmap names: size, offsets, mappings, fallocate and holes.",
            "hugetlb_file_setup, hugetlbfs_file_mmap, hugetlbfs_fallocate, hugetlb_vmtruncate",
            GigaCases::file));
  }

  private static void pool(Rig rig, int pages) {
    rig.gives("nr_hugepages of 1 GiB", 0, rig.floor.resizeHugePool(GIGA, pages));
    counts(rig, pages, 0);
  }

  private static void counts(Rig rig, long free, long reserved) {
    ProcessFloor.HugePages giga =
        rig.floor.hugePools().stream()
            .filter(pool -> pool.pageBytes() == GIGA)
            .findFirst()
            .orElseThrow(() -> new RuleViolation("a pool of pages of 1 GiB", "none"));
    RuleViolation.checkEqual(free, giga.free(), "free_hugepages of 1 GiB");
    RuleViolation.checkEqual(reserved, giga.reserved(), "resv_hugepages of 1 GiB");
  }

  private static long map(Rig rig, long addr, long bytes, int flags) {
    return rig.mm.mmap(addr, bytes, RW, flags, -1, 0);
  }

  private static void maps(Rig rig, long bytes) {
    rig.gives("MAP_HUGE_1GB", AT, map(rig, AT, bytes, ANON | FIXED));
  }

  private static void fails(Rig rig, String what, int errno, long result) {
    Looks.fails(rig, what, errno, result);
  }

  private static void pages(Rig rig) {
    fails(rig, "no page", Errno.ENOMEM, map(rig, 0, 1, ANON));
    long bare = Looks.works("MAP_NORESERVE", map(rig, 0, 1, ANON | NORESERVE));
    RuleViolation.checkEqual(0, bare & (GIGA - 1), "the place in 1 GiB");
    Looks.ends("a touch", Kind.BUS_ADRERR, rig.mm.write(bare, 1));
    rig.unmap(bare, GIGA);
    pool(rig, 2);
    fails(rig, "a page of the other pool", Errno.ENOMEM, map(rig, 0, HUGE, ANON_HUGE));
    maps(rig, 1);
    counts(rig, 2, 1);
    rig.put(AT + GIGA - 1, 7);
    counts(rig, 1, 0);
    fails(rig, "two", Errno.ENOMEM, map(rig, 0, 2 * GIGA, ANON));
    fails(rig, "an odd place", Errno.EINVAL, map(rig, AT + HUGE, GIGA, ANON | FIXED));
    fails(rig, "munmap of a part", Errno.EINVAL, rig.mm.munmap(AT + HUGE, HUGE));
    fails(rig, "mprotect of a part", Errno.EINVAL, rig.mm.mprotect(AT, HUGE, 1));
    rig.protect(AT, GIGA, 1);
    Looks.ends("a write", Kind.SEGV_ACCERR, rig.mm.write(AT, 1));
    rig.protect(AT, GIGA, RW);
    rig.gives("less than a page", 0, rig.mm.madvise(AT, HUGE, Uapi.MADV_DONTNEED));
    rig.has(AT + GIGA - 1, 7);
    fails(rig, "from its middle", Errno.EINVAL, rig.mm.madvise(AT + HUGE, HUGE, 4));
    fails(rig, "it grows", Errno.EINVAL, rig.mm.mremap(AT, GIGA, 2 * GIGA, 1, 0));
    fails(rig, "to an odd place", Errno.EINVAL, rig.mm.mremap(AT, GIGA, GIGA, 3, TO + HUGE));
    rig.move(AT, TO, HUGE); // which is rounded up
    rig.has(TO + GIGA - 1, 7);
    fails(rig, "its old place", Errno.ENOMEM, rig.mm.mprotect(AT, GIGA, RW));
    counts(rig, 1, 0);
    rig.validate();
    rig.gives("MADV_DONTNEED", 0, rig.mm.madvise(TO, GIGA, Uapi.MADV_DONTNEED));
    counts(rig, 2, 1);
    rig.has(TO + GIGA - 1, 0);
    counts(rig, 1, 0);
    rig.unmap(TO, GIGA);
    counts(rig, 2, 0);
  }

  private static void child(Rig rig) {
    pool(rig, 2);
    maps(rig, GIGA);
    rig.put(AT, 3);
    Rig child = rig.fork();
    child.has(AT, 3);
    counts(rig, 1, 0);
    child.put(AT + HUGE, 9);
    counts(rig, 0, 0);
    child.has(AT, 3);
    rig.has(AT + HUGE, 0);
    rig.validate();
    child.validate();
    child.mm.exit();
    counts(rig, 1, 0);
    long other = Looks.works("the other page", map(rig, 0, GIGA, ANON));
    Rig poor = rig.fork();
    Looks.ends("a write without a promise", Kind.BUS_ADRERR, poor.mm.write(AT, 1));
    poor.has(AT, 3);
    poor.mm.exit();
    rig.unmap(other, GIGA);
    rig.mm.exit();
    counts(rig, 2, 0);
  }

  private static void file(Rig rig) {
    pool(rig, 2);
    int fd = (int) Looks.works("memfd_create", rig.mm.memfdCreate("y", OF_GIGA));
    fails(rig, "an odd size", Errno.EINVAL, rig.mm.syscall(Syscall.FTRUNCATE, fd, HUGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, GIGA));
    long at = Looks.works("mmap", rig.mm.mmap(0, 2 * GIGA, RW, SHARED, fd, 0));
    counts(rig, 2, 2); // and the file is longer now
    fails(rig, "an odd offset", Errno.EINVAL, rig.mm.mmap(0, GIGA, RW, SHARED, fd, HUGE));
    Looks.works("another size", rig.mm.mmap(0, 1, RW, SHARED | NAMES_HUGE, fd, 0));
    rig.put(at, 7);
    counts(rig, 1, 1);
    rig.gives("fallocate", 0, rig.mm.syscall(Syscall.FALLOCATE, fd, 0, GIGA, 1));
    counts(rig, 0, 0);
    rig.gives("a hole", 0, rig.mm.syscall(Syscall.FALLOCATE, fd, 3, 0, GIGA));
    counts(rig, 1, 0);
    rig.has(at, 0);
    fails(rig, "too much", Errno.ENOSPC, rig.mm.syscall(Syscall.FALLOCATE, fd, 0, 0, 3 * GIGA));
    rig.gives("shorter", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, GIGA));
    counts(rig, 1, 0);
    Looks.ends("behind the end", Kind.BUS_ADRERR, rig.mm.write(at + GIGA, 1));
    rig.mm.exit();
    counts(rig, 2, 0);
  }
}
