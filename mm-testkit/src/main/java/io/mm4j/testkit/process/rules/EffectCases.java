// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What calls leave behind: bytes in user memory, owners, surplus pages, what is in the cache. */
public final class EffectCases {
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = HugeCases.SIZE;
  private static final int SHARED = 0x11;
  private static final int POOL = 0x40032;
  private static final int PAGEOUT = 21;
  private static final int FIXED = 0x10;
  private static final int DROPPABLE = 0x28;
  private static final int NOBODY = 65534;
  private static final int SIX = 20;
  private static final long OTHER = A + HUGE;

  /** Places in {@code struct shmid64_ds}. */
  private static final int UID = 4;

  private static final int MODE = 20;
  private static final int BYTES = 48;
  private static final int ATTACHED = 88;

  private EffectCases() {}

  private static CaseRule of(
      String id,
      String name,
      String statement,
      String behind,
      Supplier<CaseSetup> setup,
      Consumer<Rig> body) {
    String why = "Programs go on with what they find there.";
    String failure = "the answer is right, and what it says was not done";
    return new CaseRule(new RuleInfo(id, name, statement, why, behind, failure), setup, body);
  }

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-F33",
            "vector-of-mincore",
            "mincore writes a byte for each page to user memory; where that cannot be written it"
                + " is EFAULT, and what lies before is written.",
            "SYSCALL mincore, copy_to_user (mm/mincore.c)",
            CaseSetup::new,
            EffectCases::mincore),
        of(
            "AS-F34",
            "paged-out-without-swap",
            "Without a swap device MADV_PAGEOUT leaves anonymous memory where it is, in single"
                + " pages, those with nothing but zeroes as the zero page; what MADV_FREE gave up"
                + " is free, unless it was written to since, and droppable memory is in any case.",
            "madvise_cold_or_pageout_pte_range, shrink_folio_list, try_to_unmap_one (VM_DROPPABLE),"
                + " split_folio_to_list",
            () -> {
              CaseSetup setup = new CaseSetup();
              setup.thp = ThpMode.MADVISE;
              return setup;
            },
            EffectCases::pagedOut),
        of(
            "AS-F35",
            "owners-of-segments",
            "A segment belongs to who makes it: others have the rights of its group or of all,"
                + " may neither remove it nor give it away nor lock it (EPERM), and IPC_SET by the"
                + " owner changes who that is.",
            "ipcperms, ipcctl_obtain_check, ipc_update_perm (ipc/util.c); shmctl_do_lock",
            () -> {
              CaseSetup setup = new CaseSetup();
              setup.uid = 0;
              setup.gid = 0;
              setup.capabilities =
                  Set.copyOf(EnumSet.complementOf(EnumSet.of(Capability.SYS_RESOURCE)));
              return setup;
            },
            EffectCases::owners),
        of(
            "AS-F36",
            "surplus-huge-pages",
            "Up to nr_overcommit_hugepages more are taken when a promise or a fault needs them, and"
                + " go back when they are free; what is in use when the pool shrinks is surplus.",
            "gather_surplus_pages, alloc_surplus_hugetlb_folio, free_huge_folio,"
                + " set_max_huge_pages (as recorded)",
            CaseSetup::new,
            EffectCases::surplus),
        of(
            "AS-F37",
            "bytes-of-shmctl",
            "IPC_STAT writes key, owners, mode, size and the number of attachments; the mode of"
                + " one that was removed says SHM_DEST.",
            "shmctl_stat, kernel_to_ipc64_perm (ipc/shm.c)",
            CaseSetup::new,
            EffectCases::described),
        of(
            "AS-F38",
            "dirty-behind-the-end",
            "A write behind the end of a file on a disk that could copy nothing leaves the folio"
                + " that it made in the cache, which goes when the file ends before it.",
            "ext4_da_write_begin, block_write_end, truncate_inode_pages_range (as recorded)",
            CaseSetup::new,
            EffectCases::behindTheEnd),
        of(
            "AS-F39",
            "bytes-of-the-clock",
            "What the page with the time holds is not known, nor is what a call copies from there.",
            "vvar_fault; mm4j's contract of TouchOutcome",
            CaseSetup::new,
            EffectCases::clock),
        of(
            "AS-F40",
            "read-ahead-behind-folios",
            "A read behind a large folio that begins the file is taken for a small one alone; one"
                + " behind a single page that follows such a folio for a stream. Who begins in the"
                + " middle of a folio counts its pages as if they lay below it, too.",
            "page_cache_prev_miss, __xas_prev (as recorded)",
            CaseSetup::new,
            EffectCases::behindFolios),
        of(
            "AS-F41",
            "all-segments",
            "SHM_INFO sums up all segments and gives the highest index; indexes are given in a"
                + " circle; SHM_STAT describes the segment of an index, which the lower 15 bits"
                + " are, and gives its identifier; IPC_INFO has the limits.",
            "shmctl_ipc_info, shmctl_shm_info, ipc_get_maxidx, ipcid_to_idx (ipc/shm.c, util.h; as"
                + " Linux 6.18 answers)",
            CaseSetup::new,
            EffectCases::allSegments));
  }

  private static void allSegments(Rig rig) {
    rig.map(FAR, PAGE, RW);
    long first = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 7, 5000, 01600));
    long second = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 8, 256 * PAGE, 01600));
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, first, A, 0));
    rig.touch(A);
    rig.gives("SHM_INFO", 1, control(rig, 0, Uapi.SHM_INFO, FAR));
    rig.has(FAR, 2);
    rig.has(FAR + 8, 258 & 255);
    rig.has(FAR + 9, 258 >> 8);
    rig.has(FAR + 16, 1);
    rig.gives("SHM_STAT", second, control(rig, 1, Uapi.SHM_STAT, FAR));
    rig.gives("of more bits", second, control(rig, 3 << 15 | 1, Uapi.SHM_STAT, FAR));
    rig.has(FAR + BYTES + 2, 16);
    rig.gives("IPC_RMID", 0, control(rig, first, Uapi.IPC_RMID, 0));
    rig.gives("shmdt", 0, rig.mm.syscall(Syscall.SHMDT, A));
    Looks.fails(rig, "index 0", Errno.EINVAL, control(rig, 0, Uapi.SHM_STAT, FAR));
    Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 9, PAGE, 01600));
    rig.gives("IPC_INFO", 2, control(rig, 0, Uapi.IPC_INFO, FAR));
    rig.has(FAR + 8, 1);
    rig.has(FAR + 17, 4096 >> 8);
    Looks.fails(rig, "SHM_INFO to nowhere", Errno.EFAULT, control(rig, 0, Uapi.SHM_INFO, A + HUGE));
  }

  private static void mincore(Rig rig) {
    rig.map(A, 3 * PAGE, RW);
    rig.map(FAR, PAGE, RW);
    rig.touch(A + PAGE);
    rig.put(FAR + 3, 7);
    rig.gives("mincore", 0, rig.mm.mincore(A, 3 * PAGE, FAR, value -> {}));
    rig.has(FAR, 0);
    rig.has(FAR + 1, 1);
    rig.has(FAR + 2, 0);
    rig.has(FAR + 3, 7);
    long vector = FAR + PAGE - 2;
    rig.put(vector, 9);
    rig.put(vector + 1, 9);
    Looks.fails(
        rig, "a cut vector", Errno.EFAULT, rig.mm.mincore(A, 3 * PAGE, vector, value -> {}));
    rig.has(vector, 0);
    rig.has(vector + 1, 1);
  }

  private static void pagedOut(Rig rig) {
    rig.map(A, HUGE, RW);
    AdviceCases.advise(rig, A, HUGE, Uapi.MADV_HUGEPAGE);
    rig.touch(A);
    rig.touch(A + 5 * PAGE);
    Looks.pages(rig, A, HUGE, "A512");
    AdviceCases.advise(rig, A, HUGE, PAGEOUT);
    Looks.pages(rig, A, HUGE, "A1,z4,A1,z506");
    rig.has(A + 5 * PAGE, 1);
    AdviceCases.advise(rig, A, HUGE, Uapi.MADV_FREE);
    rig.put(A, 3);
    AdviceCases.advise(rig, A, HUGE, PAGEOUT);
    Looks.pages(rig, A, HUGE, "A1,z4,.1,z506");
    rig.has(A, 3);
    Looks.works("MAP_DROPPABLE", rig.mm.mmap(FAR, 3 * PAGE, RW, DROPPABLE | FIXED, -1, 0));
    rig.touch(FAR);
    rig.touch(FAR + 2 * PAGE);
    AdviceCases.advise(rig, FAR, 2 * PAGE, PAGEOUT);
    Looks.pages(rig, FAR, 3 * PAGE, ".2,A1");
    rig.has(FAR, 0);
  }

  private static long control(Rig rig, long id, long command, long buf) {
    return rig.mm.syscall(Syscall.SHMCTL, id, command, buf);
  }

  private static void owners(Rig rig) {
    rig.map(FAR, PAGE, RW);
    long id = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 0x77, PAGE, 01640));
    Rig other = rig.fork();
    rig.gives("setgid", 0, other.mm.syscall(Syscall.SETGID, 5));
    rig.gives("setuid", 0, other.mm.syscall(Syscall.SETUID, NOBODY));
    Looks.fails(other, "root again", Errno.EPERM, other.mm.syscall(Syscall.SETUID, 0));
    Looks.fails(other, "a group", Errno.EPERM, other.mm.syscall(Syscall.SETGID, 0));
    Looks.fails(
        other, "to read", Errno.EACCES, other.mm.syscall(Syscall.SHMAT, id, A, Uapi.SHM_RDONLY));
    Looks.fails(other, "IPC_STAT", Errno.EACCES, control(other, id, Uapi.IPC_STAT, FAR));
    Looks.fails(other, "IPC_RMID", Errno.EPERM, control(other, id, Uapi.IPC_RMID, 0));
    Looks.fails(other, "SHM_LOCK", Errno.EPERM, control(other, id, Uapi.SHM_LOCK, 0));
    Looks.fails(other, "shmget", Errno.EACCES, other.mm.syscall(Syscall.SHMGET, 0x77, PAGE, 0600));
    rig.gives("IPC_STAT", 0, control(rig, id, Uapi.IPC_STAT, FAR));
    rig.put(FAR + UID + 4, 5);
    rig.gives("IPC_SET of the group", 0, control(rig, id, Uapi.IPC_SET, FAR));
    rig.gives("to read", A, other.mm.syscall(Syscall.SHMAT, id, A, Uapi.SHM_RDONLY));
    Looks.fails(other, "to write", Errno.EACCES, other.mm.syscall(Syscall.SHMAT, id, FAR, 0));
    rig.put(FAR + UID, NOBODY & 255);
    rig.put(FAR + UID + 1, NOBODY >> 8);
    rig.gives("IPC_SET of the owner", 0, control(rig, id, Uapi.IPC_SET, FAR));
    rig.gives("SHM_LOCK", 0, control(other, id, Uapi.SHM_LOCK, 0));
    rig.gives("IPC_RMID", 0, control(other, id, Uapi.IPC_RMID, 0));
    for (int i = 0; i < 4; i++) {
      rig.put(FAR + UID + i, 255);
    }
    Looks.fails(rig, "no user", Errno.EINVAL, control(rig, id, Uapi.IPC_SET, FAR));
  }

  private static void pool(Rig rig, long total, long free, long reserved, long surplus) {
    ProcessFloor.HugePages pool = rig.floor.hugePages();
    RuleViolation.checkEqual(total, pool.total(), "HugePages_Total");
    RuleViolation.checkEqual(free, pool.free(), "HugePages_Free");
    RuleViolation.checkEqual(reserved, pool.reserved(), "HugePages_Rsvd");
    RuleViolation.checkEqual(surplus, pool.surplus(), "HugePages_Surp");
  }

  private static void surplus(Rig rig) {
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "1"));
    rig.gives("nr_overcommit", 0, rig.floor.writeSysctl("nr_overcommit_hugepages", "2"));
    rig.gives("mmap", A, rig.mm.mmap(A, 3 * HUGE, RW, POOL, -1, 0));
    pool(rig, 3, 3, 3, 2);
    Looks.fails(rig, "one too many", Errno.ENOMEM, rig.mm.mmap(FAR, HUGE, RW, POOL, -1, 0));
    pool(rig, 3, 3, 3, 2);
    rig.put(A, 1);
    pool(rig, 3, 2, 2, 2);
    rig.unmap(A, 3 * HUGE);
    pool(rig, 1, 1, 0, 0);
    rig.gives("without", FAR, rig.mm.mmap(FAR, 2 * HUGE, RW, POOL | 0x4000, -1, 0));
    rig.put(FAR, 1);
    rig.put(FAR + HUGE, 2);
    pool(rig, 2, 0, 0, 1);
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "0"));
    pool(rig, 2, 0, 0, 2);
    rig.unmap(FAR, HUGE);
    pool(rig, 1, 0, 0, 1);
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "1"));
    pool(rig, 1, 0, 0, 0);
    rig.unmap(FAR + HUGE, HUGE);
    pool(rig, 1, 1, 0, 0);
  }

  private static void described(Rig rig) {
    rig.map(FAR, PAGE, RW);
    long id = Looks.works("shmget", rig.mm.syscall(Syscall.SHMGET, 0x1234, 5000, 01640));
    rig.gives("shmat", A, rig.mm.syscall(Syscall.SHMAT, id, A, 0));
    rig.gives("IPC_STAT", 0, control(rig, id, Uapi.IPC_STAT, FAR));
    rig.has(FAR, 0x34);
    rig.has(FAR + 1, 0x12);
    rig.has(FAR + UID, 1000 & 255);
    rig.has(FAR + UID + 1, 1000 >> 8);
    rig.has(FAR + MODE, 0640 & 255);
    rig.has(FAR + MODE + 1, 0640 >> 8);
    rig.has(FAR + BYTES, 5000 & 255);
    rig.has(FAR + BYTES + 1, 5000 >> 8);
    rig.has(FAR + ATTACHED, 1);
    rig.gives("IPC_RMID", 0, control(rig, id, Uapi.IPC_RMID, 0));
    rig.gives("IPC_STAT", 0, control(rig, id, Uapi.IPC_STAT, FAR));
    rig.has(FAR, 0);
    rig.has(FAR + MODE + 1, 01640 >> 8);
    Looks.fails(
        rig, "IPC_STAT to nowhere", Errno.EFAULT, control(rig, id, Uapi.IPC_STAT, A + HUGE));
  }

  private static void behindTheEnd(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.gives("mmap", A, rig.mm.mmap(A, 128 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 64 * PAGE));
    failedWrite(rig, 86);
    Looks.mincore(rig, A, 128 * PAGE, "164,022,12,040");
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 100 * PAGE));
    Looks.mincore(rig, A, 128 * PAGE, "164,022,12,040");
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 80 * PAGE));
    Looks.mincore(rig, A, 128 * PAGE, "164,064");
  }

  private static void failedWrite(Rig rig, long page) {
    Looks.fails(
        rig,
        "pwrite64 of nothing",
        Errno.EFAULT,
        rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 2 * PAGE, page * PAGE));
  }

  private static void clock(Rig rig) {
    rig.mm.loadVma(new VmaInfo(FAR, FAR + 4 * PAGE, "r--p", 0, "[vvar]", null, List.of(), ""));
    rig.gives("mmap", A, rig.mm.mmap(A, PAGE, READ, SHARED, CaseSetup.DISK, 0));
    rig.has(FAR, TouchOutcome.UNKNOWN);
    rig.has(A + 8, CaseSetup.byteOf(0));
    rig.gives("pwrite64", 8, rig.mm.syscall(Syscall.PWRITE64, CaseSetup.DISK, FAR, 8, 8));
    rig.has(A + 8, TouchOutcome.UNKNOWN);
    rig.has(A + 16, CaseSetup.byteOf(0));
  }

  private static void behindFolios(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.map(FAR, 3 * PAGE, RW);
    rig.gives("mmap", A, rig.mm.mmap(A, 64 * PAGE, READ, SHARED, CaseSetup.DISK, 0));
    readBehind(rig, 5, "116,048");
    readBehind(rig, 4, "15,059");
    sixPages(rig);
  }

  /** Two folios of four and two pages, of which the first two go: three count as there. */
  private static void sixPages(Rig rig) {
    MappedFile file = new MappedFile("six", MappedFile.Kind.EXT4, 6 * PAGE, at -> 5);
    rig.mm.installFd(SIX, new OpenFile(file, OpenFile.Mode.READ_WRITE));
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("mmap", OTHER, rig.mm.mmap(OTHER, 64 * PAGE, READ, SHARED, SIX, 0));
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, SIX));
    rig.gives("fallocate", 0, rig.mm.syscall(Syscall.FALLOCATE, SIX, hole, 0, 2 * PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, SIX, 64 * PAGE));
    long three = 3 * PAGE;
    rig.gives("pread64", three, rig.mm.syscall(Syscall.PREAD64, SIX, FAR, three, 6 * PAGE));
    Looks.mincore(rig, OTHER, 64 * PAGE, "02,17,055");
  }

  /** A file of so many pages gets holes behind them, the first of which is read. */
  private static void readBehind(Rig rig, long pages, String expected) {
    rig.gives("fsync", 0, rig.mm.syscall(Syscall.FSYNC, CaseSetup.DISK));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, pages * PAGE));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, CaseSetup.DISK, 64 * PAGE));
    long place = pages * PAGE;
    rig.gives("pread64", 1, rig.mm.syscall(Syscall.PREAD64, CaseSetup.DISK, FAR, 1, place));
    Looks.mincore(rig, A, 64 * PAGE, expected);
  }
}
