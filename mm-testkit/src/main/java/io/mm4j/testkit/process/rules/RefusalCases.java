// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What calls refuse, each with its errno, and beside it the nearest that they allow. */
public final class RefusalCases {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;

  /** {@code s_maxbytes} of ext4 with blocks of 4 KiB. */
  private static final long MOST = 0xffff_ffffL << 12;

  /** The first address that {@code access_ok} refuses. */
  private static final long USER_END = 0x7ffffffff000L;

  private static final int NO_FD = 99;
  private static final long SIZE = CaseSetup.FILE_PAGES * PAGE;

  private RefusalCases() {}

  private static CaseRule of(
      String id,
      String name,
      String statement,
      String behind,
      Supplier<CaseSetup> setup,
      Consumer<Rig> body) {
    String why = "Programs tell by the errno what to do next.";
    String failure = "a check is missing, stands behind another, or is off by one";
    return new CaseRule(new RuleInfo(id, name, statement, why, behind, failure), setup, body);
  }

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-80",
            "refused-by-files",
            "Calls about descriptors refuse what is not open, not opened for it, negative, too"
                + " far or not in user space, each with its errno, and change nothing then; one"
                + " byte or page less is done.",
            "ksys_read, ksys_pwrite64, rw_verify_area, ksys_lseek, do_ftruncate, vfs_fallocate,"
                + " shmem_fallocate, memfd_fcntl, memfd_create, hugetlbfs_fallocate",
            RefusalCases::smallMachine,
            RefusalCases::files),
        of(
            "AS-81",
            "refused-by-processes",
            "Calls about a whole process refuse unknown words, arguments that must be 0, ranges"
                + " that are empty, wrap or are of two mappings, and what only root may do.",
            "prctl, prctl_set_thp_disable, prctl_set_mdwe, __sys_setuid, process_madvise,"
                + " remap_file_pages, pkey_alloc, do_prlimit",
            CaseSetup::new,
            RefusalCases::processes));
  }

  private static CaseSetup smallMachine() {
    CaseSetup setup = new CaseSetup();
    setup.ramKb = 4096;
    return setup;
  }

  private static void no(Rig rig, int errno, Syscall call, long... args) {
    Looks.fails(rig, call + Arrays.toString(args), errno, rig.mm.syscall(call, args));
  }

  private static void yes(Rig rig, long expected, Syscall call, long... args) {
    rig.gives(call + Arrays.toString(args), expected, rig.mm.syscall(call, args));
  }

  // ---------------------------------------------------------------- files

  private static void files(Rig rig) {
    rig.map(FAR, 2 * PAGE, RW);
    rig.put(FAR, 1);
    rig.put(FAR + PAGE, 2);
    String before = View.of(rig.mm).state();
    transfers(rig);
    zeroDevice(rig);
    places(rig);
    sizes(rig);
    String after = View.of(rig.mm).state();
    check(after.equals(before), before, after);
    seals(rig);
    memory(rig);
    pools(rig);
  }

  private static void transfers(Rig rig) {
    for (Syscall call : List.of(Syscall.READ, Syscall.WRITE, Syscall.PREAD64, Syscall.PWRITE64)) {
      no(rig, Errno.EBADF, call, NO_FD, FAR, 1, 0);
    }
    no(rig, Errno.EBADF, Syscall.READ, CaseSetup.DISK_WRITE_ONLY, FAR, 1);
    no(rig, Errno.EBADF, Syscall.WRITE, CaseSetup.DISK_READ_ONLY, FAR, 1);
    no(rig, Errno.EINVAL, Syscall.READ, CaseSetup.PROC, FAR, 1);
    for (Syscall call : List.of(Syscall.PREAD64, Syscall.PWRITE64)) {
      no(rig, Errno.EINVAL, call, CaseSetup.DISK, FAR, 1, -1);
      no(rig, Errno.EINVAL, call, CaseSetup.DISK, FAR, 1, Long.MAX_VALUE);
      no(rig, Errno.EFAULT, call, CaseSetup.DISK, -PAGE, PAGE, 0);
      no(rig, Errno.EFAULT, call, CaseSetup.DISK, USER_END - PAGE + 1, PAGE, 0);
      no(rig, Errno.EFAULT, call, CaseSetup.DISK, FAR, -1, 0);
      yes(rig, 0, call, CaseSetup.DISK, FAR, 0, 0);
    }
    yes(rig, 0, Syscall.PREAD64, CaseSetup.DISK, USER_END - PAGE, PAGE, SIZE);
    yes(rig, 0, Syscall.PREAD64, CaseSetup.DISK, FAR, PAGE, Long.MAX_VALUE - PAGE);
    yes(rig, 1, Syscall.PREAD64, CaseSetup.DISK, FAR, PAGE, SIZE - 1);
    yes(rig, 0, Syscall.READ, CaseSetup.DISK, FAR, 0);
    no(rig, Errno.EFBIG, Syscall.PWRITE64, CaseSetup.DISK, FAR, 1, MOST);
    yes(rig, SIZE, Syscall.LSEEK, CaseSetup.DISK, 0, 2);
    yes(rig, 3, Syscall.PWRITE64, CaseSetup.DISK, FAR, 3, SIZE - 3);
    rig.put(FAR, 77);
    yes(rig, 0, Syscall.LSEEK, CaseSetup.TMPFS, 0, 0);
    yes(rig, 2, Syscall.WRITE, CaseSetup.TMPFS, FAR, 2);
    yes(rig, 1, Syscall.WRITE, CaseSetup.TMPFS, FAR, 1);
    yes(rig, 3, Syscall.LSEEK, CaseSetup.TMPFS, 0, 1);
    yes(rig, 2, Syscall.PREAD64, CaseSetup.TMPFS, FAR + PAGE, 2, 2);
    rig.has(FAR + PAGE, 77);
    rig.has(FAR + PAGE + 1, CaseSetup.byteOf(0));
  }

  private static void zeroDevice(Rig rig) {
    for (long at : new long[] {9, 10, PAGE + 9, PAGE + 10}) {
      rig.put(FAR + at, 5);
    }
    yes(rig, PAGE, Syscall.READ, CaseSetup.ZERO, FAR + 10, PAGE);
    rig.has(FAR + 9, 5);
    rig.has(FAR + 10, 0);
    rig.has(FAR + PAGE + 9, 0);
    rig.has(FAR + PAGE + 10, 5);
    yes(rig, 7, Syscall.READ, CaseSetup.ZERO, FAR + 2 * PAGE - 7, PAGE);
    no(rig, Errno.EFAULT, Syscall.READ, CaseSetup.ZERO, FAR + 2 * PAGE, PAGE);
    yes(rig, 2 * PAGE, Syscall.WRITE, CaseSetup.ZERO, FAR, 2 * PAGE);
    yes(rig, 0, Syscall.LSEEK, CaseSetup.ZERO, 5, 0);
  }

  private static void places(Rig rig) {
    no(rig, Errno.EBADF, Syscall.LSEEK, NO_FD, 0, 0);
    no(rig, Errno.ESPIPE, Syscall.LSEEK, CaseSetup.PROC, 0, 0);
    no(rig, Errno.EINVAL, Syscall.LSEEK, CaseSetup.DISK, MOST + 1, 0);
    yes(rig, MOST, Syscall.LSEEK, CaseSetup.DISK, MOST, 0);
    yes(rig, 0, Syscall.READ, CaseSetup.DISK, FAR, PAGE);
    yes(rig, 0, Syscall.LSEEK, CaseSetup.DISK, 0, 0);
    no(rig, Errno.EBADF, Syscall.FSYNC, NO_FD);
    no(rig, Errno.EINVAL, Syscall.FSYNC, CaseSetup.ZERO);
    no(rig, Errno.EINVAL, Syscall.FDATASYNC, CaseSetup.PROC);
    yes(rig, 0, Syscall.FDATASYNC, CaseSetup.DISK);
  }

  private static void sizes(Rig rig) {
    no(rig, Errno.EINVAL, Syscall.FTRUNCATE, NO_FD, -1);
    no(rig, Errno.EBADF, Syscall.FTRUNCATE, NO_FD, 0);
    no(rig, Errno.EINVAL, Syscall.FTRUNCATE, CaseSetup.ZERO, 0);
    no(rig, Errno.EINVAL, Syscall.FTRUNCATE, CaseSetup.PROC, 0);
    no(rig, Errno.EINVAL, Syscall.FTRUNCATE, CaseSetup.DISK_READ_ONLY, 0);
    no(rig, Errno.EFBIG, Syscall.FTRUNCATE, CaseSetup.DISK, MOST + 1);
    int keep = Uapi.FALLOC_FL_KEEP_SIZE;
    no(rig, Errno.EBADF, Syscall.FALLOCATE, NO_FD, 0, 0, 1);
    no(rig, Errno.EINVAL, Syscall.FALLOCATE, CaseSetup.DISK, 0, -1, 1);
    no(rig, Errno.EINVAL, Syscall.FALLOCATE, CaseSetup.DISK, 0, 0, 0);
    no(rig, Errno.EINVAL, Syscall.FALLOCATE, CaseSetup.DISK, 0, 0, -1);
    for (int mode :
        new int[] {
          0x100,
          4,
          Uapi.FALLOC_FL_PUNCH_HOLE,
          keep | Uapi.FALLOC_FL_COLLAPSE_RANGE,
          keep | Uapi.FALLOC_FL_INSERT_RANGE,
          keep | Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_ZERO_RANGE
        }) {
      no(rig, Errno.EOPNOTSUPP, Syscall.FALLOCATE, CaseSetup.DISK, mode, 0, PAGE);
    }
    for (int mode :
        new int[] {
          Uapi.FALLOC_FL_COLLAPSE_RANGE,
          Uapi.FALLOC_FL_INSERT_RANGE,
          Uapi.FALLOC_FL_ZERO_RANGE,
          Uapi.FALLOC_FL_UNSHARE_RANGE
        }) {
      no(rig, Errno.EOPNOTSUPP, Syscall.FALLOCATE, CaseSetup.TMPFS, mode, 0, PAGE);
    }
    no(rig, Errno.EBADF, Syscall.FALLOCATE, CaseSetup.DISK_READ_ONLY, 0, 0, 1);
    no(rig, Errno.ENODEV, Syscall.FALLOCATE, CaseSetup.ZERO, 0, 0, 1);
    no(rig, Errno.EFBIG, Syscall.FALLOCATE, CaseSetup.DISK, keep, MOST, 1);
    no(rig, Errno.EFBIG, Syscall.FALLOCATE, CaseSetup.DISK, keep, Long.MAX_VALUE, 1);
    yes(rig, 0, Syscall.FALLOCATE, CaseSetup.DISK, keep, MOST - 1, 1);
    long all = 1024; // pages of this machine
    no(rig, Errno.ENOSPC, Syscall.FALLOCATE, CaseSetup.TMPFS, keep, 1, all * PAGE);
    yes(rig, SIZE, Syscall.LSEEK, CaseSetup.TMPFS, 0, 2);
    yes(rig, SIZE, Syscall.LSEEK, CaseSetup.DISK, 0, 2);
  }

  private static long file(Rig rig, String name, long flags) {
    return Looks.works("memfd_create", rig.mm.memfdCreate(name, flags));
  }

  private static void seals(Rig rig) {
    int add = Uapi.F_ADD_SEALS;
    int get = Uapi.F_GET_SEALS;
    no(rig, Errno.EBADF, Syscall.FCNTL, NO_FD, get);
    no(rig, Errno.EPERM, Syscall.FCNTL, CaseSetup.DISK_READ_ONLY, add, 1);
    no(rig, Errno.EINVAL, Syscall.FCNTL, CaseSetup.DISK_READ_ONLY, get);
    no(rig, Errno.EINVAL, Syscall.FCNTL, CaseSetup.DISK, add, 1);
    long closed = file(rig, "closed", 0);
    no(rig, Errno.EPERM, Syscall.FCNTL, closed, add, Uapi.F_SEAL_GROW);
    no(rig, Errno.EINVAL, Syscall.FCNTL, closed, add, 0x40);
    no(rig, Errno.EINVAL, Syscall.FCNTL, closed, 1, 0);
    yes(rig, Uapi.F_SEAL_SEAL, Syscall.FCNTL, closed, get);
    long fd = file(rig, "sealed", Uapi.MFD_ALLOW_SEALING);
    yes(rig, 0, Syscall.FTRUNCATE, fd, 2 * PAGE);
    yes(rig, 0, Syscall.FCNTL, fd, add, Uapi.F_SEAL_GROW);
    no(rig, Errno.EPERM, Syscall.FTRUNCATE, fd, 2 * PAGE + 1);
    no(rig, Errno.EPERM, Syscall.FALLOCATE, fd, 0, 0, 2 * PAGE + 1);
    no(rig, Errno.EPERM, Syscall.FALLOCATE, fd, 1, 0, 2 * PAGE + 1);
    yes(rig, 0, Syscall.FALLOCATE, fd, 0, 0, 2 * PAGE);
    yes(rig, 0, Syscall.FTRUNCATE, fd, 2 * PAGE);
    yes(rig, 0, Syscall.FTRUNCATE, fd, 2 * PAGE - 1);
    yes(rig, 0, Syscall.FCNTL, fd, add, Uapi.F_SEAL_SHRINK);
    no(rig, Errno.EPERM, Syscall.FTRUNCATE, fd, 2 * PAGE - 2);
    yes(rig, 0, Syscall.FTRUNCATE, fd, 2 * PAGE - 1);
    rig.gives("mmap", A, rig.mm.mmap(A, PAGE, RW, 0x11, fd, 0));
    no(rig, Errno.EBUSY, Syscall.FCNTL, fd, add, Uapi.F_SEAL_WRITE);
    yes(rig, 0, Syscall.FCNTL, fd, add, Uapi.F_SEAL_FUTURE_WRITE);
    rig.put(A, 4);
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    no(rig, Errno.EPERM, Syscall.PWRITE64, fd, FAR, 1, 0);
    no(rig, Errno.EPERM, Syscall.FALLOCATE, fd, hole, 0, PAGE);
    Looks.fails(rig, "MADV_REMOVE", Errno.EPERM, rig.mm.madvise(A, PAGE, Uapi.MADV_REMOVE));
    rig.has(A, 4);
    Looks.fails(rig, "mmap", Errno.EPERM, rig.mm.mmap(B, PAGE, RW, 0x11, fd, 0));
    rig.gives("mmap to read", B, rig.mm.mmap(B, PAGE, READ, 0x11, fd, 0));
    Looks.fails(rig, "mprotect", Errno.EACCES, rig.mm.mprotect(B, PAGE, RW));
    rig.gives("a private one", C, rig.mm.mmap(C, PAGE, RW, 0x12, fd, 0));
    rig.put(C, 5);
    rig.unmap(A, PAGE);
    yes(rig, 0, Syscall.FCNTL, fd, add, Uapi.F_SEAL_WRITE | Uapi.F_SEAL_SEAL);
    no(rig, Errno.EPERM, Syscall.FCNTL, fd, add, Uapi.F_SEAL_WRITE);
    yes(rig, 0x1f, Syscall.FCNTL, fd, get);
  }

  /** memfd_create, and fallocate for which there is no memory in the middle. */
  private static void memory(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.touch(Act.SCRATCH);
    for (long flags : new long[] {0x20, Uapi.MFD_EXEC | Uapi.MFD_NOEXEC_SEAL, 21L << 26}) {
      Looks.fails(rig, "memfd_create", Errno.EINVAL, rig.mm.memfdCreate("x", flags));
    }
    Looks.fails(rig, "a long name", Errno.EINVAL, rig.mm.memfdCreate("x".repeat(250), 0));
    file(rig, "x".repeat(249), Uapi.MFD_CLOEXEC);
    long fd = file(rig, "short", 0);
    yes(rig, 0, Syscall.FTRUNCATE, fd, 6 * PAGE);
    yes(rig, 1, Syscall.PWRITE64, fd, FAR, 1, PAGE);
    rig.gives("mmap", A, rig.mm.mmap(A, 6 * PAGE, READ, 0x11, fd, 0));
    Floors.hook().failIn(3);
    no(rig, Errno.ENOMEM, Syscall.FALLOCATE, fd, 0, 0, 6 * PAGE);
    Floors.hook().failIn(0);
    Looks.mincore(rig, A, 6 * PAGE, "01,11,04");
    Looks.pages(rig, A, 6 * PAGE, ".6");
    long free = Floors.freeFrames();
    yes(rig, 0, Syscall.FALLOCATE, fd, 0, 0, 6 * PAGE);
    check(
        free - Floors.freeFrames() == 5, "5 frames for 6 pages", "" + (free - Floors.freeFrames()));
    Looks.mincore(rig, A, 6 * PAGE, "01,11,04");
    rig.has(A, 0);
    Looks.mincore(rig, A, 6 * PAGE, "12,04");
  }

  /** Files of huge pages have whole ones, as many as the pool. */
  private static void pools(Rig rig) {
    Looks.fails(rig, "16 KiB", Errno.ENODEV, rig.mm.memfdCreate("h", Uapi.MFD_HUGETLB | 14L << 26));
    long fd = file(rig, "h", Uapi.MFD_HUGETLB | Uapi.MFD_ALLOW_SEALING | 21L << 26);
    no(rig, Errno.EINVAL, Syscall.FTRUNCATE, fd, HUGE + PAGE);
    no(rig, Errno.ENOSPC, Syscall.FALLOCATE, fd, 0, 0, HUGE);
    no(rig, Errno.EOPNOTSUPP, Syscall.FALLOCATE, fd, Uapi.FALLOC_FL_ZERO_RANGE, 0, HUGE);
    rig.gives("nr_hugepages", 0, rig.floor.resizeHugePool(HUGE, 2));
    yes(rig, 0, Syscall.FALLOCATE, fd, 1, 0, 1);
    yes(rig, 0, Syscall.LSEEK, fd, 0, 2);
    yes(rig, 0, Syscall.FALLOCATE, fd, 0, 0, HUGE + 1);
    yes(rig, HUGE + 1, Syscall.LSEEK, fd, 0, 2);
    no(rig, Errno.ENOSPC, Syscall.FALLOCATE, fd, 0, HUGE, HUGE + 1);
    no(rig, Errno.EINVAL, Syscall.PWRITE64, fd, FAR, 1, 0);
    rig.gives("mmap", 0x40000000L, rig.mm.mmap(0x40000000L, 2 * HUGE, RW, 0x11, fd, 0));
    rig.put(0x40000000L + PAGE, 3);
    rig.put(0x40000000L + 2 * PAGE, 4);
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    yes(rig, 0, Syscall.FALLOCATE, fd, hole, PAGE, PAGE);
    rig.has(0x40000000L + PAGE, 0);
    rig.has(0x40000000L + 2 * PAGE, 4);
    yes(rig, 1, Syscall.PREAD64, fd, FAR, 1, 2 * PAGE);
    rig.has(FAR, 4);
    check(rig.floor.hugePages().free() == 0, "no free page", "" + rig.floor.hugePages());
    yes(rig, 0, Syscall.FALLOCATE, fd, hole, 0, HUGE + PAGE);
    check(rig.floor.hugePages().free() == 1, "a free page", "" + rig.floor.hugePages());
    yes(rig, 0, Syscall.FCNTL, fd, Uapi.F_ADD_SEALS, Uapi.F_SEAL_GROW);
    no(rig, Errno.EPERM, Syscall.FALLOCATE, fd, 0, 0, 3 * HUGE);
    rig.unmap(0x40000000L, 2 * HUGE);
    yes(rig, 0, Syscall.FCNTL, fd, Uapi.F_ADD_SEALS, Uapi.F_SEAL_WRITE);
    no(rig, Errno.EPERM, Syscall.FALLOCATE, fd, hole, 0, HUGE);
    yes(rig, 0, Syscall.FTRUNCATE, fd, 0);
    check(rig.floor.hugePages().free() == 2, "two free pages", "" + rig.floor.hugePages());
  }

  // ---------------------------------------------------------------- processes

  private static void processes(Rig rig) {
    rearranged(rig);
    advised(rig);
    keysAndUsers(rig);
    options(rig);
    limits(rig);
  }

  private static void remaps(Rig rig, long result, long addr, long len, long prot, long pgoff) {
    if (result < 0) {
      no(rig, (int) -result, Syscall.REMAP_FILE_PAGES, addr, len, prot, pgoff, 0);
    } else {
      yes(rig, result, Syscall.REMAP_FILE_PAGES, addr, len, prot, pgoff, 0);
    }
  }

  private static void rearranged(Rig rig) {
    rig.gives("mmap", A, rig.mm.mmap(A, 6 * PAGE, RW, 0x11, CaseSetup.DISK, 0));
    remaps(rig, -Errno.EINVAL, A, PAGE, READ, 0);
    remaps(rig, -Errno.EINVAL, A, 0, 0, 0);
    remaps(rig, -Errno.EINVAL, A, PAGE - 1, 0, 0);
    remaps(rig, -Errno.EINVAL, A, -PAGE, 0, 0);
    remaps(rig, -Errno.EINVAL, A, PAGE, 0, -1);
    remaps(rig, -Errno.EINVAL, C, PAGE, 0, 0);
    remaps(rig, 0, A + 77, PAGE + 77, 0, 9);
    rig.has(A, CaseSetup.byteOf(9));
    rig.has(A + PAGE, CaseSetup.byteOf(1));
    rig.shows("0-1 rw-s, 1-6 rw-s");
    remaps(rig, 0, A, 6 * PAGE, 0, 20); // over both, which have one file and one protection
    rig.shows("0-6 rw-s");
    rig.has(A + 5 * PAGE, CaseSetup.byteOf(25));
    rig.gives("another file", A + 6 * PAGE, rig.mm.mmap(A + 6 * PAGE, PAGE, RW, 0x11, 4, 0));
    remaps(rig, -Errno.EINVAL, A, 7 * PAGE, 0, 0);
    rig.protect(A + 2 * PAGE, PAGE, READ);
    remaps(rig, -Errno.EINVAL, A, 3 * PAGE, 0, 0);
    remaps(rig, 0, A + 2 * PAGE, PAGE, 0, 30);
    rig.has(A + 2 * PAGE, CaseSetup.byteOf(30));
    rig.shows("0-2 rw-s, 2-3 r--s, 3-6 rw-s, 6-7 rw-s");
    rig.gives("locked", 0, rig.mm.mlock(A, PAGE));
    remaps(rig, 0, A, PAGE, 0, 40);
    Looks.locked(rig, 1);
    rig.gives("shared memory", B, rig.mm.mmap(B, 2 * PAGE, RW, 0x31, -1, 0));
    rig.put(B + PAGE, 8);
    remaps(rig, 0, B, PAGE, 0, 1);
    rig.has(B, 8);
    rig.unmap(A, 2 * TEN);
  }

  private static void advised(Rig rig) {
    rig.map(A, 4 * PAGE, RW);
    rig.touch(A);
    no(rig, Errno.EINVAL, Syscall.PROCESS_MADVISE, 1, A, PAGE, Uapi.MADV_COLD, 1);
    no(rig, Errno.EINVAL, Syscall.PROCESS_MADVISE, 1, A, -1, Uapi.MADV_COLD, 0);
    no(rig, Errno.EFAULT, Syscall.PROCESS_MADVISE, 1, USER_END, PAGE, Uapi.MADV_COLD, 0);
    no(rig, Errno.ENOMEM, Syscall.PROCESS_MADVISE, 1, USER_END - PAGE, PAGE, Uapi.MADV_COLD, 0);
    no(rig, Errno.EINVAL, Syscall.PROCESS_MADVISE, 1, A, PAGE, 77, 0);
    yes(rig, 0, Syscall.PROCESS_MADVISE, 1, A, 0, Uapi.MADV_DONTNEED, 0);
    for (int advice : new int[] {Uapi.MADV_COLD, Uapi.MADV_PAGEOUT, Uapi.MADV_WILLNEED}) {
      yes(rig, 2 * PAGE, Syscall.PROCESS_MADVISE, 0, A, 2 * PAGE, advice, 0);
    }
    for (int advice : new int[] {Uapi.MADV_DONTNEED, Uapi.MADV_FREE, Uapi.MADV_POPULATE_WRITE}) {
      no(rig, Errno.EINVAL, Syscall.PROCESS_MADVISE, 0, A, PAGE, advice, 0);
    }
    rig.has(A, 1);
    yes(rig, PAGE, Syscall.PROCESS_MADVISE, 1, A, PAGE, Uapi.MADV_DONTNEED, 0);
    rig.has(A, 0);
    long large = 1L << 40;
    rig.gives("mmap", large, rig.mm.mmap(large, 4L << 30, RW, 0x4032, -1, 0));
    yes(rig, 0x7ffff000L, Syscall.PROCESS_MADVISE, 1, large, 4L << 30, Uapi.MADV_COLD, 0);
    rig.unmap(large, 4L << 30);
  }

  private static void keysAndUsers(Rig rig) {
    no(rig, Errno.EINVAL, Syscall.PKEY_ALLOC, 1, 0);
    no(rig, Errno.EINVAL, Syscall.PKEY_ALLOC, 0, 4);
    no(rig, Errno.EINVAL, Syscall.PKEY_ALLOC, 0, 3); // found, and lost: no right can be set
    no(rig, Errno.ENOSPC, Syscall.PKEY_ALLOC, 0, 3);
    no(rig, Errno.EINVAL, Syscall.PKEY_ALLOC, 1, 0);
    no(rig, Errno.EINVAL, Syscall.PKEY_FREE, 1);
    for (Syscall call : List.of(Syscall.SETUID, Syscall.SETGID)) {
      no(rig, Errno.EINVAL, call, -1);
      no(rig, Errno.EINVAL, call, 0xffff_ffffL);
      no(rig, Errno.EPERM, call, 999);
      yes(rig, 0, call, 1000);
      yes(rig, 0, call, (1L << 32) + 1000);
    }
  }

  private static void options(Rig rig) {
    no(rig, Errno.EINVAL, Syscall.PRCTL, 999, 0, 0, 0, 0);
    for (int at = 1; at < 5; at++) {
      long[] get = {Uapi.PR_GET_THP_DISABLE, 0, 0, 0, 0};
      get[at] = 1;
      no(rig, Errno.EINVAL, Syscall.PRCTL, get);
      get[0] = Uapi.PR_GET_MDWE;
      no(rig, Errno.EINVAL, Syscall.PRCTL, get);
    }
    thp(rig, -Errno.EINVAL, 1, 1, 0, 0);
    thp(rig, -Errno.EINVAL, 1, 0, 1, 0);
    thp(rig, -Errno.EINVAL, 1, 0, 0, 1);
    thp(rig, -Errno.EINVAL, 0, 2, 0, 0);
    thp(rig, 0, 1, 2, 0, 0);
    yes(rig, 3, Syscall.PRCTL, Uapi.PR_GET_THP_DISABLE);
    thp(rig, 0, 7, 0, 0, 0);
    yes(rig, 1, Syscall.PRCTL, Uapi.PR_GET_THP_DISABLE);
    thp(rig, 0, 0, 0, 0, 0);
    yes(rig, 0, Syscall.PRCTL, Uapi.PR_GET_THP_DISABLE);
    for (long[] wrong : new long[][] {{4, 0, 0, 0}, {2, 0, 0, 0}, {1, 1, 0, 0}, {1, 0, 1, 0}}) {
      no(rig, Errno.EINVAL, Syscall.PRCTL, Uapi.PR_SET_MDWE, wrong[0], wrong[1], wrong[2], 0);
    }
    no(rig, Errno.EINVAL, Syscall.PRCTL, Uapi.PR_SET_MDWE, 1, 0, 0, 1);
    yes(rig, 0, Syscall.PRCTL, Uapi.PR_SET_MDWE, 0, 0, 0, 0);
    yes(rig, 0, Syscall.PRCTL, Uapi.PR_GET_MDWE);
    yes(rig, 0, Syscall.PRCTL, Uapi.PR_SET_MDWE, 3, 0, 0, 0);
    yes(rig, 3, Syscall.PRCTL, Uapi.PR_GET_MDWE);
    yes(rig, 0, Syscall.PRCTL, Uapi.PR_SET_MDWE, 3, 0, 0, 0);
    no(rig, Errno.EPERM, Syscall.PRCTL, Uapi.PR_SET_MDWE, 1, 0, 0, 0);
    no(rig, Errno.EPERM, Syscall.PRCTL, Uapi.PR_SET_MDWE, 0, 0, 0, 0);
    Rig child = rig.fork();
    yes(child, 0, Syscall.PRCTL, Uapi.PR_GET_MDWE); // it is not inherited
    yes(child, 0, Syscall.PRCTL, Uapi.PR_SET_MDWE, 1, 0, 0, 0);
    Rig grandchild = child.fork();
    yes(grandchild, 1, Syscall.PRCTL, Uapi.PR_GET_MDWE);
    no(rig, Errno.EINVAL, Syscall.PRCTL, Uapi.PR_SET_VMA, 0, A, PAGE, 0);
  }

  private static void thp(Rig rig, long result, long... args) {
    long seen =
        rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_THP_DISABLE, args[0], args[1], args[2], args[3]);
    rig.gives("PR_SET_THP_DISABLE " + Arrays.toString(args), result, seen);
  }

  private static void limits(Rig rig) {
    for (ResourceLimit each : ResourceLimit.values()) {
      boolean memlock = each == ResourceLimit.MEMLOCK;
      long hard = memlock ? 8L << 20 : ResourceLimit.INFINITY;
      rig.gives("the hard limit of " + each, hard, rig.mm.hardLimit(each));
      rig.gives("the hard one", 0, rig.mm.setrlimit(each, hard, 0));
      rig.gives("a soft one", 0, rig.mm.setrlimit(each, 5L << 20, A));
      rig.gives("it", 5L << 20, rig.mm.softLimit(each));
      Looks.fails(
          rig, "a struct nowhere", Errno.EFAULT, rig.mm.setrlimit(each, 1, A + 4 * PAGE - 15));
      rig.gives("it still", 5L << 20, rig.mm.softLimit(each));
    }
    Looks.fails(
        rig, "more", Errno.EINVAL, rig.mm.setrlimit(ResourceLimit.MEMLOCK, (8L << 20) + 1, 0));
    rig.gives("its end", 0, rig.mm.setrlimit(ResourceLimit.STACK, 1 << 20, A + 4 * PAGE - 16));
  }
}
