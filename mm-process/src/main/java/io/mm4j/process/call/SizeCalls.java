// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.OpenFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.HugePool;
import io.mm4j.process.page.Mapping;
import io.mm4j.process.page.MappingList;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * Calls that change which pages a file has: ftruncate, fallocate (fs/open.c, {@code
 * ext4_fallocate}, {@code shmem_fallocate}), and what hinders them: seals (mm/memfd.c). Linux 6.18.
 */
final class SizeCalls {
  private static final int KNOWN_MODES = 0xff;
  private static final int MODE_MASK = 0xfe;
  private static final int ALL_SEALS = 0x3f;
  private static final int ALL_MFD = 0x1f;
  private static final int LONGEST_NAME = 249;
  private static final int O_CLOEXEC = 0x80000;

  private final Mm mm;

  SizeCalls(Mm mm) {
    this.mm = mm;
  }

  /** ftruncate. */
  long ftruncate(long fd, long bytes) {
    if (bytes < 0) {
      return mm.error(Errno.EINVAL, "negative length");
    }
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    if (!open.file().kind().isRegular() || !open.mode().canWrite()) {
      return mm.error(Errno.EINVAL, "no regular file, or not opened for writing");
    }
    if (mm.explaining()) {
      mm.because(
          "file",
          "mapped pages behind "
              + bytes
              + " bytes go, private copies among them, and the rest of the last page becomes zero");
    }
    long result = FileSizes.truncate(mm.context, open.file(), bytes);
    return result == 0
        ? 0
        : mm.error(
            (int) -result,
            switch ((int) -result) {
              case Errno.EPERM -> "the file is sealed against another size";
              case Errno.EINVAL ->
                  "no multiple of the size of a huge page, or secret memory that has a size";
              default -> "larger than a file of this file system can be";
            });
  }

  /** fallocate. */
  long fallocate(long fd, long modeArg, long offset, long len) {
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    int mode = (int) modeArg;
    if (offset < 0 || len <= 0) {
      return mm.error(Errno.EINVAL, "negative offset, or length not above 0");
    }
    boolean keep = (mode & Uapi.FALLOC_FL_KEEP_SIZE) != 0;
    int what = mode & MODE_MASK;
    boolean allowed =
        switch (what) {
          case 0, Uapi.FALLOC_FL_UNSHARE_RANGE, Uapi.FALLOC_FL_ZERO_RANGE -> true;
          case Uapi.FALLOC_FL_PUNCH_HOLE -> keep;
          case Uapi.FALLOC_FL_COLLAPSE_RANGE, Uapi.FALLOC_FL_INSERT_RANGE -> !keep;
          default -> false;
        };
    if (!allowed || (mode & ~KNOWN_MODES) != 0) {
      return mm.error(Errno.EOPNOTSUPP, "no such mode");
    }
    if (!open.mode().canWrite()) {
      return mm.error(Errno.EBADF, "not opened for writing");
    }
    MappedFile.Kind kind = open.file().kind();
    if (kind == MappedFile.Kind.PIPE) {
      return mm.error(Errno.ESPIPE, "a pipe");
    }
    if (!kind.isRegular()) {
      return mm.error(Errno.ENODEV, "no regular file");
    }
    if (offset + len < 0 || offset + len > FileSizes.mostBytes(kind)) {
      return mm.error(Errno.EFBIG, "ends behind what the file system can hold");
    }
    if (kind.isHugetlb()) {
      return HugeFiles.fallocate(mm, mm.context.files.of(open.file()), mode, offset, offset + len);
    }
    boolean tmpfs = kind == MappedFile.Kind.TMPFS || kind == MappedFile.Kind.SHMEM;
    boolean modelled =
        switch (what) {
          case 0, Uapi.FALLOC_FL_PUNCH_HOLE -> kind != MappedFile.Kind.SECRET;
          case Uapi.FALLOC_FL_UNSHARE_RANGE -> false;
          default -> !tmpfs && kind != MappedFile.Kind.SECRET;
        };
    if (!modelled) {
      return mm.error(Errno.EOPNOTSUPP, "this file system does not do that");
    }
    FileObject file = mm.context.files.of(open.file());
    return switch (what) {
      case 0 -> allocate(file, offset, offset + len, keep);
      case Uapi.FALLOC_FL_COLLAPSE_RANGE -> collapse(file, offset, len);
      case Uapi.FALLOC_FL_INSERT_RANGE -> insert(file, offset, len);
      default -> zero(file, offset, offset + len, what, keep);
    };
  }

