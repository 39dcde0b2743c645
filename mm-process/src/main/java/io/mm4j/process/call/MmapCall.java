// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.area.UnmappedArea;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.vma.VmFlags;
import org.jspecify.annotations.Nullable;

/**
 * mmap: checks and flags of {@code ksys_mmap_pgoff} and {@code do_mmap} (mm/mmap.c, Linux 6.18).
 * {@link MapRegion} then makes the VMA.
 */
final class MmapCall {
  /** Flags that MAP_SHARED knows; others are ignored. */
  private static final long LEGACY_FLAGS =
      Uapi.MAP_SHARED
          | Uapi.MAP_PRIVATE
          | Uapi.MAP_FIXED
          | Uapi.MAP_ANONYMOUS
          | Uapi.MAP_DENYWRITE
          | Uapi.MAP_EXECUTABLE
          | Uapi.MAP_GROWSDOWN
          | Uapi.MAP_LOCKED
          | Uapi.MAP_NORESERVE
          | Uapi.MAP_POPULATE
          | Uapi.MAP_NONBLOCK
          | Uapi.MAP_STACK
          | Uapi.MAP_HUGETLB
          | Uapi.MAP_32BIT
          | Uapi.MAP_ABOVE4G
          | 63L << 26;

  private final Mm mm;
  private final UnmappedArea area;
  private final MapRegion region;
  private final Populate populate;

  MmapCall(Mm mm, UnmappedArea area, MapRegion region, Populate populate) {
    this.mm = mm;
    this.area = area;
    this.region = region;
    this.populate = populate;
  }

  /** The call. */
  long mmap(long addr, long len, long prot, long flags, long fd, long offsetBytes) {
    if ((offsetBytes & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "offset not page-aligned");
    }
    OpenFile open = null;
    if ((flags & Uapi.MAP_ANONYMOUS) == 0) {
      open = mm.open((int) fd);
      if (open == null) {
        return mm.error(Errno.EBADF, "no such descriptor");
      }
      boolean huge = open.file().kind().isHugetlb();
      if ((flags & Uapi.MAP_HUGETLB) != 0 && !huge) {
        return mm.error(Errno.EINVAL, "MAP_HUGETLB with a file that is not of hugetlbfs");
      }
      if (huge) {
        long size = mm.pages.bytes(open.file().kind().leafLevel());
        long whole = len + size - 1 & -size;
        return doMmap(open, addr, whole, prot, flags, offsetBytes >>> 12);
      }
    } else if ((flags & Uapi.MAP_HUGETLB) != 0) {
      return ofPool(addr, len, prot, flags, offsetBytes >>> 12);
    }
    long result = doMmap(open, addr, len, prot, flags, offsetBytes >>> 12);
    return result;
  }

  /** {@code hugetlb_file_setup}: a file of its own for anonymous memory of huge pages. */
  private long ofPool(long addr, long len, long prot, long flags, long pgoff) {
    HugePool pool = mm.context.hugePools().ofLog(flags >>> Uapi.MAP_HUGE_SHIFT & 63);
    if (pool == null) {
      return mm.error(Errno.EINVAL, "no such huge page size");
    }
    long whole = len + pool.pageBytes() - 1 & -pool.pageBytes();
    MappedFile file = MappedFile.sparse("/anon_hugepage (deleted)", pool.fileKind(), whole);
    return doMmap(new OpenFile(file, OpenFile.Mode.READ_WRITE), addr, whole, prot, flags, pgoff);
  }

  /** {@code do_mmap} of an open file, and populate. */
  long file(OpenFile open, long addr, long len, long prot, long flags, long pgoff) {
    return doMmap(open, addr, len, prot, flags, pgoff);
  }

