// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.function.Consumer;

/**
 * Cases of the kernel's tools/testing/selftests/mm/mremap_test.c: what cannot be moved, and moves
 * of every size between every alignment, with bytes in what is moved and in what lies beside it.
 */
public final class MremapCases {
  private static final long PAGE = Bits.PAGE;
  private static final long MB = 1L << 20;
  private static final long PMD = 2 * MB;
  private static final long PUD = 1L << 30;

  /** Places that are aligned to the largest of these, with room around. */
  private static final long SOURCE = 8 * PUD;

  private static final long TARGET = 32 * PUD;
  private static final int SAMPLES = 64;

  private MremapCases() {}

  private static CaseRule of(String id, String name, String statement, Consumer<Rig> body) {
    return new CaseRule(id, name, statement, "selftests/mm/mremap_test.c", body);
  }

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        of(
            "AS-C35",
            "mremap-overlap",
            "Source and destination may not overlap.",
            rig -> {
              rig.map(A, 4 * PAGE, RW);
              refused(rig, A, A + PAGE);
            }),
        of(
            "AS-C36",
            "mremap-misaligned-destination",
            "A destination begins with a page.",
            rig -> {
              rig.map(A, 4 * PAGE, RW);
              refused(rig, A, A + 64 * PAGE + 1);
            }),
        of(
            "AS-C37",
            "mremap-misaligned-source",
            "A source begins with a page.",
            rig -> {
              rig.map(A, 4 * PAGE, RW);
              refused(rig, A + 1, A + 64 * PAGE);
            }),
        of(
            "AS-C38",
            "mremap-8k",
            "8 KiB move between any two pages.",
            rig -> {
              moves(rig, 2 * PAGE, PAGE, 0, PAGE);
            }),
        of(
            "AS-C39",
            "mremap-2m",
            "2 MiB move from a border of 1 MiB.",
            rig -> {
              moves(rig, 2 * MB, MB, 0, PAGE, MB);
            }),
        of(
            "AS-C40",
            "mremap-4m",
            "4 MiB move from a border of 2 MiB.",
            rig -> {
              moves(rig, 4 * MB, PMD, 0, PAGE, MB, PMD);
            }),
        of(
            "AS-C41",
            "mremap-2g",
            "2 GiB move from a border of 1 GiB.",
            rig -> {
              moves(rig, 2 * PUD, PUD, 0, PAGE, MB, PMD, PUD);
            }),
        of(
            "AS-C42",
            "mremap-5m",
            "5 MiB move between borders of 1 MiB.",
            rig -> {
              moves(rig, 5 * MB, MB, 0, MB);
            }),
        of(
            "AS-C43",
            "mremap-5m-preamble",
            "The same behind 40 MiB that stay.",
            rig -> {
              moves(rig, 5 * MB, MB, 40 * MB, MB);
            }),
        of(
            "AS-C44",
            "mremap-expand-merge",
            "A mapping that grows into the hole behind it becomes" + " one with the next.",
            rig -> {
              rig.map(A, 3 * PAGE, RW);
              rig.unmap(A + PAGE, PAGE);
              rig.gives("mremap", A, rig.mm.mremap(A, PAGE, 2 * PAGE, 0, 0));
              rig.shows("0-3 rw-p");
            }),
        of(
            "AS-C45",
            "mremap-expand-merge-offset",
            "The same from the second page on.",
            rig -> {
              rig.map(A, 4 * PAGE, RW);
              rig.unmap(A + 2 * PAGE, PAGE);
              rig.gives("mremap", A + PAGE, rig.mm.mremap(A + PAGE, PAGE, 2 * PAGE, 0, 0));
              rig.shows("0-4 rw-p");
            }),
        of(
            "AS-C46",
            "mremap-move-within-range",
            "A part moves within its own mapping.",
            rig -> {
              rig.map(TARGET, 20 * MB, RW);
              fill(rig, TARGET, 20 * MB);
              long from = TARGET + 12 * MB;
              long to = TARGET + 4 * MB + PAGE;
              rig.put(from, 77);
              rig.put(from + PMD - PAGE, 78);
              rig.move(from, to, PMD);
              rig.has(to, 77);
              rig.has(to + PMD - PAGE, 78);
              rig.has(to - PAGE - PAGE, sample(rig, TARGET, 20 * MB, to - 2 * PAGE));
              rig.has(TARGET, 1);
              rig.shows(from, from + PMD, "");
            }),
        of(
            "AS-C47",
            "mremap-move-1mb-from-start",
            "1 MiB moves onto what begins 1 MiB higher.",
            rig -> {
              rig.map(TARGET, 4 * MB, RW);
              rig.put(TARGET, 5);
              rig.put(TARGET + MB - PAGE, 6);
              rig.put(TARGET + 2 * MB, 7);
              rig.move(TARGET, TARGET + MB, MB);
              rig.has(TARGET + MB, 5);
              rig.has(TARGET + 2 * MB - PAGE, 6);
              rig.has(TARGET + 2 * MB, 7);
              rig.shows(TARGET, TARGET + MB, "");
            }));
  }

  private static void refused(Rig rig, long from, long to) {
    rig.put(A, 4);
    rig.gives("mremap", -Errno.EINVAL, rig.mm.mremap(from, 2 * PAGE, 2 * PAGE, 3, to));
    rig.shows("0-4 rw-p");
    rig.has(A, 4);
  }

  /** Moves {@code bytes} from one alignment to each of others, and looks at every sample. */
  private static void moves(Rig rig, long bytes, long fromAlign, long preamble, long... aligns) {
    for (long align : aligns) {
      long from = SOURCE + fromAlign + preamble;
      long to = TARGET + align;
      rig.map(from - preamble, preamble + bytes, RW);
      rig.map(from + bytes, PAGE, RW);
      rig.map(to - PAGE, PAGE, RW);
      rig.map(to + bytes, PAGE, RW);
      fill(rig, from, bytes);
      if (preamble != 0) {
        rig.put(from - preamble, 99);
        rig.put(from - PAGE, 98);
      }
      rig.put(from + bytes, 97);
      rig.put(to - PAGE, 96);
      rig.put(to + bytes, 95);
      rig.move(from, to, bytes);
      check(rig, to, bytes);
      rig.has(from + bytes, 97);
      rig.has(to - PAGE, 96);
      rig.has(to + bytes, 95);
      if (preamble != 0) {
        rig.has(from - preamble, 99);
        rig.has(from - PAGE, 98);
      }
      rig.shows(from, from + bytes, "");
      rig.validate();
      rig.unmap(SOURCE, 8 * PUD);
      rig.unmap(TARGET, 8 * PUD);
    }
  }

  private static long step(long bytes) {
    return Math.max(PAGE, bytes / SAMPLES & -PAGE);
  }

  private static void fill(Rig rig, long addr, long bytes) {
    for (long at = 0; at < bytes; at += step(bytes)) {
      rig.put(addr + at, (int) (1 + at / step(bytes) % 90));
    }
    rig.put(addr + bytes - PAGE, 91);
  }

  private static void check(Rig rig, long addr, long bytes) {
    for (long at = 0; at < bytes - PAGE; at += step(bytes)) {
      rig.has(addr + at, (int) (1 + at / step(bytes) % 90));
    }
    rig.has(addr + bytes - PAGE, 91);
  }

  /** What {@link #fill} has left at an address: nothing but zero between two samples. */
  private static int sample(Rig rig, long addr, long bytes, long at) {
    rig.validate();
    long place = at - addr;
    return place % step(bytes) == 0 ? (int) (1 + place / step(bytes) % 90) : 0;
  }
}
