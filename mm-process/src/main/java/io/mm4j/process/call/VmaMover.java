// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.LruMarks;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.uffd.UffdMessage;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.MergeRequest;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * {@code move_vma} and {@code copy_vma} (mm/mremap.c, mm/vma.c, Linux 6.18): a copy of a part of a
 * VMA appears at a free place, merged with a neighbour there if that fits, the pages move over, and
 * the old place is unmapped.
 *
 * <p>A VMA without anon_vma gets the page offset of its new place, so that it can merge there; one
 * that was faulted keeps its offset.
 */
final class VmaMover {
  private final Mm mm;
  private final Unmapper unmapper;

  VmaMover(Mm mm, Unmapper unmapper) {
    this.mm = mm;
    this.unmapper = unmapper;
  }

  /** The new address, or a negated errno. */
  long move(Vma source, long addr, long oldLen, long newLen, long to, boolean dontUnmap) {
    if (mm.vmas.size() >= mm.maxMapCount() - 3) {
      return mm.error(Errno.ENOMEM, "too near to vm.max_map_count");
    }
    if ((source.start != addr && !Unmapper.maySplit(source, addr))
        || (source.end != addr + oldLen && !Unmapper.maySplit(source, addr + oldLen))) {
      return mm.error(Errno.EINVAL, "a special mapping cannot be split");
    }
    long flags = source.flags;
    boolean accounted = (flags & VmFlags.ACCOUNT) != 0;
    long charge = !accounted ? 0 : (dontUnmap ? newLen : Math.abs(newLen - oldLen)) >>> 12;
    if (accounted && !mm.accounting.charge(charge)) {
      return mm.error(Errno.ENOMEM, "overcommit");
    }
    long before = realigned(source, addr, oldLen, to, newLen);
    if (noMemory(source) || !prepareMove(source, addr - before, to - before, oldLen + before)) {
      freeTables(to, newLen);
      mm.accounting.uncharge(charge);
      return -Errno.ENOMEM;
    }
    if (dontUnmap) {
      keepLocked(source, addr, addr + oldLen);
    }
    boolean isVdso = source.special == Vma.Special.VDSO;
    Vma copy = copy(source, addr, to, newLen);
    if (copy.has(VmFlags.HUGETLB)) {
      mm.huge(copy).move(addr, to, oldLen);
    } else {
      mm.pages.ranges().move(addr - before, to - before, oldLen + before);
    }
    watch(copy, addr, oldLen, to);
    long pages = newLen >>> 12;
    long peak = mm.accounting.hiwaterVm;
    mm.accounting.add(flags, pages);
    if ((flags & VmFlags.LOCKED) != 0) {
      mm.accounting.lockedVm += pages;
    }
    Vma old = mm.vmas.lookup(addr);
    if (dontUnmap) {
      finishDontUnmap(java.util.Objects.requireNonNull(old), copy, addr, oldLen);
    } else if (oldLen != 0) {
      unmapSource(java.util.Objects.requireNonNull(old), addr, oldLen);
    }
    if (isVdso) { // only now: unmapping the old place has forgotten it
      mm.vdso = to;
    }
    mm.accounting.hiwaterVm = Math.max(peak, mm.accounting.totalVm);
    return to;
  }

  /**
   * {@code try_realign_addr}: how many bytes before both places the move begins, so that it takes a
   * page table along as a whole: both lie alike in theirs, nothing else is mapped before them in
   * it, and the range reaches its end.
   */
  private long realigned(Vma source, long addr, long oldLen, long to, long newLen) {
    long size = mm.pages.hugeBytes();
    long before = addr & size - 1;
    boolean alike = before != 0 && (to & size - 1) == before;
    if (!alike || oldLen < size - before || source.start != addr) {
      return 0;
    }
    boolean free =
        mm.vmas.intersection(addr - before, addr) == null
            && mm.vmas.intersection(to - before, to) == null
            && (to + newLen <= addr - before || to >= addr);
    return free ? before : 0;
  }

