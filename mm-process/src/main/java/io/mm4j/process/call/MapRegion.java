// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.HugeMap;
import io.mm4j.process.vma.MergeRequest;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * {@code mmap_region} (mm/vma.c, Linux 6.18): replaces what is mapped in a range by a new mapping.
 *
 * <p>Steps: gather what is there (splits stay), check limits, charge memory, remove the old VMAs,
 * merge the new range with a neighbour or give it a VMA of its own. When the file system or shared
 * memory refuses at the end, the range stays unmapped.
 */
final class MapRegion {
  private final Mm mm;
  private final Unmapper unmapper;

  MapRegion(Mm mm, Unmapper unmapper) {
    this.mm = mm;
    this.unmapper = unmapper;
  }

  /** The address, or a negated errno. */
  long map(@Nullable OpenFile open, long addr, long len, long flags, long pgoff) {
    mm.context.files.keepUnheld();
    try {
      return place(open, addr, len, flags, pgoff);
    } finally {
      mm.context.files.letUnheldGo();
    }
  }

  private long place(@Nullable OpenFile open, long addr, long len, long flags, long pgoff) {
    if (ProcessCalls.deniesExec(mm, flags, flags)) {
      return mm.error(Errno.EACCES, "PR_SET_MDWE: memory is not writable and executable");
    }
    long end = addr + len;
    long error = unmapper.gather(addr, end);
    if (error != 0) {
      return error;
    }
    long count = len >>> 12;
    if (!mm.accounting.mayExpand(flags, count - unmapper.pages)) {
      return mm.error(Errno.ENOMEM, "RLIMIT_AS or RLIMIT_DATA");
    }
    long vmFlags = flags;
    boolean accountable = VmFlags.isAccountable(vmFlags);
    if (!mm.vmas.prepare(1)) {
      return -Errno.ENOMEM;
    }
    if (accountable) {
      long charge = count - unmapper.accounted;
      if (charge != 0 && !mm.accounting.charge(charge)) {
        return mm.error(Errno.ENOMEM, "overcommit");
      }
      vmFlags |= VmFlags.ACCOUNT;
    }
    unmapper.complete(addr, end, !accountable);
    if (open != null && mm.context.files.isGoneSegment(open.file())) {
      return mm.error(Errno.EINVAL, "shm_mmap: the removed segment went with what was mapped here");
    }
    if (open != null && open.file().kind() == MappedFile.Kind.EXT4 && (flags & VmFlags.SYNC) != 0) {
      if (accountable) {
        mm.accounting.uncharge(count);
      }
      return mm.error(Errno.EOPNOTSUPP, "MAP_SYNC on a file system without DAX");
    }
    if (open != null && (vmFlags & VmFlags.HUGETLB) != 0) {
      if ((pgoff << 12 & mm.pages.bytes(open.file().kind().leafLevel()) - 1) != 0) {
        return mm.error(Errno.EINVAL, "an offset in the middle of a huge page");
      }
      if ((vmFlags & VmFlags.NORESERVE) == 0 && !promise(open, addr, end, pgoff, vmFlags)) {
        mm.context.files.closed(open.file());
        return mm.error(Errno.ENOMEM, "not so many huge pages are free in the pool (nr_hugepages)");
      }
      FileObject file = mm.context.files.nameless(open.file());
      long needed = (pgoff << 12) + (end - addr);
      if ((vmFlags & VmFlags.WRITE) != 0 && file.sizeBytes() < needed) {
        mm.context.files.resize(file, needed);
      }
    }
    if (open != null && open.file().kind() == MappedFile.Kind.SECRET) {
      if ((vmFlags & VmFlags.MAYSHARE) == 0) {
        mm.accounting.uncharge(accountable ? count : 0);
        return mm.error(Errno.EINVAL, "secret memory is mapped shared only");
      }
      if (!mm.accounting.mayLock(vmFlags | VmFlags.LOCKED, len)) {
        return mm.error(Errno.EAGAIN, "RLIMIT_MEMLOCK: secret memory is locked");
      }
      vmFlags |= VmFlags.LOCKED | VmFlags.DONTDUMP;
    }
    long plain = vmFlags;
    vmFlags = mm.mergeable(vmFlags);
    boolean early = open == null || open.file().kind() != MappedFile.Kind.DEV_ZERO;
    // can_set_ksm_flags_early(): /dev/zero has no mmap_prepare, and is marked when it is mapped.
    Vma vma = merge(open, addr, end, early ? vmFlags : plain, pgoff);
    if (vma == null) {
      vma = create(open, addr, end, vmFlags, pgoff);
      if (vma == null) {
        if (accountable) {
          mm.accounting.uncharge(count);
        }
        return mm.error(Errno.ENOMEM, "overcommit of shared memory");
      }
    }
    if (vma.has(VmFlags.HUGETLB)) {
      vma.flags |= VmFlags.DONTEXPAND;
    }
    vma.flags |= mm.newFlags();
    mm.accounting.add(vmFlags, count);
    if ((vmFlags & VmFlags.LOCKED) != 0) {
      if (vma.hasAny(VmFlags.SPECIAL | VmFlags.DROPPABLE)) {
        vma.flags &= ~VmFlags.LOCKED_MASK;
      } else {
        mm.accounting.lockedVm += count;
      }
    }
    return addr;
  }

