// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.END;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of arguments and flags of calls on mappings that are there. */
public final class CallCases {
  static final CaseGroup GROUP =
      new CaseGroup(
          "Programs probe for features by the errno that they get.",
          "a flag falls through to another, or checks stand in another order");

  private static final long PAGE = Bits.PAGE;
  private static final int ANON = 0x32;
  private static final int GROWSDOWN = 0x01000000;
  private static final int GROWSUP = 0x02000000;

  private CallCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-36",
            "mprotect-arguments",
            "mprotect refuses each wrong argument with its errno; PROT_GROWSDOWN reaches down to"
                + " the start of a stack, PROT_SEM means nothing.",
            "do_mprotect_pkey",
            CallCases::mprotectArguments),
        GROUP.rule(
            "AS-37",
            "read-implies-exec",
            "With READ_IMPLIES_EXEC what may be read may be executed: by mmap, mprotect and brk.",
            "do_mmap, do_mprotect_pkey, do_brk_flags: VM_DATA_DEFAULT_FLAGS",
            setup -> setup.readImpliesExec = true,
            CallCases::readImpliesExec),
        GROUP.rule(
            "AS-38",
            "brk-borders",
            "brk never goes below its start, keeps a free page from the next mapping and its"
                + " guard gap, and every move is seen.",
            "SYSCALL brk, do_brk_flags",
            CallCases::brk),
        GROUP.rule(
            "AS-39",
            "mseal-arguments",
            "mseal refuses flags, odd addresses and holes before it seals anything.",
            "do_mseal; selftests mseal_test.c",
            CallCases::mseal),
        GROUP.rule(
            "AS-40",
            "mincore-arguments",
            "mincore checks the address, then user space, then the vector, and tells residency of"
                + " memory, files, zero pages and guards over any number of VMAs.",
            "SYSCALL mincore, do_mincore, mincore_pte_range",
            CallCases::mincore),
        GROUP.rule(
            "AS-41",
            "mremap-arguments",
            "mremap refuses each wrong argument with its errno, duplicates shared memory for old"
                + " size 0, and moves over holes.",
            "check_mremap_params, check_prep_vma, remap_move",
            CallCases::mremapArguments));
  }

  private static void mprotectArguments(Rig rig) {
    rig.gives("a stack", A, rig.mm.mmap(A, 4 * PAGE, RW, 0x132, -1, 0));
    rig.map(A + 4 * PAGE, 4 * PAGE, RW);
    Looks.fails(rig, "both", Errno.EINVAL, rig.mm.mprotect(A + 1, PAGE, GROWSDOWN | GROWSUP));
    Looks.fails(rig, "an odd address", Errno.EINVAL, rig.mm.mprotect(A + 1, PAGE, RW));
    Looks.fails(rig, "an odd address", Errno.EINVAL, rig.mm.mprotect(A + 1, 0, RW));
    rig.gives("nothing", 0, rig.mm.mprotect(A, 0, 77));
    Looks.fails(rig, "a range that wraps", Errno.ENOMEM, rig.mm.mprotect(A, -PAGE, 77));
    Looks.fails(rig, "a length that wraps", Errno.ENOMEM, rig.mm.mprotect(A, -1, RW));
    Looks.fails(rig, "unknown rights", Errno.EINVAL, rig.mm.mprotect(A, PAGE, 16));
    Looks.fails(rig, "unknown rights in a hole", Errno.EINVAL, rig.mm.mprotect(FAR, PAGE, 16));
    Looks.fails(rig, "a hole", Errno.ENOMEM, rig.mm.mprotect(FAR, PAGE, RW));
    Looks.fails(rig, "a hole below", Errno.ENOMEM, rig.mm.mprotect(A - PAGE, 2 * PAGE, READ));
    Looks.fails(
        rig, "up to a VMA", Errno.ENOMEM, rig.mm.mprotect(A - PAGE, PAGE, READ | GROWSDOWN));
    rig.shows("0-4 rw-p, 4-8 rw-p");
    rig.gives("PROT_SEM", 0, rig.mm.mprotect(A + 5 * PAGE, PAGE, 8 | READ));
    rig.shows("0-4 rw-p, 4-5 rw-p, 5-6 r--p, 6-8 rw-p");
    rig.gives("PROT_SEM alone", 0, rig.mm.mprotect(A + 5 * PAGE, PAGE, 8));
    rig.shows("0-4 rw-p, 4-5 rw-p, 5-6 ---p, 6-8 rw-p");
    Looks.fails(
        rig, "no stack", Errno.EINVAL, rig.mm.mprotect(A + 4 * PAGE, PAGE, GROWSDOWN | READ));
    Looks.fails(rig, "nothing grows up", Errno.EINVAL, rig.mm.mprotect(A, PAGE, GROWSUP | READ));
    rig.gives("a stack", 0, rig.mm.mprotect(A + 2 * PAGE, PAGE, GROWSDOWN | READ));
    rig.shows("0-3 r--p, 3-4 rw-p, 4-5 rw-p, 5-6 ---p, 6-8 rw-p");
    rig.gives("from below", 0, rig.mm.mprotect(A - PAGE, 2 * PAGE, GROWSDOWN | RW));
    rig.shows("0-1 rw-p, 1-3 r--p, 3-4 rw-p, 4-5 rw-p, 5-6 ---p, 6-8 rw-p");
    Looks.fails(rig, "over the end", Errno.ENOMEM, rig.mm.mprotect(A + 6 * PAGE, TEN, READ));
    rig.shows("0-1 rw-p, 1-3 r--p, 3-4 rw-p, 4-5 rw-p, 5-6 ---p, 6-8 r--p");
    Looks.committed(rig, 3);
    rig.gives("writable again", 0, rig.mm.mprotect(A + 6 * PAGE, PAGE, RW));
    Looks.committed(rig, 4);
    rig.touch(A + 6 * PAGE);
    rig.gives("written and read-only", 0, rig.mm.mprotect(A + 6 * PAGE, PAGE, READ));
    Looks.committed(rig, 4);
  }

  private static void readImpliesExec(Rig rig) {
    rig.map(A, TEN, RW);
    rig.map(B, TEN, 2);
    rig.map(C, TEN, 0);
    rig.shows("0-10 rwxp, 10-20 -w-p, 20-30 ---p");
    rig.protect(B, 2 * TEN, READ);
    rig.shows("0-10 rwxp, 10-30 r-xp");
    rig.protect(C, TEN, 2);
    rig.shows("0-10 rwxp, 10-20 r-xp, 20-30 -w-p");
    Looks.works("a file", rig.mm.mmap(C, TEN, READ, 0x11, CaseSetup.DISK, 0));
    rig.shows("0-10 rwxp, 10-20 r-xp, 20-30 r-xs");
    long brk = SpaceSetup.BRK;
    rig.gives("brk", brk + PAGE, rig.mm.brk(brk + PAGE));
    rig.shows(brk, brk + PAGE, "0-1 rwxp");
    List<String> noExec = List.of("rd", "wr", "mr", "mw", "ac");
    rig.mm.loadVma(new VmaInfo(FAR, FAR + PAGE, "rw-p", 0, "", null, noExec, ""));
    rig.protect(FAR, PAGE, READ);
    rig.shows(FAR, FAR + PAGE, "0-1 r--p");
    Looks.fails(rig, "to execute", Errno.EACCES, rig.mm.mprotect(FAR, PAGE, 5));
  }

  private static void changes(Rig rig, String what, long expected, long wanted) {
    long before = rig.mm.mapsGeneration();
    rig.gives(what, expected, rig.mm.brk(wanted));
    RuleViolation.check(
        before != rig.mm.mapsGeneration(), "another mapsGeneration() after " + what, "the same");
  }

  private static void brk(Rig rig) {
    long brk = SpaceSetup.BRK;
    rig.gives("below the start", brk, rig.mm.brk(brk - 1));
    rig.gives("zero", brk, rig.mm.brk(0));
    changes(rig, "a byte", brk + 1, brk + 1);
    rig.shows(brk, brk + TEN, "0-1 rw-p");
    changes(rig, "another in the page", brk + 2, brk + 2);
    changes(rig, "all of the page", brk + PAGE, brk + PAGE);
    rig.shows(brk, brk + TEN, "0-1 rw-p");
    rig.map(brk + TEN, PAGE, RW);
    rig.gives("touching", brk + PAGE, rig.mm.brk(brk + TEN));
    rig.gives("a byte of the last", brk + PAGE, rig.mm.brk(brk + TEN - PAGE + 1));
    rig.gives("a page away", brk + TEN - PAGE, rig.mm.brk(brk + TEN - PAGE));
    rig.shows(brk, brk + TEN, "0-9 rw-p");
    rig.unmap(brk + 3 * PAGE, PAGE);
    rig.gives("over a hole", brk + 2 * PAGE, rig.mm.brk(brk + 2 * PAGE));
    rig.shows(brk, brk + TEN, "0-2 rw-p");
    changes(rig, "down to the start", brk, brk);
    rig.shows(brk, brk + TEN, "");
    rig.unmap(brk + TEN, PAGE);
    long stack = brk + 2 * 256 * PAGE;
    rig.gives("a stack", stack, rig.mm.mmap(stack, PAGE, RW, 0x132, -1, 0));
    long end = stack - 256 * PAGE - PAGE;
    rig.gives("in its gap", brk, rig.mm.brk(end + 1));
    rig.gives("up to its gap", end, rig.mm.brk(end));
    rig.unmap(brk, end - brk);
    rig.gives("of what was unmapped", end, rig.mm.brk(brk));
    rig.gives("and further", end, rig.mm.brk(end + PAGE));
    Looks.sum(rig, "brk", MmFields::brk, end);
    rig.unmap(stack, PAGE);
    rig.gives("apart", end + PAGE, rig.mm.brk(end + PAGE));
    rig.map(end - PAGE, PAGE, RW);
    rig.gives("part of it", end + PAGE, rig.mm.brk(end + PAGE));
    rig.gives("more", end + 2 * PAGE, rig.mm.brk(end + 2 * PAGE));
    rig.shows(end - PAGE, end + 9 * PAGE, "0-3 rw-p");
    rig.gives("sealed", 0, rig.mm.mseal(end + PAGE, PAGE, 0));
    rig.gives("a sealed heap", end + 2 * PAGE, rig.mm.brk(end));
  }

  private static void mseal(Rig rig) {
    rig.map(A, TEN, RW);
    rig.map(C, TEN, RW);
    Looks.fails(rig, "flags", Errno.EINVAL, rig.mm.mseal(A, PAGE, 1));
    Looks.fails(rig, "flags above", Errno.EINVAL, rig.mm.mseal(A, PAGE, 1L << 40));
    Looks.fails(rig, "an odd address", Errno.EINVAL, rig.mm.mseal(A + 1, PAGE, 0));
    Looks.fails(rig, "a length that wraps", Errno.EINVAL, rig.mm.mseal(A, -1, 0));
    Looks.fails(rig, "a range that wraps", Errno.EINVAL, rig.mm.mseal(A, -2 * PAGE, 0));
    rig.gives("nothing", 0, rig.mm.mseal(B, 0, 0));
    Looks.fails(rig, "a hole in between", Errno.ENOMEM, rig.mm.mseal(A, 3 * TEN, 0));
    Looks.fails(rig, "a hole behind", Errno.ENOMEM, rig.mm.mseal(C, 2 * TEN, 0));
    Looks.fails(rig, "a hole before", Errno.ENOMEM, rig.mm.mseal(B, 2 * TEN, 0));
    Looks.flags(rig, A, "ac");
    Looks.flags(rig, C, "ac");
    rig.gives("half a page", 0, rig.mm.mseal(A + PAGE, PAGE + 1, 0));
    rig.shows("0-1 rw-p, 1-3 rw-p, 3-10 rw-p, 20-30 rw-p");
    rig.gives("again, and more", 0, rig.mm.mseal(A, 4 * PAGE, 0));
    rig.shows("0-4 rw-p, 4-10 rw-p, 20-30 rw-p");
    Looks.flags(rig, A, "ac sl");
    Looks.fails(rig, "munmap", Errno.EPERM, rig.mm.munmap(A, PAGE));
    Looks.fails(rig, "munmap of more", Errno.EPERM, rig.mm.munmap(A + 3 * PAGE, TEN));
    Looks.fails(rig, "mremap", Errno.EPERM, rig.mm.mremap(A, PAGE, 2 * PAGE, 1, 0));
    Looks.fails(rig, "mprotect", Errno.EPERM, rig.mm.mprotect(A, PAGE, RW));
    Looks.fails(rig, "mmap", Errno.EPERM, rig.mm.mmap(A, PAGE, RW, ANON, -1, 0));
    rig.gives("a touch", 0, rig.mm.write(A, 1).ok() ? 0 : 1);
    rig.gives("mlock", 0, rig.mm.mlock(A, PAGE));
    rig.shows("0-1 rw-p, 1-4 rw-p, 4-10 rw-p, 20-30 rw-p");
  }

  private static void mincore(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.map(A, TEN, RW);
    AddressSpace mm = rig.mm;
    AddressSpace.ByteSink none = value -> RuleViolation.check(false, "no answer", "" + value);
    Looks.fails(rig, "an odd address", Errno.EINVAL, mm.mincore(A + 1, PAGE, 0, none));
    Looks.fails(rig, "the kernel's", Errno.ENOMEM, mm.mincore(-PAGE * 4, PAGE, 0, none));
    Looks.fails(rig, "a range that wraps", Errno.ENOMEM, mm.mincore(A, -A, 0, none));
    Looks.fails(rig, "a vector", Errno.EFAULT, mm.mincore(A, PAGE, -1, none));
    Looks.fails(rig, "a vector", Errno.EFAULT, mm.mincore(A, PAGE, -PAGE, none));
    Looks.fails(rig, "a vector in a hole", Errno.EFAULT, mm.mincore(A, PAGE, FAR, none));
    Looks.fails(rig, "a hole first", Errno.ENOMEM, mm.mincore(B, PAGE, FAR, none));
    Looks.fails(rig, "a hole behind", Errno.ENOMEM, mm.mincore(A, TEN + 1, Act.SCRATCH, none));
    rig.gives("nothing", 0, mm.mincore(A, 0, FAR, none));
    rig.gives("nothing in a hole", 0, mm.mincore(B, 0, Act.SCRATCH, none));
    Looks.fails(
        rig,
        "a vector over a border",
        Errno.EFAULT,
        mm.mincore(A, 2 * PAGE, Act.SCRATCH + PAGE - 1, none));
    rig.map(FAR, PAGE, READ);
    Looks.fails(rig, "a read-only vector", Errno.EFAULT, mm.mincore(A, PAGE, FAR, none));
    rig.touch(A + PAGE);
    rig.has(A + 2 * PAGE, 0);
    AdviceCases.advise(rig, A + 4 * PAGE, PAGE, AdviceCases.GUARD_INSTALL);
    Looks.mincore(rig, A, 5 * PAGE - 4095, "01,12,02");
    Looks.mincore(rig, A, TEN, "01,12,07");
    Looks.works("a file", mm.mmap(B, TEN, READ, 0x12, CaseSetup.TINY, 0));
    Looks.works("shared memory", mm.mmap(C, TEN, RW, 0x31, -1, 0));
    rig.touch(C + PAGE);
    Looks.mincore(rig, A, 3 * TEN, "01,12,07,16,05,11,08");
    Looks.works("/dev/zero", mm.mmap(C, TEN, RW, 0x12, CaseSetup.ZERO, 0));
    Looks.mincore(rig, C, TEN, "010");
    AdviceCases.advise(rig, B, PAGE, AdviceCases.GUARD_INSTALL);
    Looks.mincore(rig, B, 2 * PAGE, "12");
    mm.loadVma(new VmaInfo(END, END + 4 * PAGE, "r--p", 0, "[vvar]", null, List.of(), ""));
    Looks.mincore(rig, END, 4 * PAGE, "14");
    rig.map(FAR, 9000 * PAGE, RW);
    rig.touch(FAR + 8999 * PAGE);
    rig.map(Act.SCRATCH, 4 * PAGE, RW);
    Looks.mincore(rig, FAR, 9000 * PAGE, "08999,11");
    Looks.pages(rig, Act.SCRATCH, 4 * PAGE, "A3,.1");
  }

  private static void mremapArguments(Rig rig) {
    long end = SpaceSetup.TASK_SIZE;
    rig.map(A, TEN, RW);
    rig.put(A, 5);
    AddressSpace mm = rig.mm;
    Looks.fails(rig, "unknown flags", Errno.EINVAL, mm.mremap(A, TEN, TEN, 8, 0));
    Looks.fails(rig, "an odd address", Errno.EINVAL, mm.mremap(A + 1, TEN, TEN, 1, 0));
    Looks.fails(rig, "length 0", Errno.EINVAL, mm.mremap(A, TEN, 0, 1, 0));
    Looks.fails(rig, "a length that wraps", Errno.EINVAL, mm.mremap(A, TEN, -1, 1, 0));
    Looks.fails(rig, "longer than all", Errno.EINVAL, mm.mremap(A, TEN, end + 1, 1, 0));
    Looks.fails(rig, "as long as all", Errno.ENOMEM, mm.mremap(A, TEN, end, 1, 0));
    Looks.fails(rig, "a hole", Errno.EFAULT, mm.mremap(B, TEN, TEN, 1, 0));
    Looks.fails(rig, "too high", Errno.EINVAL, mm.mremap(A, PAGE, PAGE, 3, end));
    Looks.fails(rig, "an odd place", Errno.EINVAL, mm.mremap(A, PAGE, PAGE, 3, FAR + 1));
    Looks.fails(rig, "without MAYMOVE", Errno.EINVAL, mm.mremap(A, PAGE, PAGE, 2, FAR));
    Looks.fails(rig, "without MAYMOVE", Errno.EINVAL, mm.mremap(A, PAGE, PAGE, 4, FAR));
    Looks.fails(rig, "keeping and growing", Errno.EINVAL, mm.mremap(A, PAGE, TEN, 5, FAR));
    Looks.fails(rig, "keeping and shrinking", Errno.EINVAL, mm.mremap(A, TEN, PAGE, 5, FAR));
    Looks.fails(rig, "on itself", Errno.EINVAL, mm.mremap(A, TEN, TEN, 3, A + PAGE));
    Looks.fails(rig, "on itself", Errno.EINVAL, mm.mremap(A, TEN, TEN, 3, A - PAGE));
    Looks.fails(rig, "beyond its end", Errno.EFAULT, mm.mremap(A, 2 * TEN, 3 * TEN, 1, 0));
    Looks.fails(rig, "private, size 0", Errno.EINVAL, mm.mremap(A, 0, TEN, 1, 0));
    Looks.works("a private file", mm.mmap(C, TEN, RW, 0x12, CaseSetup.DISK, 0));
    Looks.fails(rig, "a private file, size 0", Errno.EINVAL, mm.mremap(C, 0, TEN, 1, 0));
    rig.unmap(C, TEN);
    rig.gives("as it is", A, mm.mremap(A, TEN, TEN - 1, 0, 0));
    rig.gives("the last place", end - PAGE, mm.mremap(A, PAGE, PAGE, 3, end - PAGE));
    rig.has(end - PAGE, 5);
    Looks.fails(rig, "out of user space", Errno.ENOMEM, mm.mremap(end - PAGE, PAGE, TEN, 0, 0));
    rig.gives("next to itself", A, mm.mremap(A + PAGE, PAGE, PAGE, 3, A));
    rig.shows("0-1 rw-p, 2-10 rw-p");
    rig.put(A + 2 * PAGE, 6);
    rig.gives("with the hole", FAR, mm.mremap(A, TEN, TEN, 3, FAR));
    rig.shows(FAR, FAR + TEN, "0-1 rw-p, 2-10 rw-p");
    rig.shows("");
    rig.has(FAR + 2 * PAGE, 6);
    Looks.fails(
        rig, "from a hole on", Errno.EFAULT, mm.mremap(FAR + PAGE, 9 * PAGE, 9 * PAGE, 3, A));
    Looks.works("shared", mm.mmap(B, TEN, RW, 0x31, -1, 0));
    rig.put(B, 7);
    rig.gives("size 0", C, mm.mremap(B, 0, TEN, 3, C));
    rig.has(C, 7);
    rig.shows("10-20 rw-s, 20-30 rw-s");
    Looks.committed(rig, 20);
    rig.gives("keeping", A, mm.mremap(B, TEN, TEN, 7, A));
    rig.shows("0-10 rw-s, 10-20 rw-s, 20-30 rw-s");
    rig.has(A, 7);
    rig.has(B, 7);
    rig.unmap(A, 3 * TEN);
    rig.map(A, TEN, RW);
    rig.put(A + PAGE, 8);
    long kept = Looks.works("keeping, anywhere", mm.mremap(A, TEN, TEN, 5, 0));
    rig.has(kept + PAGE, 8);
    Looks.pages(rig, A, TEN, ".10");
    rig.gives("keeping, a hint", C + TEN, mm.mremap(A, TEN, TEN, 5, C + TEN));
    rig.unmap(C + TEN, TEN);
    rig.gives("shrinking and moving", C, mm.mremap(kept, TEN, 2 * PAGE, 3, C));
    rig.shows("0-10 rw-p, 20-22 rw-p");
    rig.has(C + PAGE, 8);
    rig.gives("growing and moving", A + 50 * PAGE, mm.mremap(C, 2 * PAGE, TEN, 3, A + 50 * PAGE));
    rig.has(A + 51 * PAGE, 8);
    rig.unmap(A + 50 * PAGE, TEN);
    Looks.works("shared, to read", mm.mmap(B, TEN, READ, 0x11, CaseSetup.DISK_READ_ONLY, 0));
    rig.gives("size 0, to read", C, mm.mremap(B, 0, TEN, 3, C));
    rig.has(C, CaseSetup.byteOf(0));
    rig.unmap(B, 2 * TEN);
    Looks.works("/dev/zero", mm.mmap(B, TEN, RW, 0x12, CaseSetup.ZERO, 0));
    Looks.fails(rig, "a device with others", Errno.EFAULT, mm.mremap(A, 2 * TEN, 2 * TEN, 3, FAR));
    rig.move(B, FAR, TEN);
    Looks.works("the last offset", mm.mmap(B, PAGE, RW, 0x12, CaseSetup.DISK, 0x7fffffffffffe000L));
    Looks.works("growing over it", mm.mremap(B, PAGE, 2 * PAGE, 1, 0));
    long huge = 2L << 20;
    rig.unmap(A, end - A);
    Looks.works("shared, 2 MiB", mm.mmap(A, huge, RW, 0x31, -1, 0));
    rig.map(A + huge, PAGE, RW);
    long moved = SpaceSetup.BASE - 2 * huge;
    rig.gives("shared, on no border of 2 MiB", moved, mm.mremap(A, huge, 2 * huge, 1, 0));
    rig.unmap(moved, 2 * huge);
    rig.map(A, huge, RW);
    moved &= -huge;
    rig.gives("private, on a border of 2 MiB", moved, mm.mremap(A, huge, 2 * huge, 1, 0));
  }
}
