// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.area.UnmappedArea;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * mremap (mm/mremap.c, Linux 6.18).
 *
 * <p>Vocabulary: a <i>move</i> has a fixed new address and equal sizes, and may go over several
 * VMAs and the holes between them; everything else works on one VMA: it shrinks, grows in place, or
 * is copied to a new place ({@link VmaMover}) and unmapped at the old one, which MREMAP_DONTUNMAP
 * omits.
 */
final class MremapCall {
  private final Mm mm;
  private final UnmappedArea area;
  private final Unmapper unmapper;
  private final Populate populate;
  private final VmaMover mover;

  private long flags;
  private boolean fixed;
  private boolean dontUnmap;
  private boolean impliesNewAddr;

  MremapCall(Mm mm, UnmappedArea area, Unmapper unmapper, Populate populate) {
    this.mm = mm;
    this.area = area;
    this.unmapper = unmapper;
    this.populate = populate;
    this.mover = new VmaMover(mm, unmapper);
  }

  /** The call. */
  long mremap(long addr, long oldBytes, long newBytes, long flagBits, long newAddr) {
    flags = flagBits;
    fixed = (flags & Uapi.MREMAP_FIXED) != 0;
    dontUnmap = (flags & Uapi.MREMAP_DONTUNMAP) != 0;
    impliesNewAddr = fixed || dontUnmap;
    long oldLen = Mm.pageAlign(oldBytes);
    long newLen = Mm.pageAlign(newBytes);
    long error = checkParameters(addr, oldLen, newLen, newAddr);
    if (error != 0) {
      return error;
    }
    if (fixed && oldLen == newLen) {
      return moveAll(addr, oldLen, newAddr);
    }
    return one(addr, oldLen, newLen, newAddr);
  }