  private long doMmap(
      @Nullable OpenFile open, long addr, long len, long prot, long flagsIn, long pgoffIn) {
    if (len == 0) {
      return mm.error(Errno.EINVAL, "length 0");
    }
    long protection = prot;
    boolean secret = open != null && open.file().kind() == MappedFile.Kind.SECRET;
    if ((prot & Uapi.PROT_READ) != 0 && mm.config.readImpliesExec() && !secret) {
      protection |= Uapi.PROT_EXEC;
    }
    long flags = flagsIn;
    if ((flags & Uapi.MAP_FIXED_NOREPLACE) != 0) {
      flags |= Uapi.MAP_FIXED;
    }
    long hint = addr;
    if ((flags & Uapi.MAP_FIXED) == 0) {
      hint = roundHint(addr);
    }
    long length = Mm.pageAlign(len);
    if (length == 0) {
      return mm.error(Errno.ENOMEM, "length wraps");
    }
    if (Long.compareUnsigned(pgoffIn + (length >>> 12), pgoffIn) < 0) {
      return mm.error(Errno.EOVERFLOW, "offset wraps");
    }
    if (mm.vmas.size() > mm.maxMapCount()) {
      return mm.error(Errno.ENOMEM, "more VMAs than vm.max_map_count");
    }
    long vmFlags =
        (protection & VmFlags.ACCESS) | flagBits(flags) | mm.defFlags | VmFlags.MAY_ACCESS;
    MappedFile file = open == null ? null : open.file();
    long at = area.get(file, hint, length, pgoffIn, flags);
    if (Errno.isError(at)) {
      return at;
    }
    if ((flags & Uapi.MAP_FIXED_NOREPLACE) != 0 && mm.vmas.intersection(at, at + length) != null) {
      return mm.error(Errno.EEXIST, "MAP_FIXED_NOREPLACE over an existing mapping");
    }
    if (protection == Uapi.PROT_EXEC && mm.keys != null) {
      vmFlags |= (long) Math.max(0, mm.keys.executeOnly()) << VmFlags.PKEY_SHIFT;
    }
    if ((flags & Uapi.MAP_LOCKED) != 0 && !mm.accounting.canLock()) {
      return mm.error(Errno.EPERM, "RLIMIT_MEMLOCK is 0");
    }
    if (!mm.accounting.mayLock(vmFlags, length)) {
      return mm.error(Errno.EAGAIN, "RLIMIT_MEMLOCK");
    }
    long pgoff = pgoffIn;
    long more;
    if (open != null) {
      more = fileFlags(open, pgoff, length, prot, flags, vmFlags);
    } else {
      more = anonymousFlags(flags, vmFlags);
      pgoff = (flags & Uapi.MAP_TYPE) == Uapi.MAP_SHARED ? 0 : at >>> 12;
    }
    if (more < 0) {
      return more;
    }
    vmFlags = more;
    boolean huge = file != null && file.kind().isHugetlb();
    if ((flags & Uapi.MAP_NORESERVE) != 0 && (mm.sysctls().overcommitMemory() != 2 || huge)) {
      vmFlags |= VmFlags.NORESERVE;
    }
    vmFlags |= huge ? VmFlags.HUGETLB : 0;
    long result = region.map(open, at, length, vmFlags, pgoff);
    boolean wanted =
        (vmFlags & VmFlags.LOCKED) != 0
            || (flags & (Uapi.MAP_POPULATE | Uapi.MAP_NONBLOCK)) == Uapi.MAP_POPULATE;
    if (wanted && !Errno.isError(result)) {
      populate.range(result, length, true);
    }
    return result;
  }

  /** {@code round_hint_to_min}: down to a page, and up to the lowest address that is allowed. */
  private long roundHint(long addr) {
    long hint = addr & Mm.PAGE_MASK;
    if (hint != 0 && Long.compareUnsigned(hint, mm.mmapMinAddr()) < 0) {
      mm.because("placement", "the hint is raised to mmap_min_addr");
      return Mm.pageAlign(mm.mmapMinAddr());
    }
    return hint;
  }

  private static long flagBits(long flags) {
    return ((flags & Uapi.MAP_GROWSDOWN) != 0 ? VmFlags.GROWSDOWN : 0)
        | ((flags & Uapi.MAP_LOCKED) != 0 ? VmFlags.LOCKED : 0)
        | ((flags & Uapi.MAP_SYNC) != 0 ? VmFlags.SYNC : 0)
        | ((flags & Uapi.MAP_STACK) != 0 ? VmFlags.NOHUGEPAGE : 0);
  }

