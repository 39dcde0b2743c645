// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.UffdBench.BYTES;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Cases of userfaultfd: what it watches, what it is told of, and the pages that it brings. */
public final class UffdCases {
  static final CaseGroup GROUP =
      new CaseGroup(
          "Live migration and garbage collectors answer page faults themselves.",
          "memory that a program fills itself is filled by the kernel, or a fault is told to"
              + " nobody");

  private static final long PAGE = Bits.PAGE;
  private static final int ENOTTY = 25;

  private UffdCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F77",
            "who-watches",
            "A userfaultfd watches ranges in modes: VMAs are cut at their borders, show um, uw and"
                + " ui, and merge with those only that the same one watches in the same modes;"
                + " unregistering and closing the last descriptor undo it.",
            "userfaultfd_register, userfaultfd_unregister, userfaultfd_release (fs/userfaultfd.c)",
            setup -> setup.capabilities = Set.of(Capability.SYS_PTRACE),
            UffdCases::watched),
        GROUP.rule(
            "AS-F78",
            "missing-pages",
            "An access of a missing page that is watched waits, and is told with its page and"
                + " whether it writes; UFFDIO_COPY and UFFDIO_ZEROPAGE bring pages up to one that"
                + " is there already or cannot be read, and say how many.",
            "handle_userfault, mfill_atomic (mm/userfaultfd.c); LTP userfaultfd01, 03",
            setup -> setup.capabilities = Set.of(Capability.SYS_PTRACE),
            UffdCases::missing),
        GROUP.rule(
            "AS-F79",
            "handshake",
            "userfaultfd and its ioctls refuse words in the kernel's order: rights before flags,"
                + " no ioctl before UFFDIO_API, which chooses features once; ranges, modes and"
                + " kinds of memory.",
            "userfaultfd_api, validate_range, vma_can_userfault; LTP userfaultfd02",
            UffdCases::refused));
  }

  private static void flags(Rig rig, long... expected) {
    String[] names = {"ac", "um ac", "uw ac", "um uw ac"};
    for (int i = 0; i < expected.length; i++) {
      Looks.flags(rig, A + i * PAGE, names[(int) expected[i]]);
    }
  }

  private static void watched(Rig rig) {
    UffdBench one = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    rig.map(A, 12 * PAGE, RW);
    one.watches(A + 4 * PAGE, 4 * PAGE, Uffd.REGISTER_MISSING);
    one.answers(24, 0x13c);
    rig.shows(A, A + 12 * PAGE, "0-4 rw-p, 4-8 rw-p, 8-12 rw-p");
    flags(rig, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0);
    one.watches(A + 6 * PAGE, 4 * PAGE, Uffd.REGISTER_MISSING);
    rig.shows(A, A + 12 * PAGE, "0-4 rw-p, 4-10 rw-p, 10-12 rw-p");
    one.watches(A + 6 * PAGE, 2 * PAGE, Uffd.REGISTER_MISSING | Uffd.REGISTER_WP);
    one.answers(24, 0x17c);
    one.watches(A + 6 * PAGE, 2 * PAGE, Uffd.REGISTER_MISSING);
    flags(rig, 0, 0, 0, 0, 1, 1, 3, 3, 1, 1, 0, 0);
    one.watches(A + 5 * PAGE, 4 * PAGE, Uffd.REGISTER_WP);
    flags(rig, 0, 0, 0, 0, 1, 2, 3, 3, 2, 1, 0, 0);
    rig.shows(
        A,
        A + 12 * PAGE,
        "0-4 rw-p, 4-5 rw-p, 5-6 rw-p, 6-8 rw-p, 8-9 rw-p, 9-10 rw-p, 10-12 rw-p");
    UffdBench two = UffdBench.another(rig, Uffd.NONBLOCK, 0);
    Looks.fails(rig, "another's", Errno.EBUSY, two.register(A, 6 * PAGE, Uffd.REGISTER_MISSING));
    Looks.fails(rig, "another's", Errno.EINVAL, two.unregister(A + 4 * PAGE, PAGE));
    two.watches(A, 4 * PAGE, Uffd.REGISTER_MISSING);
    rig.shows(A, A + 5 * PAGE, "0-4 rw-p, 4-5 rw-p");
    Looks.fails(rig, "another's first", Errno.EINVAL, one.unregister(A, 12 * PAGE));
    rig.gives("unregister", 0, one.unregister(A + 4 * PAGE, 8 * PAGE));
    rig.shows(A, A + 12 * PAGE, "0-4 rw-p, 4-12 rw-p");
    one.watches(A + 4 * PAGE, 4 * PAGE, Uffd.REGISTER_MISSING);
    rig.gives("mprotect", 0, rig.mm.mprotect(A + 5 * PAGE, PAGE, READ));
    rig.gives("back", 0, rig.mm.mprotect(A + 5 * PAGE, PAGE, RW));
    rig.shows(A, A + 12 * PAGE, "0-4 rw-p, 4-8 rw-p, 8-12 rw-p");
    rig.unmap(A + 5 * PAGE, PAGE);
    rig.map(A + 5 * PAGE, PAGE, RW);
    flags(rig, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0);
    rig.gives("dup2", 70, rig.mm.syscall(Syscall.DUP2, two.fd, 70));
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, two.fd));
    flags(rig, 1, 1, 1, 1, 1);
    rig.gives("close of the copy", 0, rig.mm.syscall(Syscall.CLOSE, 70));
    flags(rig, 0, 0, 0, 0, 1, 0, 1, 1, 0);
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, one.fd));
    rig.shows(A, A + 12 * PAGE, "0-12 rw-p");
    rig.touch(A);
  }

  private static void missing(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    rig.map(A, 8 * PAGE, RW);
    rig.touch(A + 2 * PAGE);
    uffd.watches(A, 4 * PAGE, Uffd.REGISTER_MISSING);
    rig.touch(A + 2 * PAGE);
    uffd.waits(A + PAGE + 10, false);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, 0, A + PAGE, 0);
    uffd.silent();
    uffd.waits(A + 5, true);
    uffd.waits(A + 3 * PAGE, false);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_WRITE, A, 0);
    uffd.copy(A, BYTES, PAGE, 0, 0, PAGE);
    rig.has(A + 7, 11);
    uffd.copy(A, BYTES, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.copy(A + PAGE, BYTES + 100, 3 * PAGE, 0, -Errno.EAGAIN, PAGE);
    rig.has(A + 2 * PAGE - 101, 11);
    rig.has(A + 2 * PAGE - 100, 22);
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, A + 3 * PAGE, PAGE, Uffd.MODE_DONTWAKE, 0, PAGE);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, 0, A + 3 * PAGE, 0);
    Looks.pages(rig, A, 4 * PAGE, "A3,z1");
    rig.has(A + 3 * PAGE, 0);
    rig.touch(A + 3 * PAGE);
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, A, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    rig.gives("madvise", 0, rig.mm.madvise(A, 4 * PAGE, 4));
    uffd.waits(A + 2 * PAGE, true);
    uffd.waits(A + 3 * PAGE, true);
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, A + 2 * PAGE, PAGE, 0, 0, PAGE);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_WRITE, A + 3 * PAGE, 0);
    uffd.waits(A + 3 * PAGE, true);
    rig.gives("wake", 0, uffd.wake(A + 3 * PAGE, PAGE));
    uffd.silent();
    uffd.copy(A + PAGE, BYTES, 4 * PAGE, 0, -Errno.ENOENT, -Errno.ENOENT);
    uffd.copy(A + 5 * PAGE, BYTES, PAGE, 0, -Errno.ENOENT, -Errno.ENOENT);
    uffd.copy(A + PAGE, FAR, PAGE, 0, -Errno.EFAULT, -Errno.EFAULT);
    uffd.copy(A + 2 * PAGE, FAR, PAGE, 0, -Errno.EFAULT, -Errno.EFAULT);
    uffd.copy(A, BYTES + 3 * PAGE, 2 * PAGE, 0, -Errno.EAGAIN, PAGE);
    uffd.copy(A + PAGE, BYTES, PAGE, Uffd.COPY_WP, -Errno.EINVAL, -Errno.EINVAL);
    uffd.copy(A + PAGE, BYTES, PAGE, 4, -Errno.EINVAL, UffdBench.untouched());
    uffd.copy(A + PAGE + 1, BYTES, PAGE, 0, -Errno.EINVAL, UffdBench.untouched());
    uffd.copy(A + PAGE, BYTES, PAGE + 1, 0, -Errno.EINVAL, UffdBench.untouched());
    // The kernel's own accesses fail: nobody is there to answer them.
    Looks.fails(
        rig, "a read into it", Errno.EFAULT, rig.mm.syscall(Syscall.PREAD64, 1, A + PAGE, 8, 0));
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_WRITE, A + PAGE, 0);
    uffd.shared(FAR, 4 * PAGE);
    rig.touch(FAR);
    rig.gives("madvise", 0, rig.mm.madvise(FAR, PAGE, 4));
    uffd.watches(FAR, 4 * PAGE, Uffd.REGISTER_MISSING);
    rig.has(FAR, 1);
    uffd.waits(FAR + PAGE, true);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_WRITE, FAR + PAGE, 0);
    uffd.copy(FAR + PAGE, BYTES + PAGE, 2 * PAGE, 0, 0, 2 * PAGE);
    rig.has(FAR + 2 * PAGE, 33);
    rig.gives("madvise", 0, rig.mm.madvise(FAR + PAGE, PAGE, 4));
    uffd.copy(FAR + PAGE, BYTES, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    Looks.ends("of the file", Kind.OK, rig.mm.read(FAR + PAGE));
  }

  private static void refused(Rig rig) {
    Looks.fails(rig, "nobody's right", Errno.EPERM, rig.mm.syscall(Syscall.USERFAULTFD, 2));
    Looks.fails(rig, "flags", Errno.EINVAL, rig.mm.syscall(Syscall.USERFAULTFD, 3));
    rig.gives("sysctl", 0, rig.floor.writeSysctl("unprivileged_userfaultfd", "1"));
    Looks.fails(rig, "flags", Errno.EINVAL, rig.mm.syscall(Syscall.USERFAULTFD, 2));
    rig.gives("sysctl", 0, rig.floor.writeSysctl("unprivileged_userfaultfd", "0"));
    long fd = rig.mm.syscall(Syscall.USERFAULTFD, Uffd.USER_MODE_ONLY | Uffd.NONBLOCK);
    Looks.works("userfaultfd", fd);
    rig.map(A, 4 * PAGE, RW);
    Looks.fails(
        rig, "early", Errno.EINVAL, rig.mm.syscall(Syscall.UFFDIO_REGISTER, fd, 8, A, PAGE, 1));
    Looks.fails(rig, "early read", Errno.EINVAL, rig.mm.syscall(Syscall.READ, fd, A, 32));
    Looks.fails(rig, "version", Errno.EINVAL, rig.mm.syscall(Syscall.UFFDIO_API, fd, 0, 0xab, 0));
    Looks.fails(rig, "struct", Errno.EFAULT, rig.mm.syscall(Syscall.UFFDIO_API, fd, 8, 0xaa, 0));
    Looks.fails(rig, "forks", Errno.EPERM, rig.mm.syscall(Syscall.UFFDIO_API, fd, 0, 0xaa, 2));
    Looks.fails(
        rig, "feature", Errno.EINVAL, rig.mm.syscall(Syscall.UFFDIO_API, fd, 0, 0xaa, 1 << 17));
    rig.gives("UFFDIO_API", 0, rig.mm.syscall(Syscall.UFFDIO_API, fd, A, 0xaa, 0));
    rig.has(A + 8, 255);
    rig.has(A + 10, 1);
    Looks.fails(rig, "twice", Errno.EINVAL, rig.mm.syscall(Syscall.UFFDIO_API, fd, A, 0xaa, 0));
    rig.has(A + 8, 0);
    Looks.fails(rig, "short", Errno.EINVAL, rig.mm.syscall(Syscall.READ, fd, A, 31));
    Looks.fails(rig, "write", Errno.EBADF, rig.mm.syscall(Syscall.WRITE, fd, A, 32));
    Looks.fails(rig, "mmap", Errno.ENODEV, rig.mm.mmap(0, PAGE, READ, 2, fd, 0));
    Looks.fails(rig, "no such", Errno.EBADF, rig.mm.syscall(Syscall.UFFDIO_WAKE, 77, 0, A, PAGE));
    Looks.fails(rig, "a file", ENOTTY, rig.mm.syscall(Syscall.UFFDIO_WAKE, 1, 0, A, PAGE));
    refusedRanges(rig, fd);
  }

  private static void register(Rig rig, long fd, int errno, long start, long len, long mode) {
    long result = rig.mm.syscall(Syscall.UFFDIO_REGISTER, fd, 0, start, len, mode);
    Looks.fails(rig, "register mode=" + mode, errno, result);
  }

  private static void refusedRanges(Rig rig, long fd) {
    register(rig, fd, Errno.EINVAL, A, 0, 1);
    register(rig, fd, Errno.EINVAL, A + 1, PAGE, 1);
    register(rig, fd, Errno.EINVAL, A, PAGE + 1, 1);
    register(rig, fd, Errno.EINVAL, A, PAGE, 0);
    register(rig, fd, Errno.EINVAL, A, PAGE, 8);
    register(rig, fd, Errno.EINVAL, 0, PAGE, 1);
    register(rig, fd, Errno.EINVAL, -PAGE, PAGE, 1);
    register(rig, fd, Errno.EINVAL, FAR, PAGE, 1);
    register(rig, fd, Errno.EINVAL, A, PAGE, Uffd.REGISTER_MINOR);
    rig.gives("of a disk", FAR, rig.mm.mmap(FAR, PAGE, READ, 0x12, CaseSetup.DISK, 0));
    register(rig, fd, Errno.EINVAL, FAR, PAGE, Uffd.REGISTER_MISSING);
    register(rig, fd, Errno.EINVAL, FAR, PAGE, Uffd.REGISTER_WP);
    long tmpfs = FAR + PAGE;
    rig.gives("of tmpfs", tmpfs, rig.mm.mmap(tmpfs, PAGE, READ, 0x11, CaseSetup.TMPFS, 0));
    rig.gives("minor", 0, rig.mm.syscall(Syscall.UFFDIO_REGISTER, fd, 0, tmpfs, PAGE, 4));
    long segment = rig.mm.syscall(Syscall.SHMGET, 0, PAGE, 0x3ff);
    long at = rig.mm.syscall(Syscall.SHMAT, segment, 0, 0);
    register(rig, fd, Errno.EINVAL, at, PAGE, Uffd.REGISTER_MISSING);
    Looks.fails(
        rig,
        "unmapped",
        Errno.EINVAL,
        rig.mm.syscall(Syscall.UFFDIO_UNREGISTER, fd, 0, FAR + 2 * PAGE, PAGE));
    Looks.fails(rig, "wake", Errno.EINVAL, rig.mm.syscall(Syscall.UFFDIO_WAKE, fd, 0, A + 1, PAGE));
  }
}
