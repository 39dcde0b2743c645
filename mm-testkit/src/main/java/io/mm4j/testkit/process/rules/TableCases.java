// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.MmFields;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of which page tables there are, with four levels: VmPTE of /proc/PID/status. */
public final class TableCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Tables are memory, too: the OOM killer counts them.",
          "tables are counted where pages are, or made when the first page comes");

  private static final long PAGE = Bits.PAGE;

  /** What a page table, a page directory and a table of directories map. */
  private static final long PTE = 2L << 20;

  private static final long PMD = 1L << 30;

  /** A border of all of them. */
  private static final long G = 0x40_0000_0000L * 8;

  private TableCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-T01",
            "tables-of-a-failed-touch",
            "A touch makes the page directory of its address even if it ends in SIGBUS, and the"
                + " lowest table only for a page.",
            "__handle_mm_fault: pud_alloc, pmd_alloc; do_fault",
            TableCases::failedTouch),
        GROUP.rule(
            "AS-T02",
            "tables-of-a-child",
            "A child has a table wherever its parent has one in what is copied: empty ones, and"
                + " that of the clock data.",
            "copy_p4d_range, copy_pmd_range, vma_needs_copy",
            TableCases::ofChild),
        GROUP.rule(
            "AS-T03",
            "tables-move",
            "mremap takes a page table along when it moves all that the table maps, be there"
                + " nothing before it, and so a page directory: MREMAP_DONTUNMAP leaves none then."
                + " Otherwise both places have one.",
            "move_page_tables, move_normal_pmd, move_normal_pud, try_realign_addr",
            TableCases::move),
        GROUP.rule(
            "AS-T04",
            "tables-discarded",
            "MADV_DONTNEED frees the tables of whole 2 MiB, if no guard is in them; munmap those"
                + " that no other mapping can use.",
            "zap_pte_range: try_to_free_pte; free_pgtables",
            TableCases::discarded));
  }

  private static void tables(Rig rig, String what, long expected) {
    Looks.sum(rig, "tables " + what, MmFields::tablePages, expected);
  }

  private static void failedTouch(Rig rig) {
    long file = CaseSetup.FILE_PAGES * PAGE;
    rig.gives("a file", G, rig.mm.mmap(G, 2 * file, RW, 0x12, CaseSetup.DISK, 0));
    tables(rig, "of a new mapping", 0);
    Looks.ends("its end", TouchOutcome.Kind.BUS_ADRERR, rig.mm.read(G + file));
    tables(rig, "after a SIGBUS", 2);
    Looks.ends("its end", TouchOutcome.Kind.BUS_ADRERR, rig.mm.write(G + file, 1));
    tables(rig, "after another", 2);
    rig.touch(G);
    tables(rig, "of a page", 3);
    long beside = G + PMD; // whose table of directories is there
    rig.gives("a file", beside, rig.mm.mmap(beside, 2 * file, RW, 0x12, CaseSetup.DISK, 0));
    Looks.ends("its end", TouchOutcome.Kind.BUS_ADRERR, rig.mm.read(beside + file));
    tables(rig, "with another directory", 4);
    rig.unmap(beside, 2 * file);
    rig.unmap(G, 2 * file);
    tables(rig, "of nothing", 0);
  }

  private static void ofChild(Rig rig) {
    rig.map(G, 2 * PMD, RW);
    rig.touch(G);
    rig.touch(G + PMD);
    AdviceCases.advise(rig, G + PMD, PTE, AdviceCases.DONTNEED);
    tables(rig, "of the parent", 4);
    long clock = G + 600 * PMD;
    rig.mm.loadVma(new VmaInfo(clock, clock + 4 * PAGE, "r--p", 0, "[vvar]", null, List.of(), ""));
    Rig child = rig.fork();
    tables(child, "of a child", 4);
    child.mm.exit();
    Looks.ends("the clock", TouchOutcome.Kind.OK, rig.mm.read(clock));
    tables(rig, "with the clock", 7);
    Rig second = rig.fork();
    tables(second, "of a second child", 7);
    second.mm.exit();
    rig.map(G + 1200 * PMD, PTE, RW);
    rig.has(G + 1200 * PMD, 0);
    tables(rig, "with memory that was only read", 10);
    Rig third = rig.fork();
    tables(third, "of a third child", 7);
    third.mm.exit();
  }

  private static void move(Rig rig) {
    long to = G + 8 * PTE;
    for (long before : new long[] {0, 5 * PAGE}) {
      rig.map(G + before, 2 * PTE - before, RW);
      rig.touch(G + before);
      rig.touch(G + PTE);
      tables(rig, "before", 4);
      rig.gives(
          "MREMAP_DONTUNMAP",
          to + before,
          rig.mm.mremap(G + before, 2 * PTE - before, 2 * PTE - before, 7, to + before));
      tables(rig, "that moved, from " + before, 4);
      rig.unmap(G, 16 * PTE);
      tables(rig, "of nothing", 0);
    }
    moveDirectories(rig);
    // Something lies before it, or it does not lie alike: the entries move one by one.
    for (boolean neighbour : new boolean[] {true, false}) {
      rig.map(G, PAGE, RW);
      long from = neighbour ? G + 5 * PAGE : G + PTE + 5 * PAGE;
      long dest = neighbour ? to + 5 * PAGE : to + 6 * PAGE;
      long bytes = PTE - 5 * PAGE;
      rig.map(from, bytes, RW);
      rig.touch(from);
      rig.gives("MREMAP_DONTUNMAP", dest, rig.mm.mremap(from, bytes, bytes, 7, dest));
      tables(rig, "at both places", neighbour ? 4 : 5);
      rig.unmap(G, 16 * PTE);
    }
  }

  /** Whole directories go with their tables; the table above them stays. */
  private static void moveDirectories(Rig rig) {
    long to = G + 600 * PMD;
    rig.map(G, 3 * PMD, RW);
    rig.touch(G);
    for (int i = 0; i < 5; i++) {
      rig.touch(G + PMD + i * PTE);
    }
    tables(rig, "of two directories", 9);
    rig.gives("MREMAP_DONTUNMAP", to, rig.mm.mremap(G, 3 * PMD, 3 * PMD, 7, to));
    tables(rig, "of two directories that moved", 10);
    rig.unmap(G, 3 * PMD);
    rig.unmap(to, 3 * PMD);
    tables(rig, "of nothing", 0);
  }

  private static void discarded(Rig rig) {
    rig.map(G, 4 * PTE, RW);
    for (int i = 0; i < 4; i++) {
      rig.touch(G + i * PTE);
    }
    tables(rig, "of four", 6);
    AdviceCases.advise(rig, G + PAGE, 2 * PTE, AdviceCases.DONTNEED);
    tables(rig, "of three", 5);
    AdviceCases.advise(rig, G + 3 * PTE + PAGE, PAGE, AdviceCases.GUARD_INSTALL);
    AdviceCases.advise(rig, G, 4 * PTE, AdviceCases.DONTNEED);
    tables(rig, "of a guard", 3);
    AdviceCases.advise(rig, G, 4 * PTE, AdviceCases.GUARD_REMOVE);
    tables(rig, "of a guard that went", 3);
    rig.touch(G);
    rig.touch(G + PTE);
    rig.unmap(G, PTE + PAGE);
    tables(rig, "that a neighbour keeps", 4);
    rig.unmap(G + PTE + PAGE, PTE);
    tables(rig, "of the last", 3);
    rig.unmap(G, 4 * PTE);
    tables(rig, "of nothing", 0);
  }
}
