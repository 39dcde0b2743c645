// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MmLayout;
import io.mm4j.api.process.ResourceLimit;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.area.UnmappedArea;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.MergeRequest;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * brk and {@code do_brk_flags} (mm/mmap.c, mm/vma.c, Linux 6.18). A refused call returns the old
 * break. The heap needs a free page between its new end and the guard gap of the next mapping; it
 * grows only into a VMA that ends at the old break above {@code start_brk}.
 */
final class BrkCall {
  private final Mm mm;
  private final UnmappedArea area;
  private final Unmapper unmapper;
  private final Populate populate;

  BrkCall(Mm mm, UnmappedArea area, Unmapper unmapper, Populate populate) {
    this.mm = mm;
    this.area = area;
    this.unmapper = unmapper;
    this.populate = populate;
  }

  /** The call: the break after it. */
  long brk(long wanted) {
    MmLayout layout = mm.layout();
    long old = mm.brk;
    if (Long.compareUnsigned(wanted, layout.startBrk()) < 0) {
      mm.because("limit", "below start_brk: nothing changes and the break is returned");
      return old;
    }
    long limit = mm.limit(ResourceLimit.DATA);
    long data = wanted - layout.startBrk() + (layout.endData() - layout.startData());
    if (limit != ResourceLimit.INFINITY && Long.compareUnsigned(data, limit) > 0) {
      mm.because("limit", "RLIMIT_DATA: heap and data would exceed it");
      return old;
    }
    long newEnd = Mm.pageAlign(wanted);
    long oldEnd = Mm.pageAlign(old);
    if (newEnd == oldEnd) {
      mm.because("limit", "the same page: only the break moves, no mapping changes");
      setBrk(wanted);
      return wanted;
    }
    if (Long.compareUnsigned(wanted, old) <= 0) {
      return shrink(wanted, newEnd, oldEnd);
    }
    return grow(wanted, newEnd, oldEnd);
  }

  private long shrink(long wanted, long newEnd, long oldEnd) {
    if (mm.vmas.intersection(newEnd, oldEnd) == null) {
      mm.because("limit", "the heap below the break was unmapped");
      return mm.brk;
    }
    if (unmapper.unmap(newEnd, oldEnd) != 0) {
      return mm.brk;
    }
    setBrk(wanted);
    return wanted;
  }

  private long grow(long wanted, long newEnd, long oldEnd) {
    long len = newEnd - oldEnd;
    if (Errno.isError(area.get(null, oldEnd, len, 0, Uapi.MAP_FIXED))
        || !mm.accounting.mayLock(mm.defFlags, len)) {
      return mm.brk;
    }
    Vma next = mm.vmas.find(oldEnd);
    if (next != null && newEnd + Mm.PAGE > mm.startGap(next)) {
      mm.because("placement", "no free page between the new break and the next mapping");
      return mm.brk;
    }
    if (!extend(oldEnd, newEnd)) {
      return mm.brk;
    }
    setBrk(wanted);
    if ((mm.defFlags & VmFlags.LOCKED) != 0) {
      populate.range(oldEnd, len, true);
    }
    return wanted;
  }

  /**
   * {@code vm_brk_flags}, as exec makes bss: writable anonymous memory in place of what is there.
   *
   * @return 0 or a negated errno
   */
  long vmBrk(long addr, long bytes, boolean exec) {
    long len = Mm.pageAlign(bytes);
    if (Long.compareUnsigned(len, bytes) < 0) {
      return mm.error(Errno.ENOMEM, "the length wraps");
    }
    if (len == 0) {
      return 0;
    }
    long at = area.get(null, addr, len, 0, Uapi.MAP_FIXED);
    if (Errno.isError(at)) {
      return at;
    }
    long error =
        mm.vmas.intersection(addr, addr + len) == null ? 0 : unmapper.unmap(addr, addr + len);
    if (error != 0) {
      return error;
    }
    Vma before = mm.vmas.before(addr);
    return extend(addr, addr + len, before, exec ? VmFlags.EXEC : 0)
        ? 0
        : mm.error(Errno.ENOMEM, "no memory for bss, or a limit");
  }

  private boolean extend(long start, long end) {
    return extend(start, end, start > mm.layout().startBrk() ? mm.vmas.before(start) : null, 0);
  }

  private boolean extend(long start, long end, @Nullable Vma before, long more) {
    long flags =
        mm.mergeable(
            VmFlags.READ
                | VmFlags.WRITE
                | VmFlags.MAY_ACCESS
                | VmFlags.ACCOUNT
                | mm.defFlags
                | more
                | (mm.config.readImpliesExec() ? VmFlags.EXEC : 0));
    long pages = (end - start) >>> 12;
    if (!mm.accounting.mayExpand(flags, pages)) {
      return false;
    }
    if (mm.vmas.size() > mm.maxMapCount()) {
      mm.because("limit", "more VMAs than vm.max_map_count");
      return false;
    }
    if (!mm.accounting.charge(pages)) {
      return false;
    }
    Vma vma = null;
    if (before != null && before.end == start) {
      MergeRequest request =
          mm.merger.request.forNew(before, null, start, end, start >>> 12, flags).justExpand();
      vma = mm.merger.mergeNew(request);
      if (request.outOfMemory()) {
        mm.accounting.uncharge(pages);
        return false;
      }
    }
    if (vma == null) {
      if (!mm.vmas.prepare(1)) {
        mm.accounting.uncharge(pages);
        return false;
      }
      if (mm.explaining()) {
        mm.because(
            "merge",
            start > mm.layout().startBrk()
                ? "no VMA that the heap could grow: it gets a new one"
                : "the heap begins at start_brk: it never grows the mapping below");
      }
      vma = mm.vmas.allocate(start, end);
      vma.pgoff = start >>> 12;
      vma.flags = flags;
      mm.vmas.insert(vma);
    }
    vma.flags |= mm.newFlags();
    mm.accounting.add(flags, pages);
    if ((flags & VmFlags.LOCKED) != 0) {
      mm.accounting.lockedVm += pages;
    }
    return true;
  }

  private void setBrk(long brk) {
    mm.brk = brk;
    mm.vmas.changed();
  }
}
