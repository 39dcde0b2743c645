// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * madvise (mm/madvise.c, Linux 6.18): goes over the VMAs of the range; holes are passed over and
 * make the answer -ENOMEM at the end, an error stops. What pages do is {@link PageAdvice}'s.
 */
final class MadviseCall {
  /** {@code __MADV_SET_ANON_VMA_NAME}: no advice that a program can give. */
  private static final int SET_NAME = -1;

  /** What {@link #setName} sets. */
  private @Nullable String newName;

  private final Mm mm;
  private final FlagChange change;
  private final Populate populate;
  private final PageAdvice pageAdvice;

  MadviseCall(Mm mm, FlagChange change, Populate populate) {
    this.mm = mm;
    this.change = change;
    this.populate = populate;
    this.pageAdvice = new PageAdvice(mm);
  }

  /** The call. */
  long madvise(long addr, long lenIn, long adviceArg) {
    int advice = (int) adviceArg;
    boolean merges = advice == Uapi.MADV_MERGEABLE || advice == Uapi.MADV_UNMERGEABLE;
    if (!known(advice)
        || (aboutHugePages(advice) && !mm.context.frames().hasHugePages())
        || (merges && !mm.context.hasKsm)) {
      return mm.error(Errno.EINVAL, "unknown advice");
    }
    long len = Mm.pageAlign(lenIn);
    long end = addr + len;
    if ((addr & Mm.PAGE - 1) != 0
        || (lenIn != 0 && len == 0)
        || Long.compareUnsigned(end, addr) < 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned, or the range wraps");
    }
    if (end == addr) {
      return 0;
    }
    if (advice == Uapi.MADV_POPULATE_READ || advice == Uapi.MADV_POPULATE_WRITE) {
      return populate.madvise(addr, end, advice == Uapi.MADV_POPULATE_WRITE);
    }
    return walk(addr, end, advice);
  }

  private long walk(long start, long end, int advice) {
    long at = start;
    long unmapped = 0;
    while (true) {
      Vma vma = mm.vmas.find(at);
      if (vma == null) {
        return mm.error(Errno.ENOMEM, "not everything in the range is mapped");
      }
      if (Long.compareUnsigned(at, vma.start) < 0) {
        unmapped = -Errno.ENOMEM;
        at = vma.start;
        if (Long.compareUnsigned(at, end) >= 0) {
          break;
        }
      }
      long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      long error = visit(vma, at, to, advice);
      if (error != 0) {
        return error;
      }
      Vma now = mm.vmas.lookup(to - 1);
      at = now == null ? to : Math.max(to, now.end);
      if (Long.compareUnsigned(at, end) >= 0) {
        break;
      }
    }
    if (unmapped != 0) {
      mm.because("error", "ENOMEM: not everything in the range is mapped; the rest was advised");
    }
    return unmapped;
  }

  /**
   * {@code madvise_set_anon_name}: names what is anonymous in a range.
   *
   * @param name null takes names away
   */
  long setName(long addr, long lenIn, @Nullable String name) {
    long len = Mm.pageAlign(lenIn);
    long end = addr + len;
    if ((addr & Mm.PAGE - 1) != 0
        || (lenIn != 0 && len == 0)
        || Long.compareUnsigned(end, addr) < 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned, or the range wraps");
    }
    newName = name;
    return end == addr ? 0 : walk(addr, end, SET_NAME);
  }

  private long nameVma(Vma vma, long start, long end) {
    boolean anonShmem = vma.file != null && vma.file.file().kind() == MappedFile.Kind.SHMEM;
    if (vma.file != null && !anonShmem) {
      return mm.error(Errno.EBADF, "only anonymous memory can have a name");
    }
    if (Objects.equals(vma.anonName, newName)
        || change.apply(vma, start, end, vma.flags, newName) != null) {
      return 0;
    }
    return change.error == -Errno.ENOMEM
        ? mm.error(Errno.EAGAIN, "a VMA, or memory for one, is missing")
        : change.error;
  }