  private long checkParameters(long addr, long oldLen, long newLen, long newAddr) {
    if ((flags & ~(Uapi.MREMAP_MAYMOVE | Uapi.MREMAP_FIXED | Uapi.MREMAP_DONTUNMAP)) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    if ((addr & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned");
    }
    if (newLen == 0 || Long.compareUnsigned(newLen, mm.taskSize()) > 0) {
      return mm.error(Errno.EINVAL, "new length 0 or longer than user space");
    }
    if (!impliesNewAddr) {
      return 0;
    }
    if (Long.compareUnsigned(newAddr, mm.taskSize() - newLen) > 0) {
      return mm.error(Errno.EINVAL, "new address not in user space");
    }
    if ((newAddr & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "new address not page-aligned");
    }
    if ((flags & Uapi.MREMAP_MAYMOVE) == 0) {
      return mm.error(Errno.EINVAL, "a new address without MREMAP_MAYMOVE");
    }
    if (dontUnmap && oldLen != newLen) {
      return mm.error(Errno.EINVAL, "MREMAP_DONTUNMAP cannot resize");
    }
    boolean overlap =
        Long.compareUnsigned(addr + oldLen, newAddr) > 0
            && Long.compareUnsigned(newAddr + newLen, addr) > 0;
    if (overlap) {
      return mm.error(Errno.EINVAL, "old and new range overlap");
    }
    if (mm.vmas.size() + 2 >= mm.maxMapCount() - 3) {
      return mm.error(Errno.ENOMEM, "too near to vm.max_map_count");
    }
    return 0;
  }

  /** {@code remap_move}: all VMAs of the range, each with its distance to the one before. */
  private long moveAll(long start, long len, long newAddr) {
    long end = start + len;
    long target = newAddr;
    long result = -Errno.EFAULT;
    long lastEnd = 0;
    boolean seen = false;
    long from = start;
    while (true) {
      Vma vma = mm.vmas.find(from);
      if (vma == null || vma.start >= end) {
        break;
      }
      if (!seen && start < vma.start) {
        return mm.error(Errno.EFAULT, "the old range begins in a hole");
      }
      long addr = Math.max(vma.start, start);
      long bytes = whole(vma, Math.min(end, vma.end) - addr);
      long to = target + (seen ? vma.start - lastEnd : 0);
      lastEnd = vma.end;
      long vmaEnd = vma.end;
      if (!manyAllowed(vma) && (seen || vma.end < end)) {
        return mm.error(Errno.EFAULT, "such a mapping moves only alone");
      }
      long error = prepare(vma, addr, bytes, bytes, to);
      long moved = error != 0 ? error : moveTo(addr, bytes, bytes, to);
      if (Errno.isError(moved)) {
        return moved;
      }
      if (!seen) {
        result = moved;
      }
      seen = true;
      target = moved + bytes;
      from = vmaEnd;
      if (from >= end) {
        break;
      }
    }
    return seen ? result : mm.error(Errno.EFAULT, "nothing is mapped in the old range");
  }

  /**
   * {@code vma_multi_allowed}: whether the file system honours every fixed address, and no
   * userfaultfd has to be told.
   */
  private static boolean manyAllowed(Vma vma) {
    if (vma.hasAny(VmFlags.UFFD)) {
      return false;
    }
    return vma.file == null
        || (vma.file.file().kind() != MappedFile.Kind.DEV_ZERO && !SegmentCalls.isAttachment(vma));
  }

  private long one(long addr, long oldBytes, long newBytes, long newAddr) {
    Vma vma = mm.vmas.lookup(addr);
    if (vma == null) {
      return mm.error(Errno.EFAULT, "nothing is mapped at the old address");
    }
    long oldLen = whole(vma, oldBytes);
    long newLen = whole(vma, newBytes);
    long error = prepare(vma, addr, oldLen, newLen, newAddr);
    if (error != 0) {
      return error;
    }
    if (impliesNewAddr) {
      boolean grows = newLen > oldLen && vma.has(VmFlags.LOCKED);
      long result = moveTo(addr, oldLen, newLen, newAddr);
      return populated(result, oldLen, newLen, grows);
    }
    if (newLen == oldLen) {
      return addr;
    }
    if (Long.compareUnsigned(newLen, oldLen) < 0) {
      mm.because("placement", "it shrinks in place: its end is unmapped");
      error = unmapper.munmap(addr + newLen, oldLen - newLen);
      return error != 0 ? error : addr;
    }
    return expand(vma, addr, oldLen, newLen);
  }

  /** {@code align_hugetlb}: lengths are those of whole pages, also of huge ones of a pool. */
  private static long whole(Vma vma, long bytes) {
    return vma.has(VmFlags.HUGETLB) ? bytes + vma.hugeBytes() - 1 & -vma.hugeBytes() : bytes;
  }

  /** {@code check_prep_vma}: whether the VMA may be resized or moved so. */
  private long prepare(Vma vma, long addr, long oldLen, long newLen, long newAddr) {
    if (vma.has(VmFlags.SEALED)) {
      return mm.error(Errno.EPERM, "the VMA is sealed");
    }
    boolean expands = Long.compareUnsigned(newLen, oldLen) > 0;
    if (vma.has(VmFlags.HUGETLB) && (expands || ((addr | newAddr) & vma.hugeBytes() - 1) != 0)) {
      return mm.error(Errno.EINVAL, "huge pages of the pool: not from border to border, or more");
    }
    if (!expands && !impliesNewAddr) {
      return 0;
    }
    if (oldLen == 0 && !vma.hasAny(VmFlags.SHARED | VmFlags.MAYSHARE)) {
      return mm.error(Errno.EINVAL, "old size 0 duplicates shared mappings only");
    }
    if (dontUnmap && vma.hasAny(VmFlags.DONTEXPAND | VmFlags.PFNMAP)) {
      return mm.error(Errno.EINVAL, "MREMAP_DONTUNMAP of a special mapping");
    }
    long needed = expands ? oldLen : newLen;
    if (Long.compareUnsigned(needed, vma.end - addr) > 0) {
      return mm.error(Errno.EFAULT, "the old range leaves the VMA");
    }
    if (!expands) {
      return 0; // what a shrink cuts off is unmapped before the rest moves
    }
    long pgoff = vma.pgoffAt(addr);
    if (Long.compareUnsigned(pgoff + (newLen >>> 12), pgoff) < 0) {
      return mm.error(Errno.EINVAL, "the page offset would wrap");
    }
    if (vma.hasAny(VmFlags.DONTEXPAND | VmFlags.PFNMAP)) {
      return mm.error(Errno.EFAULT, "a special mapping cannot be resized");
    }
    long delta = newLen - oldLen;
    if (!mm.accounting.mayLock(vma.flags, delta)) {
      return mm.error(Errno.EAGAIN, "RLIMIT_MEMLOCK");
    }
    if (!mm.accounting.mayExpand(vma.flags, delta >>> 12)) {
      return mm.error(Errno.ENOMEM, "RLIMIT_AS or RLIMIT_DATA");
    }
    return 0;
  }

  /** {@code mremap_to}. */
  private long moveTo(long addr, long oldLenIn, long newLen, long newAddr) {
    long oldLen = oldLenIn;
    if (fixed) {
      long error = unmapper.munmap(newAddr, newLen);
      if (error != 0) {
        return error;
      }
    }
    Vma vma = mm.vmas.lookup(addr);
    if (vma == null) {
      return mm.error(Errno.EFAULT, "nothing is mapped at the old address any more");
    }
    if (Long.compareUnsigned(newLen, oldLen) < 0) {
      long error = unmapper.munmap(addr + newLen, oldLen - newLen);
      if (error != 0) {
        return error;
      }
      oldLen = newLen;
      vma = mm.vmas.lookup(addr);
      if (vma == null) {
        return -Errno.EFAULT;
      }
    }
    if (dontUnmap && !mm.accounting.mayExpand(vma.flags, oldLen >>> 12)) {
      return mm.error(Errno.ENOMEM, "RLIMIT_AS or RLIMIT_DATA");
    }
    return place(vma, addr, oldLen, newLen, newAddr);
  }

  private long place(Vma vma, long addr, long oldLen, long newLen, long newAddr) {
    long mapFlags =
        (fixed ? Uapi.MAP_FIXED : 0) | (vma.has(VmFlags.MAYSHARE) ? Uapi.MAP_SHARED : 0);
    MappedFile file = vma.file == null ? null : vma.file.file();
    long to = area.get(file, impliesNewAddr ? newAddr : 0, newLen, vma.pgoffAt(addr), mapFlags);
    return Errno.isError(to) ? to : mover.move(vma, addr, oldLen, newLen, to, dontUnmap);
  }

  private long expand(Vma vma, long addr, long oldLen, long newLen) {
    boolean locked = vma.has(VmFlags.LOCKED);
    long delta = newLen - oldLen;
    if (vma.end - addr == oldLen && expandable(vma, delta)) {
      boolean accounted = vma.has(VmFlags.ACCOUNT);
      long charge = accounted ? delta >>> 12 : 0;
      if (accounted && !mm.accounting.charge(charge)) {
        return mm.error(Errno.ENOMEM, "overcommit");
      }
      if (mm.explaining()) {
        mm.because("placement", "the range behind " + vma + " is free: it grows in place");
      }
      Vma next = mm.vmas.next(vma);
      Vma grown =
          mm.merger.mergeNew(
              mm.merger
                  .request
                  .forNew(vma, next, vma.end, vma.end + delta, vma.pgoffAt(vma.end), vma.flags)
                  .like(vma));
      if (grown == null) {
        mm.accounting.uncharge(charge);
        return mm.error(Errno.ENOMEM, "the mapping cannot grow");
      }
      mm.accounting.add(grown.flags, delta >>> 12);
      if (locked) {
        mm.accounting.lockedVm += delta >>> 12;
      }
      return populated(addr, oldLen, newLen, locked);
    }
    if ((flags & Uapi.MREMAP_MAYMOVE) == 0) {
      return mm.error(Errno.ENOMEM, "no room to grow in place, and it may not move");
    }
    mm.because("placement", "no room to grow in place: it moves");
    return populated(place(vma, addr, oldLen, newLen, 0), oldLen, newLen, locked);
  }

  /** {@code vma_expandable}: the range behind is free and in user space. */
  private boolean expandable(Vma vma, long delta) {
    long end = vma.end + delta;
    if (end < vma.end || mm.vmas.intersection(vma.end, end) != null) {
      return false;
    }
    long at = area.get(null, vma.start, end - vma.start, 0, Uapi.MAP_FIXED);
    return (at & Mm.PAGE - 1) == 0;
  }

  private long populated(long result, long oldLen, long newLen, boolean locked) {
    if (locked && newLen > oldLen && !Errno.isError(result)) {
      populate.range(result + oldLen, newLen - oldLen, true);
    }
    return result;
  }
}
