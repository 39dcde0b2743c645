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

import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** Cases of memory that calls ask for: that they ask, and when they ask for more. */
public final class AllocationCases {
  private static final long PAGE = Bits.PAGE;

  private AllocationCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new CaseRule(
            new RuleInfo(
                "AS-46",
                "asks-for-memory",
                "Calls that need memory ask for it: munmap for what it takes out, a cut, a fork and"
                    + " a first write; for more where a link to an anon_vma is needed, too, and not"
                    + " for that where none is.",
                "What never asks never fails, and nobody sees its error path.",
                "vms_gather_munmap_vmas, __split_vma: anon_vma_clone, dup_mmap: anon_vma_fork,"
                    + " dup_anon_vma, __anon_vma_prepare",
                "a link is taken for granted, or is asked for whatever the neighbours are"),
            CaseSetup::new,
            rig -> {
              cuts(rig);
              forks(rig);
              mergesOfNew(rig);
              mergesOfChanged(rig);
              moves(rig);
              touches(rig);
            }));
  }

  /** How often a call that works asks for memory. */
  private static long asks(Rig rig, String what, LongSupplier call) {
    long before = rig.floor.allocationCount();
    Looks.works(what, call.getAsLong());
    return rig.floor.allocationCount() - before;
  }

  private static void more(String what, long than, long seen) {
    RuleViolation.check(
        seen > than, "more than " + than + " allocations by " + what, Long.toString(seen));
  }

  /** The same on a process as it was. */
  private static long alone(Rig rig, String what, Consumer<Rig> before, LongSupplier call) {
    before.accept(rig);
    long count = asks(rig, what, call);
    rig.unmap(A, END - A);
    rig.unmap(FAR, TEN);
    return count;
  }

  private static void cuts(Rig rig) {
    more(
        "munmap of all",
        0,
        alone(rig, "munmap", r -> r.map(A, TEN, RW), () -> rig.mm.munmap(A, TEN)));
    LongSupplier protect = () -> rig.mm.mprotect(A, PAGE, READ);
    more(
        "a cut of what was written",
        alone(rig, "mprotect", r -> r.map(A, TEN, RW), protect),
        alone(rig, "mprotect", r -> written(r, A, RW), protect));
  }

  private static void written(Rig rig, long at, int prot) {
    rig.map(at, TEN, prot);
    rig.touch(at);
  }

  private static void forks(Rig rig) {
    LongSupplier fork =
        () -> {
          rig.fork().mm.exit();
          return 0;
        };
    long unwritten = alone(rig, "fork", r -> r.map(A, TEN, RW), fork);
    more("a fork", 0, unwritten);
    more("a fork of what was written", unwritten, alone(rig, "fork", r -> written(r, A, RW), fork));
  }

  /** A new range between two, by what of them was written. */
  private static void mergesOfNew(Rig rig) {
    LongSupplier mmap = () -> rig.mm.mmap(B, TEN, RW, 0x32, -1, 0);
    long none = alone(rig, "mmap", r -> between(r, false, false, RW), mmap);
    long first = alone(rig, "mmap", r -> between(r, true, false, RW), mmap);
    RuleViolation.checkEqual(none, first, "allocations by a merge with what was written below");
    more(
        "a merge that takes an anon_vma over",
        none,
        alone(rig, "mmap", r -> between(r, false, true, RW), mmap));
    RuleViolation.checkEqual(
        none,
        alone(rig, "mmap", r -> between(r, false, true, 7), mmap),
        "allocations by a merge beside a stranger");
  }

  private static void between(Rig rig, boolean lowWritten, boolean highWritten, int highRights) {
    rig.map(A, TEN, RW);
    rig.map(C, TEN, highRights);
    if (lowWritten) {
      rig.touch(A);
    }
    if (highWritten) {
      rig.touch(C);
    }
  }

  /** A range that gets the rights of the one below, or of the one above. */
  private static void mergesOfChanged(Rig rig) {
    LongSupplier mprotect = () -> rig.mm.mprotect(B, TEN, 7);
    for (long other : new long[] {A, C}) {
      long none = alone(rig, "mprotect", r -> changed(r, other, false), mprotect);
      more(
          "a merge that takes an anon_vma over",
          none,
          alone(rig, "mprotect", r -> changed(r, other, true), mprotect));
    }
  }

  private static void changed(Rig rig, long other, boolean written) {
    rig.map(B, TEN, RW);
    if (written) {
      rig.touch(B);
    }
    rig.map(other, TEN, 7);
  }

  /** What was written comes back to a neighbour of the same anon_vma, or of none. */
  private static void moves(Rig rig) {
    LongSupplier back = () -> rig.mm.mremap(FAR, TEN, TEN, 3, B);
    for (long other : new long[] {A, C}) {
      long same =
          alone(
              rig,
              "mremap",
              r -> {
                r.map(Math.min(other, B), 2 * TEN, RW);
                r.touch(B);
                r.move(B, FAR, TEN);
              },
              back);
      more(
          "a move that takes an anon_vma along",
          same,
          alone(
              rig,
              "mremap",
              r -> {
                written(r, B, RW);
                r.move(B, FAR, TEN);
                r.map(other, TEN, RW);
              },
              back));
    }
  }

  private static void touches(Rig rig) {
    LongSupplier touch = () -> rig.mm.write(B, 1).ok() ? 0 : -1;
    long shared =
        alone(
            rig,
            "a write",
            r -> {
              written(r, A, 7);
              r.map(B, TEN, RW);
            },
            touch);
    more("a write beside what was written", 0, shared);
    more("a write", shared, alone(rig, "a write", r -> r.map(B, TEN, RW), touch));
  }
}
