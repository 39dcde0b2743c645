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

import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of anon_vmas: who shares one, and what that does to merging, above all after a fork. */
public final class AnonCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Reverse mapping finds a page by its anon_vma: one too few and reclaim misses it.",
          "a chain is not looked at, or an anon_vma is taken from a neighbour that shares it");

  private static final long PAGE = Bits.PAGE;

  private AnonCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C94",
            "anon-vma-reused",
            "A first write takes the anon_vma of a neighbour, the upper one first, from which only"
                + " rights keep it apart; not of one that a fork has shared.",
            "find_mergeable_anon_vma, reusable_anon_vma, anon_vma_compatible",
            AnonCases::reused),
        GROUP.rule(
            "AS-C95",
            "anon-vma-after-fork",
            "In a child what was faulted before the fork merges with nothing that was not, on"
                + " either side, and in the parent it still does.",
            "is_mergeable_anon_vma, vma_had_uncowed_parents; selftests merge.c",
            AnonCases::afterFork),
        GROUP.rule(
            "AS-C96",
            "special-stays-apart",
            "Memory that a driver has marked as not to be expanded merges with nothing, neither"
                + " new nor changed.",
            "VM_SPECIAL in vma_merge_new_range and vma_merge_existing_range",
            AnonCases::special),
        GROUP.rule(
            "AS-47",
            "anon-vma-taken-over",
            "Whoever is extended over pages that were written, by mmap, mprotect or mremap, from"
                + " above or below, has their anon_vma: it merges with nothing that was written on"
                + " its own.",
            "dup_anon_vma in vma_merge_new_range, vma_merge_existing_range and copy_vma",
            AnonCases::takenOver),
        GROUP.rule(
            "AS-48",
            "marks-come-along",
            "A range with guard pages that is moved next to others marks the VMA that they become,"
                + " from above, from below and in between.",
            "VM_STICKY in vma_merge_new_range; copy_vma",
            AnonCases::marked));
  }

  private static void marked(Rig rig) {
    for (int others = 1; others <= 3; others++) {
      rig.map(A, 3 * TEN, RW);
      AdviceCases.advise(rig, B + PAGE, PAGE, AdviceCases.GUARD_INSTALL);
      rig.move(B, FAR, TEN);
      rig.unmap(A, 3 * TEN);
      if ((others & 1) != 0) {
        rig.map(A, TEN, RW);
      }
      if ((others & 2) != 0) {
        rig.map(C, TEN, RW);
      }
      rig.move(FAR, B, TEN);
      rig.shows(others == 1 ? "0-20 rw-p" : others == 2 ? "10-30 rw-p" : "0-30 rw-p");
      Looks.flags(rig, B, "gu ac");
      Looks.pages(rig, B, TEN, ".1,g1,.8");
      rig.unmap(A, 3 * TEN);
    }
    for (long guarded : new long[] {A, C}) {
      rig.map(A, 3 * TEN, RW);
      rig.protect(B, TEN, READ);
      AdviceCases.advise(rig, guarded, PAGE, AdviceCases.GUARD_INSTALL);
      rig.protect(B, TEN, RW);
      rig.shows("0-30 rw-p");
      Looks.flags(rig, B, "gu ac");
      rig.unmap(A, 3 * TEN);
      rig.map(guarded, TEN, RW);
      AdviceCases.advise(rig, guarded, PAGE, AdviceCases.GUARD_INSTALL);
      rig.map(B, TEN, READ);
      rig.protect(B, TEN, RW);
      Looks.flags(rig, B, "gu ac");
      rig.unmap(A, 3 * TEN);
    }
    // Guard pages in a private file are no writes to it.
    rig.gives("a file", A, rig.mm.mmap(A, TEN, RW, 0x12, CaseSetup.DISK, 0));
    AdviceCases.advise(rig, A, PAGE, AdviceCases.GUARD_INSTALL);
    rig.gives("behind it", B, rig.mm.mmap(B, TEN, READ, 0x12, CaseSetup.DISK, TEN));
    AdviceCases.advise(rig, B, TEN, 16);
    rig.protect(B, TEN, RW);
    rig.touch(B);
    AdviceCases.advise(rig, B, TEN, 17);
    rig.shows("0-20 rw-p");
  }

  private static void takenOver(Rig rig) {
    for (long other : new long[] {A, C}) {
      // A range that was written gets the rights of a neighbour that was not.
      stranger(rig, other, 7);
      rig.map(B, TEN, RW);
      rig.touch(B);
      rig.map(other, TEN, 7);
      rig.protect(B, TEN, 7);
      staysApart(rig, other, "rwxp");
      // The same in two steps.
      stranger(rig, other, 7);
      rig.map(B, TEN, RW);
      rig.touch(B);
      rig.map(other, TEN, 7);
      rig.protect(other == A ? B : B + 5 * PAGE, 5 * PAGE, 7);
      rig.protect(B, TEN, 7);
      staysApart(rig, other, "rwxp");
      // A range that was written comes back to a neighbour that was not.
      stranger(rig, other, RW);
      rig.map(B, TEN, RW);
      rig.touch(B);
      rig.move(B, FAR, TEN);
      rig.map(other, TEN, RW);
      rig.move(FAR, B, TEN);
      staysApart(rig, other, "rw-p");
    }
    // MREMAP_DONTUNMAP of all leaves a VMA as if it was never written, of a part it does not.
    for (int part = 0; part < 2; part++) {
      stranger(rig, A, RW);
      rig.map(B, TEN, RW);
      rig.touch(B + 9 * PAGE);
      long bytes = part == 0 ? TEN : PAGE;
      Looks.works("mremap", rig.mm.mremap(B, bytes, bytes, 7, FAR));
      AdviceCases.advise(rig, C, TEN, 17);
      rig.shows(part == 0 ? "10-30 rw-p" : "10-20 rw-p, 20-30 rw-p");
      rig.unmap(A, END - A);
      rig.unmap(FAR, TEN);
    }
    // Three become one, and only the one in the middle was written.
    rig.map(END, TEN, RW);
    AdviceCases.advise(rig, END, TEN, 16);
    rig.touch(END);
    rig.map(A, 3 * TEN, RW);
    rig.protect(B, TEN, 7);
    rig.touch(B);
    rig.protect(B, TEN, RW);
    AdviceCases.advise(rig, END, TEN, 17);
    rig.shows(A, END + TEN, "0-30 rw-p, 30-40 rw-p");
    rig.unmap(A, 4 * TEN);
  }

  /** The third of three, which is written on its own and will look like the others. */
  private static void stranger(Rig rig, long other, int prot) {
    long third = other == A ? C : A;
    rig.map(third, TEN, prot);
    AdviceCases.advise(rig, third, TEN, 16);
    rig.touch(third);
  }

  /** Two of three are one; the third looks like them now. */
  private static void staysApart(Rig rig, long other, String rights) {
    AdviceCases.advise(rig, other == A ? C : A, TEN, 17);
    rig.shows(
        (other == A ? "0-20 rw-p, 20-30 rw-p" : "0-10 rw-p, 10-30 rw-p").replace("rw-p", rights));
    rig.unmap(A, END - A);
  }

  private static void reused(Rig rig) {
    // Apart by rights only: the lower takes the upper's.
    rig.map(A, TEN, RW);
    rig.touch(A);
    rig.map(B, TEN, 7);
    rig.touch(B);
    rig.protect(B, TEN, RW);
    rig.shows("0-20 rw-p");
    rig.unmap(A, END - A);
    rig.map(B, TEN, 7);
    rig.touch(B);
    rig.map(A, TEN, RW);
    rig.touch(A);
    rig.protect(A, TEN, 7);
    rig.shows("0-20 rwxp");
    rig.unmap(A, END - A);
    // Between two that were faulted on their own, the upper one's.
    rig.map(A, TEN, RW);
    rig.touch(A);
    rig.map(C, TEN, RW);
    rig.touch(C);
    rig.map(B, TEN, 7);
    rig.touch(B);
    rig.protect(B, TEN, RW);
    rig.shows("0-10 rw-p, 10-30 rw-p");
    rig.unmap(A, END - A);
    // Apart by more than rights: each its own.
    rig.map(A, TEN, RW);
    AdviceCases.advise(rig, A, TEN, 16);
    rig.touch(A);
    rig.map(B, TEN, RW);
    rig.touch(B);
    AdviceCases.advise(rig, A, TEN, 17);
    rig.shows("0-10 rw-p, 10-20 rw-p");
    rig.unmap(A, END - A);
    // Guard marks keep nobody apart.
    rig.map(B, TEN, 7);
    AdviceCases.advise(rig, B, PAGE, AdviceCases.GUARD_INSTALL);
    rig.map(A, TEN, RW);
    rig.touch(A);
    rig.protect(A, TEN, 7);
    rig.shows("0-20 rwxp");
    rig.unmap(A, END - A);
    // Offsets do not go on: each its own, also for who comes in between later.
    rig.gives("a file", A, rig.mm.mmap(A, TEN, RW, 0x12, CaseSetup.DISK, 0));
    rig.gives("elsewhere in it", B, rig.mm.mmap(B, TEN, RW, 0x12, CaseSetup.DISK, 5 * TEN));
    rig.gives("behind the first", C, rig.mm.mmap(C, TEN, RW, 0x12, CaseSetup.DISK, 2 * TEN));
    rig.touch(A);
    rig.touch(B);
    rig.touch(C);
    rig.gives("in between", B, rig.mm.mmap(B, TEN, RW, 0x12, CaseSetup.DISK, TEN));
    rig.shows("0-20 rw-p, 20-30 rw-p");
    rig.unmap(A, END - A);
    // Offsets go on, and a hole lies between: each its own.
    rig.gives("a file", A, rig.mm.mmap(A, TEN, RW, 0x12, CaseSetup.DISK, 0));
    rig.gives("its next part", C, rig.mm.mmap(C, TEN, RW, 0x12, CaseSetup.DISK, TEN));
    rig.touch(A);
    rig.touch(C);
    rig.move(A, B, TEN);
    rig.shows("10-20 rw-p, 20-30 rw-p");
    rig.unmap(A, END - A);
    // Another open file in between: each its own.
    rig.gives("a file", A, rig.mm.mmap(A, TEN, RW, 0x12, CaseSetup.DISK, 0));
    rig.gives("another", B, rig.mm.mmap(B, TEN, RW, 0x12, CaseSetup.DISK_READ_ONLY, TEN));
    rig.gives("the first again", C, rig.mm.mmap(C, TEN, RW, 0x12, CaseSetup.DISK, 2 * TEN));
    rig.touch(A);
    rig.touch(B);
    rig.touch(C);
    rig.gives("in between", B, rig.mm.mmap(B, TEN, RW, 0x12, CaseSetup.DISK, TEN));
    rig.shows("0-20 rw-p, 20-30 rw-p");
    rig.unmap(A, END - A);
    afterFork(rig, A, B, "0-10 rw-p, 10-20 rw-p");
    afterFork(rig, B, A, "0-10 rw-p, 10-20 rw-p");
  }

  /** In the child, a neighbour of what was faulted before the fork is written. */
  private static void afterFork(Rig rig, long faulted, long other, String expected) {
    rig.map(faulted, TEN, RW);
    rig.touch(faulted);
    Rig child = rig.fork();
    child.map(other, TEN, 7);
    child.touch(other);
    child.protect(other, TEN, RW);
    child.shows(expected);
    child.unmap(faulted, TEN);
    child.map(faulted, TEN, RW);
    child.shows("0-20 rw-p");
    child.mm.exit();
    rig.map(other, TEN, 7);
    rig.touch(other);
    rig.protect(other, TEN, RW);
    rig.shows("0-20 rw-p");
    rig.unmap(A, END - A);
  }

  private static void afterFork(Rig rig) {
    rig.map(B, TEN, RW);
    rig.touch(B + 5 * PAGE);
    Rig child = rig.fork();
    child.map(A, TEN, RW);
    child.map(C, TEN, RW);
    child.shows("0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
    child.protect(A, TEN, READ);
    child.protect(A, TEN, RW);
    child.protect(C, TEN, READ);
    child.protect(C, TEN, RW);
    child.protect(B, TEN, READ);
    child.protect(B, TEN, RW);
    child.shows("0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
    child.protect(B + 3 * PAGE, 3 * PAGE, READ);
    child.shows("0-10 rw-p, 10-13 rw-p, 13-16 r--p, 16-20 rw-p, 20-30 rw-p");
    child.protect(B + 3 * PAGE, 3 * PAGE, RW);
    child.shows("0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
    child.move(B, FAR, TEN);
    child.move(FAR, B, TEN);
    child.shows("0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
    child.map(FAR, TEN, RW);
    child.move(FAR, B + 40 * PAGE, TEN);
    wiped(rig);
    child.has(B + 5 * PAGE, 1);
    Rig grandchild = child.fork();
    grandchild.unmap(A, TEN);
    grandchild.map(A, TEN, RW);
    grandchild.shows("0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
    grandchild.mm.exit();
    child.mm.exit();
    rig.map(A, TEN, RW);
    rig.map(C, TEN, RW);
    rig.shows("0-30 rw-p");
    Rig second = rig.fork();
    second.unmap(B, TEN);
    second.map(B, TEN, RW);
    second.shows("0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
    second.mm.exit();
  }

  /** What MADV_WIPEONFORK emptied was never written in the child. */
  private static void wiped(Rig rig) {
    rig.map(FAR, TEN, RW);
    rig.touch(FAR);
    AdviceCases.advise(rig, FAR, TEN, 18);
    Rig child = rig.fork();
    child.map(FAR + TEN, TEN, RW);
    AdviceCases.advise(child, FAR + TEN, TEN, 18);
    child.shows(FAR, FAR + 2 * TEN, "0-20 rw-p");
    child.mm.exit();
    rig.unmap(FAR, TEN);
  }

  private static void device(Rig rig, long at) {
    device(rig, at, TEN);
  }

  private static void device(Rig rig, long at, long bytes) {
    List<String> flags = List.of("rd", "wr", "mr", "mw", "me", "de");
    rig.mm.loadVma(new VmaInfo(at, at + bytes, "rw-p", 0, "", null, flags, ""));
  }

  private static void special(Rig rig) {
    device(rig, A);
    device(rig, FAR);
    rig.move(FAR, B, TEN);
    rig.shows("0-10 rw-p, 10-20 rw-p");
    device(rig, FAR);
    rig.move(FAR, A - TEN, TEN);
    rig.shows(A - TEN, END, "0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
    AdviceCases.advise(rig, A, TEN, 10);
    AdviceCases.advise(rig, A, TEN, 11);
    rig.shows("0-10 rw-p, 10-20 rw-p");
    AdviceCases.advise(rig, A, 2 * PAGE, 10);
    AdviceCases.advise(rig, A, 2 * PAGE, 11);
    rig.shows("0-2 rw-p, 2-10 rw-p, 10-20 rw-p");
    rig.unmap(A, 2 * PAGE);
    device(rig, A, 2 * PAGE);
    rig.protect(A, TEN, READ);
    rig.protect(A, TEN, RW);
    AdviceCases.advise(rig, A, 2 * PAGE, 16);
    rig.shows("0-2 rw-p, 2-10 rw-p, 10-20 rw-p");
    AdviceCases.advise(rig, A, 2 * PAGE, 11);
    rig.shows("0-2 rw-p, 2-10 rw-p, 10-20 rw-p");
    rig.gives("mlock", 0, rig.mm.mlock(A, TEN));
    Looks.locked(rig, 0);
    Looks.pages(rig, A, TEN, "A10");
    Looks.fails(
        rig, "growing", io.mm4j.api.process.Errno.EFAULT, rig.mm.mremap(B, TEN, 2 * TEN, 1, 0));
    Looks.fails(
        rig, "keeping", io.mm4j.api.process.Errno.EINVAL, rig.mm.mremap(B, TEN, TEN, 5, FAR));
    Looks.fails(rig, "guards", io.mm4j.api.process.Errno.EINVAL, rig.mm.madvise(B, PAGE, 102));
    Looks.fails(rig, "MADV_DODUMP", io.mm4j.api.process.Errno.EINVAL, rig.mm.madvise(B, PAGE, 17));
    rig.gives("shrinking", B, rig.mm.mremap(B, TEN, PAGE, 0, 0));
    rig.shows("0-2 rw-p, 2-10 rw-p, 10-11 rw-p");
  }
}
