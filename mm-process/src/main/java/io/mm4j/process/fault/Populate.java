// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.fault;

import io.mm4j.api.process.Errno;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * Makes ranges present without a touch: for locked memory, MAP_POPULATE and MADV_POPULATE ({@code
 * __mm_populate}, {@code populate_vma_page_range}, {@code faultin_page_range}, mm/gup.c, Linux
 * 6.18). Private writable memory is written, everything else read.
 */
public final class Populate {
  private static final int EHWPOISON = 133;

  private final Mm mm;
  private final FaultHandler faults;

  /** Over one address space. */
  public Populate(Mm mm, FaultHandler faults) {
    this.mm = mm;
    this.faults = faults;
  }

  /**
   * {@code __mm_populate}: holes end it, errors end it unless they are to be ignored.
   *
   * @return 0 or a negated errno
   */
  public long range(long start, long len, boolean ignoreErrors) {
    long end = start + len;
    long at = start;
    while (at < end) {
      Vma vma = mm.vmas.intersection(at, end);
      if (vma == null) {
        break;
      }
      long to = Math.min(end, vma.end);
      if (!vma.hasAny(VmFlags.IO | VmFlags.PFNMAP)) {
        long from = Math.max(at, vma.start);
        long error = part(vma, from, to);
        if (error != 0 && !ignoreErrors) {
          return error;
        }
      }
      at = to;
    }
    return 0;
  }

  /** {@code populate_vma_page_range}: 0 or a negated errno. */
  public long part(Vma vma, long start, long end) {
    if (vma.has(VmFlags.LOCKONFAULT)) {
      return 0;
    }
    if (!VmFlags.isAccessible(vma.flags) || vma.isSecret()) {
      return -Errno.EFAULT;
    }
    boolean write = (vma.flags & (VmFlags.WRITE | VmFlags.SHARED)) == VmFlags.WRITE;
    if (!mm.allows(vma, write)) {
      return mm.error(Errno.EFAULT, "the protection key denies the access");
    }
    long error = faultIn(vma, start, end, write);
    return error == -EHWPOISON ? -Errno.EFAULT : error; // without FOLL_HWPOISON
  }

  /** {@code madvise_populate}: MADV_POPULATE_READ and MADV_POPULATE_WRITE. */
  public long madvise(long start, long end, boolean write) {
    for (long at = start; Long.compareUnsigned(at, end) < 0; ) {
      Vma vma = mm.vmas.lookup(at);
      if (vma == null) {
        return mm.error(Errno.ENOMEM, "hole in the range to populate");
      }
      long needed = write ? VmFlags.WRITE : VmFlags.READ;
      if (vma.hasAny(VmFlags.IO | VmFlags.PFNMAP)
          || !vma.has(needed)
          || vma.isSecret()
          || !mm.allows(vma, write)) {
        return mm.error(Errno.EINVAL, "mapping does not allow the access to populate");
      }
      long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      long error = faultIn(vma, at, to, write);
      if (error != 0) {
        return error;
      }
      at = to;
    }
    return 0;
  }

  private long faultIn(Vma vma, long start, long end, boolean write) {
    for (long at = start; at < end; at += Mm.PAGE) {
      int kind = mm.pages.look(at);
      if (kind >= PageTable.ZERO && (!write || writable(kind))) {
        used(vma, at, kind, write);
        continue;
      }
      FaultHandler.Result result = faults.handle(vma, at, write);
      if (result == FaultHandler.Result.OOM) {
        return -Errno.ENOMEM;
      }
      if (result == FaultHandler.Result.POISON) {
        return mm.error(EHWPOISON, "a page that was poisoned");
      }
      if (result != FaultHandler.Result.OK) {
        return mm.error(
            Errno.EFAULT, "a guard page, behind the end of the file, or userfaultfd has to answer");
      }
      used(vma, at, mm.pages.again(at), write);
    }
    return 0;
  }

  /** FOLL_TOUCH of {@code follow_page_pte}: an access, which makes a page of a file dirty. */
  private void used(Vma vma, long at, int kind, boolean write) {
    if (kind == PageTable.PAGE && !mm.pages.isHugeEntry()) {
      mm.context.frames().lru().accessed(mm.pages.pfn(), vma.isLocked());
    }
    FileObject file = vma.backing;
    if (write && file != null && vma.has(VmFlags.SHARED) && !vma.has(VmFlags.HUGETLB)) {
      file.dirty().mark(vma.pgoffAt(at));
    }
  }

  /** {@code can_follow_write_pte}: whether what {@code look} found lets writes through. */
  private boolean writable(int kind) {
    return kind == PageTable.PAGE && mm.pages.isWritable();
  }
}
