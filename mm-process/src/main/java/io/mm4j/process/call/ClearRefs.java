// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * {@code clear_refs_write()} (fs/proc/task_mmu.c, Linux 6.18): forgets which pages were used or
 * written to.
 *
 * <p>Differs: the peak of the resident set, which 5 would set back, is not kept.
 */
final class ClearRefs {
  private static final int ALL = 1;
  private static final int ANON = 2;
  private static final int MAPPED = 3;
  private static final int SOFT_DIRTY = 4;
  private static final int HIWATER_RSS = 5;

  private final Mm mm;

  ClearRefs(Mm mm) {
    this.mm = mm;
  }

  /** The number is written to the file. */
  long write(int type) {
    if (type < ALL || type > HIWATER_RSS) {
      return mm.error(Errno.EINVAL, "a number from 1 to 5");
    }
    boolean soft = type == SOFT_DIRTY;
    if (type == HIWATER_RSS || (soft && !mm.pages.tracksSoftDirty())) {
      mm.because("clear_refs", "nothing of it is kept here");
      return 0;
    }
    for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
      boolean otherKind = type == ANON ? vma.file != null : type == MAPPED && vma.file == null;
      if (soft) {
        vma.flags &= ~VmFlags.SOFTDIRTY;
      }
      if (!otherKind && !vma.hasAny(VmFlags.PFNMAP | VmFlags.HUGETLB)) {
        mm.pages.marks().clearRefs(vma.start, vma.end, soft);
      }
    }
    mm.vmas.changed();
    return 0;
  }
}
