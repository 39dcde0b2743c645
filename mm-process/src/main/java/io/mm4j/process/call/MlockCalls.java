// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.LruMarks;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/** The mlock family (mm/mlock.c, Linux 6.18). */
final class MlockCalls {
  private final Mm mm;
  private final FlagChange change;
  private final Populate populate;

  MlockCalls(Mm mm, FlagChange change, Populate populate) {
    this.mm = mm;
    this.change = change;
    this.populate = populate;
  }

  /** mlock2; mlock is flags 0. */
  long mlock2(long addr, long lenIn, long flags) {
    if ((flags & ~1L) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    long bits = VmFlags.LOCKED | ((flags & Uapi.MLOCK_ONFAULT) != 0 ? VmFlags.LOCKONFAULT : 0);
    if (!mm.accounting.canLock()) {
      return mm.error(Errno.EPERM, "RLIMIT_MEMLOCK is 0");
    }
    long len = Mm.pageAlign(lenIn + (addr & Mm.PAGE - 1));
    long start = addr & Mm.PAGE_MASK;
    if (!withinLimit(start, len)) {
      return mm.error(Errno.ENOMEM, "RLIMIT_MEMLOCK");
    }
    long error = apply(start, len, bits);
    if (error != 0) {
      return error;
    }
    error = populate.range(start, len, false);
    if (error == -Errno.EFAULT) {
      return mm.error(Errno.ENOMEM, "a page of the locked range cannot be made present");
    }
    return error == -Errno.ENOMEM
        ? mm.error(Errno.EAGAIN, "mlock gives this where memory for its pages is missing")
        : error;
  }

  private boolean withinLimit(long start, long len) {
    if (mm.capable(Capability.IPC_LOCK)) {
      return true;
    }
    long limit = mm.limitPages(ResourceLimit.MEMLOCK);
    long locked = (len >>> 12) + mm.accounting.lockedVm;
    if (Long.compareUnsigned(locked, limit) > 0) {
      locked -= lockedWithin(start, len);
    }
    boolean within = Long.compareUnsigned(locked, limit) <= 0;
    if (!within && mm.explaining()) {
      mm.because("limit", "RLIMIT_MEMLOCK: " + locked + " pages exceed " + limit);
    }
    return within;
  }

  /** {@code count_mm_mlocked_page_nr}: pages of the range that are locked already. */
  private long lockedWithin(long start, long len) {
    long end = Long.compareUnsigned(start + len, start) < 0 ? Long.MAX_VALUE : start + len;
    long bytes = 0;
    for (Vma vma = mm.vmas.find(start);
        vma != null && Long.compareUnsigned(vma.start, end) < 0;
        vma = mm.vmas.next(vma)) {
      if (vma.has(VmFlags.LOCKED)) {
        long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
        bytes += to - Math.max(start, vma.start);
      }
    }
    return bytes >>> 12;
  }

  /** munlock. */
  long munlock(long addr, long lenIn) {
    long len = Mm.pageAlign(lenIn + (addr & Mm.PAGE - 1));
    return apply(addr & Mm.PAGE_MASK, len, 0);
  }

  /** {@code apply_vma_lock_flags}. */
  private long apply(long start, long len, long bits) {
    long end = start + len;
    if (Long.compareUnsigned(end, start) < 0) {
      return mm.error(Errno.EINVAL, "the range wraps");
    }
    if (end == start) {
      return 0;
    }
    long at = start;
    while (Long.compareUnsigned(at, end) < 0) {
      Vma vma = mm.vmas.lookup(at);
      if (vma == null) {
        return mm.error(Errno.ENOMEM, "a hole in the range; what lies below it was changed");
      }
      long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      long error = fixup(vma, at, to, (vma.flags & ~VmFlags.LOCKED_MASK) | bits);
      if (error != 0) {
        return error;
      }
      Vma now = mm.vmas.lookup(to - 1);
      at = now == null ? to : now.end;
    }
    return 0;
  }

  private long fixup(Vma vma, long start, long end, long newFlags) {
    long oldFlags = vma.flags;
    if (newFlags == oldFlags || vma.hasAny(VmFlags.SPECIAL | VmFlags.DROPPABLE) || vma.isSecret()) {
      return 0;
    }
    notActive(start, end); // while it was locked, if it was
    if (change.apply(vma, start, end, newFlags) == null) {
      return change.error;
    }
    notActive(start, end);
    long pages = (end - start) >>> 12;
    if ((newFlags & VmFlags.LOCKED) == 0) {
      mm.accounting.lockedVm -= pages;
    } else if ((oldFlags & VmFlags.LOCKED) == 0) {
      mm.accounting.lockedVm += pages;
    }
    return 0;
  }

  private void notActive(long start, long end) {
    LruMarks lru = mm.context.frames().lru();
    mm.pages
        .ranges()
        .visit(
            start,
            end,
            (addr, kind, pfn, huge) -> {
              if (kind == PageTable.PAGE) {
                lru.notActive(pfn);
              }
            });
  }

  /** mlockall. */
  long mlockall(long flagBits) {
    int flags = (int) flagBits;
    long known = Uapi.MCL_CURRENT | Uapi.MCL_FUTURE | Uapi.MCL_ONFAULT;
    if (flags == 0 || (flags & ~known) != 0 || flags == Uapi.MCL_ONFAULT) {
      return mm.error(Errno.EINVAL, "wrong flags");
    }
    if (!mm.accounting.canLock()) {
      return mm.error(Errno.EPERM, "RLIMIT_MEMLOCK is 0");
    }
    boolean current = (flags & Uapi.MCL_CURRENT) != 0;
    if (current
        && !mm.capable(Capability.IPC_LOCK)
        && Long.compareUnsigned(mm.accounting.totalVm, mm.limitPages(ResourceLimit.MEMLOCK)) > 0) {
      return mm.error(Errno.ENOMEM, "RLIMIT_MEMLOCK");
    }
    long bits = VmFlags.LOCKED | ((flags & Uapi.MCL_ONFAULT) != 0 ? VmFlags.LOCKONFAULT : 0);
    mm.defFlags = (flags & Uapi.MCL_FUTURE) != 0 ? bits : 0;
    if (current) {
      applyToAll(bits);
      populate.range(0, mm.taskSize(), true);
    }
    return 0;
  }

  /** munlockall. */
  long munlockall() {
    mm.defFlags = 0;
    applyToAll(0);
    return 0;
  }

  private void applyToAll(long bits) {
    long at = 0;
    for (Vma vma = mm.vmas.find(0); vma != null; vma = mm.vmas.find(at)) {
      at = vma.end;
      fixup(vma, vma.start, vma.end, (vma.flags & ~VmFlags.LOCKED_MASK) | bits);
    }
  }
}
