// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
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

/**
 * What calls about descriptors refuse, each with its errno, and beside it the nearest that they
 * allow.
 */
public final class RefusalCases {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;

  /** {@code s_maxbytes} of ext4 with blocks of 4 KiB. */
  static final long MOST = 0xffff_ffffL << 12;

  /** The first address that {@code access_ok} refuses. */
  static final long USER_END = 0x7ffffffff000L;

  static final int NO_FD = 99;
  private static final long SIZE = CaseSetup.FILE_PAGES * PAGE;

  private RefusalCases() {}

  static CaseRule of(
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
            RefusalCases::files));
  }

  private static CaseSetup smallMachine() {
    CaseSetup setup = new CaseSetup();
    setup.ramKb = 4096;
    return setup;
  }

  static void no(Rig rig, int errno, Syscall call, long... args) {
    Looks.fails(rig, call + Arrays.toString(args), errno, rig.mm.syscall(call, args));
  }

  static void yes(Rig rig, long expected, Syscall call, long... args) {
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
    rig.map(USER_END - PAGE, PAGE, RW);
    yes(rig, PAGE, Syscall.PREAD64, CaseSetup.DISK, USER_END - PAGE, PAGE, 0);
    no(rig, Errno.EFAULT, Syscall.PREAD64, CaseSetup.DISK, USER_END - PAGE, PAGE + 1, 0);
    rig.unmap(USER_END - PAGE, PAGE);
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
}
