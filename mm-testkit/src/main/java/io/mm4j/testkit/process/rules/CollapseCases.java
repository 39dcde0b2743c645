// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;
import static io.mm4j.testkit.process.rules.HugeCases.H;
import static io.mm4j.testkit.process.rules.HugeCases.PAGE;
import static io.mm4j.testkit.process.rules.HugeCases.SIZE;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of MADV_COLLAPSE: what it refuses, and what is there when it has worked. */
public final class CollapseCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Databases and linkers collapse what they have just filled, and read the errno.",
          "it is taken for a hint that never fails, or does nothing");

  private static final int COLLAPSE = 25;
  private static final int NOHUGEPAGE = 15;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;

  /** A border of 1 GiB, where one page directory ends and the next begins. */
  private static final long G = 0x80000000L;

  private CollapseCases() {}

  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-C97",
            "collapse-refused",
            "MADV_COLLAPSE is EINVAL where nothing was written, with MADV_NOHUGEPAGE, where no 2"
                + " MiB fit into the mapping, and where one of the 2 MiB of the range has nothing"
                + " present or a guard page; of a range without whole 2 MiB it is 0.",
            "madvise_collapse, __thp_vma_allowable_orders, hpage_collapse_scan_pmd,"
                + " madvise_collapse_errno",
            CollapseCases::refused),
        GROUP.rule(
            "AS-C98",
            "collapse-makes-huge",
            "MADV_COLLAPSE makes 2 MiB one huge page of this process alone, whatever"
                + " transparent_hugepage and the rights say: what was there keeps its bytes, the"
                + " rest is zero.",
            "collapse_huge_page, __collapse_huge_page_copy",
            CollapseCases::makesHuge),
        GROUP.rule(
            "AS-F59",
            "collapse-of-shared-memory",
            "MADV_COLLAPSE makes 2 MiB of a file of shared memory one folio for all who map it,"
                + " holes too, and maps it where no copy is in the way; 2 MiB without any page end"
                + " the call; a hole within the folio splits it.",
            "collapse_file, retract_page_tables, collapse_pte_mapped_thp (compared with 6.18.44)",
            CollapseCases::shared));
  }

  private static long shmemHuge(Rig rig, long at) {
    return rig.mm.sizes(at).shmemThp();
  }

  private static void pmdMapped(Rig rig, String what, long at, long bytes) {
    rig.gives("ShmemPmdMapped of " + what, bytes, shmemHuge(rig, at));
  }

  private static void shared(Rig rig) {
    int fd = (int) Looks.works("memfd_create", rig.mm.memfdCreate("m", 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 2 * SIZE));
    rig.gives("mmap", H, rig.mm.mmap(H, 2 * SIZE, RW, SHARED, fd, 0));
    rig.gives("mmap", G, rig.mm.mmap(G, 2 * SIZE, RW, SHARED, fd, 0));
    rig.gives("mmap", 2 * G, rig.mm.mmap(2 * G, 2 * SIZE, RW, PRIVATE, fd, 0));
    refuse(rig, "nothing there", H, 2 * SIZE);
    rig.put(H + PAGE, 7);
    rig.put(G, 8);
    rig.put(2 * G + 2 * PAGE, 9);
    refuse(rig, "nothing in the second", H, 2 * SIZE);
    pmdMapped(rig, "the first", H, SIZE);
    pmdMapped(rig, "another mapping", G, 0);
    rig.has(G + PAGE, 7);
    pmdMapped(rig, "another mapping after a touch", G, SIZE);
    rig.has(H, 8);
    rig.has(H + SIZE - PAGE, 0);
    refuse(rig, "a copy in the way", 2 * G, SIZE);
    rig.has(2 * G + 2 * PAGE, 9);
    rig.put(H + SIZE, 5);
    collapse(rig, H, 2 * SIZE);
    pmdMapped(rig, "both", H, 2 * SIZE);
    rig.map(Act.SCRATCH, PAGE, RW);
    int hole = Uapi.FALLOC_FL_PUNCH_HOLE | Uapi.FALLOC_FL_KEEP_SIZE;
    rig.gives("a hole", 0, rig.mm.syscall(Syscall.FALLOCATE, fd, hole, 2 * PAGE, PAGE));
    Looks.mincore(rig, H, 8 * PAGE, "12,01,15");
    pmdMapped(rig, "what is left", H, SIZE);
    rig.has(H + PAGE, 7);
    rig.has(H + 2 * PAGE, 0);
    collapse(rig, H, SIZE);
    pmdMapped(rig, "both again", H, 2 * SIZE);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, SIZE / 2));
    rig.has(H + PAGE, 7);
    pmdMapped(rig, "half of it", H, 0);
    rig.gives("mmap", H, rig.mm.mmap(H, SIZE, RW, SHARED, fd, PAGE));
    refuse(rig, "an offset beside a border", H, SIZE);
  }

  private static void collapse(Rig rig, long addr, long bytes) {
    AdviceCases.advise(rig, addr, bytes, COLLAPSE);
  }

  private static void refuse(Rig rig, String what, long addr, long bytes) {
    Looks.fails(rig, what, Errno.EINVAL, rig.mm.madvise(addr, bytes, COLLAPSE));
  }

  private static void refused(Rig rig) {
    rig.map(H, 4 * SIZE, RW);
    refuse(rig, "nothing written", H, SIZE);
    refuse(rig, "nothing written, no 2 MiB", H, PAGE);
    rig.has(H, 0);
    refuse(rig, "nothing but read", H, SIZE);
    rig.touch(H);
    refuse(rig, "nothing present", H + SIZE, SIZE);
    collapse(rig, H + PAGE, SIZE);
    collapse(rig, H, SIZE - PAGE);
    refuse(rig, "no border of 2 MiB", H + PAGE, SIZE - 2 * PAGE);
    Looks.anonHuge(rig, H, 0);
    rig.touch(H + 3 * SIZE);
    refuse(rig, "nothing present in between", H, 4 * SIZE);
    Looks.pages(rig, H, 4 * SIZE, "A512,.1024,A1,.511");
    AdviceCases.advise(rig, H, 4 * SIZE, NOHUGEPAGE);
    refuse(rig, "MADV_NOHUGEPAGE", H, SIZE);
    Looks.fails(rig, "a hole", Errno.ENOMEM, rig.mm.madvise(H + 8 * SIZE, SIZE, COLLAPSE));
    guards(rig, H + 16 * SIZE);
    tooSmall(rig, H + 32 * SIZE);
    directories(rig);
  }

  private static void guards(Rig rig, long at) {
    rig.map(at, 2 * SIZE, RW);
    rig.touch(at);
    rig.touch(at + SIZE);
    AdviceCases.advise(rig, at + SIZE - PAGE, PAGE, AdviceCases.GUARD_INSTALL);
    refuse(rig, "a guard page", at, 2 * SIZE);
    Looks.pages(rig, at, 2 * SIZE, "A1,.510,g1,A1,.511");
    collapse(rig, at + SIZE, SIZE);
    Looks.pages(rig, at + SIZE, SIZE, "A512");
  }

  /** Mappings of which no 2 MiB between borders are a part, and one that just has them. */
  private static void tooSmall(Rig rig, long at) {
    rig.map(at, SIZE - PAGE, RW);
    rig.touch(at);
    refuse(rig, "less than 2 MiB", at, PAGE);
    rig.map(at + 4 * SIZE + PAGE, 2 * SIZE - 2 * PAGE, RW);
    rig.touch(at + 5 * SIZE);
    refuse(rig, "2 MiB on no border", at + 5 * SIZE, PAGE);
    rig.map(at + 8 * SIZE + PAGE, 2 * SIZE - PAGE, RW);
    rig.touch(at + 9 * SIZE);
    collapse(rig, at + 9 * SIZE, PAGE);
    collapse(rig, at + 8 * SIZE + PAGE, 2 * SIZE - PAGE);
    Looks.anonHuge(rig, at + 8 * SIZE + PAGE, 2048);
  }

  /**
   * Where not even a page directory is, the call goes on; where only a page table is missing, not.
   */
  private static void directories(Rig rig) {
    rig.map(G - SIZE, 4 * SIZE, RW);
    rig.touch(G);
    rig.touch(G + 2 * SIZE);
    refuse(rig, "no page directory", G - SIZE, 4 * SIZE);
    Looks.pages(rig, G - SIZE, 4 * SIZE, ".512,A512,.512,A1,.511");
  }

  private static void makesHuge(Rig rig) {
    rig.map(H, 2 * SIZE, RW);
    rig.put(H + PAGE, 5);
    rig.put(H + SIZE - PAGE, 6);
    rig.has(H + SIZE + PAGE, 0);
    Rig child = rig.fork();
    collapse(child, H, 2 * SIZE);
    Looks.pages(child, H, 2 * SIZE, "A1024");
    Looks.anonHuge(child, H, 4096);
    Looks.rss(child, 1024);
    Looks.pages(rig, H, SIZE, ".1,A1,.509,A1");
    child.has(H + PAGE, 5);
    child.put(H + PAGE, 7);
    rig.has(H + PAGE, 5);
    collapse(child, H, 2 * SIZE);
    child.protect(H, SIZE, 0);
    Looks.anonHuge(child, H, 2048);
    child.mm.exit();
    rig.protect(H, SIZE, 0);
    collapse(rig, H, SIZE);
    Looks.anonHuge(rig, H, 2048);
    rig.protect(H, SIZE, RW);
    rig.has(H + PAGE, 5);
    rig.has(H + SIZE - PAGE, 6);
    rig.has(H + 2 * PAGE, 0);
    Looks.rss(rig, 512);
    rig.unmap(H, PAGE);
    Looks.pages(rig, H, SIZE, "-1,A511");
    Looks.rss(rig, 511);
    AdviceCases.advise(rig, H + PAGE, PAGE, AdviceCases.COLD);
    Looks.pages(rig, H, SIZE, "-1,A1,z509,A1");
    rig.has(H + PAGE, 5);
  }
}
