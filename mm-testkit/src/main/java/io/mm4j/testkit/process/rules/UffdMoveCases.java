// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.UffdBench.PAGE;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.TouchOutcome.Kind;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Cases of huge pages, markers and guards that move, or that a child inherits. */
final class UffdMoveCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Garbage collectors move memory while others wait for it.",
          "what stands beside pages - a table kept for later, a marker, a translation - stays"
              + " behind, or comes along where it must not",
          setup -> {
            setup.capabilities = Set.of(Capability.SYS_PTRACE);
            setup.thp = ThpMode.ALWAYS;
          });

  private static final long HUGE = 1L << 21;
  private static final long FROM = 0x2000_0000L;
  private static final long TO = FROM + 8 * HUGE;
  private static final int DONTNEED = 4;
  private static final int GUARD_INSTALL = 102;
  private static final int PAGES = 5;

  private UffdMoveCases() {}

  /** All of them. */
  static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F94",
            "huge-page-moves",
            "UFFDIO_MOVE takes a huge page, or the huge zero page, whole to a place of 2 MiB where"
                + " nothing is: its bytes are there and no more where they were, and it can be"
                + " split there. A part of it, or one that a child has, does not move whole.",
            "move_pages_huge_pmd, move_splits_huge_pmd (mm/userfaultfd.c), split_huge_pmd",
            UffdMoveCases::huge),
        GROUP.rule(
            "AS-F95",
            "marks-of-guards",
            "PAGEMAP_SCAN marks guards, too. What mremap moves keeps its guards and loses the"
                + " marks, and so does the child of a fork; with UFFD_FEATURE_EVENT_FORK the child"
                + " has markers and protected pages as well, but guards without marks.",
            "make_uffd_wp_pte (fs/proc/task_mmu.c), move_ptes, copy_nonpresent_pte",
            UffdMoveCases::guards));
  }

  private static void huge(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, 0);
    rig.map(FROM, 2 * HUGE, RW);
    rig.map(TO, 4 * HUGE, RW);
    rig.put(FROM, 5);
    rig.put(FROM + HUGE - 1, 6);
    rig.has(FROM + HUGE, 0); // the huge zero page
    Looks.anonHuge(rig, FROM, HUGE >> 10);
    uffd.watches(TO, 4 * HUGE, Uffd.REGISTER_MISSING);
    uffd.moves(TO, FROM, 2 * HUGE, 0, 0, 2 * HUGE);
    Looks.anonHuge(rig, FROM, 0);
    Looks.anonHuge(rig, TO, HUGE >> 10);
    rig.has(TO, 5);
    rig.has(TO + HUGE - 1, 6);
    rig.has(FROM, 0);
    rig.has(FROM + HUGE - 1, 0);
    rig.has(TO + HUGE + PAGE, 0);
    rig.put(TO, 7);
    rig.put(TO + HUGE, 8);
    Looks.anonHuge(rig, TO, (2 * HUGE) >> 10);
    uffd.moves(TO, FROM, HUGE, 0, -Errno.EEXIST, -Errno.EEXIST);
    rig.gives("MADV_DONTNEED", 0, rig.mm.madvise(TO + PAGE, PAGE, DONTNEED));
    Looks.pages(rig, TO, 4 * PAGE, "A1,.1,A2");
    Looks.anonHuge(rig, TO, HUGE >> 10);
    rig.has(TO, 7);
    rig.has(TO + HUGE - 1, 6);
    rig.gives("MADV_DONTNEED", 0, rig.mm.madvise(FROM, HUGE, DONTNEED));
    rig.put(FROM, 9);
    Rig child = rig.fork();
    uffd.moves(TO + 2 * HUGE, FROM, HUGE, 0, -Errno.EBUSY, -Errno.EBUSY);
    child.mm.exit();
    rig.put(FROM, 9);
    uffd.moves(TO + 2 * HUGE + PAGE, FROM, HUGE, 0, 0, HUGE);
    rig.has(TO + 2 * HUGE + PAGE, 9);
    Looks.anonHuge(rig, TO, HUGE >> 10);
    rig.unmap(FROM, 2 * HUGE);
    rig.unmap(TO, 4 * HUGE);
  }

  private static void guards(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.WP_ASYNC);
    marked(rig, uffd);
    Rig child = rig.fork();
    uffd.in(child, uffd.fd).marks(FROM, PAGES, "P sg . . .");
    child.mm.exit();
    rig.move(FROM, TO, PAGES * PAGE);
    uffd.marks(TO, PAGES, "P sg . . .");
    Looks.ends("a guard", Kind.SEGV_MAPERR, rig.mm.write(TO + PAGE, 1));
    rig.has(TO, 3);
    rig.put(TO + 2 * PAGE, 4);
    UffdBench told = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.WP_ASYNC | Uffd.EVENT_FORK);
    marked(rig, told);
    Rig heir = rig.fork();
    told.in(heir, told.fd).marks(FROM, PAGES, "Pw sg sw sw .");
    heir.mm.exit();
  }

  /** A protected page, a guard with a mark, two markers, and nothing. */
  private static void marked(Rig rig, UffdBench uffd) {
    rig.map(FROM, PAGES * PAGE, RW);
    rig.put(FROM, 3);
    rig.gives("guard", 0, rig.mm.madvise(FROM + PAGE, PAGE, GUARD_INSTALL));
    uffd.watches(FROM, PAGES * PAGE, Uffd.REGISTER_WP);
    long end = FROM + (PAGES - 1) * PAGE;
    PagemapScan scan =
        new PagemapScan(0, 96, PagemapScan.WP_MATCHING, FROM, end, 0, 0, 0, 0, 0, 0, 0);
    rig.gives("PAGEMAP_SCAN", 0, rig.mm.pagemapScan(scan).result());
    uffd.marks(FROM, PAGES, "Pw swg sw sw .");
  }
}