  /** {@code hugetlb_reserve_pages}: promises what the mapping may touch. */
  private boolean promise(OpenFile open, long addr, long end, long pgoff, long flags) {
    HugeMap map = mm.huge.of(open.file().kind().leafLevel());
    FileObject file = mm.context.files.nameless(open.file());
    if ((flags & VmFlags.MAYSHARE) == 0) {
      return map.promise(file, addr, end);
    }
    long size = map.pageBytes();
    long first = (pgoff << 12) / size;
    return file.isSegment() // whose pages shmget has promised
        || map.promiseFile(file, first, first + (end - addr) / size);
  }

  private @Nullable Vma merge(
      @Nullable OpenFile open, long addr, long end, long flags, long pgoff) {
    MergeRequest request =
        mm.merger
            .request
            .forNew(mm.vmas.before(addr), mm.vmas.find(end), addr, end, pgoff, flags)
            .file(open);
    return mm.merger.mergeNew(request);
  }

  private @Nullable Vma create(
      @Nullable OpenFile open, long addr, long end, long flags, long pgoff) {
    OpenFile file = open;
    boolean shared = (flags & VmFlags.SHARED) != 0;
    boolean zeroDevice = open != null && open.file().kind() == MappedFile.Kind.DEV_ZERO;
    FileObject backing = null;
    if (shared && (open == null || zeroDevice)) {
      long charge = (flags & VmFlags.NORESERVE) == 0 ? (end - addr) >>> 12 : 0;
      if (charge != 0 && !mm.accounting.chargeShared(charge)) {
        return null;
      }
      file =
          new OpenFile(
              new MappedFile("/dev/zero (deleted)", MappedFile.Kind.SHMEM, end - addr),
              OpenFile.Mode.READ_WRITE);
      backing = mm.context.files.sharedMemory(file.file(), charge);
    } else if (file != null && file.file().kind().isHugetlb()) {
      backing = mm.context.files.nameless(file.file());
    } else if (file != null && !(zeroDevice && !shared)) {
      backing = mm.context.files.of(file.file());
    }
    Vma vma = mm.vmas.allocate(addr, end);
    vma.pgoff = pgoff;
    vma.flags = flags;
    vma.file = file;
    vma.backing = backing;
    mm.vmas.insert(vma);
    if (mm.explaining()) {
      mm.because("merge", "it gets a VMA of its own, " + vma);
    }
    return vma;
  }
}
