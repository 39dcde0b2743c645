// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;

/** Cases of what a pool of huge pages has promised, and when it is given back. */
public final class PromiseCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Databases size the pool by what is promised.",
          "a mapping that Linux refuses, or a page that is missing later");

  private static final long HUGE = HugeCases.SIZE;
  private static final long PLACE = 0x40000000L;
  private static final int SHARED = 0x40031;
  private static final int PRIVATE = 0x40032;
  private static final int PUNCH_HOLE = 3;

  private PromiseCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F75",
            "holes-and-promises",
            "A hole in a file of huge pages takes the pages that there are; what was promised for"
                + " others stays, until the file is cut.",
            "remove_inode_hugepages (fs/hugetlbfs/inode.c), hugetlb_unreserve_pages",
            PromiseCases::holes),
        GROUP.rule(
            "AS-F76",
            "promises-of-the-replaced",
            "Where MAP_FIXED replaces shared huge pages, their promises hold until the call ends:"
                + " a new mapping that needs them is refused, and the old one is gone. Those of"
                + " private ones go first.",
            "__mmap_region, vms_abort_munmap_vmas (mm/vma.c), hugetlb_vm_op_close; as recorded",
            PromiseCases::replaced));
  }

  private static void promised(Rig rig, long pages) {
    RuleViolation.checkEqual(pages, rig.floor.hugePages().reserved(), "HugePages_Rsvd");
  }

  private static void pool(Rig rig, long pages) {
    rig.gives("nr_hugepages", 0, rig.floor.writeSysctl("nr_hugepages", Long.toString(pages)));
  }

  private static void holes(Rig rig) {
    pool(rig, 5);
    long fd = Looks.works("memfd_create", rig.mm.memfdCreate("promises", Uapi.MFD_HUGETLB));
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 4 * HUGE));
    rig.gives("mmap", PLACE, rig.mm.mmap(PLACE, 4 * HUGE, RW, 0x11, fd, 0));
    rig.touch(PLACE);
    rig.touch(PLACE + HUGE);
    promised(rig, 2);
    rig.gives("a hole", 0, rig.mm.syscall(Syscall.FALLOCATE, fd, PUNCH_HOLE, HUGE, 2 * HUGE));
    promised(rig, 2);
    rig.touch(PLACE + HUGE);
    promised(rig, 2);
    rig.touch(PLACE + 2 * HUGE);
    promised(rig, 1);
    rig.gives("ftruncate", 0, rig.mm.syscall(Syscall.FTRUNCATE, fd, 2 * HUGE));
    promised(rig, 0);
    rig.unmap(PLACE, 4 * HUGE);
  }

  private static void replaced(Rig rig) {
    pool(rig, 5);
    rig.gives("shared", PLACE, rig.mm.mmap(PLACE, 3 * HUGE, 0, SHARED, -1, 0));
    promised(rig, 3);
    Looks.fails(rig, "over it", Errno.ENOMEM, rig.mm.mmap(PLACE, 5 * HUGE, RW, PRIVATE, -1, 0));
    promised(rig, 0);
    rig.gives("private", PLACE, rig.mm.mmap(PLACE, 3 * HUGE, RW, PRIVATE, -1, 0));
    rig.gives("over it", PLACE, rig.mm.mmap(PLACE, 5 * HUGE, RW, PRIVATE, -1, 0));
    promised(rig, 5);
    rig.unmap(PLACE, 5 * HUGE);
    promised(rig, 0);
  }
}