  /** {@code ext4_collapse_range}: takes blocks out of a file. */
  private long collapse(FileObject file, long offset, long len) {
    if (((offset | len) & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "not of whole blocks");
    }
    if (offset + len >= file.sizeBytes()) {
      return mm.error(Errno.EINVAL, "reaches the end of the file: ftruncate does that");
    }
    file.change().shift(offset >>> 12, len >>> 12, 0, from(file, offset >>> 12));
    return 0;
  }

  /** {@code ext4_insert_range}: makes room in a file. */
  private long insert(FileObject file, long offset, long len) {
    if (((offset | len) & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "not of whole blocks");
    }
    if (offset >= file.sizeBytes()) {
      return mm.error(Errno.EINVAL, "not before the end of the file");
    }
    if (len > FileSizes.mostBytes(file.mapped().kind()) - file.sizeBytes()) {
      return mm.error(Errno.EFBIG, "larger than a file of this file system can be");
    }
    file.change().shift(offset >>> 12, 0, len >>> 12, from(file, offset >>> 12));
    return 0;
  }

  /** Unmaps pages; private copies of those from an index on, too. */
  private FileObject.Unmapping from(FileObject file, long index) {
    return (first, past) -> mm.context.mappings.unmap(file, first, past, first >= index);
  }

  private long allocate(FileObject file, long from, long to, boolean keep) {
    int seals = file.change().seals();
    boolean grows = !keep && to > file.sizeBytes();
    // shmem_fallocate looks at the end even with FALLOC_FL_KEEP_SIZE.
    if (to > file.sizeBytes() && (seals & Uapi.F_SEAL_GROW) != 0) {
      return mm.error(Errno.EPERM, "the file is sealed against growing");
    }
    if (file.isShmem()) {
      long first = from >>> 12;
      long past = (to + Mm.PAGE - 1) >>> 12;
      if (past - first > Math.min(mm.config.totalRamKb() >>> 2, file.mostBlocks())) {
        return mm.error(Errno.ENOSPC, "more than the file system holds");
      }
      for (long i = first; i < past; i++) {
        if (file.lacksRoom(i)) {
          file.change().giveUp(first, i);
          return mm.error(Errno.ENOSPC, "the file system is full (size=)");
        }
        if (!file.change().allocate(i)) {
          file.change().giveUp(first, i);
          return mm.error(Errno.ENOMEM, "no memory for the pages");
        }
      }
    }
    if (grows) {
      file.change().allocatedTo(to);
    }
    return 0;
  }

  /** Punches a hole, or the same that keeps its place on the disk. */
  private long zero(FileObject file, long from, long toIn, int what, boolean keep) {
    int seals = file.change().seals();
    if ((seals & (Uapi.F_SEAL_WRITE | Uapi.F_SEAL_FUTURE_WRITE)) != 0) {
      return mm.error(Errno.EPERM, "the file is sealed against writing");
    }
    boolean grows = what == Uapi.FALLOC_FL_ZERO_RANGE && !keep && toIn > file.sizeBytes();
    if (grows) {
      file.change().allocatedTo(toIn);
    }
    // ext4_punch_hole ends with the page that the file ends in; ext4_zero_range and shmem_fallocate
    // do not look.
    boolean endless = what == Uapi.FALLOC_FL_ZERO_RANGE || file.isShmem();
    long to = endless || toIn <= file.sizeBytes() ? toIn : file.pageCount() << 12;
    if (from < to && (endless || from < file.sizeBytes())) {
      FileObject.Unmapping unmapping =
          (first, past) -> mm.context.mappings.unmap(file, first, past);
      file.holes().punchBytes(from, to, unmapping);
    }
    if (what == Uapi.FALLOC_FL_ZERO_RANGE) {
      file.change().partsBehindEnd(from, to);
    }
    return 0;
  }

  /** fsync. */
  long fsync(long fd) {
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    if (!open.file().kind().isRegular() || open.file().kind() == MappedFile.Kind.SECRET) {
      return mm.error(Errno.EINVAL, "this kind of file has nothing to write out");
    }
    FileObject file = mm.context.files.of(open.file());
    file.dirty().writeBack(0, Long.MAX_VALUE);
    return 0;
  }

  // ---------------------------------------------------------------- seals

