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
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** Cases of memory with userfaultfd that moves, is copied by fork, or goes. */
public final class UffdLifeCases {
  private static final CaseGroup GROUP = UffdCases.GROUP;
  private static final long PAGE = Bits.PAGE;
  private static final long HUGE = 2L << 20;
  private static final int DONTNEED = 4;
  private static final int MAY_MOVE = 1;
  private static final int FIXED = 3;
  private static final int DONT_UNMAP = 7;
  private static final long WRITE = Uffd.FAULT_WRITE | Uffd.FAULT_WP;

  private UffdLifeCases() {}

  private static Rule<VmaIndexProvider> rule(
      String id, String name, String statement, String behind, Consumer<Rig> body) {
    return GROUP.rule(
        id,
        name,
        statement,
        behind,
        setup -> {
          setup.capabilities = Set.of(Capability.SYS_PTRACE);
          setup.thp = id.equals("AS-F89") ? ThpMode.ALWAYS : ThpMode.NEVER;
        },
        body);
  }

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        rule(
            "AS-F86",
            "watched-memory-changes",
            "Without the features of events, what mremap moves is watched no longer - nor is what"
                + " it merges with -, the child of a fork is not, and several VMAs with one that is"
                + " do not move at once; what stays behind is watched on.",
            "mremap_userfaultfd_prep, dup_userfaultfd, vma_multi_allowed",
            UffdLifeCases::lost),
        rule(
            "AS-F87",
            "events",
            "With the features of events, forks, moves, MADV_DONTNEED and unmapping are told in"
                + " the order in which they happen, and pages cannot be brought until that is read;"
                + " a fork's message brings the child's userfaultfd.",
            "userfaultfd_event_wait_completion, mmap_changing; uffd-unit-tests events,"
                + " LTP userfaultfd04",
            UffdLifeCases::events),
        rule(
            "AS-F88",
            "moved-pages",
            "UFFDIO_MOVE takes pages that are one process's alone to where nothing is, between"
                + " writable anonymous memory of the same rights and locks; holes are errors unless"
                + " they are allowed.",
            "move_pages, validate_move_areas (mm/userfaultfd.c); uffd-unit-tests move",
            UffdLifeCases::moved),
        rule(
            "AS-F89",
            "answers-of-other-kinds",
            "UFFD_FEATURE_SIGBUS fails accesses, UFFD_USER_MODE_ONLY those of the kernel, and"
                + " neither is told; UFFD_FEATURE_EXACT_ADDRESS tells the address. Huge pages are"
                + " missing and protected as a whole, and split where less is; those of the pool"
                + " are brought as whole ones.",
            "handle_userfault, userfault_msg; change_huge_pmd; LTP userfaultfd06",
            UffdLifeCases::others));
  }

  private static void lost(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.WP_UNPOPULATED);
    rig.map(A, 8 * PAGE, RW);
    rig.touch(A);
    uffd.watches(A, 4 * PAGE, Uffd.REGISTER_WP);
    rig.gives("protect", 0, uffd.protect(A, 2 * PAGE, Uffd.WRITEPROTECT_WP));
    rig.move(A, FAR, 2 * PAGE);
    uffd.marks(FAR, 2, "P .");
    Looks.flags(rig, FAR, "ac");
    Looks.flags(rig, A + 2 * PAGE, "uw ac");
    rig.touch(FAR);
    rig.map(A, 8 * PAGE, RW);
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_MISSING);
    rig.map(A + 8 * PAGE, PAGE, RW);
    Looks.fails(
        rig, "two VMAs", Errno.EFAULT, rig.mm.mremap(A + 7 * PAGE, 2 * PAGE, 2 * PAGE, FIXED, FAR));
    Looks.works(
        "MREMAP_DONTUNMAP", rig.mm.mremap(A, 2 * PAGE, 2 * PAGE, DONT_UNMAP, FAR + 16 * PAGE));
    Looks.flags(rig, A, "um ac");
    Looks.flags(rig, FAR + 16 * PAGE, "ac");
    uffd.waits(A, true);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_WRITE, A, 0);
    rig.touch(FAR + 16 * PAGE);
    rig.map(FAR + 32 * PAGE, 2 * PAGE, RW);
    uffd.watches(FAR + 32 * PAGE, 2 * PAGE, Uffd.REGISTER_MISSING);
    rig.map(FAR + 40 * PAGE, 2 * PAGE, RW);
    uffd.watches(FAR + 40 * PAGE, 2 * PAGE, Uffd.REGISTER_MISSING);
    rig.move(FAR + 40 * PAGE, FAR + 34 * PAGE, 2 * PAGE);
    rig.shows(FAR + 32 * PAGE, FAR + 42 * PAGE, "0-4 rw-p");
    Looks.flags(rig, FAR + 32 * PAGE, "ac");
    Rig child = rig.fork();
    Looks.flags(child, A + 4 * PAGE, "ac");
    child.touch(A + 4 * PAGE);
    UffdBench ofChild = uffd.in(child, uffd.fd);
    child.map(BYTES, PAGE, RW);
    child.put(BYTES, 99);
    ofChild.copy(A + 4 * PAGE, BYTES, PAGE, 0, 0, PAGE);
    rig.has(A + 4 * PAGE, 99);
    child.mm.exit();
    Rig orphan = rig.fork();
    rig.mm.exit();
    UffdBench ofOrphan = uffd.in(orphan, uffd.fd);
    ofOrphan.copy(A + 5 * PAGE, BYTES, PAGE, 0, -Errno.ESRCH, UffdBench.untouched());
    Looks.fails(
        orphan,
        "an ended process",
        Errno.ENOMEM,
        ofOrphan.register(A, PAGE, Uffd.REGISTER_MISSING));
    orphan.mm.exit();
  }

  private static void events(Rig rig) {
    long features = Uffd.EVENT_FORK | Uffd.EVENT_REMAP | Uffd.EVENT_REMOVE | Uffd.EVENT_UNMAP;
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, features);
    rig.map(A, 16 * PAGE, RW);
    rig.touch(A);
    rig.touch(A + PAGE);
    uffd.watches(A, 16 * PAGE, Uffd.REGISTER_MISSING | Uffd.REGISTER_WP);
    rig.gives("madvise", 0, rig.mm.madvise(A + PAGE, PAGE, DONTNEED));
    uffd.copy(A + 2 * PAGE, BYTES, PAGE, 0, -Errno.EAGAIN, -Errno.EAGAIN);
    Looks.fails(rig, "protect", Errno.EAGAIN, uffd.protect(A, PAGE, 1));
    uffd.waits(A + 3 * PAGE, false);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, 0, A + 3 * PAGE, 0);
    uffd.tells(Uffd.REMOVE_MESSAGE, A + PAGE, A + 2 * PAGE, 0);
    uffd.silent();
    uffd.copy(A + 2 * PAGE, BYTES, PAGE, 0, 0, PAGE);
    rig.unmap(A + 14 * PAGE, 4 * PAGE);
    uffd.tells(Uffd.UNMAP_MESSAGE, A + 14 * PAGE, A + 18 * PAGE, 0);
    rig.unmap(A + 15 * PAGE, PAGE);
    uffd.silent();
    rig.gives("protect", 0, uffd.protect(A, 2 * PAGE, Uffd.WRITEPROTECT_WP));
    rig.move(A, FAR, 2 * PAGE);
    uffd.tells(Uffd.REMAP_MESSAGE, A, FAR, 2 * PAGE);
    uffd.tells(Uffd.UNMAP_MESSAGE, A, A + 2 * PAGE, 0);
    uffd.silent();
    uffd.marks(FAR, 2, "Pw .");
    Looks.flags(rig, FAR, "um uw ac");
    rig.map(FAR + 4 * PAGE, 2 * PAGE, RW);
    uffd.watches(FAR + 4 * PAGE, 2 * PAGE, Uffd.REGISTER_MISSING);
    rig.move(FAR, FAR + 4 * PAGE, 2 * PAGE);
    uffd.tells(Uffd.UNMAP_MESSAGE, FAR + 4 * PAGE, FAR + 6 * PAGE, 0);
    uffd.tells(Uffd.REMAP_MESSAGE, FAR, FAR + 4 * PAGE, 2 * PAGE);
    uffd.tells(Uffd.UNMAP_MESSAGE, FAR, FAR + 2 * PAGE, 0);
    long at = FAR + 4 * PAGE;
    rig.gives("it grows", at, rig.mm.mremap(at, 2 * PAGE, 4 * PAGE, MAY_MOVE, 0));
    uffd.silent();
    rig.gives("it shrinks", at, rig.mm.mremap(at, 4 * PAGE, PAGE, MAY_MOVE, 0));
    uffd.tells(Uffd.UNMAP_MESSAGE, at + PAGE, at + 4 * PAGE, 0);
    rig.map(A + 6 * PAGE, 2 * PAGE, RW);
    uffd.tells(Uffd.UNMAP_MESSAGE, A + 6 * PAGE, A + 8 * PAGE, 0);
    forked(rig, uffd);
  }

  private static void forked(Rig rig, UffdBench uffd) {
    long at = FAR + 4 * PAGE;
    Rig child = rig.fork();
    Looks.flags(child, at, "um uw ac");
    uffd.copy(A + 3 * PAGE, BYTES, PAGE, 0, -Errno.EAGAIN, -Errno.EAGAIN);
    long lowestFree = CaseSetup.PATH + 1;
    uffd.tells(Uffd.FORK_MESSAGE, lowestFree, 0, 0);
    UffdBench ofChild = uffd.in(rig, lowestFree);
    uffd.in(child, uffd.fd).marks(at, 1, "Pw");
    Looks.ends("the child's write", Kind.UFFD_WAIT, child.mm.write(at, 1));
    ofChild.tells(Uffd.PAGEFAULT_MESSAGE, WRITE, at, 0);
    uffd.silent();
    rig.gives("of the child", 0, ofChild.protect(at, PAGE, 0));
    child.touch(at);
    ofChild.copy(A + 3 * PAGE, BYTES, PAGE, 0, 0, PAGE);
    child.has(A + 3 * PAGE, 11);
    uffd.waits(A + 3 * PAGE, false);
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, ofChild.fd));
    Looks.flags(child, at, "ac");
    child.mm.exit();
    Rig unread = rig.fork();
    Looks.flags(unread, at, "um uw ac");
    rig.gives("close", 0, rig.mm.syscall(Syscall.CLOSE, uffd.fd));
    Looks.flags(unread, at, "um uw ac");
    rig.gives("close", 0, unread.mm.syscall(Syscall.CLOSE, uffd.fd));
    Looks.flags(unread, at, "ac");
    unread.touch(at);
    unread.mm.exit();
  }

  private static void moved(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    rig.map(A, 8 * PAGE, RW);
    rig.map(FAR, 8 * PAGE, RW);
    rig.put(FAR, 5);
    rig.put(FAR + PAGE, 6);
    rig.has(FAR + 2 * PAGE, 0);
    rig.put(FAR + 4 * PAGE, 7);
    uffd.watches(A, 8 * PAGE, Uffd.REGISTER_MISSING);
    uffd.moves(A, FAR, PAGE, 0, 0, PAGE);
    rig.has(A, 5);
    Looks.pages(rig, FAR, 8 * PAGE, ".1,A1,z1,.1,A1,.3");
    uffd.moves(A, FAR + PAGE, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.moves(A + PAGE, FAR, PAGE, 0, -Errno.ENOENT, -Errno.ENOENT);
    uffd.moves(A + PAGE, FAR, PAGE, Uffd.MOVE_ALLOW_SRC_HOLES, 0, PAGE);
    uffd.moves(A + PAGE, FAR + PAGE, 4 * PAGE, 0, -Errno.EAGAIN, 2 * PAGE);
    Looks.pages(rig, A, 8 * PAGE, "A2,z1,.5");
    uffd.moves(A + 4 * PAGE, FAR + 3 * PAGE, 3 * PAGE, Uffd.MOVE_ALLOW_SRC_HOLES, 0, 3 * PAGE);
    Looks.pages(rig, A, 8 * PAGE, "A2,z1,.2,A1,.2");
    Looks.pages(rig, FAR, 8 * PAGE, ".8");
    rig.has(A + 5 * PAGE, 7);
    refusedMoves(rig, uffd);
    long nowhere = 0x7000_0000L;
    rig.map(nowhere, PAGE, RW);
    uffd.moves(A, nowhere, PAGE, 0, -Errno.ENOENT, -Errno.ENOENT);
    uffd.moves(A, nowhere, PAGE, Uffd.MOVE_ALLOW_SRC_HOLES, -Errno.EEXIST, -Errno.EEXIST);
    uffd.moves(A, nowhere, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    rig.touch(FAR + 5 * PAGE);
    Rig child = rig.fork();
    uffd.moves(A + 7 * PAGE, FAR + 5 * PAGE, PAGE, 0, -Errno.EBUSY, -Errno.EBUSY);
    child.mm.exit();
    rig.touch(FAR + 5 * PAGE);
    uffd.moves(A + 7 * PAGE, FAR + 5 * PAGE, PAGE, 0, 0, PAGE);
    rig.gives("guard", 0, rig.mm.madvise(FAR + 7 * PAGE, PAGE, 102));
    uffd.moves(A + 6 * PAGE, FAR + 7 * PAGE, PAGE, 0, -Errno.EFAULT, -Errno.EFAULT);
  }

  private static void refusedMoves(Rig rig, UffdBench uffd) {
    long to = A + 7 * PAGE;
    rig.touch(FAR);
    uffd.moves(to, FAR, PAGE, 4, -Errno.EINVAL, UffdBench.untouched());
    uffd.moves(to, FAR + 1, PAGE, 0, -Errno.EINVAL, UffdBench.untouched());
    uffd.moves(to, FAR, 2 * PAGE, 0, -Errno.EINVAL, -Errno.EINVAL);
    uffd.moves(to, FAR + 20 * PAGE, PAGE, 0, -Errno.ENOENT, -Errno.ENOENT);
    uffd.moves(FAR + 20 * PAGE, FAR, PAGE, 0, -Errno.ENOENT, -Errno.ENOENT);
    uffd.moves(FAR + PAGE, to, PAGE, 0, -Errno.EINVAL, -Errno.EINVAL);
    rig.map(FAR + 20 * PAGE, PAGE, READ);
    uffd.moves(to, FAR + 20 * PAGE, PAGE, 2, -Errno.EINVAL, -Errno.EINVAL);
    uffd.shared(FAR + 24 * PAGE, PAGE);
    uffd.moves(to, FAR + 24 * PAGE, PAGE, 2, -Errno.EINVAL, -Errno.EINVAL);
    rig.gives("mlock", 0, rig.mm.mlock(FAR, PAGE));
    uffd.moves(to, FAR, PAGE, 0, -Errno.EINVAL, -Errno.EINVAL);
    rig.gives("munlock", 0, rig.mm.munlock(FAR, PAGE));
  }

  private static void others(Rig rig) {
    UffdBench sigbus = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.SIGBUS);
    rig.map(A, 4 * PAGE, RW);
    rig.touch(A + PAGE);
    sigbus.watches(A, 4 * PAGE, Uffd.REGISTER_MISSING | Uffd.REGISTER_WP);
    rig.gives("protect", 0, sigbus.protect(A, 4 * PAGE, Uffd.WRITEPROTECT_WP));
    Looks.ends("a read", Kind.BUS_ADRERR, rig.mm.read(A));
    Looks.ends("a protected page", Kind.BUS_ADRERR, rig.mm.write(A + PAGE, 1));
    Looks.fails(rig, "populate", Errno.EFAULT, rig.mm.madvise(A, PAGE, 22));
    sigbus.silent();
    UffdBench user = UffdBench.another(rig, Uffd.NONBLOCK | Uffd.USER_MODE_ONLY, 0);
    rig.map(FAR, 4 * PAGE, RW);
    user.watches(FAR, 4 * PAGE, Uffd.REGISTER_MISSING);
    Looks.fails(rig, "read", Errno.EFAULT, rig.mm.syscall(Syscall.PREAD64, 1, FAR, 8, 0));
    Looks.fails(rig, "mlock", Errno.ENOMEM, rig.mm.mlock(FAR, PAGE));
    rig.gives("munlock", 0, rig.mm.munlock(FAR, PAGE));
    Looks.ends("a fault of the kernel", Kind.BUS_ADRERR, rig.mm.fault(FAR, true, false, false));
    user.silent();
    user.waits(FAR, false);
    user.tells(Uffd.PAGEFAULT_MESSAGE, 0, FAR, 0);
    UffdBench exact = UffdBench.another(rig, Uffd.NONBLOCK, Uffd.EXACT_ADDRESS);
    rig.map(FAR + 8 * PAGE, 4 * PAGE, RW);
    exact.watches(FAR + 8 * PAGE, 4 * PAGE, Uffd.REGISTER_MISSING);
    exact.waits(FAR + 8 * PAGE + 77, true);
    exact.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_WRITE, FAR + 8 * PAGE + 77, 0);
    ofBefore(rig);
    huge(rig, exact);
    pool(rig, UffdBench.another(rig, Uffd.NONBLOCK, Uffd.EXACT_ADDRESS));
  }

  /** Memory that somebody watched before the process was looked at. */
  private static void ofBefore(Rig rig) {
    long at = FAR + 16 * PAGE;
    List<String> watched = List.of("rd", "wr", "mr", "mw", "me", "um", "ac");
    rig.mm.loadVma(new VmaInfo(at, at + PAGE, "rw-p", 0, "", null, watched, ""));
    Looks.flags(rig, at, "um ac");
    Looks.ends("a read of the program", Kind.UFFD_WAIT, rig.mm.read(at));
    rig.unmap(at, PAGE);
  }

  private static void huge(Rig rig, UffdBench uffd) {
    long at = 0x4000_0000L;
    rig.map(at, 3 * HUGE, RW);
    uffd.watches(at, 3 * HUGE, Uffd.REGISTER_MISSING);
    uffd.waits(at + 5 * PAGE, true);
    uffd.copy(at + 5 * PAGE, BYTES, PAGE, 0, 0, PAGE);
    Looks.anonHuge(rig, at, 0);
    rig.gives("unregister", 0, uffd.unregister(at, 3 * HUGE));
    rig.touch(at + HUGE);
    rig.touch(at + 2 * HUGE);
    Looks.anonHuge(rig, at, 4096);
    uffd.watches(at, 3 * HUGE, Uffd.REGISTER_MISSING | Uffd.REGISTER_WP);
    uffd.copy(at + HUGE, BYTES, PAGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    rig.gives("protect", 0, uffd.protect(at + HUGE, HUGE, Uffd.WRITEPROTECT_WP));
    Looks.anonHuge(rig, at, 4096);
    uffd.marks(at + HUGE, 2, "Pw Pw");
    uffd.waits(at + HUGE + PAGE, true);
    rig.gives("one no longer", 0, uffd.protect(at + HUGE + PAGE, PAGE, 0));
    Looks.anonHuge(rig, at, 2048);
    uffd.marks(at + HUGE, 3, "Pw P Pw");
    rig.touch(at + HUGE + PAGE);
    uffd.waits(at + HUGE, true);
    rig.gives("collapse", -Errno.EINVAL, rig.mm.madvise(at + HUGE, HUGE, 25));
    uffd.moves(at + 6 * PAGE, at + 2 * HUGE + PAGE, PAGE, 0, 0, PAGE);
    Looks.anonHuge(rig, at, 0);
  }

  private static void pool(Rig rig, UffdBench uffd) {
    rig.gives("nr_hugepages", 0, rig.floor.resizeHugePool(HUGE, 6));
    long at = 0x4800_0000L;
    long bytes = 0x5800_0000L;
    rig.map(bytes, 2 * HUGE, RW);
    rig.put(bytes + HUGE + 5, 7);
    rig.gives("MAP_HUGETLB", at, rig.mm.mmap(at, 3 * HUGE, RW, 0x4_0032, -1, 0));
    Looks.fails(rig, "a start within", Errno.EINVAL, uffd.register(at + PAGE, HUGE, 1));
    Looks.fails(rig, "an end within", Errno.EINVAL, uffd.register(at, HUGE + PAGE, 1));
    uffd.watches(at, 3 * HUGE, Uffd.REGISTER_MISSING);
    uffd.answers(24, 0x10c);
    uffd.waits(at + 5 * PAGE + 3, true);
    uffd.tells(Uffd.PAGEFAULT_MESSAGE, Uffd.FAULT_WRITE, at + 5 * PAGE + 3, 0);
    uffd.copy(at, bytes, PAGE, 0, -Errno.EINVAL, -Errno.EINVAL);
    uffd.copy(at + PAGE, bytes, HUGE, 0, -Errno.EINVAL, -Errno.EINVAL);
    uffd.fill(Syscall.UFFDIO_ZEROPAGE, at, HUGE, 0, -Errno.EINVAL, -Errno.EINVAL);
    uffd.copy(at, bytes, 2 * HUGE, 0, 0, 2 * HUGE);
    rig.has(at + HUGE + 5, 7);
    rig.touch(at);
    uffd.copy(at + HUGE, bytes, 2 * HUGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.copy(at + 2 * HUGE, bytes + HUGE, HUGE, 0, 0, HUGE);
    Looks.fails(rig, "within", Errno.EINVAL, uffd.unregister(at + HUGE + PAGE, HUGE));
    rig.gives("unregister", 0, uffd.unregister(at, 3 * HUGE));
    rig.unmap(at, 3 * HUGE);
    long fd = rig.mm.memfdCreate("h", 4);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 3 * HUGE));
    rig.gives("mmap", at, rig.mm.mmap(at, 3 * HUGE, RW, 0x11, fd, 0));
    rig.put(at, 3);
    uffd.watches(at, 3 * HUGE, Uffd.REGISTER_MISSING | Uffd.REGISTER_MINOR);
    uffd.waits(at + HUGE, false);
    uffd.copy(at + HUGE, bytes + HUGE, HUGE, 0, 0, HUGE);
    rig.has(at + HUGE + 5, 7);
    rig.gives("madvise", 0, rig.mm.madvise(at, HUGE, DONTNEED));
    uffd.waits(at + 7, true);
    uffd.copy(at, bytes, HUGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.fill(Syscall.UFFDIO_CONTINUE, at, HUGE, 0, 0, HUGE);
    rig.has(at, 3);
    uffd.fill(Syscall.UFFDIO_CONTINUE, at, HUGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    uffd.fill(Syscall.UFFDIO_CONTINUE, at + 2 * HUGE, HUGE, 0, -Errno.EFAULT, -Errno.EFAULT);
  }
}
