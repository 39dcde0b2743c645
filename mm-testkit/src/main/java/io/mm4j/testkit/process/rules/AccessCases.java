// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Who may attach a segment and what it is promised, and what files of memory begin with. */
public final class AccessCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "What one process may do to the memory of others is decided there.",
          "one of several conditions is not looked at");

  private static final long PAGE = Bits.PAGE;
  private static final int ANON = 0x22;
  private static final int POOL = 0x40022;
  private static final int NORESERVE = 0x4000;

  /** {@code vm.admin_reserve_kbytes}, which only root may use, in pages. */
  private static final long RESERVE = 2048;

  private AccessCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-74",
            "modes-of-segments",
            "A segment is attached for reading, for writing and with SHM_EXEC as its mode allows,"
                + " else EACCES; with SHM_NORESERVE it is promised nothing.",
            "ipcperms (ipc/util.c); do_shmat, newseg (ipc/shm.c)",
            AccessCases::modes),
        GROUP.rule(
            "AS-75",
            "modes-and-root",
            "Who has the capability attaches any segment, whatever its mode.",
            "ipcperms (ipc/util.c), CAP_IPC_OWNER",
            setup -> setup.capabilities = Set.of(Capability.IPC_OWNER),
            AccessCases::root),
        GROUP.rule(
            "AS-76",
            "promises-of-segments",
            "With vm.overcommit_memory 2 a segment that cannot be promised is ENOMEM, with"
                + " SHM_NORESERVE too, and one that can be is charged, with SHM_NORESERVE too.",
            "newseg (ipc/shm.c); __vm_enough_memory (mm/util.c)",
            setup -> {
              setup.overcommit = 2;
              setup.overcommitKbytes = 4 * (RESERVE + 400);
            },
            AccessCases::promises),
        GROUP.rule(
            "AS-77",
            "seals-at-first",
            "A file of memfd_create can be sealed if it was made with MFD_ALLOW_SEALING or"
                + " MFD_NOEXEC_SEAL, which seals it against becoming executable; MFD_EXEC beside it"
                + " is EINVAL.",
            "SYSCALL memfd_create (mm/memfd.c)",
            AccessCases::seals),
        GROUP.rule(
            "AS-78",
            "hints-and-the-pool",
            "A hint for huge pages of the pool is rounded up to a border of 2 MiB, with MAP_FIXED"
                + " it must be one; what is mapped after it has no border.",
            "hugetlb_get_unmapped_area, unmapped_area_topdown",
            AccessCases::hints),
        GROUP.rule(
            "AS-79",
            "hints-below-2-gib",
            "With MAP_32BIT a hint is taken if all of the mapping ends at 2 GiB or below, else the"
                + " lowest hole from 1 GiB on, for huge pages of the pool one that holds them from"
                + " a border of 2 MiB on.",
            "find_start_end, arch_get_unmapped_area (arch/x86/kernel/sys_x86_64.c)",
            AccessCases::low));
  }

  private static long segment(Rig rig, long bytes, long flags) {
    return rig.mm.syscall(Syscall.SHMGET, 0, bytes, flags);
  }

  private static long attach(Rig rig, long id, long addr, long flags) {
    return rig.mm.syscall(Syscall.SHMAT, id, addr, flags);
  }

  private static void modes(Rig rig) {
    long charged = rig.floor.committedPages();
    long reads = Looks.works("shmget", segment(rig, PAGE, 0400));
    long writes = Looks.works("shmget", segment(rig, PAGE, 0600));
    long runs = Looks.works("shmget", segment(rig, PAGE, 0700));
    long none = Looks.works("shmget", segment(rig, PAGE, 0077));
    Looks.committed(rig, charged + 4);
    long unpromised = Looks.works("shmget", segment(rig, PAGE, 0600 | Uapi.SHM_NORESERVE));
    Looks.committed(rig, charged + 4);
    rig.gives("shmat to read", A, attach(rig, reads, A, Uapi.SHM_RDONLY));
    Looks.fails(rig, "to write mode 0400", Errno.EACCES, attach(rig, reads, 0, 0));
    Looks.fails(rig, "to run mode 0600", Errno.EACCES, attach(rig, writes, 0, Uapi.SHM_EXEC));
    rig.gives("shmat to write", A + 2 * PAGE, attach(rig, writes, A + 2 * PAGE, 0));
    rig.gives("shmat to run", A + 4 * PAGE, attach(rig, runs, A + 4 * PAGE, Uapi.SHM_EXEC));
    long both = Uapi.SHM_EXEC | Uapi.SHM_RDONLY;
    rig.gives("shmat to read and run", A + 6 * PAGE, attach(rig, runs, A + 6 * PAGE, both));
    rig.gives("shmat of that", A + 8 * PAGE, attach(rig, unpromised, A + 8 * PAGE, 0));
    Looks.fails(rig, "mode 0077", Errno.EACCES, attach(rig, none, 0, Uapi.SHM_RDONLY));
    rig.shows("0-1 r--s, 2-3 rw-s, 4-5 rwxs, 6-7 r-xs, 8-9 rw-s");
  }

  private static void root(Rig rig) {
    long none = Looks.works("shmget", segment(rig, PAGE, 0));
    rig.gives("shmat to read", A, attach(rig, none, A, Uapi.SHM_RDONLY));
    rig.gives("shmat to run", A + 2 * PAGE, attach(rig, none, A + 2 * PAGE, Uapi.SHM_EXEC));
    rig.shows("0-1 r--s, 2-3 rwxs");
  }

  private static void promises(Rig rig) {
    long charged = rig.floor.committedPages();
    long large = 1000 * PAGE;
    Looks.fails(rig, "1000 pages", Errno.ENOMEM, segment(rig, large, 0600));
    long unpromised = segment(rig, large, 0600 | Uapi.SHM_NORESERVE);
    Looks.fails(rig, "1000 pages, SHM_NORESERVE", Errno.ENOMEM, unpromised);
    Looks.committed(rig, charged);
    long _ = Looks.works("shmget", segment(rig, 10 * PAGE - 1, 0600));
    Looks.committed(rig, charged + 10);
    long _ = Looks.works("shmget", segment(rig, 5 * PAGE + 1, 0600 | Uapi.SHM_NORESERVE));
    Looks.committed(rig, charged + 16);
  }

  private static void seals(Rig rig) {
    begins(rig, 0, Uapi.F_SEAL_SEAL);
    begins(rig, Uapi.MFD_EXEC, Uapi.F_SEAL_SEAL);
    begins(rig, Uapi.MFD_ALLOW_SEALING, 0);
    begins(rig, Uapi.MFD_EXEC | Uapi.MFD_ALLOW_SEALING, 0);
    begins(rig, Uapi.MFD_NOEXEC_SEAL, Uapi.F_SEAL_EXEC);
    begins(rig, Uapi.MFD_NOEXEC_SEAL | Uapi.MFD_ALLOW_SEALING, Uapi.F_SEAL_EXEC);
    int both = Uapi.MFD_EXEC | Uapi.MFD_NOEXEC_SEAL;
    Looks.fails(rig, "both", Errno.EINVAL, rig.mm.memfdCreate("b", both));
    Looks.fails(rig, "an unknown flag", Errno.EINVAL, rig.mm.memfdCreate("u", 0x20));
    long fd = Looks.works("memfd_create", rig.mm.memfdCreate("m", Uapi.MFD_ALLOW_SEALING));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, PAGE));
    rig.gives("mmap", A, rig.mm.mmap(A, PAGE, RW, 0x11, fd, 0));
    long sealed = rig.mm.syscall(Syscall.FCNTL, fd, Uapi.F_ADD_SEALS, Uapi.F_SEAL_EXEC);
    Looks.fails(rig, "F_SEAL_EXEC of what can be written", Errno.EBUSY, sealed);
  }

  private static void begins(Rig rig, int flags, int seals) {
    long fd = Looks.works("memfd_create", rig.mm.memfdCreate("m", flags));
    long seen = rig.mm.syscall(Syscall.FCNTL, fd, Uapi.F_GET_SEALS);
    rig.gives("seals of a file made with " + flags, seals, seen);
  }

  private static void hints(Rig rig) {
    long huge = HugeCases.SIZE;
    int pool = POOL | NORESERVE;
    rig.gives("a hint", A + huge, rig.mm.mmap(A + PAGE, huge, RW, pool, -1, 0));
    long fixed = pool | Uapi.MAP_FIXED;
    Looks.fails(rig, "fixed", Errno.EINVAL, rig.mm.mmap(A + PAGE, huge, RW, fixed, -1, 0));
    // The highest hole is as large as what is asked for.
    long top = SpaceSetup.BASE;
    for (int i = 1; i <= 3; i++) {
      rig.gives("mmap", top - i * PAGE, rig.mm.mmap(0, PAGE, i % 2 == 0 ? RW : 1, ANON, -1, 0));
    }
    rig.unmap(top - 2 * PAGE, PAGE);
    rig.gives("mmap of a hole", top - 2 * PAGE, rig.mm.mmap(0, PAGE, RW, ANON, -1, 0));
  }

  private static void low(Rig rig) {
    long from = 0x4000_0000L;
    long end = 0x8000_0000L;
    long huge = HugeCases.SIZE;
    long flags = ANON | Uapi.MAP_32BIT;
    rig.gives("the last page", end - PAGE, rig.mm.mmap(end - PAGE, PAGE, RW, flags, -1, 0));
    rig.gives("over the end", from, rig.mm.mmap(end - 3 * PAGE, 4 * PAGE, 1, flags, -1, 0));
    rig.gives("behind it", from + 4 * PAGE, rig.mm.mmap(end, PAGE, RW, flags, -1, 0));
    long below = end - 3 * PAGE;
    rig.gives("up to what is there", below, rig.mm.mmap(below, 2 * PAGE, 1, flags, -1, 0));
    // A hole larger than a huge page that holds none from a border on.
    rig.map(from + huge + PAGE, PAGE, RW);
    long pool = POOL | NORESERVE | Uapi.MAP_32BIT;
    rig.gives("a huge page", from + 2 * huge, rig.mm.mmap(0, huge, RW, pool, -1, 0));
  }
}
