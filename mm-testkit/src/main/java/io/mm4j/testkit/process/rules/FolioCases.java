// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.HugeCases.H;
import static io.mm4j.testkit.process.rules.HugeCases.PAGE;
import static io.mm4j.testkit.process.rules.HugeCases.SIZE;

import io.mm4j.api.process.ThpMode;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of folios that borders of VMAs cut, that have been moved, or that others map, too. */
public final class FolioCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Pages are cut and cooled in part all the time, and rss shows what became of them.",
          "a border is taken for that of the folio, or a part of a folio for all of it",
          setup -> setup.thp = ThpMode.ALWAYS);

  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;

  private FolioCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-49",
            "folio-split-when-cooled",
            "MADV_COLD of a part splits a folio wherever in the process its pages are, and not if"
                + " another process maps it; untouched pages of it become zero pages, also where"
                + " zeroes were written, but not in locked memory.",
            "madvise_cold_or_pageout_pte_range, try_to_map_unused_to_zeropage",
            FolioCases::cooled),
        GROUP.rule(
            "AS-50",
            "folio-at-borders",
            "A folio or huge page is mapped as a whole only where all of it lies in the VMA, and a"
                + " merge that moves a border into a huge page splits it.",
            "do_set_pmd, finish_fault, filemap_map_pages, vma_adjust_trans_huge",
            FolioCases::borders),
        GROUP.rule(
            "AS-51",
            "huge-pages-in-a-child",
            "A child has the huge zero page of its parent, and huge pages of files only by faults.",
            "copy_huge_pmd",
            FolioCases::inChild),
        GROUP.rule(
            "AS-59",
            "folio-waits-to-be-split",
            "A huge page of which a part is unmapped keeps all its frames until memory is short;"
                + " then those come back that nobody maps, and those that hold nothing but zeros"
                + " and are not locked; all others keep their bytes, in the child, too.",
            "deferred_split_folio, deferred_split_scan",
            FolioCases::waits));
  }

  private static void waits(Rig rig) {
    rig.map(FAR, PAGE, RW);
    rig.has(FAR, 0); // the zero page is there
    rig.map(H, SIZE, RW);
    long own = H + 2 * SIZE;
    rig.map(own, SIZE, RW);
    for (int i = 0; i < 512; i++) {
      rig.put(H + i * PAGE, i == 300 || i == 301 ? 0 : 1 + i % 200);
      rig.put(own + i * PAGE, 9);
    }
    long before = Floors.freeFrames();
    rig.unmap(own + 400 * PAGE, 12 * PAGE);
    checkEqual(before, Floors.freeFrames(), "free frames after a part is unmapped");
    rig.gives("mlock", 0, rig.mm.mlock(H + 301 * PAGE, PAGE));
    Rig child = rig.fork();
    rig.unmap(H, 100 * PAGE);
    child.unmap(H, 90 * PAGE);
    child.unmap(H + 502 * PAGE, 10 * PAGE);
    long free = Floors.freeFrames();
    rig.unmap(H + 500 * PAGE, 12 * PAGE);
    checkEqual(free, Floors.freeFrames(), "free frames after no process maps a part");
    Floors.reclaim();
    // The child's page 301 is not locked, but the parent's is: the frame stays.
    checkEqual(free + 113, Floors.freeFrames(), "free frames when memory was short");
    for (int i = 90; i < 502; i++) {
      long at = H + i * PAGE;
      int value = i == 300 || i == 301 ? 0 : 1 + i % 200;
      child.has(at, value);
      if (i >= 100 && i < 500) {
        rig.has(at, value);
      }
    }
    Looks.pages(rig, H + 299 * PAGE, 4 * PAGE, "a1,z1,A1,a1");
    Looks.pages(child, H + 90 * PAGE, 11 * PAGE, "A10,a1");
    Floors.reclaim();
    checkEqual(free + 113, Floors.freeFrames(), "free frames when there is nothing to split");
    child.mm.exit();
  }

  private static void cool(Rig rig, long at) {
    AdviceCases.advise(rig, at, PAGE, AdviceCases.COLD);
  }

  private static void cooled(Rig rig) {
    rig.map(H, SIZE, RW);
    rig.put(H + 2 * PAGE, 5);
    rig.put(H + 3 * PAGE, 0);
    rig.gives("mlock of the other half", 0, rig.mm.mlock(H + SIZE / 2, SIZE / 2));
    cool(rig, H);
    Looks.pages(rig, H, SIZE, "z2,A1,z253,A256");
    rig.has(H + 2 * PAGE, 5);
    rig.unmap(H, SIZE);
    rig.map(H, SIZE, RW);
    rig.put(H, 5);
    rig.put(H + 2 * PAGE, 6);
    rig.move(H + PAGE, H + 32 * SIZE, 2 * PAGE);
    cool(rig, H);
    Looks.pages(rig, H, SIZE, "A1,-2,z509");
    Looks.pages(rig, H + 32 * SIZE, 2 * PAGE, "z1,A1");
    rig.unmap(H, SIZE);
    files(rig);
  }

  private static void files(Rig rig) {
    rig.gives("a file", H, rig.mm.mmap(H, 64 * PAGE, RW, SHARED, CaseSetup.DISK, 0));
    rig.gives("mapped", 0, rig.mm.madvise(H, 64 * PAGE, 22));
    Rig child = rig.fork();
    child.gives("mapped", 0, child.mm.madvise(H, 64 * PAGE, 22));
    cool(rig, H);
    Looks.pages(rig, H, 64 * PAGE, "f64");
    Looks.pages(child, H, 64 * PAGE, "f64");
    child.mm.exit();
    cool(rig, H);
    Looks.pages(rig, H, 64 * PAGE, ".64");
    rig.unmap(H, 64 * PAGE);
  }

  private static void borders(Rig rig) {
    for (int side = 0; side < 2; side++) {
      long neighbour = side == 0 ? H - SIZE : H + 2 * SIZE;
      long part = side == 0 ? H : H + 2 * SIZE - PAGE;
      rig.map(H, 2 * SIZE, RW);
      rig.touch(H);
      rig.touch(H + SIZE);
      rig.map(neighbour, SIZE, 7);
      rig.protect(part, PAGE, 7);
      long rest = side == 0 ? H + PAGE : H;
      Looks.anonHuge(rig, rest, 2048);
      Looks.pages(rig, H, 2 * SIZE, "A1024");
      rig.unmap(H - SIZE, 4 * SIZE);
    }
    ofFiles(rig);
  }

  private static void ofFiles(Rig rig) {
    long bytes = SIZE - PAGE;
    rig.gives("a file", H, rig.mm.mmap(H, bytes, READ, SHARED, CaseSetup.HUGE, 0));
    rig.has(H, CaseSetup.byteOf(0));
    Looks.pages(rig, H, bytes, "F16,.495");
    Looks.rss(rig, 16);
    rig.unmap(H, bytes);
    long low = FAR + 16 * PAGE;
    rig.gives("a file", low, rig.mm.mmap(low, 8 * PAGE, READ, SHARED, CaseSetup.TINY, PAGE));
    rig.has(low + PAGE, CaseSetup.byteOf(2));
    Looks.pages(rig, low, 4 * PAGE, "F4");
    Looks.rss(rig, 5);
    rig.has(low + 4 * PAGE, CaseSetup.byteOf(5));
    rig.has(low + 4 * PAGE + 1, 0);
    rig.unmap(low, 8 * PAGE);
    Looks.rss(rig, 0);
    rig.gives("a file", FAR, rig.mm.mmap(FAR, 60 * PAGE, RW, SHARED, CaseSetup.DISK, 4 * PAGE));
    rig.put(FAR + 20 * PAGE, 1);
    Looks.pages(rig, FAR, 60 * PAGE, ".20,F1,.39");
    Looks.rss(rig, 1);
    rig.unmap(FAR, 60 * PAGE);
  }

  private static void inChild(Rig rig) {
    rig.map(H, SIZE, RW);
    rig.has(H, 0);
    long file = H + 4 * SIZE;
    rig.gives("a file", file, rig.mm.mmap(file, 2 * SIZE, RW, PRIVATE, CaseSetup.HUGE, 0));
    rig.has(file, CaseSetup.byteOf(0));
    rig.put(file + SIZE, 7);
    Looks.pages(rig, file, 2 * SIZE, "F512,A1,.511");
    Rig child = rig.fork();
    Looks.pages(child, H, SIZE, "Z512");
    Looks.pages(child, file, 2 * SIZE, ".512,a1,.511");
    Looks.rss(child, 1);
    child.has(file, CaseSetup.byteOf(0));
    child.put(H, 1);
    rig.has(H, 0);
    child.mm.exit();
  }
}
