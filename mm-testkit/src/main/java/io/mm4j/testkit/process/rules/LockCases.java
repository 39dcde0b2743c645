// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;
import static io.mm4j.testkit.process.rules.LimitCases.GROUP;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Cases of locking, and of RLIMIT_MEMLOCK at its exact border. */
public final class LockCases {
  private static final long PAGE = Bits.PAGE;
  private static final int ANON = 0x32;
  private static final int LOCKED = 0x2032;

  private LockCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C74",
            "memlock-right",
            "With RLIMIT_MEMLOCK 0 and without CAP_IPC_LOCK nothing may be locked; every call"
                + " that locks says EPERM, after its look at the arguments.",
            "can_do_mlock, do_mlock, do_mmap",
            setup -> setup.memlockBytes = 0,
            LockCases::noRight),
        GROUP.rule(
            "AS-C75",
            "memlock-capable",
            "CAP_IPC_LOCK locks whatever the limit says, in every call.",
            "can_do_mlock, mlock_future_ok, SYSCALL mlockall",
            setup -> {
              setup.memlockBytes = 0;
              setup.capabilities = Set.of(Capability.IPC_LOCK);
            },
            LockCases::capable),
        GROUP.rule(
            "AS-C76",
            "memlock-border",
            "RLIMIT_MEMLOCK lets through what reaches it and refuses a page more; pages of a range"
                + " that are locked already do not count twice.",
            "do_mlock, count_mm_mlocked_page_nr, mlock_future_ok",
            setup -> setup.memlockBytes = 20 * PAGE + 17,
            LockCases::memlockBorder),
        GROUP.rule(
            "AS-C77",
            "locked-on-failure",
            "Locking what cannot be made present says ENOMEM, running out of memory EAGAIN; what"
                + " was locked stays so.",
            "__mlock_posix_error_return, __mm_populate",
            LockCases::lockFails),
        GROUP.rule(
            "AS-C78",
            "locking-later",
            "MCL_FUTURE locks what is mapped later, MCL_ONFAULT without populating it, and"
                + " MCL_CURRENT alone ends it.",
            "apply_mlockall_flags, def_flags",
            LockCases::future));
  }

  private static void noRight(Rig rig) {
    rig.map(A, TEN, RW);
    Looks.fails(rig, "mlock", Errno.EPERM, rig.mm.mlock(A, TEN));
    Looks.fails(rig, "mlock of nothing", Errno.EPERM, rig.mm.mlock(A, 0));
    Looks.fails(rig, "mlock2", Errno.EPERM, rig.mm.mlock2(A, TEN, 1));
    Looks.fails(rig, "mlock2 with a wrong flag", Errno.EINVAL, rig.mm.mlock2(A, TEN, 2));
    Looks.fails(rig, "mlockall", Errno.EPERM, rig.mm.mlockall(3));
    Looks.fails(rig, "mlockall with a wrong flag", Errno.EINVAL, rig.mm.mlockall(8));
    Looks.fails(rig, "mlockall(MCL_ONFAULT)", Errno.EINVAL, rig.mm.mlockall(4));
    Looks.fails(rig, "mlockall(0)", Errno.EINVAL, rig.mm.mlockall(0));
    Looks.fails(rig, "MAP_LOCKED", Errno.EPERM, rig.mm.mmap(0, TEN, RW, 0x2022, -1, 0));
    Looks.fails(
        rig, "MAP_LOCKED over another", Errno.EEXIST, rig.mm.mmap(A, TEN, RW, 0x102022, -1, 0));
    rig.gives("munlock", 0, rig.mm.munlock(A, TEN));
    rig.gives("munlockall", 0, rig.mm.munlockall());
    Looks.flags(rig, A, "ac");
    rig.gives("a limit below a page", 0, rig.mm.setrlimit(ResourceLimit.MEMLOCK, 100, 0));
    Looks.fails(rig, "mlock", Errno.ENOMEM, rig.mm.mlock(A, PAGE));
    Looks.fails(rig, "MAP_LOCKED", Errno.EAGAIN, rig.mm.mmap(B, TEN, RW, LOCKED, -1, 0));
    Looks.fails(rig, "mlockall", Errno.ENOMEM, rig.mm.mlockall(1));
    rig.gives("MCL_FUTURE", 0, rig.mm.mlockall(2));
    Looks.fails(rig, "mmap", Errno.EAGAIN, rig.mm.mmap(B, TEN, RW, ANON, -1, 0));
    rig.gives("brk", SpaceSetup.BRK, rig.mm.brk(SpaceSetup.BRK + PAGE));
    Looks.fails(rig, "droppable", Errno.EAGAIN, rig.mm.mmap(C, TEN, RW, 0x38, -1, 0));
    Looks.locked(rig, 0);
  }

  private static void capable(Rig rig) {
    rig.map(A, TEN, RW);
    rig.gives("mlock", 0, rig.mm.mlock(A, TEN));
    Looks.pages(rig, A, TEN, "A10");
    rig.gives("MAP_LOCKED", B, rig.mm.mmap(B, TEN, RW, LOCKED, -1, 0));
    Looks.pages(rig, B, TEN, "A10");
    rig.gives("mlockall", 0, rig.mm.mlockall(3));
    rig.gives("mmap", C, rig.mm.mmap(C, TEN, RW, ANON, -1, 0));
    Looks.pages(rig, C, TEN, "A10");
    rig.gives("brk", SpaceSetup.BRK + PAGE, rig.mm.brk(SpaceSetup.BRK + PAGE));
    rig.gives("mremap", C, rig.mm.mremap(C, TEN, 2 * TEN, 1, 0));
    Looks.pages(rig, C, 2 * TEN, "A20");
    Looks.locked(rig, 41);
    rig.gives("munlockall", 0, rig.mm.munlockall());
    Looks.locked(rig, 0);
  }

  private static void memlockBorder(Rig rig) {
    rig.map(A, 4 * TEN, RW);
    Looks.fails(rig, "21 pages", Errno.ENOMEM, rig.mm.mlock(A, 20 * PAGE + 1));
    Looks.fails(rig, "21 pages at both ends", Errno.ENOMEM, rig.mm.mlock(A + 1, 20 * PAGE));
    Looks.locked(rig, 0);
    rig.gives("20 pages", 0, rig.mm.mlock(A + 1, 20 * PAGE - 1));
    Looks.locked(rig, 20);
    rig.gives("the same", 0, rig.mm.mlock(A, 20 * PAGE));
    rig.gives("a part of them", 0, rig.mm.mlock2(A + PAGE, 5 * PAGE, 1));
    Looks.flags(rig, A + PAGE, "lo lf ac");
    Looks.locked(rig, 20);
    Looks.fails(rig, "half of them new", Errno.ENOMEM, rig.mm.mlock(A + TEN, 2 * TEN));
    Looks.fails(rig, "one new", Errno.ENOMEM, rig.mm.mlock(A + TEN, TEN + PAGE));
    rig.gives("munlock", 0, rig.mm.munlock(A + 1, PAGE));
    Looks.locked(rig, 18);
    rig.gives("two new", 0, rig.mm.mlock(A + TEN, TEN + 2 * PAGE));
    Looks.locked(rig, 20);
    Looks.fails(rig, "MAP_LOCKED", Errno.EAGAIN, rig.mm.mmap(FAR, PAGE, RW, LOCKED, -1, 0));
    rig.gives("munlock", 0, rig.mm.munlock(A, 4 * TEN));
    rig.gives("MAP_LOCKED", FAR, rig.mm.mmap(FAR, 20 * PAGE, RW, LOCKED, -1, 0));
    Looks.fails(rig, "growing", Errno.EAGAIN, rig.mm.mremap(FAR, TEN * 2, TEN * 2 + PAGE, 1, 0));
    rig.unmap(FAR, PAGE);
    rig.gives("growing", FAR + PAGE, rig.mm.mremap(FAR + PAGE, 19 * PAGE, 20 * PAGE, 0, 0));
    Looks.pages(rig, FAR, 21 * PAGE, "-1,A20");
    rig.unmap(FAR, 30 * PAGE);
    rig.unmap(A, 4 * TEN);
    rig.map(A, 20 * PAGE, RW);
    rig.gives("MCL_CURRENT of 20 pages", 0, rig.mm.mlockall(1));
    rig.gives("munlockall", 0, rig.mm.munlockall());
    rig.map(B + TEN, PAGE, READ);
    Looks.fails(rig, "MCL_CURRENT of 21", Errno.ENOMEM, rig.mm.mlockall(1));
    rig.gives("MCL_FUTURE alone", 0, rig.mm.mlockall(2));
  }

  private static void lockFails(Rig rig) {
    rig.map(A, TEN, 0);
    Looks.fails(rig, "mlock without rights", Errno.ENOMEM, rig.mm.mlock(A, TEN));
    Looks.flags(rig, A, "lo");
    Looks.locked(rig, 10);
    rig.gives("on fault", 0, rig.mm.mlock2(A, TEN, 1));
    Looks.flags(rig, A, "lo lf");
    rig.unmap(A, TEN);
    rig.map(A, TEN, RW);
    rig.map(A + TEN + PAGE, TEN, RW);
    Looks.fails(rig, "a hole", Errno.ENOMEM, rig.mm.mlock(A, 2 * TEN));
    Looks.locked(rig, 10);
    Looks.pages(rig, A, TEN, ".10");
    Looks.fails(rig, "munlock over a hole", Errno.ENOMEM, rig.mm.munlock(A, 2 * TEN));
    Looks.locked(rig, 0);
    Looks.fails(rig, "munlock that wraps", Errno.EINVAL, rig.mm.munlock(A, -PAGE));
    rig.gives("munlock of nothing", 0, rig.mm.munlock(A, 0));
    rig.gives("mlock of nothing", 0, rig.mm.mlock(A, 0));
    rig.floor.failAllocationAfter(0);
    long result = rig.mm.mlock(A, TEN);
    rig.floor.failAllocationAfter(-1);
    Looks.fails(rig, "mlock when memory is out", Errno.EAGAIN, result);
    Looks.locked(rig, 10);
    rig.gives("munlock", 0, rig.mm.munlock(A, TEN));
    rig.floor.failAllocationAfter(0);
    result = rig.mm.mlock(A + PAGE, PAGE);
    rig.floor.failAllocationAfter(-1);
    Looks.fails(rig, "mlock that cannot split", Errno.ENOMEM, result);
    Looks.works("mmap", rig.mm.mmap(C, TEN, RW, 0x12, CaseSetup.TINY, 0));
    Looks.fails(rig, "mlock behind the end", Errno.ENOMEM, rig.mm.mlock(C, TEN));
    Looks.locked(rig, 10);
    Looks.pages(rig, C, TEN, "A6,.4");
    Looks.works("a range", rig.mm.mmap(FAR, TEN, RW, 0x2012, CaseSetup.TINY, 0));
    Looks.pages(rig, FAR, TEN, "A6,.4");
  }

  private static void future(Rig rig) {
    rig.map(A, TEN, RW);
    rig.gives("MCL_FUTURE", 0, rig.mm.mlockall(2));
    Looks.locked(rig, 0);
    Looks.flags(rig, A, "ac");
    rig.map(C, TEN, READ);
    Looks.flags(rig, C, "lo");
    Looks.pages(rig, C, TEN, "z10");
    rig.gives("brk", SpaceSetup.BRK + 1, rig.mm.brk(SpaceSetup.BRK + 1));
    Looks.pages(rig, SpaceSetup.BRK, PAGE, "A1");
    Looks.flags(rig, SpaceSetup.BRK, "lo ac");
    Looks.locked(rig, 11);
    rig.protect(C, TEN, RW);
    Looks.pages(rig, C, TEN, "A10");
    rig.gives("droppable", FAR, rig.mm.mmap(FAR, TEN, RW, 0x38, -1, 0));
    Looks.flags(rig, FAR, "nr wf dd dp");
    Looks.locked(rig, 11);
    rig.gives("mlock of droppable memory", 0, rig.mm.mlock(FAR, TEN));
    Looks.locked(rig, 11);
    Rig child = rig.fork();
    child.gives("mmap in the child", B, child.mm.mmap(B, TEN, RW, ANON, -1, 0));
    Looks.flags(child, B, "ac");
    Looks.flags(child, C, "ac");
    Looks.locked(child, 0);
    child.mm.exit();
    rig.gives("on fault", 0, rig.mm.mlockall(6));
    rig.map(B, TEN, RW);
    Looks.flags(rig, B, "lo lf ac");
    Looks.pages(rig, B, TEN, ".10");
    rig.gives("MCL_CURRENT", 0, rig.mm.mlockall(1));
    Looks.flags(rig, B, "lo ac");
    Looks.flags(rig, A, "lo ac");
    Looks.pages(rig, A, 3 * TEN, "A30");
    rig.map(FAR + 2 * TEN, TEN, RW);
    Looks.flags(rig, FAR + 2 * TEN, "ac");
    Looks.locked(rig, 31);
    rig.gives("MCL_CURRENT | MCL_ONFAULT", 0, rig.mm.mlockall(5));
    Looks.flags(rig, A, "lo lf ac");
    Looks.pages(rig, FAR + 2 * TEN, TEN, ".10");
    rig.gives("and later", 0, rig.mm.mlockall(3));
    rig.gives("munlockall", 0, rig.mm.munlockall());
    Looks.locked(rig, 0);
    Looks.flags(rig, A, "ac");
    rig.map(B, TEN, RW);
    Looks.flags(rig, B, "ac");
  }
}
