// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.TEN;

import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.function.Consumer;

/**
 * Cases of the kernel's tools/testing/selftests/mm/merge.c by name: ranges of ten pages at A, B, C;
 * faulted means that a page was written. Written anew from what each is for.
 */
public final class MergeCases {
  private MergeCases() {}

  private static CaseRule of(String id, String name, String statement, Consumer<Rig> body) {
    return new CaseRule(
        id, name, statement, "selftests/mm/merge.c: " + name.replace('-', '_'), body);
  }

  /** Three ranges that touch, kept apart by their rights. */
  private static void parts(Rig rig, int left, int middle, int right) {
    rig.map(A, TEN, left);
    rig.map(B, TEN, middle);
    rig.map(C, TEN, right);
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-C17",
            "mprotect-unfaulted-left",
            "Unfaulted below faulted becomes one.",
            rig -> {
              parts(rig, READ, RW, 0);
              rig.touch(B);
              rig.protect(A, TEN, RW);
              rig.shows("0-20 rw-p, 20-30 ---p");
            }),
        of(
            "AS-C18",
            "mprotect-unfaulted-right",
            "Unfaulted above faulted becomes one.",
            rig -> {
              parts(rig, 0, RW, READ);
              rig.touch(B);
              rig.protect(C, TEN, RW);
              rig.shows("0-10 ---p, 10-30 rw-p");
            }),
        of(
            "AS-C19",
            "mprotect-unfaulted-both",
            "Faulted between unfaulted becomes one.",
            rig -> {
              parts(rig, RW, READ, RW);
              rig.protect(B, TEN, RW);
              rig.touch(B);
              rig.protect(B, TEN, READ);
              rig.protect(B, TEN, RW);
              rig.shows("0-30 rw-p");
            }),
        of(
            "AS-C20",
            "mprotect-faulted-left-unfaulted-right",
            "All three become one.",
            rig -> {
              parts(rig, RW, READ, RW);
              rig.touch(A);
              rig.protect(B, TEN, RW);
              rig.shows("0-30 rw-p");
            }),
        of(
            "AS-C21",
            "mprotect-unfaulted-left-faulted-right",
            "All three become one.",
            rig -> {
              parts(rig, RW, READ, RW);
              rig.touch(C);
              rig.protect(B, TEN, RW);
              rig.shows("0-30 rw-p");
            }),
        of(
            "AS-C22",
            "forked-target-vma",
            "A faulted VMA that a child inherited takes none in.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.touch(A);
              Rig child = rig.fork();
              child.map(B, TEN, RW);
              child.shows("0-10 rw-p, 10-20 rw-p");
              child.validate();
              rig.map(B, TEN, RW);
              rig.shows("0-20 rw-p");
            }),
        of(
            "AS-C23",
            "forked-source-vma",
            "Nor does it join what touches it by mprotect.",
            rig -> {
              parts(rig, RW, READ, 0);
              rig.touch(A);
              Rig child = rig.fork();
              child.protect(B, TEN, RW);
              child.shows("0-10 rw-p, 10-20 rw-p, 20-30 ---p");
              child.validate();
            }),
        of(
            "AS-C24",
            "ksm-merge",
            "MADV_MERGEABLE keeps apart only who has it not.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.gives("MADV_MERGEABLE", 0, rig.mm.madvise(A, TEN, 12));
              rig.map(B, TEN, RW);
              rig.shows("0-10 rw-p, 10-20 rw-p");
              rig.gives("MADV_MERGEABLE", 0, rig.mm.madvise(B, TEN, 12));
              rig.shows("0-20 rw-p");
            }),
        of(
            "AS-C25",
            "mremap-unfaulted-to-faulted",
            "Moved behind a faulted VMA: one.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.touch(A);
              rig.map(FAR, TEN, RW);
              rig.move(FAR, B, TEN);
              rig.shows("0-20 rw-p");
            }),
        of(
            "AS-C26",
            "mremap-unfaulted-behind-faulted",
            "Moved below a faulted VMA: one.",
            rig -> {
              rig.map(B, TEN, RW);
              rig.touch(B);
              rig.map(FAR, TEN, RW);
              rig.move(FAR, A, TEN);
              rig.shows("0-20 rw-p");
            }),
        of(
            "AS-C27",
            "mremap-unfaulted-between-faulted",
            "Moved between two that were faulted apart: one with the lower.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.map(C, TEN, RW);
              rig.touch(A);
              rig.touch(C);
              rig.map(FAR, TEN, RW);
              rig.move(FAR, B, TEN);
              rig.shows("0-20 rw-p, 20-30 rw-p");
            }),
        of(
            "AS-C28",
            "mremap-unfaulted-between-faulted-unfaulted",
            "All three become one.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.map(C, TEN, RW);
              rig.touch(A);
              rig.map(FAR, TEN, RW);
              rig.move(FAR, B, TEN);
              rig.shows("0-30 rw-p");
            }),
        of(
            "AS-C29",
            "mremap-unfaulted-between-correctly-placed-faulted",
            "Between two of one anon_vma: all three become one.",
            rig -> {
              rig.map(A, 3 * TEN, RW);
              rig.touch(A);
              rig.unmap(B, TEN);
              rig.map(FAR, TEN, RW);
              rig.move(FAR, B, TEN);
              rig.shows("0-30 rw-p");
            }),
        of(
            "AS-C30",
            "mremap-correct-placed-faulted",
            "Moved away and back: one again.",
            rig -> {
              rig.map(A, 3 * TEN, RW);
              rig.touch(B);
              rig.move(B, FAR, TEN);
              rig.shows("0-10 rw-p, 20-30 rw-p");
              rig.move(FAR, B, TEN);
              rig.shows("0-30 rw-p");
            }),
        of(
            "AS-C31",
            "mremap-faulted-to-unfaulted-prev",
            "Faulted, moved back behind unfaulted: one, with the anon_vma.",
            rig -> {
              awayAndBack(rig, () -> rig.map(A, TEN, RW));
              rig.shows("0-20 rw-p");
              oneAnonVma(rig, A, "0-20 rw-p");
            }),
        of(
            "AS-C32",
            "mremap-faulted-to-unfaulted-next",
            "Faulted, moved back below unfaulted: one, with the anon_vma.",
            rig -> {
              awayAndBack(rig, () -> rig.map(C, TEN, RW));
              rig.shows("10-30 rw-p");
              oneAnonVma(rig, C, "10-30 rw-p");
            }),
        of(
            "AS-C33",
            "mremap-faulted-to-unfaulted-prev-unfaulted-next",
            "Faulted, moved back between unfaulted: one, with the anon_vma.",
            rig -> {
              awayAndBack(
                  rig,
                  () -> {
                    rig.map(A, TEN, RW);
                    rig.map(C, TEN, RW);
                  });
              rig.shows("0-30 rw-p");
              oneAnonVma(rig, A, "0-30 rw-p");
              oneAnonVma(rig, C, "0-30 rw-p");
            }),
        of(
            "AS-C34",
            "mremap-faulted-to-unfaulted-prev-faulted-next",
            "Moved back between unfaulted and its own other half: one, with the anon_vma.",
            rig -> {
              rig.map(C, TEN, RW);
              awayAndBack(rig, () -> rig.map(A, TEN, RW));
              rig.shows("0-30 rw-p");
              oneAnonVma(rig, A, "0-30 rw-p");
            }));
  }

  /** B is mapped, faulted and moved away; what is then done; and B comes back, its place stays. */
  private static void awayAndBack(Rig rig, Runnable between) {
    rig.map(B, TEN, RW);
    rig.touch(B);
    rig.move(B, FAR, TEN);
    between.run();
    rig.gives("MREMAP_DONTUNMAP", B, rig.mm.mremap(FAR, TEN, TEN, 7, B));
    rig.shows(FAR, FAR + TEN, "0-10 rw-p");
    rig.has(B, 1);
  }

  /** Faulting a part of it on its own makes no second anon_vma. */
  private static void oneAnonVma(Rig rig, long part, String whole) {
    rig.gives("MADV_DONTDUMP", 0, rig.mm.madvise(B, TEN, 16));
    rig.touch(part);
    rig.touch(B);
    rig.gives("MADV_DODUMP", 0, rig.mm.madvise(B, TEN, 17));
    rig.shows(whole);
  }
}