  /**
   * {@code mremap_userfaultfd_prep}: a userfaultfd is told, if it wants to be; if not, it does not
   * watch the VMA that now has the pages, and no page of theirs is protected.
   */
  private void watch(Vma copy, long addr, long oldLen, long to) {
    if (copy.uffd == null) {
      return;
    }
    if (copy.uffd.has(Uffd.EVENT_REMAP)) {
      copy.uffd.event(UffdMessage.remap(addr, to, oldLen));
      return;
    }
    if (!copy.has(VmFlags.HUGETLB)) {
      mm.pages.uffd().forget(to, to + oldLen);
    }
    UffdRange.reset(mm, copy);
  }

  /** Makes the tables at the new place; false if memory is out. */
  private boolean prepareMove(Vma source, long from, long to, long bytes) {
    return source.has(VmFlags.HUGETLB)
        ? mm.huge(source).prepareMove(from, to, bytes)
        : mm.pages.ranges().prepareMove(from, to, bytes);
  }

  /** Asks for all that the copy needs before it is made. */
  private boolean noMemory(Vma source) {
    return !mm.vmas.prepare(1) || (source.anonVma != null && mm.vmas.allocationFails());
  }

  /** Gives tables back that were made for a move that does not happen. */
  private void freeTables(long to, long len) {
    Vma next = mm.vmas.find(to);
    Vma prev = next == null ? mm.vmas.last() : mm.vmas.prev(next);
    mm.pages
        .ranges()
        .freeTables(
            to, to + len, prev == null ? 0 : prev.end, next == null ? Long.MAX_VALUE : next.start);
  }

  private Vma copy(Vma source, long addr, long to, long newLen) {
    long pgoff = source.pgoffAt(addr);
    if (source.isAnonymous() && source.anonVma == null) {
      pgoff = to >>> 12;
      mm.because("merge", "never written: the page offset follows the new address");
    } else if (source.isAnonymous()) {
      mm.because("merge", "written before: the page offset of the old address is kept");
    }
    Vma next = mm.vmas.find(to);
    Vma prev = next == null ? mm.vmas.last() : mm.vmas.prev(next);
    MergeRequest request =
        mm.merger.request.forNew(prev, next, to, to + newLen, pgoff, source.flags).copying(source);
    @Nullable Vma merged = mm.merger.mergeNew(request);
    if (merged != null) {
      return merged;
    }
    Vma copy = mm.vmas.duplicate(source, to, to + newLen, pgoff);
    mm.vmas.insert(copy);
    return copy;
  }

  /**
   * {@code unmap_source_vma}: the charge stays with the copy. When no memory is left to split the
   * old VMA it stays, without pages, and the move has succeeded; what stays is charged anew. (Linux
   * then also leaves VM_ACCOUNT off it, which would never give that charge back.)
   */
  private void unmapSource(Vma source, long addr, long len) {
    boolean accounted = source.has(VmFlags.ACCOUNT);
    if (unmapper.gather(addr, addr + len) == 0) {
      unmapper.complete(addr, addr + len, false);
    } else if (accounted) {
      mm.accounting.chargeUnchecked(len >>> 12);
    }
  }

  /** MREMAP_DONTUNMAP: what it leaves in a locked VMA stays locked, though the VMA is not. */
  private void keepLocked(Vma source, long addr, long end) {
    if (!source.has(VmFlags.LOCKED) || source.has(VmFlags.HUGETLB)) {
      return;
    }
    LruMarks lru = mm.context.frames().lru();
    mm.pages
        .ranges()
        .visit(
            source.start,
            source.end,
            (at, kind, pfn, huge) -> {
              if (kind == PageTable.PAGE && (at < addr || at >= end)) {
                lru.staysLocked(pfn);
              }
            });
  }

  private void finishDontUnmap(Vma old, Vma copy, long addr, long len) {
    if (old.has(VmFlags.LOCKED)) {
      mm.accounting.keepLocked(old.pages());
    }
    old.flags &= ~VmFlags.LOCKED_MASK;
    mm.vmas.changed();
    if (copy != old && old.start == addr && old.end == addr + len) {
      AnonVmas.unlink(old);
    }
  }
}
