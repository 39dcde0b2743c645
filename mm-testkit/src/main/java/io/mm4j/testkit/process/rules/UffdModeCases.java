// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.UffdBench.PAGE;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.ThpMode;
import io.mm4j.api.process.Uffd;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;

/** Cases of protection that a userfaultfd has set, when it watches otherwise or by itself. */
final class UffdModeCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Who tracks writes changes what is watched from round to round.",
          "a protection outlives its mode, or one of 2 MiB is taken for one of a page",
          setup -> {
            setup.capabilities = Set.of(Capability.SYS_PTRACE);
            setup.thp = ThpMode.ALWAYS;
          });

  private static final long HUGE = 1L << 21;
  private static final long AT = 0x2000_0000L;
  private static final int PAGES = 4;

  private UffdModeCases() {}

  /** All of them. */
  static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F91",
            "watched-otherwise",
            "Markers of write protection stay when the memory is watched in another mode, and"
                + " protect nothing any more: what comes in their place can be written to.",
            "pte_marker_handle_uffd_wp, pte_marker_clear (mm/memory.c); userfaultfd_register",
            UffdModeCases::otherwise),
        GROUP.rule(
            "AS-F92",
            "huge-page-written-since",
            "With UFFD_FEATURE_WP_ASYNC a write to a protected huge page takes the protection of"
                + " one page away, and the others keep theirs.",
            "wp_huge_pmd, __split_huge_pmd_locked, do_wp_page with userfaultfd_wp_async",
            UffdModeCases::huge));
  }

  private static void otherwise(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.WP_HUGETLBFS_SHMEM | Uffd.MINOR_SHMEM);
    uffd.shared(AT, PAGES * PAGE);
    uffd.watches(AT, PAGES * PAGE, Uffd.REGISTER_WP);
    rig.gives("protect", 0, uffd.protect(AT, PAGES * PAGE, Uffd.WRITEPROTECT_WP));
    uffd.marks(AT, PAGES, "sw sw sw sw");
    uffd.watches(AT, PAGES * PAGE, Uffd.REGISTER_MINOR);
    uffd.marks(AT, PAGES, "sw sw sw sw");
    rig.put(AT + PAGE, 7);
    uffd.marks(AT, PAGES, "sw Pf sw sw");
    rig.has(AT + 2 * PAGE, 0);
    uffd.marks(AT, PAGES, "sw Pf Pf sw");
    rig.put(AT + 2 * PAGE, 8);
    uffd.silent();
  }

  private static void huge(Rig rig) {
    UffdBench uffd = UffdBench.open(rig, Uffd.NONBLOCK, Uffd.WP_ASYNC);
    rig.map(AT, HUGE, RW);
    rig.put(AT, 1);
    Looks.anonHuge(rig, AT, HUGE >> 10);
    uffd.watches(AT, HUGE, Uffd.REGISTER_WP);
    rig.gives("protect", 0, uffd.protect(AT, HUGE, Uffd.WRITEPROTECT_WP));
    uffd.marks(AT, PAGES, "Pw Pw Pw Pw");
    rig.put(AT + PAGE, 2);
    uffd.marks(AT, PAGES, "Pw P Pw Pw");
    Looks.anonHuge(rig, AT, 0);
    rig.put(AT + 3 * PAGE, 3);
    uffd.marks(AT, PAGES, "Pw P Pw P");
    rig.has(AT, 1);
    uffd.silent();
  }
}
