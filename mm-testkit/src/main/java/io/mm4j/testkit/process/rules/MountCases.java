// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Mount;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.ProcessFloor.HugePages;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/**
 * Cases of file systems with a size, of secret memory and of pipes, after libhugetlbfs' quota,
 * selftests' memfd_secret and gVisor's InternalSigBus; the answers are those of Linux 6.18.44.
 */
public final class MountCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Programs test what is left by what is refused.",
          "a limit is checked where memory is mapped and not where it is used, or counted twice");

  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 1L << 21;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;
  private static final int NORESERVE = 0x4000;
  private static final int MADV_POPULATE_READ = 22;
  private static final int PUNCH = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
  private static final int ONE = 40;
  private static final int TWO = 41;
  private static final int OUT = 42;
  private static final int IN = 43;

  private MountCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F46",
            "full-tmpfs",
            "The files of a tmpfs with a size have no more pages together: a fault of one more is"
                + " SIGBUS, a write stops there, fallocate is undone and ENOSPC; holes, truncation"
                + " and the end of a file without a name give pages back.",
            "shmem_inode_acct_blocks, shmem_fallocate, shmem_fault (compared with 6.18.44)",
            MountCases::full),
        GROUP.rule(
            "AS-F47",
            "quotas-of-hugetlbfs",
            "A hugetlbfs promises its files no more than size= when they are mapped, gives faults"
                + " without a promise no more, and counts private pages; min_size= is promised when"
                + " it is mounted and stays so.",
            "hugepage_subpool_get_pages, hugepage_subpool_put_pages; libhugetlbfs quota",
            MountCases::quotas),
        GROUP.rule(
            "AS-F48",
            "secret-memory",
            "memfd_secret makes a file that gets a size once and is mapped shared only, always"
                + " locked and never executable; nobody reads it but by its mappings.",
            "secretmem_mmap_prepare, secretmem_fault, check_vma_flags; selftests memfd_secret",
            setup -> setup.memlockBytes = 4 * PAGE,
            MountCases::secret),
        GROUP.rule(
            "AS-F49",
            "pipes",
            "A pipe has 16 pages. A write fills pages whole or not at all, but adds to the last one"
                + " what fits it; a read stops at what cannot be written; EFAULT, EAGAIN and EPIPE"
                + " are told where nothing was moved.",
            "anon_pipe_write, anon_pipe_read; gVisor InternalSigBus",
            MountCases::pipe));
  }

  private static void open(Rig rig, int fd, MappedFile file, OpenFile.Mode mode) {
    rig.mm.installFd(fd, new OpenFile(file, mode));
  }

  private static long write(Rig rig, int fd, long from, long bytes, long at) {
    return rig.mm.syscall(Syscall.PWRITE64, fd, from, bytes, at);
  }

  private static void full(Rig rig) {
    Mount mount = new Mount(MappedFile.Kind.TMPFS, 3 * PAGE - 100, Mount.NONE);
    rig.gives("mount", 0, rig.floor.mount(mount));
    Looks.fails(rig, "mount once more", Errno.EBUSY, rig.floor.mount(mount));
    MappedFile second = MappedFile.on(mount, "/mnt/two");
    open(rig, ONE, MappedFile.on(mount, "/mnt/one"), OpenFile.Mode.READ_WRITE);
    open(rig, TWO, second, OpenFile.Mode.READ_WRITE);
    rig.map(FAR, 8 * PAGE, RW);
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, SHARED, ONE, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, ONE, 8 * PAGE));
    rig.put(A, 1);
    rig.put(A + PAGE, 2);
    rig.put(A + 2 * PAGE, 3);
    Looks.ends("a write to one more", Kind.BUS_ADRERR, rig.mm.write(A + 3 * PAGE, 1));
    Looks.ends("a read of one more", Kind.BUS_ADRERR, rig.mm.read(A + 3 * PAGE));
    rig.gives("pwrite64", 3 * PAGE, write(rig, ONE, FAR, 5 * PAGE, 0));
    Looks.fails(rig, "pwrite64 of another file", Errno.ENOSPC, write(rig, TWO, FAR, 1, 0));
    rig.gives("pread64 of a hole", PAGE, rig.mm.syscall(Syscall.PREAD64, ONE, FAR, PAGE, 4 * PAGE));
    rig.gives("a hole", 0, rig.mm.syscall(Syscall.FALLOCATE, ONE, PUNCH, 0, PAGE));
    Looks.fails(
        rig, "fallocate", Errno.ENOSPC, rig.mm.syscall(Syscall.FALLOCATE, ONE, 0, 0, 8 * PAGE));
    Looks.fails(
        rig, "two pages", Errno.ENOSPC, rig.mm.syscall(Syscall.FALLOCATE, TWO, 0, 0, 2 * PAGE));
    rig.gives("one page", 0, rig.mm.syscall(Syscall.FALLOCATE, TWO, 0, 0, PAGE));
    Looks.ends("a write to the hole", Kind.BUS_ADRERR, rig.mm.write(A, 1));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, ONE, PAGE));
    rig.put(A, 1);
    rig.floor.unlink(second);
    rig.gives("pwrite64", PAGE, write(rig, ONE, FAR, 4 * PAGE, PAGE));
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, TWO));
    rig.gives("pwrite64", PAGE, write(rig, ONE, FAR, 4 * PAGE, 2 * PAGE));
    rig.gives("mmap", A, rig.mm.mmap(A, 8 * PAGE, RW, PRIVATE, ONE, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, ONE, 8 * PAGE));
    Looks.ends("a copy of one more", Kind.BUS_ADRERR, rig.mm.write(A + 3 * PAGE, 1));
  }

  private static void pool(Rig rig, long free, long reserved) {
    HugePages seen = rig.floor.hugePages();
    String now = "free " + seen.free() + " reserved " + seen.reserved();
    String expected = "free " + free + " reserved " + reserved;
    RuleViolation.check(now.equals(expected), expected, now);
  }

  private static void quotas(Rig rig) {
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", "6"));
    Mount most = new Mount(MappedFile.Kind.HUGETLB, 2 * HUGE, Mount.NONE);
    rig.gives("mount", 0, rig.floor.mount(most));
    MappedFile first = MappedFile.on(most, "/huge/one");
    open(rig, ONE, first, OpenFile.Mode.READ_WRITE);
    Looks.fails(
        rig, "mmap of too much", Errno.ENOMEM, rig.mm.mmap(A, 3 * HUGE, RW, SHARED, ONE, 0));
    rig.gives("mmap", A, rig.mm.mmap(A, 2 * HUGE, RW, SHARED, ONE, 0));
    pool(rig, 6, 2);
    Looks.fails(rig, "mmap of more", Errno.ENOMEM, rig.mm.mmap(FAR, HUGE, RW, PRIVATE, ONE, 0));
    rig.put(A, 1);
    rig.put(A + HUGE, 1);
    rig.unmap(A, 2 * HUGE);
    pool(rig, 4, 0);
    Looks.fails(rig, "mmap of more", Errno.ENOMEM, rig.mm.mmap(FAR, HUGE, RW, PRIVATE, ONE, 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, ONE, 0));
    pool(rig, 6, 0);
    rig.gives("mmap", A, rig.mm.mmap(A, HUGE, RW, PRIVATE, ONE, 0));
    rig.put(A, 1);
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, 2 * HUGE, RW, SHARED | NORESERVE, ONE, 0));
    rig.put(FAR, 1);
    Looks.ends("a fault of more", Kind.BUS_ADRERR, rig.mm.write(FAR + HUGE, 1));
    rig.unmap(A, HUGE);
    rig.put(FAR + HUGE, 1);
    Looks.fails(
        rig, "fallocate", Errno.ENOSPC, rig.mm.syscall(Syscall.FALLOCATE, ONE, 0, 2 * HUGE, HUGE));
    pool(rig, 4, 0);
    rig.unmap(FAR, 2 * HUGE);
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, ONE));
    pool(rig, 4, 0);
    rig.floor.unlink(first);
    pool(rig, 6, 0);
    Mount least = new Mount(MappedFile.Kind.HUGETLB, Mount.NONE, 2 * HUGE);
    rig.gives("mount", 0, rig.floor.mount(least));
    pool(rig, 6, 2);
    open(rig, TWO, MappedFile.on(least, "/huge/two"), OpenFile.Mode.READ_WRITE);
    rig.gives("mmap", A, rig.mm.mmap(A, 3 * HUGE, RW, PRIVATE, TWO, 0));
    pool(rig, 6, 3);
    rig.put(A, 1);
    pool(rig, 5, 2);
    rig.unmap(A, 3 * HUGE);
    pool(rig, 6, 2);
    Looks.fails(
        rig,
        "a mount of more than there is",
        Errno.ENOMEM,
        rig.floor.mount(new Mount(MappedFile.Kind.HUGETLB, Mount.NONE, 5 * HUGE)));
    Looks.fails(
        rig,
        "a least size above the most",
        Errno.EINVAL,
        rig.floor.mount(new Mount(MappedFile.Kind.HUGETLB, HUGE, 2 * HUGE)));
  }

  private static void secret(Rig rig) {
    Looks.fails(rig, "flags", Errno.EINVAL, rig.mm.syscall(Syscall.MEMFD_SECRET, 1));
    int fd = (int) Looks.works("memfd_secret", rig.mm.syscall(Syscall.MEMFD_SECRET, 0));
    rig.gives("mmap", A, rig.mm.mmap(A, 3 * PAGE, RW, SHARED, fd, 0));
    Looks.ends("a write behind the end", Kind.BUS_ADRERR, rig.mm.write(A, 1));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 2 * PAGE));
    Looks.fails(
        rig, "ftruncate again", Errno.EINVAL, rig.mm.syscall(Syscall.FTRUNCATE, fd, 3 * PAGE));
    rig.put(A, 7);
    rig.has(A + PAGE, 0);
    Looks.fails(rig, "a private one", Errno.EINVAL, rig.mm.mmap(FAR, PAGE, RW, PRIVATE, fd, 0));
    Looks.fails(rig, "code", Errno.EPERM, rig.mm.mmap(FAR, PAGE, RW | 4, SHARED, fd, 0));
    Looks.fails(rig, "mprotect", Errno.EACCES, rig.mm.mprotect(A, PAGE, READ | 4));
    Looks.fails(rig, "read", Errno.EINVAL, rig.mm.syscall(Syscall.READ, fd, A, 1));
    Looks.fails(rig, "pread64", Errno.ESPIPE, rig.mm.syscall(Syscall.PREAD64, fd, A, 1, 0));
    Looks.fails(rig, "MADV_POPULATE", Errno.EINVAL, rig.mm.madvise(A, PAGE, MADV_POPULATE_READ));
    Looks.fails(rig, "msync", Errno.EINVAL, rig.mm.msync(A, PAGE, 4));
    Looks.fails(rig, "more than may be locked", Errno.EAGAIN, map(rig, FAR, 2 * PAGE, fd));
    rig.gives("as much as may be locked", FAR, map(rig, FAR, PAGE, fd));
    rig.unmap(FAR, PAGE);
    rig.has(A, 7);
    var shown = Looks.vmas(rig, A, A + PAGE).getFirst();
    String seen = shown.name() + " " + String.join(",", shown.flags());
    String expected = "/secretmem (deleted) rd,wr,sh,mr,mw,ms,lo,dd";
    RuleViolation.check(seen.equals(expected), expected, seen);
    rig.gives("setrlimit", 0, rig.mm.setrlimit(ResourceLimit.MEMLOCK, 8 * PAGE, 0));
    rig.map(FAR, PAGE, RW);
    vector(rig, FAR, A, 4);
    Looks.fails(
        rig,
        "process_vm_readv",
        Errno.EFAULT,
        rig.mm.syscall(Syscall.PROCESS_VM_READV, rig.mm.pid(), FAR + 16, 1, FAR, 1, 0));
  }

  private static long map(Rig rig, long at, long bytes, int fd) {
    return rig.mm.mmap(at, bytes, RW, SHARED, fd, 0);
  }

  /** Two vectors in user memory: what is to be read, and behind it where it is to go. */
  private static void vector(Rig rig, long at, long from, long bytes) {
    long[] words = {from, bytes, at + 100, bytes};
    for (int i = 0; i < words.length * Long.BYTES; i++) {
      rig.put(at + i, (int) (words[i / Long.BYTES] >>> (i % Long.BYTES * Byte.SIZE)) & 255);
    }
  }

  private static void pipe(Rig rig) {
    MappedFile pipe = MappedFile.pipe("pipe:[1]");
    open(rig, OUT, pipe, OpenFile.Mode.READ_ONLY);
    open(rig, IN, pipe, OpenFile.Mode.WRITE_ONLY);
    rig.map(A, 2 * PAGE, RW);
    rig.put(A, 11);
    rig.put(A + 2 * PAGE - 1, 12);
    long end = A + 2 * PAGE;
    Looks.fails(rig, "a pipe that is mapped", Errno.ENODEV, rig.mm.mmap(FAR, PAGE, 1, 2, OUT, 0));
    Looks.fails(rig, "an empty pipe", Errno.EAGAIN, in(rig, A, 1));
    rig.gives("a write", 10, out(rig, A, 10));
    Looks.fails(rig, "a write that ends behind memory", Errno.EFAULT, out(rig, end - 2, 4));
    rig.gives("what fits the last page of more", 900, out(rig, A + PAGE, PAGE + 900));
    rig.gives("a read", 10, in(rig, A + 100, 10));
    rig.has(A + 100, 11);
    Looks.fails(rig, "a read to nowhere", Errno.EFAULT, in(rig, end - 1, 3));
    rig.gives("all of it", 900, in(rig, A, 2 * PAGE));
    rig.put(end - 1, 12);
    rig.gives("one page of more", PAGE, out(rig, A + PAGE, PAGE));
    rig.gives("a page", PAGE, in(rig, A, 2 * PAGE));
    rig.has(A + PAGE - 1, 12);
    open(rig, ONE, known(), OpenFile.Mode.READ_ONLY);
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, 2 * PAGE, READ, PRIVATE, ONE, 0));
    Looks.fails(rig, "a page behind its file", Errno.EFAULT, out(rig, FAR + PAGE, 1));
    for (int i = 0; i < 15; i++) {
      rig.gives("a page", PAGE, out(rig, A, PAGE));
    }
    rig.gives("a byte", 1, out(rig, A, 1));
    Looks.fails(rig, "a full pipe", Errno.EAGAIN, out(rig, A, PAGE));
    rig.gives("what fits the last page", 20, out(rig, A, 20));
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, OUT));
    Looks.fails(rig, "a pipe that nobody reads", Errno.EPIPE, out(rig, A, 1));
    reused(rig);
    rig.gives("pipe2", 0, rig.mm.syscall(Syscall.PIPE2, A, 0));
    Looks.fails(rig, "pipe2 to nowhere", Errno.EFAULT, rig.mm.syscall(Syscall.PIPE2, end, 0));
    int made = rig.mm.read(A).value();
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, rig.mm.read(A + 4).value()));
    rig.gives("the end", 0, rig.mm.syscall(Syscall.READ, made, A, 1));
  }

  /** A pipe keeps two pages at most of what was read. */
  private static void reused(Rig rig) {
    rig.gives("pipe2", 0, rig.mm.syscall(Syscall.PIPE2, A, 0));
    int from = rig.mm.read(A).value();
    int to = rig.mm.read(A + 4).value();
    long free = Floors.freeFrames();
    for (int i = 0; i < 8; i++) {
      rig.gives("a page", PAGE, rig.mm.syscall(Syscall.WRITE, to, A, PAGE));
      rig.gives("a page", PAGE, rig.mm.syscall(Syscall.READ, from, A, PAGE));
    }
    long kept = free - Floors.freeFrames();
    RuleViolation.check(kept <= 2, "2 pages or less in a pipe that is empty", "" + kept);
  }

  private static MappedFile known() {
    return new MappedFile("one", MappedFile.Kind.EXT4, PAGE, at -> 5);
  }

  private static long out(Rig rig, long from, long bytes) {
    return rig.mm.syscall(Syscall.WRITE, IN, from, bytes);
  }

  private static long in(Rig rig, long to, long bytes) {
    return rig.mm.syscall(Syscall.READ, OUT, to, bytes);
  }
}
