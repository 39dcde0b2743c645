// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.ArrayList;
import java.util.List;

/** Cases of System V segments, of the pool of huge pages, and of calls about a whole process. */
public final class SegmentCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Databases live in it.", "something that is counted is given back too early or too late");

  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;
  private static final int POOL = 0x40022;
  private static final int NORESERVE = 0x4000;
  private static final int FIXED = 0x10;

  private SegmentCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F08",
            "segments",
            "A System V segment is one memory for all who attach it, each attachment is detached as"
                + " a whole by where it began, and it is charged until it is removed and its last"
                + " attachment goes; then remap_file_pages has nothing to map.",
            "newseg, do_shmat, ksys_shmdt, shm_mmap, shm_destroy (ipc/shm.c)",
            SegmentCases::segments),
        GROUP.rule(
            "AS-F09",
            "huge-pool",
            "MAP_HUGETLB gets pages of the pool: whole ones, promised when the mapping is made"
                + " unless it has MAP_NORESERVE, and SIGBUS where none is left; what is unmapped"
                + " is free again, with its promise.",
            "hugetlb_reserve_pages, hugetlb_fault (as recorded); selftests hugepage-mmap",
            SegmentCases::pool),
        GROUP.rule(
            "AS-F10",
            "huge-pool-and-fork",
            "After a fork a write to a private page of the pool makes a copy; who made the promise"
                + " gets the page at the cost of the child when none is free. What the child has"
                + " lost it does not get again, not even where the file has a page. Who has a page"
                + " alone writes to it without a fault.",
            "hugetlb_wp, unmap_ref_private, hugetlb_no_page (HPAGE_RESV_UNMAPPED)",
            SegmentCases::poolAndFork),
        GROUP.rule(
            "AS-F11",
            "rearranged",
            "remap_file_pages shows another place of the file at an address of a shared mapping,"
                + " and refuses private memory, a protection, and a range of two mappings.",
            "SYSCALL remap_file_pages (mm/mmap.c)",
            SegmentCases::rearranges),
        GROUP.rule(
            "AS-F43",
            "borders-of-segments",
            "A segment of huge pages is promised them, and keeps what was touched until it is"
                + " removed; who has neither CAP_IPC_LOCK nor group 0 gets none. There are no more"
                + " than SHMMNI segments, a user locks no more than RLIMIT_MEMLOCK, and where"
                + " structs cannot be accessed it is EFAULT.",
            "newseg, hugetlb_file_setup, shmctl_do_lock, user_shm_lock, ipc_addid",
            SegmentCases::bordersOfSegments),
        GROUP.rule(
            "AS-F12",
            "about-a-process",
            "Keys are refused as on a CPU without them; prctl switches huge pages off for a"
                + " process and its children; with PR_SET_MDWE nothing becomes executable;"
                + " process_madvise says how many bytes it advised.",
            "do_mprotect_pkey, prctl_set_thp_disable, map_deny_write_exec, vector_madvise",
            SegmentCases::options),
        GROUP.rule(
            "AS-F13",
            "sysctls-at-run-time",
            "What is written under /proc/sys/vm holds from then on for processes that live.",
            "sysctl_max_map_count, sysctl_overcommit_memory",
            SegmentCases::sysctls),
        GROUP.rule(
            "AS-F99",
            "sysctls-read-back",
            "A file under /proc/sys that can be written shows the number that holds now, in decimal"
                + " digits.",
            "proc_doulongvec_minmax, proc_dointvec_minmax, hugetlb_sysctl_handler",
            SegmentCases::sysctlsReadBack));
  }

  private static void segments(Rig rig) {
    long charged = rig.floor.committedPages();
    long id =
        Looks.works(
            "shmget", rig.mm.syscall(Syscall.SHMGET, 42, 3 * PAGE - 5, Uapi.IPC_CREAT | 0600));
    rig.gives("shmget again", id, rig.mm.syscall(Syscall.SHMGET, 42, PAGE, 0));
    Looks.fails(rig, "too large", Errno.EINVAL, rig.mm.syscall(Syscall.SHMGET, 42, 4 * PAGE, 0));
    Looks.fails(
        rig,
        "IPC_EXCL",
        Errno.EEXIST,
        rig.mm.syscall(Syscall.SHMGET, 42, PAGE, Uapi.IPC_CREAT | Uapi.IPC_EXCL));
    Looks.fails(rig, "another key", Errno.ENOENT, rig.mm.syscall(Syscall.SHMGET, 43, PAGE, 0));
    Looks.committed(rig, charged + 3);
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, id, A, 0));
    rig.gives(
        "shmat with SHM_RND",
        FAR,
        rig.mm.syscall(Syscall.SHMAT, id, FAR + 77, Uapi.SHM_RND | Uapi.SHM_RDONLY));
    Looks.fails(
        rig, "shmat at an odd address", Errno.EINVAL, rig.mm.syscall(Syscall.SHMAT, id, 77, 0));
    Looks.fails(rig, "shmat over a mapping", Errno.EINVAL, rig.mm.syscall(Syscall.SHMAT, id, A, 0));
    rig.put(A + PAGE, 7);
    rig.has(FAR + PAGE, 7);
    Looks.ends("a write to SHM_RDONLY", Kind.SEGV_ACCERR, rig.mm.write(FAR, 1));
    Looks.fails(rig, "mprotect", Errno.EACCES, rig.mm.mprotect(FAR, PAGE, RW));
    rig.unmap(A + PAGE, PAGE);
    rig.shows("0-1 rw-s, 2-3 rw-s");
    Rig child = rig.fork();
    child.has(A + 2 * PAGE, 0);
    rig.gives("IPC_RMID", 0, rig.mm.syscall(Syscall.SHMCTL, id, Uapi.IPC_RMID, 0));
    Looks.fails(rig, "its key", Errno.ENOENT, rig.mm.syscall(Syscall.SHMGET, 42, PAGE, 0));
    long more = Looks.works("shmat", rig.mm.syscall(Syscall.SHMAT, id, 0, 0));
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, more));
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    rig.shows("");
    Looks.fails(rig, "shmdt again", Errno.EINVAL, rig.mm.syscall(Syscall.SHMDT, A));
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, FAR));
    Looks.committed(rig, charged + 3);
    child.mm.exit();
    Looks.committed(rig, charged);
    Looks.fails(rig, "shmat", Errno.EINVAL, rig.mm.syscall(Syscall.SHMAT, id, 0, 0));
    replacesItself(rig, charged);
  }

  /**
   * do_shmat counts the new attachment before it maps: the segment does not go with the old one.
   */
  private static void replacesItself(Rig rig, long charged) {
    long id = segment(rig, 3);
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, id, A, 0));
    rig.gives("IPC_RMID", 0, control(rig, id, Uapi.IPC_RMID, 0));
    rig.gives("SHM_REMAP", A, rig.mm.syscall(Syscall.SHMAT, id, A, Uapi.SHM_REMAP));
    Looks.committed(rig, charged + 3);
    rig.put(A, 5);
    rig.gives("shmat", FAR, rig.mm.syscall(Syscall.SHMAT, id, FAR, 0));
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    rig.has(FAR, 5);
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, FAR));
    Looks.committed(rig, charged);
    long gone = segment(rig, 3);
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, gone, A, 0));
    rig.gives("rearranged", 0, rig.mm.syscall(Syscall.REMAP_FILE_PAGES, A, PAGE, 0, 2, 0));
    rig.gives("IPC_RMID", 0, control(rig, gone, Uapi.IPC_RMID, 0));
    rig.gives("its rest holds it", 0, rig.mm.syscall(Syscall.REMAP_FILE_PAGES, A, PAGE, 0, 1, 0));
    rig.unmap(A + PAGE, 2 * PAGE);
    long alone = rig.mm.syscall(Syscall.REMAP_FILE_PAGES, A, PAGE, 0, 2, 0);
    Looks.fails(rig, "the last page of a removed segment", Errno.EINVAL, alone);
    rig.shows("");
    Looks.committed(rig, charged);
  }

  private static void setPool(Rig rig, int pages) {
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "" + pages));
  }

  private static void counts(Rig rig, long free, long reserved) {
    RuleViolation.checkEqual(free, rig.floor.hugePages().free(), "HugePages_Free");
    RuleViolation.checkEqual(reserved, rig.floor.hugePages().reserved(), "HugePages_Rsvd");
  }

  private static void pool(Rig rig) {
    Looks.fails(rig, "an empty pool", Errno.ENOMEM, rig.mm.mmap(0, HUGE, RW, POOL, -1, 0));
    long none = Looks.works("MAP_NORESERVE", rig.mm.mmap(0, PAGE, RW, POOL | NORESERVE, -1, 0));
    RuleViolation.checkEqual(0, none & HUGE - 1, "how far into 2 MiB it begins");
    Looks.ends("a touch without a page", Kind.BUS_ADRERR, rig.mm.write(none, 1));
    setPool(rig, 3);
    counts(rig, 3, 0);
    rig.gives("mmap", A, rig.mm.mmap(A, 2 * HUGE, RW, POOL | FIXED, -1, 0));
    counts(rig, 3, 2);
    Looks.flags(rig, A, "de ht");
    Looks.fails(rig, "two more", Errno.ENOMEM, rig.mm.mmap(0, 2 * HUGE, RW, POOL, -1, 0));
    Looks.ends("a touch of the last one", Kind.OK, rig.mm.write(none, 1));
    counts(rig, 2, 2);
    rig.put(A + HUGE + 5, 9);
    rig.has(A + HUGE + 5, 9);
    rig.has(A + HUGE + PAGE, 0);
    counts(rig, 1, 1);
    setPool(rig, 0);
    counts(rig, 1, 1); // what is promised stays, and what is mapped
    setPool(rig, 3);
    counts(rig, 1, 1);
    Looks.rss(rig, 0);
    Looks.fails(rig, "a part of a page", Errno.EINVAL, rig.mm.munmap(A + PAGE, HUGE));
    Looks.fails(rig, "mprotect of a part", Errno.EINVAL, rig.mm.mprotect(A, PAGE, READ));
    Looks.fails(
        rig,
        "MAP_FIXED away from a border",
        Errno.EINVAL,
        rig.mm.mmap(A + PAGE, HUGE, RW, POOL | FIXED, -1, 0));
    Looks.fails(rig, "a file", Errno.EINVAL, rig.mm.mmap(0, HUGE, RW, 0x40002, CaseSetup.DISK, 0));
    rig.unmap(A, 2 * HUGE);
    counts(rig, 2, 0);
    long shared = Looks.works("shared", rig.mm.mmap(0, 2 * HUGE, RW, 0x40021, -1, 0));
    counts(rig, 2, 2);
    rig.put(shared, 3);
    counts(rig, 1, 1);
    rig.unmap(shared, 2 * HUGE);
    counts(rig, 2, 0);
    Looks.sum(rig, "total_vm", MmFields::totalVmPages, 512);
  }

  private static void poolAndFork(Rig rig) {
    setPool(rig, 2);
    rig.gives("mmap", A, rig.mm.mmap(A, HUGE, RW, POOL | FIXED, -1, 0));
    rig.put(A, 5);
    alone(rig, true);
    Rig child = rig.fork();
    child.has(A, 5);
    alone(rig, false);
    rig.put(A, 6);
    alone(rig, true);
    child.has(A, 5);
    counts(rig, 0, 0);
    child.put(A, 8);
    alone(child, true);
    child.mm.exit();
    counts(rig, 1, 0);
    setPool(rig, 1);
    Rig second = rig.fork();
    second.has(A, 6);
    Looks.ends("a copy without a page", Kind.BUS_ADRERR, second.mm.write(A, 1));
    rig.put(A, 7);
    Looks.ends("the child's page", Kind.BUS_ADRERR, second.mm.read(A));
    setPool(rig, 2);
    Looks.ends("what it has lost", Kind.BUS_ADRERR, second.mm.read(A));
    second.mm.exit();
    rig.has(A, 7);
    copiesOfAFile(rig);
  }

  /** Whether the page at the first address is this process's alone, and may be written to then. */
  private static void alone(Rig rig, boolean expected) {
    boolean lets = Floors.letsWrite(rig.mm, A);
    RuleViolation.check(lets == expected, "writes let through: " + expected, "" + lets);
    List<Integer> flags = new ArrayList<>();
    rig.mm.pagemap(A, A + PAGE, (at, entry) -> flags.add(rig.floor.lruFlags(Pagemap.pfn(entry))));
    List<Integer> wanted = List.of(expected ? PageFlags.PG_ANON_EXCLUSIVE : 0);
    RuleViolation.check(flags.equals(wanted), wanted + " in kpageflags", "" + flags);
  }

  /** The same of a private mapping of a file whose page is in memory. */
  private static void copiesOfAFile(Rig rig) {
    int fd = (int) Looks.works("memfd_create", rig.mm.memfdCreate("y", Uapi.MFD_HUGETLB));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, HUGE));
    setPool(rig, 3);
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, HUGE, RW, 0x11, fd, 0));
    rig.put(FAR, 1);
    rig.unmap(FAR, HUGE);
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, HUGE, RW, 0x12, fd, 0));
    rig.put(FAR, 2);
    counts(rig, 0, 0);
    Rig child = rig.fork();
    rig.put(FAR, 3);
    Looks.ends("the child's page", Kind.BUS_ADRERR, child.mm.read(FAR));
    child.mm.exit();
  }

  private static void rearranges(Rig rig) {
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, 0x11, CaseSetup.DISK, 0));
    rig.gives(
        "remap_file_pages",
        0,
        rig.mm.syscall(Syscall.REMAP_FILE_PAGES, A + 2 * PAGE, PAGE, 0, 20, 0));
    rig.has(A + 2 * PAGE, CaseSetup.byteOf(20));
    rig.has(A + 3 * PAGE, CaseSetup.byteOf(3));
    rig.shows(A, A + 8 * PAGE, "0-2 rw-s, 2-3 rw-s, 3-8 rw-s");
    Looks.pages(rig, A + 2 * PAGE, PAGE, "F1");
    Looks.fails(
        rig,
        "a protection",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.REMAP_FILE_PAGES, A, PAGE, 1, 0, 0));
    rig.unmap(A + 5 * PAGE, PAGE);
    Looks.fails(
        rig,
        "a hole",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.REMAP_FILE_PAGES, A + 4 * PAGE, 3 * PAGE, 0, 0, 0));
    rig.map(FAR, PAGE, RW);
    Looks.fails(
        rig,
        "private memory",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.REMAP_FILE_PAGES, FAR, PAGE, 0, 0, 0));
  }

  private static void options(Rig rig) {
    rig.map(A, HUGE, RW);
    Looks.fails(
        rig, "a key", Errno.EINVAL, rig.mm.syscall(Syscall.PKEY_MPROTECT, A, PAGE, READ, 0));
    rig.gives("no key", 0, rig.mm.syscall(Syscall.PKEY_MPROTECT, A, PAGE, READ, -1));
    rig.shows(A, A + HUGE, "0-1 r--p, 1-512 rw-p");
    rig.gives(
        "process_madvise",
        2 * PAGE,
        rig.mm.syscall(Syscall.PROCESS_MADVISE, 1, A, 2 * PAGE, Uapi.MADV_COLD, 0));
    Looks.fails(
        rig,
        "advice to another process",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.PROCESS_MADVISE, 0, A, PAGE, Uapi.MADV_DONTNEED, 0));
    rig.gives("THP off", 0, rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_THP_DISABLE, 1, 0, 0, 0));
    rig.map(FAR, HUGE, RW);
    rig.gives("MADV_HUGEPAGE", 0, rig.mm.madvise(FAR, HUGE, Uapi.MADV_HUGEPAGE));
    Rig child = rig.fork();
    child.gives("PR_GET_THP_DISABLE", 1, child.mm.syscall(Syscall.PRCTL, Uapi.PR_GET_THP_DISABLE));
    Looks.fails(
        rig, "PR_SET_MM", Errno.EPERM, rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MM, 7, A, 0, 0));
    rig.gives("MDWE", 0, rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MDWE, 1, 0, 0, 0));
    Looks.fails(rig, "mprotect", Errno.EACCES, rig.mm.mprotect(A, PAGE, 5));
    Looks.fails(rig, "mmap", Errno.EACCES, rig.mm.mmap(0, PAGE, 7, 0x22, -1, 0));
    Looks.fails(rig, "of a child", Errno.EACCES, rig.fork().mm.mprotect(A, PAGE, 5));
    Looks.works("mmap of code", rig.mm.mmap(0, PAGE, 5, 0x22, -1, 0));
    Looks.fails(
        rig,
        "taking it back",
        Errno.EPERM,
        rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MDWE, 3, 0, 0, 0));
  }

  private static void sysctls(Rig rig) {
    rig.map(A, 10 * PAGE, RW);
    rig.gives("max_map_count", 0, rig.floor.writeSysctl("max_map_count", "1"));
    Looks.fails(rig, "a split", Errno.ENOMEM, rig.mm.mprotect(A + PAGE, PAGE, READ));
    rig.gives("max_map_count", 0, rig.floor.writeSysctl("max_map_count", "100"));
    rig.protect(A + PAGE, PAGE, READ);
    rig.gives("overcommit_kbytes", 0, rig.floor.writeSysctl("overcommit_kbytes", "400"));
    rig.gives("overcommit_memory", 0, rig.floor.writeSysctl("overcommit_memory", "2"));
    Looks.fails(rig, "mmap", Errno.ENOMEM, rig.mm.mmap(0, 200 * PAGE, RW, 0x22, -1, 0));
    rig.gives("overcommit_memory", 0, rig.floor.writeSysctl("overcommit_memory", "1"));
    Looks.works("mmap", rig.mm.mmap(0, 200 * PAGE, RW, 0x22, -1, 0));
    Looks.fails(rig, "no mode", Errno.EINVAL, rig.floor.writeSysctl("overcommit_memory", "7"));
    Looks.fails(rig, "no name", Errno.ENOENT, rig.floor.writeSysctl("swappiness", "7"));
  }

  private static void sysctlsReadBack(Rig rig) {
    String[][] files = {
      {"overcommit_memory", "01", "1", "3"},
      {"overcommit_ratio", "0x50", "80", "x"},
      {"max_map_count", " 77777\n", "77777", "x"},
      {"mmap_min_addr", "8192 1", "8192", "1,2"},
      {"legacy_va_layout", "5", "5", "no"},
      {"nr_hugepages", "02", "2", "-2"},
      {"nr_overcommit_hugepages", "0x3", "3", ""},
      {"unprivileged_userfaultfd", "0x1", "1", "2"},
      {"shmmax", "0xffffffffffffffff", "18446744073709551615", "0x" + "1".repeat(17)},
      {"shmall", "010", "8", "08"},
      {"shmmni", "77", "77", "32769"},
      {"shm_next_id", "78", "78", "0x80000000"},
      {"shm_rmid_forced", "0x1", "1", "2"},
    };
    for (String[] file : files) {
      rig.gives(file[0], 0, rig.floor.writeSysctl(file[0], file[1]));
      shows(rig, file[0], file[2]);
      Looks.fails(rig, file[0], Errno.EINVAL, rig.floor.writeSysctl(file[0], file[3]));
      shows(rig, file[0], file[2]);
    }
    rig.gives("overcommit_kbytes", 0, rig.floor.writeSysctl("overcommit_kbytes", "0400"));
    shows(rig, "overcommit_kbytes", "256");
    shows(rig, "overcommit_ratio", "0");
    shows(rig, "swappiness", "nothing");
  }

  private static void shows(Rig rig, String name, String text) {
    String shown = rig.floor.readSysctl(name).orElse("nothing");
    RuleViolation.check(shown.equals(text), name + " shows " + text, shown);
  }

  private static long control(Rig rig, long id, long command, long buf) {
    return rig.mm.syscall(Syscall.SHMCTL, id, command, buf);
  }

  private static void bordersOfSegments(Rig rig) {
    ofHugePages(rig);
    locked(rig);
    asManyAsThereCanBe(rig);
  }

  private static void ofHugePages(Rig rig) {
    long made = Uapi.IPC_CREAT | Uapi.SHM_HUGETLB | 0600;
    setPool(rig, 2);
    Looks.fails(rig, "nobody", Errno.EPERM, rig.mm.syscall(Syscall.SHMGET, 5, HUGE, made));
    CaseSetup setup = new CaseSetup();
    setup.gid = 0;
    Rig group = new Rig(rig.floor, setup.create(rig.floor));
    Looks.fails(
        group, "16 KiB", Errno.EINVAL, group.mm.syscall(Syscall.SHMGET, 5, HUGE, made | 14L << 26));
    Looks.fails(
        group, "too many", Errno.ENOMEM, group.mm.syscall(Syscall.SHMGET, 5, 2 * HUGE + 1, made));
    counts(rig, 2, 0);
    long id = Looks.works("shmget", group.mm.syscall(Syscall.SHMGET, 5, HUGE + 1, made));
    counts(rig, 2, 2);
    Looks.fails(group, "one more", Errno.ENOMEM, group.mm.syscall(Syscall.SHMGET, 6, HUGE, made));
    long at = 0x40000000L;
    group.gives("shmat", at, group.mm.syscall(Syscall.SHMAT, id, at, 0));
    Looks.sum(group, "total_vm", MmFields::totalVmPages, 1024);
    group.put(at + HUGE + 5, 7);
    counts(rig, 1, 1);
    group.gives("SHM_LOCK", 0, control(group, id, Uapi.SHM_LOCK, 0));
    group.gives("shmdt", 0, group.mm.syscall(Syscall.SHMDT, at));
    counts(rig, 1, 1);
    group.gives("shmat", at, group.mm.syscall(Syscall.SHMAT, id, at, Uapi.SHM_RDONLY));
    group.has(at + HUGE + 5, 7);
    group.gives("IPC_RMID", 0, control(group, id, Uapi.IPC_RMID, 0));
    counts(rig, 1, 1);
    group.gives("shmdt", 0, group.mm.syscall(Syscall.SHMDT, at));
    counts(rig, 2, 0);
    long flags = made | Uapi.SHM_NORESERVE;
    id = Looks.works("SHM_NORESERVE", group.mm.syscall(Syscall.SHMGET, 6, 9 * HUGE, flags));
    counts(rig, 2, 0);
    group.gives("IPC_RMID", 0, control(group, id, Uapi.IPC_RMID, 0));
    group.mm.exit();
    setPool(rig, 0);
  }

  private static long segment(Rig rig, long pages) {
    return Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 0, pages * PAGE, 0600));
  }

  private static void locked(Rig rig) {
    rig.map(FAR, PAGE, RW);
    long limit = (8L << 20) / PAGE;
    long larger = segment(rig, limit + 1);
    long all = segment(rig, limit);
    long one = segment(rig, 1);
    Looks.fails(rig, "a page more", Errno.ENOMEM, control(rig, larger, Uapi.SHM_LOCK, 0));
    rig.gives("all of it", 0, control(rig, all, Uapi.SHM_LOCK, 0));
    rig.gives("again", 0, control(rig, all, Uapi.SHM_LOCK, 0));
    Looks.fails(rig, "one more", Errno.ENOMEM, control(rig, one, Uapi.SHM_LOCK, 0));
    rig.gives("SHM_UNLOCK", 0, control(rig, all, Uapi.SHM_UNLOCK, 0));
    rig.gives("one", 0, control(rig, one, Uapi.SHM_LOCK, 0));
    Looks.fails(rig, "all and one", Errno.ENOMEM, control(rig, all, Uapi.SHM_LOCK, 0));
    rig.gives("IPC_RMID", 0, control(rig, one, Uapi.IPC_RMID, 0));
    rig.gives("all of it", 0, control(rig, all, Uapi.SHM_LOCK, 0));
    rig.gives("no limit", 0, rig.mm.setrlimit(ResourceLimit.MEMLOCK, 0, 0));
    Looks.fails(rig, "to lock", Errno.EPERM, control(rig, larger, Uapi.SHM_LOCK, 0));
    rig.gives("to unlock", 0, control(rig, all, Uapi.SHM_UNLOCK, 0));
    Looks.fails(rig, "IPC_SET from nowhere", Errno.EFAULT, control(rig, all, Uapi.IPC_SET, A));
    Looks.fails(rig, "IPC_INFO to nowhere", Errno.EFAULT, control(rig, 0, Uapi.IPC_INFO, A));
    Looks.fails(rig, "half", Errno.EFAULT, control(rig, 0, Uapi.IPC_INFO, FAR + PAGE - 71));
    Looks.works("just so", control(rig, 0, Uapi.IPC_INFO, FAR + PAGE - 72));
    // What nobody knows changes nothing.
    long read = rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK_UNKNOWN, FAR, 112, 0);
    rig.gives("pread64", 112, read);
    rig.gives("IPC_SET", 0, control(rig, all, Uapi.IPC_SET, FAR));
    rig.gives("IPC_STAT", 0, control(rig, all, Uapi.IPC_STAT, FAR));
    rig.has(FAR + 4, 1000 & 255);
    rig.has(FAR + 20, 0600 & 255);
    for (long id : new long[] {larger, all}) {
      rig.gives("IPC_RMID", 0, control(rig, id, Uapi.IPC_RMID, 0));
    }
  }

  private static void asManyAsThereCanBe(Rig rig) {
    long first = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 7, 1, Uapi.IPC_CREAT | 0600));
    for (int i = 1; i < 4096; i++) {
      long _ = segment(rig, 1);
    }
    Looks.fails(rig, "one more", Errno.ENOSPC, rig.mm.syscall(Syscall.SHMGET, 0, PAGE, 0600));
    rig.gives("one that is there", first, rig.mm.syscall(Syscall.SHMGET, 7, 1, 0600));
    rig.gives("IPC_RMID", 0, control(rig, first, Uapi.IPC_RMID, 0));
    long _ = segment(rig, 1);
  }
}