  private long visit(Vma vma, long start, long end, int advice) {
    if (advice == SET_NAME) {
      return nameVma(vma, start, end);
    }
    if (sealedAgainst(vma, advice)) {
      return mm.error(Errno.EPERM, "the VMA is sealed and cannot be written");
    }
    if (!changesFlags(advice)) {
      return pageAdvice.apply(vma, start, end, advice);
    }
    long flags = newFlags(vma, advice);
    if (flags < 0) {
      return mm.error(Errno.EINVAL, "this kind of memory does not take the advice");
    }
    if (flags == vma.flags || change.apply(vma, start, end, flags) != null) {
      return 0;
    }
    return change.error == -Errno.ENOMEM
        ? mm.error(Errno.EAGAIN, "madvise gives this where a VMA or memory for one is missing")
        : change.error;
  }

  private static boolean changesFlags(int advice) {
    return advice <= Uapi.MADV_SEQUENTIAL
        || (advice >= Uapi.MADV_DONTFORK && advice <= Uapi.MADV_KEEPONFORK);
  }

  /** The flags that the advice leads to, -1 if the VMA is not of a kind that takes it. */
  private static long newFlags(Vma vma, int advice) {
    long flags = vma.flags;
    boolean droppable = vma.has(VmFlags.DROPPABLE);
    return switch (advice) {
      case Uapi.MADV_NORMAL -> flags & ~(VmFlags.RAND_READ | VmFlags.SEQ_READ);
      case Uapi.MADV_SEQUENTIAL -> (flags & ~VmFlags.RAND_READ) | VmFlags.SEQ_READ;
      case Uapi.MADV_RANDOM -> (flags & ~VmFlags.SEQ_READ) | VmFlags.RAND_READ;
      case Uapi.MADV_DONTFORK -> flags | VmFlags.DONTCOPY;
      case Uapi.MADV_DOFORK -> vma.has(VmFlags.IO) ? -1 : flags & ~VmFlags.DONTCOPY;
      case Uapi.MADV_WIPEONFORK ->
          vma.file != null || vma.has(VmFlags.SHARED) ? -1 : flags | VmFlags.WIPEONFORK;
      case Uapi.MADV_KEEPONFORK -> droppable ? -1 : flags & ~VmFlags.WIPEONFORK;
      case Uapi.MADV_DONTDUMP -> flags | VmFlags.DONTDUMP;
      case Uapi.MADV_DODUMP ->
          droppable || (!vma.has(VmFlags.HUGETLB) && vma.hasAny(VmFlags.SPECIAL))
              ? -1
              : flags & ~VmFlags.DONTDUMP;
      case Uapi.MADV_MERGEABLE -> VmFlags.canMergePages(flags) ? flags | VmFlags.MERGEABLE : flags;
      case Uapi.MADV_UNMERGEABLE -> flags & ~VmFlags.MERGEABLE;
      case Uapi.MADV_HUGEPAGE -> (flags & ~VmFlags.NOHUGEPAGE) | VmFlags.HUGEPAGE;
      case Uapi.MADV_NOHUGEPAGE -> (flags & ~VmFlags.HUGEPAGE) | VmFlags.NOHUGEPAGE;
      default -> throw new IllegalArgumentException("advice=" + advice + " changes no flags");
    };
  }

  /** {@code can_madvise_modify}: discarding anonymous memory that could not be written. */
  private static boolean sealedAgainst(Vma vma, int advice) {
    if (!vma.has(VmFlags.SEALED)) {
      return false;
    }
    boolean discards =
        switch (advice) {
          case Uapi.MADV_FREE,
              Uapi.MADV_DONTNEED,
              Uapi.MADV_DONTNEED_LOCKED,
              Uapi.MADV_REMOVE,
              Uapi.MADV_DONTFORK,
              Uapi.MADV_WIPEONFORK,
              Uapi.MADV_GUARD_INSTALL ->
              true;
          default -> false;
        };
    return discards && vma.isAnonymous() && !vma.has(VmFlags.WRITE);
  }

  /** What a kernel without CONFIG_TRANSPARENT_HUGEPAGE does not know. */
  private static boolean aboutHugePages(int advice) {
    return advice == Uapi.MADV_HUGEPAGE
        || advice == Uapi.MADV_NOHUGEPAGE
        || advice == Uapi.MADV_COLLAPSE;
  }

  private static boolean known(int advice) {
    return (advice >= Uapi.MADV_NORMAL && advice <= Uapi.MADV_DONTNEED)
        || (advice >= Uapi.MADV_FREE && advice <= Uapi.MADV_COLLAPSE)
        || advice == Uapi.MADV_GUARD_INSTALL
        || advice == Uapi.MADV_GUARD_REMOVE;
  }
}
