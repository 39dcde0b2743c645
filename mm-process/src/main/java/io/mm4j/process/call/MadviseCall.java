// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.process.fault.Populate;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * madvise (mm/madvise.c, Linux 6.18): goes over the VMAs of the range; holes are passed over and
 * make the answer -ENOMEM at the end, an error stops. What pages do is {@link PageAdvice}'s.
 */
final class MadviseCall {
  static final int NORMAL = 0;
  static final int RANDOM = 1;
  static final int SEQUENTIAL = 2;
  static final int WILLNEED = 3;
  static final int DONTNEED = 4;
  static final int FREE = 8;
  static final int REMOVE = 9;
  static final int DONTFORK = 10;
  static final int DOFORK = 11;
  static final int MERGEABLE = 12;
  static final int UNMERGEABLE = 13;
  static final int HUGEPAGE = 14;
  static final int NOHUGEPAGE = 15;
  static final int DONTDUMP = 16;
  static final int DODUMP = 17;
  static final int WIPEONFORK = 18;
  static final int KEEPONFORK = 19;
  static final int COLD = 20;
  static final int PAGEOUT = 21;
  static final int POPULATE_READ = 22;
  static final int POPULATE_WRITE = 23;
  static final int DONTNEED_LOCKED = 24;
  static final int COLLAPSE = 25;
  static final int GUARD_INSTALL = 102;
  static final int GUARD_REMOVE = 103;

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
    if (!known(advice)) {
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
    if (advice == POPULATE_READ || advice == POPULATE_WRITE) {
      return populate.madvise(addr, end, advice == POPULATE_WRITE);
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

  private long visit(Vma vma, long start, long end, int advice) {
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
    return change.error == -Errno.ENOMEM ? -Errno.EAGAIN : change.error;
  }

  private static boolean changesFlags(int advice) {
    return advice <= SEQUENTIAL || (advice >= DONTFORK && advice <= KEEPONFORK);
  }

  /** The flags that the advice leads to, -1 if the VMA is not of a kind that takes it. */
  private static long newFlags(Vma vma, int advice) {
    long flags = vma.flags;
    boolean droppable = vma.has(VmFlags.DROPPABLE);
    boolean unsharable =
        droppable || vma.hasAny(VmFlags.SHARED | VmFlags.MAYSHARE | VmFlags.SPECIAL);
    return switch (advice) {
      case NORMAL -> flags & ~(VmFlags.RAND_READ | VmFlags.SEQ_READ);
      case SEQUENTIAL -> (flags & ~VmFlags.RAND_READ) | VmFlags.SEQ_READ;
      case RANDOM -> (flags & ~VmFlags.SEQ_READ) | VmFlags.RAND_READ;
      case DONTFORK -> flags | VmFlags.DONTCOPY;
      case DOFORK -> vma.has(VmFlags.IO) ? -1 : flags & ~VmFlags.DONTCOPY;
      case WIPEONFORK ->
          vma.file != null || vma.has(VmFlags.SHARED) ? -1 : flags | VmFlags.WIPEONFORK;
      case KEEPONFORK -> droppable ? -1 : flags & ~VmFlags.WIPEONFORK;
      case DONTDUMP -> flags | VmFlags.DONTDUMP;
      case DODUMP -> droppable || vma.hasAny(VmFlags.SPECIAL) ? -1 : flags & ~VmFlags.DONTDUMP;
      case MERGEABLE -> unsharable ? flags : flags | VmFlags.MERGEABLE;
      case UNMERGEABLE -> flags & ~VmFlags.MERGEABLE;
      case HUGEPAGE -> (flags & ~VmFlags.NOHUGEPAGE) | VmFlags.HUGEPAGE;
      case NOHUGEPAGE -> (flags & ~VmFlags.HUGEPAGE) | VmFlags.NOHUGEPAGE;
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
          case FREE, DONTNEED, DONTNEED_LOCKED, REMOVE, DONTFORK, WIPEONFORK, GUARD_INSTALL -> true;
          default -> false;
        };
    return discards && vma.isAnonymous() && !vma.has(VmFlags.WRITE);
  }

  private static boolean known(int advice) {
    return (advice >= NORMAL && advice <= DONTNEED)
        || (advice >= FREE && advice <= COLLAPSE)
        || advice == GUARD_INSTALL
        || advice == GUARD_REMOVE;
  }
}
