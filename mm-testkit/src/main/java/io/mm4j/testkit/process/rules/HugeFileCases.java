// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of files of huge pages, with the numbers that Linux 6.18 showed in /proc/meminfo. */
public final class HugeFileCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Databases and virtual machines have their memory in such files.",
          "something that is counted is given back too early or too late");

  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;
  private static final long OTHER = A + 16 * HUGE;
  private static final int SHARED = 1;
  private static final int PRIVATE = 2;
  private static final int FIXED = 0x10;

  private HugeFileCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F14",
            "huge-file",
            "memfd_create with MFD_HUGETLB makes a file whose size, offsets and mappings are whole"
                + " huge pages, which is read but not written; fallocate takes pages of the pool"
                + " or ENOSPC, and the last close or unmapping gives all back.",
            "hugetlb_file_setup, hugetlbfs_file_mmap, hugetlbfs_fallocate",
            HugeFileCases::file),
        GROUP.rule(
            "AS-F15",
            "huge-file-shrinks",
            "A shorter file of huge pages, or a hole in it, takes pages and promises from all"
                + " mappings, private copies among them; a touch behind the end is SIGBUS.",
            "hugetlb_vmtruncate, hugetlbfs_punch_hole, hugetlb_unreserve_pages",
            HugeFileCases::shrinks));
  }

  private static void counts(Rig rig, long free, long reserved) {
    RuleViolation.checkEqual(free, rig.floor.hugePages().free(), "HugePages_Free");
    RuleViolation.checkEqual(reserved, rig.floor.hugePages().reserved(), "HugePages_Rsvd");
  }

  private static int file(Rig rig, int flags) {
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "6"));
    int fd = (int) Looks.works("memfd_create", rig.mm.memfdCreate("y", Uapi.MFD_HUGETLB | flags));
    counts(rig, 6, 0);
    return fd;
  }

  private static void size(Rig rig, int fd, long bytes) {
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, bytes));
  }

  private static void map(Rig rig, long at, long bytes, int prot, int flags, int fd) {
    rig.gives("mmap", at, rig.mm.mmap(at, bytes, prot, flags | FIXED, fd, 0));
  }

  private static long allocate(Rig rig, int fd, int mode, long offset, long bytes) {
    return rig.mm.syscall(Syscall.FALLOCATE, fd, mode, offset, bytes);
  }

  private static void file(Rig rig) {
    for (int size : new int[] {16, 29, 34}) {
      Looks.fails(
          rig,
          "memfd_create of other pages",
          Errno.ENODEV,
          rig.mm.memfdCreate("m", Uapi.MFD_HUGETLB | size << Uapi.MAP_HUGE_SHIFT));
    }
    int fd = file(rig, Uapi.MFD_ALLOW_SEALING | 21 << Uapi.MAP_HUGE_SHIFT);
    Looks.fails(rig, "an odd size", Errno.EINVAL, rig.mm.syscall(Syscall.FTRUNCATE, fd, PAGE));
    size(rig, fd, 2 * HUGE);
    map(rig, A, 3 * HUGE, RW, SHARED, fd); // which makes the file longer
    counts(rig, 6, 3);
    long whole = Looks.works("mmap of a page", rig.mm.mmap(0, PAGE, RW, SHARED, fd, 0));
    counts(rig, 6, 3);
    Looks.fails(rig, "a part of it unmapped", Errno.EINVAL, rig.mm.munmap(whole, PAGE));
    Looks.fails(rig, "an odd offset", Errno.EINVAL, rig.mm.mmap(0, HUGE, RW, SHARED, fd, PAGE));
    Looks.works("MAP_HUGETLB", rig.mm.mmap(0, HUGE, RW, SHARED | 0x40000, fd, HUGE));
    counts(rig, 6, 3);
    Looks.fails(rig, "too many", Errno.ENOMEM, rig.mm.mmap(0, 8 * HUGE, RW, SHARED, fd, 0));
    Looks.works("behind the end", rig.mm.mmap(0, 2 * HUGE, READ, SHARED, fd, 4 * HUGE));
    counts(rig, 6, 5);
    Looks.fails(rig, "private", Errno.ENOMEM, rig.mm.mmap(0, 2 * HUGE, RW, PRIVATE, fd, 0));
    rig.put(A + 5, 7);
    rig.has(whole + 5, 7);
    counts(rig, 5, 4);
    rig.map(FAR, PAGE, RW);
    rig.gives("pread64", 8, rig.mm.syscall(Syscall.PREAD64, fd, FAR, 8, 0));
    rig.has(FAR + 5, 7);
    rig.gives("of a hole", 8, rig.mm.syscall(Syscall.PREAD64, fd, FAR, 8, HUGE));
    rig.has(FAR + 5, 0);
    rig.gives("behind the end", 0, rig.mm.syscall(Syscall.PREAD64, fd, FAR, 8, 3 * HUGE));
    Looks.fails(rig, "pwrite64", Errno.EINVAL, rig.mm.syscall(Syscall.PWRITE64, fd, FAR, 8, 0));
    rig.gives("seal", 0, rig.mm.syscall(Syscall.FCNTL, fd, Uapi.F_ADD_SEALS, Uapi.F_SEAL_SHRINK));
    Looks.fails(rig, "sealed", Errno.EPERM, rig.mm.syscall(Syscall.FTRUNCATE, fd, 0));
    rig.gives("fallocate what is there", 0, allocate(rig, fd, 0, 0, PAGE));
    counts(rig, 5, 4);
    rig.gives("fallocate of two", 0, allocate(rig, fd, 0, HUGE + 1, HUGE));
    counts(rig, 3, 2);
    rig.gives("keep the size", 0, allocate(rig, fd, 1, 5 * HUGE, HUGE));
    counts(rig, 2, 1);
    rig.gives("a hole", 0, allocate(rig, fd, 3, 0, HUGE));
    counts(rig, 3, 1);
    rig.gives("zeros", 0, allocate(rig, fd, 3, HUGE, PAGE));
    counts(rig, 3, 1);
    Looks.fails(rig, "ZERO_RANGE", Errno.EOPNOTSUPP, allocate(rig, fd, 0x10, 0, HUGE));
    Looks.fails(rig, "fallocate of all", Errno.ENOSPC, allocate(rig, fd, 0, 0, 20 * HUGE));
    counts(rig, 0, 0);
    rig.has(A + 5, 0);
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, fd));
    counts(rig, 0, 0);
    Rig child = rig.fork();
    rig.unmap(A, 3 * HUGE);
    child.has(A + HUGE, 0);
    rig.mm.exit();
    counts(rig, 0, 0);
    child.mm.exit();
    counts(rig, 6, 0);
  }

  private static void shrinks(Rig rig) {
    int fd = file(rig, 0);
    size(rig, fd, 2 * HUGE);
    map(rig, A, 2 * HUGE, RW, SHARED, fd);
    rig.put(A, 1);
    counts(rig, 5, 1);
    size(rig, fd, HUGE);
    counts(rig, 5, 0);
    size(rig, fd, 0);
    counts(rig, 6, 0);
    Looks.ends("a touch behind the end", Kind.BUS_ADRERR, rig.mm.write(A + HUGE, 1));
    rig.unmap(A, 2 * HUGE);
    map(rig, A, HUGE, RW, SHARED, fd); // which makes it longer again
    rig.put(A, 3);
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, fd));
    counts(rig, 5, 0);
    rig.unmap(A, HUGE);
    counts(rig, 6, 0);
    copies(rig);
  }

  /** Private mappings of the file. */
  private static void copies(Rig rig) {
    int fd = file(rig, 0);
    size(rig, fd, 2 * HUGE);
    map(rig, A, 2 * HUGE, RW, SHARED, fd);
    rig.put(A, 9);
    map(rig, OTHER, 2 * HUGE, RW, PRIVATE, fd);
    counts(rig, 5, 3);
    rig.has(OTHER, 9);
    counts(rig, 5, 3);
    Looks.pages(rig, OTHER, HUGE, "f512");
    Rig child = rig.fork(); // without an anon_vma nothing is copied
    Looks.pages(child, OTHER, HUGE, ".512");
    child.mm.exit();
    rig.put(OTHER, 8);
    counts(rig, 4, 2);
    Looks.pages(rig, OTHER, HUGE, "A512");
    Looks.pages(rig, A, HUGE, "F512");
    rig.has(A, 9);
    rig.put(OTHER + HUGE, 8);
    counts(rig, 3, 1);
    rig.has(A + HUGE, 0);
    counts(rig, 2, 0);
    size(rig, fd, HUGE);
    counts(rig, 4, 1);
    rig.gives("MADV_REMOVE", 0, rig.mm.madvise(A, HUGE, Uapi.MADV_REMOVE));
    counts(rig, 6, 2);
    rig.has(OTHER, 0);
    rig.has(A, 0);
    rig.mm.exit();
    counts(rig, 6, 0);
  }
}
