// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of memory that is made present without an access. */
final class PopulateCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Programs that must not wait make their memory present first.",
          "what is there already is not looked at again");

  private static final long PAGE = Bits.PAGE;
  private static final int PAGES = 4;
  private static final int WRITE = 2;
  private static final int SHARED = 0x11;
  private static final int PRIVATE = 0x12;

  private PopulateCases() {}

  /** All of them. */
  static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F90",
            "populated-to-write",
            "MADV_POPULATE_WRITE makes a page of shared memory dirty also where it is there and"
                + " writes go through, MADV_POPULATE_READ does not; of a private mapping the copy"
                + " is written to, and the page of the file stays clean.",
            "follow_page_pte with FOLL_TOUCH and FOLL_WRITE, can_follow_write_pte,"
                + " madvise_populate",
            PopulateCases::dirty));
  }

  private static void dirty(Rig rig) {
    long fd = Looks.works("memfd_create", rig.mm.memfdCreate("holes", 0));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, PAGES * PAGE));
    rig.gives("mmap", A, rig.mm.mmap(A, PAGES * PAGE, RW, SHARED, fd, 0));
    rig.gives("mmap", FAR, rig.mm.mmap(FAR, PAGES * PAGE, RW, PRIVATE, fd, 0));
    rig.has(A, 0);
    marked(rig, A, false);
    rig.gives("populate to read", 0, rig.mm.madvise(A, PAGE, Uapi.MADV_POPULATE_READ));
    marked(rig, A, false);
    rig.gives("populate a copy", 0, rig.mm.madvise(FAR, PAGE, Uapi.MADV_POPULATE_WRITE));
    marked(rig, A, false);
    rig.gives("populate to write", 0, rig.mm.madvise(A, 2 * PAGE, Uapi.MADV_POPULATE_WRITE));
    marked(rig, A, true);
    marked(rig, A + PAGE, true);
    rig.has(A + 2 * PAGE, 0);
    marked(rig, A + 2 * PAGE, false);
    rig.gives("mmap", C, rig.mm.mmap(C, PAGES * PAGE, WRITE, SHARED, fd, 0));
    rig.has(C + 3 * PAGE, 0);
    marked(rig, C + 3 * PAGE, false);
    rig.gives("what is not read", 0, rig.mm.madvise(C, 4 * PAGE, Uapi.MADV_POPULATE_WRITE));
    marked(rig, C + 3 * PAGE, true);
    rig.map(B, 2 * PAGE, RW);
    rig.has(B, 0);
    Looks.pages(rig, B, 2 * PAGE, "z1,.1");
    rig.gives("populate to write", 0, rig.mm.madvise(B, 2 * PAGE, Uapi.MADV_POPULATE_WRITE));
    Looks.pages(rig, B, 2 * PAGE, "A2");
  }

  private static void marked(Rig rig, long addr, boolean dirty) {
    long[] pfn = {-1};
    rig.mm.pagemap(addr, addr + PAGE, (at, entry) -> pfn[0] = Pagemap.pfn(entry));
    MemMap map = Floors.machine().memory().memMap();
    boolean seen = (map.flags(map.head(pfn[0])) & PageFlags.PG_DIRTY) != 0;
    String what = " page at " + Long.toHexString(addr);
    RuleViolation.check(
        seen == dirty,
        (dirty ? "a dirty" : "a clean") + what,
        seen ? "a dirty one" : "a clean one");
  }
}
