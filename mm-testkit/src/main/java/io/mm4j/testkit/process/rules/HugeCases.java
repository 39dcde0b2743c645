// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.ThpMode;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of huge pages: when a fault maps one, what splits it, what is left of it. */
public final class HugeCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "A huge page more or less is two megabytes that rss, smaps and reclaim see.",
          "a page table that is there is not seen, or one border is compared wrongly",
          setup -> setup.thp = ThpMode.ALWAYS);

  static final long PAGE = Bits.PAGE;
  static final long SIZE = 1L << 21;

  /** On a border of 2 MiB, with room on both sides. */
  static final long H = 0x20000000L;

  private static final int NOHUGEPAGE = 15;
  private static final int HUGEPAGE = 14;

  private HugeCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C55",
            "huge-when-it-fits",
            "A first touch maps 2 MiB where all of them lie in the VMA and nothing of them was"
                + " touched in small: pages for a write, the huge zero page for a read.",
            "do_huge_pmd_anonymous_page, thp_vma_suitable_order",
            HugeCases::whenItFits),
        new CaseRule(
            new RuleInfo(
                "AS-C56",
                "huge-only-where-asked",
                "With transparent_hugepage=madvise only MADV_HUGEPAGE brings huge pages, and"
                    + " MADV_NOHUGEPAGE takes the permission back.",
                "Databases switch huge pages off for good reasons.",
                "__thp_vma_allowable_orders",
                "the mode, or one of the two flags, is not looked at"),
            () -> {
              CaseSetup setup = new CaseSetup();
              setup.thp = ThpMode.MADVISE;
              return setup;
            },
            HugeCases::whereAsked),
        new CaseRule(
            new RuleInfo(
                "AS-C57",
                "huge-never",
                "With transparent_hugepage=never MADV_HUGEPAGE is noted and changes nothing.",
                "The administrator has the last word.",
                "__thp_vma_allowable_orders",
                "the flag alone decides"),
            CaseSetup::new,
            rig -> {
              rig.map(H, SIZE, RW);
              AdviceCases.advise(rig, H, SIZE, HUGEPAGE);
              rig.touch(H);
              Looks.pages(rig, H, SIZE, "A1,.511");
              Looks.anonHuge(rig, H, 0);
            }),
        GROUP.rule(
            "AS-C58",
            "huge-splits",
            "A change of a part of a huge page splits it into pages that keep their bytes; a"
                + " change of all of it does not.",
            "__split_huge_pmd, vma_adjust_trans_huge, change_huge_pmd",
            HugeCases::splits),
        GROUP.rule(
            "AS-C59",
            "huge-discarded",
            "Unmapping or discarding a whole huge page gives all of it back at once, a part of it"
                + " that part.",
            "zap_huge_pmd, zap_pmd_range",
            HugeCases::discarded),
        GROUP.rule(
            "AS-C60",
            "huge-page-tables",
            "MADV_DONTNEED over 2 MiB frees their empty page table, so that the next touch maps a"
                + " huge page; a shorter one, or one that leaves a page, does not.",
            "zap_pte_range, try_to_free_pte, reclaim_pt_is_enabled",
            HugeCases::pageTables),
        GROUP.rule(
            "AS-C61",
            "huge-free-tables",
            "munmap frees page tables that no neighbour can use; where one can, they stay.",
            "free_pgd_range, free_pgtables",
            HugeCases::freeTables),
        GROUP.rule(
            "AS-C62",
            "huge-zero-page",
            "The huge zero page counts in no sum, is replaced as a whole by a write, and by zero"
                + " pages when it is split.",
            "do_huge_zero_wp_pmd, __split_huge_zero_page_pmd",
            HugeCases::zeroPage),
        GROUP.rule(
            "AS-C63",
            "huge-moves",
            "mremap moves a huge page whole between borders of 2 MiB, else page by page.",
            "move_huge_pmd, move_page_tables",
            HugeCases::moves),
        GROUP.rule(
            "AS-C64",
            "huge-after-fork",
            "A huge page stays huge in parent and child until one writes; the writer then has"
                + " small pages, one of them its own.",
            "copy_huge_pmd, do_huge_pmd_wp_page",
            HugeCases::afterFork),
        GROUP.rule(
            "AS-C65",
            "huge-cooled-in-part",
            "MADV_COLD or MADV_FREE of a part splits a huge page that no other process maps; its"
                + " untouched pages become zero pages.",
            "madvise_cold_or_pageout_pte_range, madvise_free_huge_pmd,"
                + " try_to_map_unused_to_zeropage",
            HugeCases::cooled),
        GROUP.rule(
            "AS-C66",
            "huge-file-pages",
            "A file's folio of 2 MiB is mapped whole where offsets and borders fit; a split"
                + " leaves nothing mapped, and the pages come back with faults.",
            "do_set_pmd, __split_huge_pmd_locked",
            HugeCases::ofFiles));
  }

  private static void whenItFits(Rig rig) {
    rig.map(H - PAGE, 2 * SIZE + 2 * PAGE, RW);
    rig.touch(H + 5 * PAGE);
    Looks.pages(rig, H - PAGE, SIZE + 2 * PAGE, ".1,A512,.1");
    Looks.rss(rig, 512);
    Looks.anonHuge(rig, H - PAGE, 2048);
    rig.touch(H - PAGE);
    Looks.pages(rig, H - 2 * PAGE, 3 * PAGE, "-1,A2");
    rig.has(H + SIZE, 0);
    Looks.pages(rig, H + SIZE, SIZE, "Z512");
    Looks.rss(rig, 513);
    rig.touch(H + 2 * SIZE);
    Looks.pages(rig, H + 2 * SIZE, PAGE, "A1");
    Looks.rss(rig, 514);
    Looks.anonHuge(rig, H - PAGE, 2048);
    long far = H + 16 * SIZE;
    rig.map(far, SIZE - PAGE, RW);
    rig.touch(far);
    Looks.pages(rig, far, SIZE - PAGE, "A1,.510");
    long last = H + 20 * SIZE;
    rig.map(last + PAGE, SIZE - PAGE, RW);
    rig.touch(last + PAGE);
    Looks.pages(rig, last + PAGE, SIZE - PAGE, "A1,.510");
    Looks.works("MAP_SHARED", rig.mm.mmap(last + 4 * SIZE, SIZE, RW, 0x31, -1, 0));
    rig.touch(last + 4 * SIZE);
    Looks.pages(rig, last + 4 * SIZE, SIZE, "F1,.511");
    Looks.works("MAP_STACK", rig.mm.mmap(last + 6 * SIZE, SIZE, RW, 0x20032, -1, 0));
    rig.touch(last + 6 * SIZE);
    Looks.pages(rig, last + 6 * SIZE, SIZE, "A1,.511");
    Looks.flags(rig, last + 6 * SIZE, "ac nh");
    long zero = last + 8 * SIZE;
    Looks.works("/dev/zero", rig.mm.mmap(zero, SIZE, RW, 0x12, CaseSetup.ZERO, 0));
    rig.touch(zero);
    Looks.pages(rig, zero, SIZE, "A512");
  }

  private static void whereAsked(Rig rig) {
    rig.map(H, 3 * SIZE, RW);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A1,.511");
    AdviceCases.advise(rig, H, 3 * SIZE, HUGEPAGE);
    rig.touch(H + PAGE);
    Looks.pages(rig, H, SIZE, "A2,.510");
    rig.touch(H + SIZE);
    Looks.pages(rig, H + SIZE, SIZE, "A512");
    AdviceCases.advise(rig, H, 3 * SIZE, NOHUGEPAGE);
    rig.touch(H + 2 * SIZE);
    Looks.pages(rig, H, 3 * SIZE, "A2,.510,A513,.511");
    Looks.anonHuge(rig, H, 2048);
  }

  private static void splits(Rig rig) {
    rig.map(H, 2 * SIZE, RW);
    rig.put(H + 7 * PAGE, 70);
    rig.put(H + SIZE, 71);
    Looks.anonHuge(rig, H, 4096);
    rig.protect(H, SIZE, 1);
    Looks.anonHuge(rig, H, 2048);
    rig.protect(H, 8 * PAGE, RW);
    Looks.anonHuge(rig, H, 0);
    Looks.anonHuge(rig, H + 8 * PAGE, 0);
    Looks.anonHuge(rig, H + SIZE, 2048);
    Looks.pages(rig, H, 2 * SIZE, "A1024");
    Looks.rss(rig, 1024);
    rig.has(H + 7 * PAGE, 70);
    rig.has(H + 8 * PAGE, 0);
    AdviceCases.advise(rig, H + SIZE + PAGE, PAGE, AdviceCases.GUARD_INSTALL);
    Looks.anonHuge(rig, H + SIZE, 0);
    rig.has(H + SIZE, 71);
    Looks.rss(rig, 1023);
    Looks.pages(rig, H + SIZE, SIZE, "A1,g1,A510");
    long other = H + 8 * SIZE;
    rig.map(other, SIZE, RW);
    rig.touch(other);
    rig.gives("mlock of all", 0, rig.mm.mlock(other, SIZE));
    Looks.anonHuge(rig, other, 2048);
    rig.gives("munlock of a part", 0, rig.mm.munlock(other + PAGE, PAGE));
    Looks.anonHuge(rig, other, 0);
    Looks.pages(rig, other, SIZE, "A512");
    Looks.locked(rig, 511);
  }

  private static void discarded(Rig rig) {
    rig.map(H, 4 * SIZE, RW);
    for (int i = 0; i < 4; i++) {
      rig.put(H + i * SIZE, i);
    }
    Looks.rss(rig, 2048);
    AdviceCases.advise(rig, H, SIZE, AdviceCases.DONTNEED);
    Looks.pages(rig, H, 2 * SIZE, ".512,A512");
    Looks.rss(rig, 1536);
    Looks.anonHuge(rig, H, 6144);
    AdviceCases.advise(rig, H + SIZE + PAGE, SIZE, AdviceCases.DONTNEED);
    Looks.pages(rig, H + SIZE, 2 * SIZE, "A1,.512,A511");
    Looks.rss(rig, 1024);
    Looks.anonHuge(rig, H, 2048);
    rig.unmap(H + 3 * SIZE, PAGE);
    Looks.pages(rig, H + 3 * SIZE, SIZE, "-1,A511");
    Looks.anonHuge(rig, H + 3 * SIZE + PAGE, 0);
    rig.unmap(H, 4 * SIZE);
    Looks.rss(rig, 0);
    rig.map(H, SIZE, RW);
    rig.touch(H);
    Looks.anonHuge(rig, H, 2048);
  }

  private static void smallThenAllowed(Rig rig, long at, long bytes, long touched) {
    rig.map(at, bytes, RW);
    AdviceCases.advise(rig, at, bytes, NOHUGEPAGE);
    rig.touch(touched);
    AdviceCases.advise(rig, at, bytes, HUGEPAGE);
  }

  private static void pageTables(Rig rig) {
    smallThenAllowed(rig, H, SIZE, H + PAGE);
    AdviceCases.advise(rig, H, SIZE, AdviceCases.DONTNEED);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A512");
    rig.unmap(H, SIZE);
    smallThenAllowed(rig, H, SIZE, H + PAGE);
    AdviceCases.advise(rig, H + PAGE, PAGE, AdviceCases.DONTNEED);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A1,.511");
    rig.unmap(H, SIZE);
    smallThenAllowed(rig, H, 3 * SIZE, H + PAGE);
    rig.touch(H + 2 * SIZE);
    Looks.pages(rig, H + 2 * SIZE, SIZE, "A512");
    AdviceCases.advise(rig, H, SIZE - PAGE, AdviceCases.DONTNEED);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A1,.511");
    AdviceCases.advise(rig, H, 3 * SIZE, AdviceCases.DONTNEED);
    Looks.rss(rig, 0);
    rig.touch(H);
    rig.touch(H + SIZE);
    Looks.pages(rig, H, 3 * SIZE, "A1024,.512");
    rig.unmap(H, 3 * SIZE);
    smallThenAllowed(rig, H, SIZE, H + PAGE);
    AdviceCases.advise(rig, H + 5 * PAGE, PAGE, AdviceCases.GUARD_INSTALL);
    AdviceCases.advise(rig, H, SIZE, AdviceCases.DONTNEED);
    AdviceCases.advise(rig, H, SIZE, AdviceCases.GUARD_REMOVE);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A1,.511");
    rig.unmap(H, SIZE);
    smallThenAllowed(rig, H - PAGE, SIZE + 2 * PAGE, H + SIZE - PAGE);
    AdviceCases.advise(rig, H - PAGE, SIZE + PAGE, AdviceCases.DONTNEED);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A512");
  }

  private static void freeTables(Rig rig) {
    rig.map(H, PAGE, RW);
    rig.map(H + 2 * PAGE, 2 * PAGE, RW);
    rig.touch(H + 2 * PAGE);
    rig.unmap(H + 2 * PAGE, 2 * PAGE);
    rig.gives("mremap", H, rig.mm.mremap(H, PAGE, SIZE, 0, 0));
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A1,.511");
    rig.unmap(H, SIZE);
    long top = H + SIZE - PAGE;
    rig.map(top, 2 * PAGE, RW);
    rig.map(H, PAGE, RW);
    rig.touch(H);
    rig.unmap(H, PAGE);
    rig.map(H, SIZE - PAGE, RW);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A1,.511");
    rig.unmap(H, SIZE + PAGE);
    rig.map(H - PAGE, PAGE, RW);
    rig.map(H + SIZE, PAGE, RW);
    rig.map(H + 3 * PAGE, PAGE, RW);
    rig.touch(H + 3 * PAGE);
    rig.unmap(H + 3 * PAGE, PAGE);
    rig.map(H, SIZE, RW);
    rig.touch(H);
    Looks.pages(rig, H, SIZE, "A512");
  }

  private static void zeroPage(Rig rig) {
    rig.map(H, 2 * SIZE, RW);
    rig.has(H, 0);
    rig.has(H + SIZE, 0);
    Looks.rss(rig, 0);
    Looks.anonHuge(rig, H, 0);
    rig.put(H + PAGE, 9);
    Looks.pages(rig, H, 2 * SIZE, "A512,Z512");
    Looks.anonHuge(rig, H, 2048);
    Looks.rss(rig, 512);
    rig.has(H, 0);
    rig.has(H + PAGE, 9);
    rig.protect(H + SIZE, 3 * PAGE, 1);
    Looks.pages(rig, H + SIZE, SIZE, "z512");
    Looks.rss(rig, 512);
    rig.protect(H + SIZE, 3 * PAGE, RW);
    rig.touch(H + SIZE);
    Looks.pages(rig, H + SIZE, SIZE, "A1,z511");
    long other = H + 8 * SIZE;
    rig.map(other, SIZE, RW);
    rig.has(other, 0);
    AdviceCases.advise(rig, other + PAGE, PAGE, AdviceCases.DONTNEED);
    Looks.pages(rig, other, SIZE, "z1,.1,z510");
    rig.map(H + 12 * SIZE, SIZE, 1);
    rig.has(H + 12 * SIZE, 0);
    Looks.pages(rig, H + 12 * SIZE, SIZE, "Z512");
    AdviceCases.advise(rig, H + 12 * SIZE, SIZE, AdviceCases.DONTNEED);
    Looks.pages(rig, H + 12 * SIZE, SIZE, ".512");
    Rig child = rig.fork();
    Looks.pages(child, H, SIZE, "a512");
    child.mm.exit();
  }

  private static void moves(Rig rig) {
    long to = H + 16 * SIZE;
    rig.map(H, 2 * SIZE, RW);
    rig.put(H, 1);
    rig.put(H + SIZE + PAGE, 2);
    rig.move(H, to, 2 * SIZE);
    Looks.anonHuge(rig, to, 4096);
    Looks.rss(rig, 1024);
    rig.has(to, 1);
    rig.has(to + SIZE + PAGE, 2);
    long odd = H + 32 * SIZE + PAGE;
    rig.move(to, odd, 2 * SIZE);
    Looks.anonHuge(rig, odd, 0);
    Looks.pages(rig, odd, 2 * SIZE, "A1024");
    Looks.rss(rig, 1024);
    rig.has(odd, 1);
    rig.has(odd + SIZE + PAGE, 2);
    rig.map(H, SIZE, RW);
    rig.put(H + 3 * PAGE, 3);
    rig.move(H + PAGE, to, SIZE - PAGE);
    Looks.pages(rig, H, SIZE, "A1,-511");
    Looks.pages(rig, to, SIZE, "A511,-1");
    rig.has(to + 2 * PAGE, 3);
    rig.unmap(to, SIZE);
    rig.unmap(H, PAGE);
    rig.map(H, SIZE, RW);
    rig.put(H + 3 * PAGE, 4);
    rig.map(to + SIZE - PAGE, PAGE, RW);
    rig.touch(to + SIZE - PAGE);
    rig.gives("mremap", to, rig.mm.mremap(H, SIZE, SIZE, 3, to));
    Looks.pages(rig, to, SIZE, "A512");
    rig.has(to + 3 * PAGE, 4);
    Looks.rss(rig, 1536);
  }

  private static void afterFork(Rig rig) {
    rig.map(H, SIZE, RW);
    rig.put(H + PAGE, 5);
    Rig child = rig.fork();
    Looks.pages(rig, H, SIZE, "a512");
    Looks.pages(child, H, SIZE, "a512");
    Looks.anonHuge(child, H, 2048);
    Looks.anonHuge(rig, H, 2048);
    Looks.rss(child, 512);
    child.has(H + PAGE, 5);
    child.put(H, 6);
    Looks.pages(child, H, SIZE, "A1,a511");
    Looks.anonHuge(child, H, 0);
    Looks.anonHuge(rig, H, 2048);
    Looks.rss(rig, 512);
    Looks.rss(child, 512);
    rig.has(H, 0);
    child.has(H, 6);
    child.has(H + PAGE, 5);
    child.mm.exit();
    Looks.pages(rig, H, SIZE, "A512");
    rig.put(H, 7);
    Looks.anonHuge(rig, H, 2048);
  }

  private static void cooled(Rig rig) {
    rig.map(H, SIZE, RW);
    rig.put(H + PAGE, 5);
    AdviceCases.advise(rig, H, SIZE, AdviceCases.COLD);
    Looks.anonHuge(rig, H, 2048);
    Rig child = rig.fork();
    AdviceCases.advise(rig, H, 2 * PAGE, AdviceCases.COLD);
    Looks.pages(rig, H, SIZE, "a512");
    Looks.anonHuge(rig, H, 2048);
    child.mm.exit();
    AdviceCases.advise(rig, H, 2 * PAGE, AdviceCases.COLD);
    Looks.anonHuge(rig, H, 0);
    Looks.pages(rig, H, SIZE, "z1,A1,z510");
    Looks.rss(rig, 1);
    rig.has(H + PAGE, 5);
    long other = H + 4 * SIZE;
    rig.map(other, SIZE, RW);
    rig.put(other + SIZE - PAGE, 6);
    AdviceCases.advise(rig, other, SIZE, AdviceCases.FREE);
    Looks.anonHuge(rig, other, 2048);
    AdviceCases.advise(rig, other + 3 * PAGE, SIZE - 3 * PAGE, AdviceCases.FREE);
    Looks.pages(rig, other, SIZE, "z511,A1");
    rig.has(other + SIZE - PAGE, 6);
    long third = H + 8 * SIZE;
    rig.map(third, SIZE, RW);
    rig.put(third, 1);
    AdviceCases.advise(rig, third, PAGE, AdviceCases.PAGEOUT);
    Looks.pages(rig, third, SIZE, "A1,z511");
  }

  private static void ofFiles(Rig rig) {
    Looks.works("mmap", rig.mm.mmap(H, 3 * SIZE, RW, 0x11, CaseSetup.HUGE, 0));
    rig.has(H + PAGE, CaseSetup.byteOf(1));
    Looks.pages(rig, H, 3 * SIZE, "F512,.1024");
    Looks.rss(rig, 512);
    Looks.anonHuge(rig, H, 0);
    rig.protect(H + 3 * PAGE, PAGE, 1);
    Looks.pages(rig, H, SIZE, ".512");
    Looks.rss(rig, 0);
    rig.put(H + SIZE, 99);
    Looks.pages(rig, H + SIZE, SIZE, "F512");
    rig.has(H + SIZE, 99);
    rig.unmap(H, 3 * SIZE);
    Looks.rss(rig, 0);
    long odd = H + PAGE;
    Looks.works("mmap", rig.mm.mmap(odd, SIZE, 1, 0x11, CaseSetup.HUGE, 0));
    rig.has(odd, CaseSetup.byteOf(0));
    Looks.pages(rig, odd, SIZE, "F16,.496");
    rig.unmap(odd, SIZE);
    Looks.works("mmap", rig.mm.mmap(H, SIZE, RW, 0x12, CaseSetup.HUGE, SIZE));
    rig.has(H, 99);
    Looks.pages(rig, H, SIZE, "F512");
    rig.put(H + PAGE, 5);
    Looks.pages(rig, H, SIZE, ".1,A1,.510");
    Looks.rss(rig, 1);
    rig.unmap(H, SIZE);
    Looks.works("mmap", rig.mm.mmap(H, SIZE, RW, 0x11, CaseSetup.HUGE, 0));
    AdviceCases.advise(rig, H, SIZE, NOHUGEPAGE);
    rig.has(H, CaseSetup.byteOf(0));
    Looks.pages(rig, H, SIZE, "F512");
    AdviceCases.advise(rig, H, SIZE, HUGEPAGE);
    rig.protect(H, PAGE, 1);
    Looks.pages(rig, H, SIZE, "F512");
  }
}
