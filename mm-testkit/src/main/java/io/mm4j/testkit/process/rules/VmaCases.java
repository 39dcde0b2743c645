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

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.function.Consumer;

/**
 * Cases of the kernel's tools/testing/vma by name, asked by system calls. Written anew from what
 * each is for.
 */
public final class VmaCases {
  private static final long PAGE = Bits.PAGE;
  private static final long GUARD_INSTALL = 102;
  private static final long DONTDUMP = 16;
  private static final long DODUMP = 17;

  private VmaCases() {}

  private static CaseRule of(String id, String name, String statement, Consumer<Rig> body) {
    String kernel = name.replace('-', '_');
    return new CaseRule(id, name, statement, "tools/testing/vma: " + kernel, body);
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-C01",
            "simple-merge",
            "A mapping that fills a gap makes three one.",
            rig -> {
              rig.map(A, PAGE, RW);
              rig.map(A + 2 * PAGE, PAGE, RW);
              rig.map(A + PAGE, PAGE, RW);
              rig.shows("0-3 rw-p");
            }),
        of(
            "AS-C02",
            "simple-modify",
            "Changing the middle splits in three, and back.",
            rig -> {
              rig.map(A, 3 * PAGE, RW);
              rig.protect(A + PAGE, PAGE, READ);
              rig.shows("0-1 rw-p, 1-2 r--p, 2-3 rw-p");
              rig.protect(A + PAGE, PAGE, RW);
              rig.shows("0-3 rw-p");
            }),
        of(
            "AS-C03",
            "simple-expand",
            "A mapping behind another makes it longer.",
            rig -> {
              rig.map(A, PAGE, RW);
              rig.map(A + PAGE, 2 * PAGE, RW);
              rig.shows("0-3 rw-p");
            }),
        of(
            "AS-C04",
            "simple-shrink",
            "Unmapping the end makes a mapping shorter.",
            rig -> {
              rig.map(A, 3 * PAGE, RW);
              rig.unmap(A + PAGE, 2 * PAGE);
              rig.shows("0-1 rw-p");
            }),
        of(
            "AS-C05",
            "merge-new",
            "New ranges merge with none, below, above, and both.",
            rig -> mergeNew(rig, 0)),
        of(
            "AS-C06",
            "merge-new-sticky",
            "The same wherever guard marks are, and marks stay.",
            rig -> {
              for (int bits = 1; bits < 8; bits++) {
                rig.unmap(A, END - A);
                mergeNew(rig, bits);
                rig.gives("the guard mark of " + bits, 1, marks(rig));
              }
            }),
        of(
            "AS-C07",
            "vma-merge-special-flags",
            "Special mappings never merge.",
            rig -> {
              special(rig, A);
              special(rig, A + PAGE);
              rig.map(A + 2 * PAGE, PAGE, 5);
              rig.protect(A + PAGE, PAGE, READ);
              rig.protect(A, PAGE, READ);
              rig.map(A + 2 * PAGE, PAGE, READ);
              rig.shows("0-1 r--p, 1-2 r--p, 2-3 r--p");
            }),
        of(
            "AS-C08",
            "merge-existing",
            "A changed part merges with neighbours at the borders that it shares with its VMA.",
            rig -> mergeExisting(rig, 0)),
        of(
            "AS-C09",
            "merge-existing-sticky",
            "The same wherever guard marks are.",
            rig -> {
              for (int bits = 1; bits < 8; bits++) {
                mergeExisting(rig, bits);
              }
            }),
        of(
            "AS-C10",
            "anon-vma-non-mergeable",
            "Between two that were faulted apart, a range goes to the one below.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.map(C, TEN, RW);
              rig.touch(A);
              rig.touch(C);
              rig.map(B, TEN, RW);
              rig.shows("0-20 rw-p, 20-30 rw-p");
              rig.unmap(B, TEN);
              rig.map(B, TEN, READ);
              rig.protect(B, TEN, RW);
              rig.shows("0-20 rw-p, 20-30 rw-p");
            }),
        of(
            "AS-C11",
            "dup-anon-vma",
            "Who is extended over a faulted VMA inherits its anon_vma.",
            rig -> {
              rig.map(A, TEN, RW);
              rig.map(C, TEN, RW);
              rig.touch(C);
              rig.map(B, TEN, RW);
              rig.shows("0-30 rw-p");
              rig.gives("MADV_DONTDUMP", 0, rig.mm.madvise(B, TEN, DONTDUMP));
              rig.touch(A);
              rig.touch(B);
              rig.shows("0-10 rw-p, 10-20 rw-p, 20-30 rw-p");
              rig.gives("MADV_DODUMP", 0, rig.mm.madvise(B, TEN, DODUMP));
              rig.shows("0-30 rw-p");
            }),
        of(
            "AS-C12",
            "vmi-prealloc-fail",
            "A merge for which memory is out changes nothing.",
            VmaCases::preallocFail),
        of(
            "AS-C13",
            "merge-extend",
            "A mapping that grows up to the next becomes one with it.",
            rig -> {
              rig.map(A, PAGE, RW);
              rig.map(A + 4 * PAGE, PAGE, RW);
              rig.gives("mremap", A, rig.mm.mremap(A, PAGE, 4 * PAGE, 0, 0));
              rig.shows("0-5 rw-p");
            }),
        of(
            "AS-C14",
            "expand-only-mode",
            "The heap grows into the heap, and nothing else is one" + " with it.",
            rig -> {
              rig.map(SpaceSetup.BRK - PAGE, PAGE, RW);
              rig.gives("brk", SpaceSetup.BRK + PAGE, rig.mm.brk(SpaceSetup.BRK + PAGE));
              rig.gives("brk", SpaceSetup.BRK + 2 * PAGE, rig.mm.brk(SpaceSetup.BRK + 2 * PAGE));
              rig.shows(SpaceSetup.BRK, SpaceSetup.BRK + 9 * PAGE, "0-2 rw-p");
            }),
        of(
            "AS-C15",
            "mmap-region-basic",
            "Four mappings, two merges, two VMAs.",
            rig -> {
              rig.map(A, 3 * PAGE, RW);
              rig.map(A + 6 * PAGE, 3 * PAGE, RW);
              rig.map(A + 3 * PAGE, PAGE, RW);
              rig.map(A + 5 * PAGE, PAGE, RW);
              rig.shows("0-4 rw-p, 5-9 rw-p");
            }),
        of(
            "AS-C16",
            "copy-vma",
            "A moved mapping stays alone, or joins its new neighbour.",
            rig -> {
              rig.map(FAR, TEN, RW);
              rig.put(FAR + TEN - PAGE, 9);
              rig.move(FAR, A, TEN);
              rig.has(A + TEN - PAGE, 9);
              rig.map(B, TEN, RW);
              rig.shows("0-10 rw-p, 10-20 rw-p");
              rig.map(FAR, TEN, RW);
              rig.move(FAR, C, TEN);
              rig.shows("0-10 rw-p, 10-30 rw-p");
            }));
  }

  private static void special(Rig rig, long at) {
    List<String> flags = List.of("rd", "ex", "mr", "mw", "me", "de");
    rig.mm.loadVma(new VmaInfo(at, at + PAGE, "r-xp", 0, "[vdso]", null, flags, ""));
  }

  private static long marks(Rig rig) {
    long[] marks = new long[1];
    rig.mm.forEachVma(v -> marks[0] += v.flags().contains("gu") ? 1 : 0);
    return marks[0];
  }

  private static void mark(Rig rig, long addr, boolean wanted) {
    if (wanted) {
      rig.gives("MADV_GUARD_INSTALL", 0, rig.mm.madvise(addr, PAGE, GUARD_INSTALL));
    }
  }

  private static void mergeNew(Rig rig, int marks) {
    rig.map(A, 4 * PAGE, RW);
    mark(rig, A, (marks & 1) != 0);
    rig.map(A + 7 * PAGE, 3 * PAGE, RW);
    if ((marks & 1) == 0) {
      rig.touch(A + 7 * PAGE);
      mark(rig, A + 8 * PAGE, (marks & 2) != 0);
    }
    rig.shows("0-4 rw-p, 7-10 rw-p");
    rig.map(A + 4 * PAGE, PAGE, RW);
    mark(rig, A + 4 * PAGE, (marks & 4) != 0 && (marks & 3) == 0);
    rig.map(A + 6 * PAGE, PAGE, RW);
    rig.shows("0-5 rw-p, 6-10 rw-p");
    rig.map(A + 5 * PAGE, PAGE, RW);
    rig.shows((marks & 7) == 4 ? "0-6 rw-p, 6-10 rw-p" : "0-10 rw-p");
  }

  /** Below has the rights that the part gets in half of the cases, above in the other half. */
  private static void mergeExisting(Rig rig, int marks) {
    String[] expected = {
      "0-3 r--p, 3-7 rw-p, 7-9 r--p",
      "0-3 r--p, 3-6 r-xp, 6-9 rw-p",
      "0-5 rw-p, 5-7 r-xp, 7-9 r--p",
      "0-7 rw-p, 7-9 r--p",
      "0-9 rw-p",
      "0-3 rw-p, 3-4 r-xp, 4-6 rw-p, 6-7 r-xp, 7-9 rw-p"
    };
    int[][] parts = {{3, 7}, {6, 7}, {3, 5}, {3, 7}, {3, 7}, {4, 6}};
    for (int i = 0; i < expected.length; i++) {
      rig.unmap(A, END - A);
      boolean left = i >= 2;
      boolean right = i == 1 || i >= 4;
      rig.map(A, 9 * PAGE, 5);
      mark(rig, A, marks == 1);
      mark(rig, A + 3 * PAGE, marks == 2 || marks == 3);
      mark(rig, A + 8 * PAGE, marks >= 4);
      rig.protect(A, 3 * PAGE, left ? RW : READ);
      rig.protect(A + 7 * PAGE, 2 * PAGE, right ? RW : READ);
      long start = A + parts[i][0] * PAGE;
      rig.protect(start, A + parts[i][1] * PAGE - start, RW);
      rig.shows(expected[i]);
    }
  }

  private static void preallocFail(Rig rig) {
    rig.map(A, TEN, RW);
    rig.map(B, TEN, READ);
    rig.map(C, TEN, RW);
    rig.touch(C);
    for (int n = 0; n < 2; n++) {
      rig.floor.failAllocationAfter(n);
      long result = rig.mm.mprotect(B, TEN, RW);
      rig.floor.failAllocationAfter(-1);
      rig.gives("mprotect without memory", -Errno.ENOMEM, result);
      rig.shows("0-10 rw-p, 10-20 r--p, 20-30 rw-p");
      rig.validate();
    }
    rig.floor.failAllocationAfter(0);
    rig.gives("mmap without memory", -Errno.ENOMEM, rig.mm.mmap(END, TEN, RW, 0x32, -1, 0));
    rig.floor.failAllocationAfter(-1);
    rig.shows("0-10 rw-p, 10-20 r--p, 20-30 rw-p");
    rig.protect(B, TEN, RW);
    rig.shows("0-30 rw-p");
  }
}
