// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;
import static io.mm4j.testkit.process.rules.RefusalCases.MOST;
import static io.mm4j.testkit.process.rules.RefusalCases.NO_FD;
import static io.mm4j.testkit.process.rules.RefusalCases.USER_END;
import static io.mm4j.testkit.process.rules.RefusalCases.no;
import static io.mm4j.testkit.process.rules.RefusalCases.yes;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.Arrays;
import java.util.List;

/**
 * What calls about a whole process refuse, each with its errno, and the nearest that they allow.
 */
public final class ProcessRefusals {
  private static final long PAGE = Bits.PAGE;

  private ProcessRefusals() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        RefusalCases.of(
            "AS-81",
            "refused-by-processes",
            "Calls about a whole process refuse unknown words, arguments that must be 0, ranges"
                + " that are empty, wrap or are of two mappings, and what only root may do.",
            "prctl, prctl_set_thp_disable, prctl_set_mdwe, __sys_setuid, process_madvise,"
                + " remap_file_pages, pkey_alloc, do_prlimit",
            CaseSetup::new,
            ProcessRefusals::processes));
  }

  private static void processes(Rig rig) {
    rearranged(rig);
    advised(rig);
    keysAndUsers(rig);
    scans(rig);
    byPath(rig);
    faults(rig);
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

  private static void scans(Rig rig) {
    long all = PagemapScan.CATEGORIES;
    long bytes = PagemapScan.SIZE;
    scan(rig, -Errno.EFAULT, new PagemapScan(C, bytes, 0, A, B, 1, 9, 0, 0, 0, 0, all));
    scan(rig, -Errno.EINVAL, new PagemapScan(0, bytes + 8, 0, A, B, 1, 9, 0, 0, 0, 0, all));
    scan(rig, -Errno.EINVAL, new PagemapScan(0, bytes, 0, A, B, 0, 9, 0, 0, 0, 0, all));
    scan(rig, 0, new PagemapScan(0, bytes, 0, A, B, 0, 0, 0, 0, 0, 0, all));
    scan(rig, 0, new PagemapScan(0, bytes, 0, C, C, USER_END - 24, 1, 0, 0, 0, 0, all));
    scan(rig, -Errno.EFAULT, new PagemapScan(0, bytes, 0, C, C, USER_END - 24, 2, 0, 0, 0, 0, all));
    scan(rig, -Errno.EFAULT, new PagemapScan(0, bytes, 0, C, C, 8, -1, 0, 0, 0, 0, all));
    scan(rig, -Errno.EFAULT, new PagemapScan(0, bytes, 0, USER_END, C, 1, 9, 0, 0, 0, 0, all));
    for (int i = 0; i < 4; i++) {
      long[] of = new long[4];
      of[i] = all + 1;
      scan(
          rig,
          -Errno.EINVAL,
          new PagemapScan(0, bytes, 0, A, B, 1, 9, 0, of[0], of[1], of[2], of[3]));
    }
    rig.map(C, PAGE, READ);
    scan(rig, -Errno.EFAULT, new PagemapScan(C, bytes, 0, C, C, 0, 0, 0, 0, 0, 0, all));
    rig.unmap(C, PAGE);
  }

  private static void scan(Rig rig, long result, PagemapScan asked) {
    rig.gives(asked.toString(), result, rig.mm.pagemapScan(asked).result());
  }

  /** truncate(2), which needs no descriptor. */
  private static void byPath(Rig rig) {
    MappedFile file = new MappedFile("by path", MappedFile.Kind.EXT4, 4 * PAGE, at -> 6);
    MappedFile proc = new MappedFile("/proc/x", MappedFile.Kind.PROC, 0);
    rig.mm.installFd(NO_FD, new OpenFile(file, OpenFile.Mode.READ_ONLY));
    rig.gives("mmap", C, rig.mm.mmap(C, 4 * PAGE, READ, 0x11, NO_FD, 0));
    rig.has(C + 3 * PAGE, 6);
    rig.gives("truncate to -1", -Errno.EINVAL, rig.floor.truncate(file, -1));
    rig.gives("truncate of /proc", -Errno.EINVAL, rig.floor.truncate(proc, 0));
    rig.gives("truncate too far", -Errno.EFBIG, rig.floor.truncate(file, MOST + 1));
    rig.has(C + 3 * PAGE, 6);
    rig.gives("truncate", 0, rig.floor.truncate(file, PAGE + 1));
    yes(rig, PAGE + 1, Syscall.LSEEK, NO_FD, 0, 2);
    rig.has(C + PAGE, 6);
    rig.has(C + PAGE + 1, 0);
    Looks.ends("a read behind", TouchOutcome.Kind.BUS_ADRERR, rig.mm.read(C + 2 * PAGE));
    rig.gives("truncate to 0", 0, rig.floor.truncate(file, 0));
    Looks.ends("a read of it", TouchOutcome.Kind.BUS_ADRERR, rig.mm.read(C));
    rig.unmap(C, 4 * PAGE);
    rig.mm.installFd(NO_FD, null);
    no(rig, Errno.EBADF, Syscall.LSEEK, NO_FD, 0, 2);
  }

  /** Faults as a log tells of them: by what was done there, in user mode or not. */
  private static void faults(Rig rig) {
    rig.map(C, PAGE, READ);
    for (boolean user : new boolean[] {true, false}) {
      Looks.ends("a read", TouchOutcome.Kind.OK, rig.mm.fault(C, false, user, false));
      Looks.ends("a write", TouchOutcome.Kind.SEGV_ACCERR, rig.mm.fault(C, true, user, false));
      Looks.ends("a jump", TouchOutcome.Kind.SEGV_ACCERR, rig.mm.fault(C, false, user, true));
      Looks.ends(
          "a read of nothing",
          TouchOutcome.Kind.SEGV_MAPERR,
          rig.mm.fault(FAR, false, user, false));
    }
    rig.map(C, PAGE, RW);
    rig.put(C, 5);
    Looks.ends("a write", TouchOutcome.Kind.OK, rig.mm.fault(C, true, true, false));
    rig.has(C, 5); // what was written is not in the log
    rig.unmap(C, PAGE);
  }
}