  /** fcntl with F_ADD_SEALS and F_GET_SEALS. */
  long fcntl(long fd, long cmd, long arg) {
    OpenFile open = mm.open((int) fd);
    if (open == null) {
      return mm.error(Errno.EBADF, "no such descriptor");
    }
    boolean sealable =
        switch (open.file().kind()) {
          case TMPFS, SHMEM, HUGETLB, HUGETLB_1G -> true;
          default -> false;
        };
    if (cmd == Uapi.F_ADD_SEALS && !open.mode().canWrite()) {
      return mm.error(Errno.EPERM, "not opened for writing");
    }
    if ((cmd != Uapi.F_ADD_SEALS && cmd != Uapi.F_GET_SEALS) || !sealable) {
      return mm.error(Errno.EINVAL, "not about seals, or no file of shared memory");
    }
    FileObject file = mm.context.files.of(open.file());
    int seals = file.change().seals();
    if (cmd == Uapi.F_GET_SEALS) {
      return seals;
    }
    int more = (int) arg;
    if ((more & ~ALL_SEALS) != 0) {
      return mm.error(Errno.EINVAL, "unknown seals");
    }
    if ((seals & Uapi.F_SEAL_SEAL) != 0) {
      return mm.error(Errno.EPERM, "sealed against seals (without MFD_ALLOW_SEALING at once)");
    }
    // A program that cannot become executable cannot be written either.
    if ((more & Uapi.F_SEAL_EXEC) != 0 && file.change().isExecutable()) {
      more |= Uapi.F_SEAL_SHRINK | Uapi.F_SEAL_GROW | Uapi.F_SEAL_WRITE | Uapi.F_SEAL_FUTURE_WRITE;
    }
    if ((more & Uapi.F_SEAL_WRITE) != 0
        && (seals & Uapi.F_SEAL_WRITE) == 0
        && hasWritableMapping(file)) {
      return mm.error(Errno.EBUSY, "a shared mapping could write");
    }
    file.change().seals(seals | more);
    return 0;
  }

  /** {@code mapping_deny_writable}. */
  private static boolean hasWritableMapping(FileObject file) {
    MappingList vmas = file.vmas();
    for (int i = 0; i < vmas.size(); i++) {
      Mapping mapping = vmas.get(i);
      if (mapping instanceof Vma vma && vma.has(VmFlags.SHARED | VmFlags.MAYWRITE)) {
        return true;
      }
    }
    return false;
  }

  /**
   * {@code memfd_check_seals_mmap}: the flags of a mapping of a sealed file, or a negated errno.
   */
  static long sealedFlags(Mm mm, FileObject file, long vmFlags) {
    int seals = file.change().seals();
    boolean writes = (seals & (Uapi.F_SEAL_WRITE | Uapi.F_SEAL_FUTURE_WRITE)) != 0;
    if (!writes || (vmFlags & VmFlags.SHARED) == 0) {
      return vmFlags;
    }
    return (vmFlags & VmFlags.WRITE) != 0
        ? mm.error(Errno.EPERM, "the file is sealed against writing")
        : vmFlags & ~VmFlags.MAYWRITE;
  }

  /** memfd_create. */
  long memfdCreate(String name, long flagArg) {
    int flags = (int) flagArg;
    boolean huge = (flags & Uapi.MFD_HUGETLB) != 0;
    int known = huge ? ALL_MFD | 63 << Uapi.MAP_HUGE_SHIFT : ALL_MFD;
    boolean both = (flags & Uapi.MFD_EXEC) != 0 && (flags & Uapi.MFD_NOEXEC_SEAL) != 0;
    if ((flags & ~known) != 0 || both || name.length() > LONGEST_NAME) {
      return mm.error(Errno.EINVAL, "unknown or contradicting flags, or a name that is too long");
    }
    MappedFile.Kind kind = MappedFile.Kind.TMPFS;
    if (huge) {
      HugePool pool = mm.context.hugePools().ofLog(flags >>> Uapi.MAP_HUGE_SHIFT & 63);
      if (pool == null) {
        return mm.error(Errno.ENODEV, "no huge pages of this size");
      }
      kind = pool.fileKind();
    }
    MappedFile mapped = MappedFile.sparse("/memfd:" + name + " (deleted)", kind, 0);
    FileObject file = mm.context.files.nameless(mapped);
    boolean noExec = (flags & Uapi.MFD_NOEXEC_SEAL) != 0;
    boolean open = noExec || (flags & Uapi.MFD_ALLOW_SEALING) != 0;
    file.change().executable(!noExec);
    file.change().seals((open ? 0 : Uapi.F_SEAL_SEAL) | (noExec ? Uapi.F_SEAL_EXEC : 0));
    return mm.newDescriptor(new OpenFile(mapped, OpenFile.Mode.READ_WRITE));
  }

  /** memfd_secret. */
  long memfdSecret(long flags) {
    if (((int) flags & ~O_CLOEXEC) != 0) {
      return mm.error(Errno.EINVAL, "unknown flags");
    }
    MappedFile mapped = MappedFile.sparse("/secretmem (deleted)", MappedFile.Kind.SECRET, 0);
    FileObject _ = mm.context.files.nameless(mapped);
    return mm.newDescriptor(new OpenFile(mapped, OpenFile.Mode.READ_WRITE));
  }
}
