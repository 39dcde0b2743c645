// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.uffd.UffdMessage;
import io.mm4j.process.uffd.Userfaultfd;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.HashSet;
import java.util.Set;

/**
 * munmap, and the unmapping that other calls do (mm/vma.c, Linux 6.18).
 *
 * <p>Steps: {@link #gather} checks that no VMA of the range is sealed and splits the VMAs at its
 * borders; its sums say what would go. {@link #complete} removes. Splits stay when the call fails
 * in between.
 */
final class Unmapper {
  private final Mm mm;

  /** Pages in the gathered VMAs. */
  long pages;

  /** Of these, pages that were charged. */
  long accounted;

  Unmapper(Mm mm) {
    this.mm = mm;
  }

  /** The call. */
  long munmap(long start, long len) {
    long taskSize = mm.taskSize();
    if ((start & Mm.PAGE - 1) != 0
        || Long.compareUnsigned(start, taskSize) > 0
        || Long.compareUnsigned(len, taskSize - start) > 0) {
      return mm.error(Errno.EINVAL, "unaligned, or not in user space");
    }
    long end = start + Mm.pageAlign(len);
    if (end == start) {
      return mm.error(Errno.EINVAL, "length 0");
    }
    return unmap(start, end);
  }

  /** Unmaps an aligned range: 0 or a negated errno. */
  long unmap(long start, long end) {
    long error = gather(start, end);
    if (error == 0) {
      complete(start, end, true);
    }
    return error;
  }

  /** Prepares for unmapping [start, end): 0 or a negated errno. */
  long gather(long start, long end) {
    pages = 0;
    accounted = 0;
    Vma first = mm.vmas.intersection(start, end);
    if (first == null) {
      return 0;
    }
    if (start > first.start) {
      if (end < first.end && mm.vmas.size() >= mm.maxMapCount()) {
        return mm.error(Errno.ENOMEM, "would make more VMAs than vm.max_map_count");
      }
      if (first.has(VmFlags.SEALED)) {
        return mm.error(Errno.EPERM, "the VMA is sealed");
      }
      if (!maySplit(first, start)) {
        return mm.error(Errno.EINVAL, "a special mapping cannot be split");
      }
      if (mm.merger.split(first, start, true, Integer.MAX_VALUE) == null) {
        return -Errno.ENOMEM;
      }
    }
    for (Vma vma = mm.vmas.intersection(start, end);
        vma != null && vma.start < end;
        vma = mm.vmas.next(vma)) {
      if (vma.has(VmFlags.SEALED)) {
        return mm.error(Errno.EPERM, "a VMA of the range is sealed");
      }
      if (vma.end > end) {
        if (!maySplit(vma, end)) {
          return mm.error(Errno.EINVAL, "a special mapping cannot be split");
        }
        if (mm.merger.split(vma, end, false, Integer.MAX_VALUE) == null) {
          return -Errno.ENOMEM;
        }
      }
      pages += vma.pages();
      accounted += vma.has(VmFlags.ACCOUNT) ? vma.pages() : 0;
    }
    if (mm.vmas.allocationFails()) {
      return mm.error(Errno.ENOMEM, "no memory to take the VMAs out");
    }
    return 0;
  }

  /**
   * Removes the gathered VMAs, their pages and page tables.
   *
   * @param uncharge gives their charge back; else it passes to what takes their place
   */
  void complete(long start, long end, boolean uncharge) {
    Vma vma = mm.vmas.intersection(start, end);
    if (vma == null) {
      return;
    }
    Vma before = mm.vmas.prev(vma);
    tell(vma, start, end);
    mm.huge.zap(start, end, true);
    for (Vma each = vma; each != null && each.start < end; each = mm.vmas.next(each)) {
      mm.pages.ranges().zap(each.start, each.end, false, each.hasRecency(), each.isLocked());
    }
    long low = vma.start;
    long high = vma.end;
    while (vma != null && vma.start < end) {
      Vma next = mm.vmas.next(vma);
      high = vma.end;
      long count = vma.pages();
      mm.accounting.add(vma.flags, -count);
      if (vma.has(VmFlags.LOCKED)) {
        mm.accounting.lockedVm -= count;
      }
      if (uncharge && vma.has(VmFlags.ACCOUNT)) {
        mm.accounting.uncharge(count);
      }
      if (vma.special == Vma.Special.VDSO) {
        mm.vdso = 0;
      }
      if (mm.explaining()) {
        mm.because("unmap", vma + " goes: " + count + (count == 1 ? " page" : " pages"));
      }
      mm.vmas.remove(vma);
      vma = next;
    }
    long floor = before == null ? 0 : before.end;
    mm.pages.ranges().freeTables(low, high, floor, vma == null ? Long.MAX_VALUE : vma.start);
  }

  /** {@code userfaultfd_unmap_prep}: userfaultfds that want to be told, each once. */
  private void tell(Vma first, long start, long end) {
    Set<Userfaultfd> told = Set.of();
    for (Vma vma = first; vma != null && vma.start < end; vma = mm.vmas.next(vma)) {
      if (vma.uffd != null && vma.uffd.has(Uffd.EVENT_UNMAP)) {
        told = told.isEmpty() ? new HashSet<>() : told;
        if (told.add(vma.uffd)) {
          vma.uffd.event(UffdMessage.unmap(start, end));
        }
      }
    }
  }

  /** {@code vm_ops->may_split}: special mappings stay whole, and so do huge pages of the pool. */
  static boolean maySplit(Vma vma, long at) {
    return vma.special == Vma.Special.NONE
        && (!vma.has(VmFlags.HUGETLB) || (at & vma.hugeBytes() - 1) == 0);
  }
}