  /** Flags of a file mapping, or a negated errno. */
  private long fileFlags(
      OpenFile open, long pgoff, long len, long prot, long flagsIn, long vmFlagsIn) {
    MappedFile.Kind kind = open.file().kind();
    if (!sizeAllows(kind, pgoff, len)) {
      return mm.error(Errno.EOVERFLOW, "offset beyond what the file system can hold");
    }
    long flags = flagsIn;
    long vmFlags = vmFlagsIn;
    long type = flags & Uapi.MAP_TYPE;
    if (type == Uapi.MAP_SHARED || type == Uapi.MAP_SHARED_VALIDATE) {
      if (type == Uapi.MAP_SHARED) {
        flags &= LEGACY_FLAGS;
      }
      long known = LEGACY_FLAGS | (kind == MappedFile.Kind.EXT4 ? Uapi.MAP_SYNC : 0);
      if ((flags & ~known) != 0) {
        return mm.error(Errno.EOPNOTSUPP, "MAP_SHARED_VALIDATE with a flag that is not supported");
      }
      if ((prot & Uapi.PROT_WRITE) != 0 && !open.mode().canWrite()) {
        return mm.error(Errno.EACCES, "shared and writable, but not opened for writing");
      }
      vmFlags |= VmFlags.SHARED | VmFlags.MAYSHARE;
      if (!open.mode().canWrite()) {
        vmFlags &= ~(VmFlags.MAYWRITE | VmFlags.SHARED);
      }
    } else if (type != Uapi.MAP_PRIVATE) {
      return mm.error(Errno.EINVAL, "neither shared nor private");
    }
    if (!open.mode().canRead()) {
      return mm.error(Errno.EACCES, "not opened for reading");
    }
    if (kind == MappedFile.Kind.SECRET) {
      if ((vmFlags & VmFlags.EXEC) != 0) {
        return mm.error(Errno.EPERM, "secret memory is not executable");
      }
      vmFlags &= ~VmFlags.MAYEXEC;
    }
    if (kind == MappedFile.Kind.PROC || kind == MappedFile.Kind.PIPE) {
      return mm.error(Errno.ENODEV, "the file cannot be mapped");
    }
    if ((vmFlags & VmFlags.GROWSDOWN) != 0) {
      return mm.error(Errno.EINVAL, "MAP_GROWSDOWN with a file");
    }
    return kind == MappedFile.Kind.TMPFS || kind.isHugetlb()
        ? SizeCalls.sealedFlags(mm, mm.context.files.of(open.file()), vmFlags)
        : vmFlags;
  }

  /** {@code file_mmap_ok}: the end of the mapping is an offset that a file can have. */
  private static boolean sizeAllows(MappedFile.Kind kind, long pgoff, long len) {
    long max = kind == MappedFile.Kind.DEV_ZERO ? -1L : Long.MAX_VALUE;
    return Long.compareUnsigned(len, max) <= 0
        && Long.compareUnsigned(pgoff, (max - len) >>> 12) <= 0;
  }

  /** Flags of an anonymous mapping, or a negated errno. */
  private long anonymousFlags(long flags, long vmFlags) {
    long type = flags & Uapi.MAP_TYPE;
    boolean growsDown = (vmFlags & VmFlags.GROWSDOWN) != 0;
    if (type == Uapi.MAP_SHARED) {
      return growsDown
          ? mm.error(Errno.EINVAL, "MAP_GROWSDOWN cannot be shared")
          : vmFlags | VmFlags.SHARED | VmFlags.MAYSHARE;
    }
    if (type == Uapi.MAP_DROPPABLE) {
      if ((flags & Uapi.MAP_LOCKED) != 0 || growsDown) {
        return mm.error(Errno.EINVAL, "droppable memory can be neither locked nor a stack");
      }
      return vmFlags
          | VmFlags.DROPPABLE
          | VmFlags.NORESERVE
          | VmFlags.WIPEONFORK
          | VmFlags.DONTDUMP;
    }
    return type == Uapi.MAP_PRIVATE
        ? vmFlags
        : mm.error(Errno.EINVAL, "neither shared nor private");
  }
}
