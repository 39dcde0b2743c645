// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.uffd.Userfaultfd;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * Which VMAs a userfaultfd watches ({@code userfaultfd_register}, {@code userfaultfd_unregister},
 * fs/userfaultfd.c, and what they call in mm/userfaultfd.c; Linux 6.18). A VMA is watched by one,
 * and merges with those only that the same one watches in the same way.
 */
final class UffdRange {
  private final Mm mm;
  private final FlagChange change;

  UffdRange(Mm mm) {
    this.mm = mm;
    this.change = new FlagChange(mm);
  }

  /** {@code validate_range}: 0 or -EINVAL. */
  static long check(Mm of, long start, long len) {
    return (start & Mm.PAGE - 1) != 0
        ? of.error(Errno.EINVAL, "the start is not page-aligned")
        : checkUnaligned(of, start, len);
  }

  /** {@code validate_unaligned_range}: the start may be anywhere. */
  static long checkUnaligned(Mm of, long start, long len) {
    long size = of.taskSize();
    boolean wrong =
        (len & Mm.PAGE - 1) != 0
            || len == 0
            || Long.compareUnsigned(start, of.sysctls().mmapMinAddr()) < 0
            || Long.compareUnsigned(start, size) >= 0
            || Long.compareUnsigned(len, size - start) > 0;
    return wrong
        ? of.error(Errno.EINVAL, "length 0 or not of whole pages, or not in user space")
        : 0;
  }

  /** {@code vma_can_userfault}. */
  static boolean canWatch(Vma vma, long flags, boolean async) {
    long modes = flags & VmFlags.UFFD;
    boolean shmem =
        vma.backing != null && vma.backing.isShmem() && !vma.backing.isSegment() && !isPool(vma);
    if (vma.has(VmFlags.DROPPABLE)
        || ((modes & VmFlags.UFFD_MINOR) != 0 && !shmem && !isPool(vma))) {
      return false;
    }
    return (async && modes == VmFlags.UFFD_WP) || vma.isAnonymous() || isPool(vma) || shmem;
  }

  private static boolean isPool(Vma vma) {
    return vma.has(VmFlags.HUGETLB);
  }

  /** Watches a checked range: 0 or a negated errno. */
  long register(Userfaultfd watch, long start, long end, long modes) {
    Vma first = mm.vmas.intersection(start, end);
    if (first == null) {
      return mm.error(Errno.EINVAL, "nothing is mapped there");
    }
    if (isPool(first) && (start & first.hugeBytes() - 1) != 0) {
      return mm.error(Errno.EINVAL, "the start is in the middle of a huge page of the pool");
    }
    for (Vma vma = first; vma != null && vma.start < end; vma = mm.vmas.next(vma)) {
      if (!canWatch(vma, modes, watch.isAsync())) {
        return mm.error(Errno.EINVAL, "memory of this kind cannot be watched in this mode");
      }
      if (!vma.has(VmFlags.MAYWRITE)) {
        return mm.error(Errno.EPERM, "memory that can never be written");
      }
      if (isPool(vma) && end <= vma.end && (end & vma.hugeBytes() - 1) != 0) {
        return mm.error(Errno.EINVAL, "the end is in the middle of a huge page of the pool");
      }
      if (vma.uffd != null && vma.uffd != watch) {
        return mm.error(Errno.EBUSY, "another userfaultfd watches it");
      }
    }
    long from = start;
    for (Vma vma = first; vma != null && vma.start < end; vma = mm.vmas.next(vma)) {
      if (vma.uffd != watch || !vma.has(modes)) {
        Vma now =
            change.uffd(
                vma,
                Math.max(from, vma.start),
                Math.min(end, vma.end),
                (vma.flags & ~VmFlags.UFFD) | modes,
                watch);
        if (now == null) {
          return change.error;
        }
        vma = now;
      }
      from = vma.end;
    }
    return 0;
  }

  /** Watches a checked range no longer: 0 or a negated errno. */
  long unregister(Userfaultfd watch, long start, long end) {
    Vma first = mm.vmas.intersection(start, end);
    if (first == null) {
      return mm.error(Errno.EINVAL, "nothing is mapped there");
    }
    if (isPool(first) && (start & first.hugeBytes() - 1) != 0) {
      return mm.error(Errno.EINVAL, "the start is in the middle of a huge page of the pool");
    }
    for (Vma vma = first; vma != null && vma.start < end; vma = mm.vmas.next(vma)) {
      if (vma.uffd != null && vma.uffd != watch) {
        return mm.error(Errno.EINVAL, "another userfaultfd watches it");
      }
      if (!canWatch(vma, vma.flags, watch.isAsync())) {
        return mm.error(Errno.EINVAL, "memory of a kind that cannot be watched");
      }
    }
    long from = start;
    for (Vma vma = first; vma != null && vma.start < end; vma = mm.vmas.next(vma)) {
      if (vma.uffd != null) {
        long at = Math.max(from, vma.start);
        long to = Math.min(end, vma.end);
        if (vma.has(VmFlags.UFFD_MISSING)) {
          vma.uffd.wake(at, to - at);
        }
        Vma now = clear(vma, at, to);
        if (now == null) {
          return change.error;
        }
        vma = now;
      }
      from = vma.end;
    }
    return 0;
  }

  /** {@code userfaultfd_release_all}: its last descriptor is closed. */
  void release(Userfaultfd watch) {
    for (Vma vma = mm.vmas.first(); vma != null; vma = mm.vmas.next(vma)) {
      if (vma.uffd == watch) {
        Vma now = clear(vma, vma.start, vma.end);
        vma = now == null ? vma : now;
      }
    }
  }

  /** {@code userfaultfd_clear_vma}; null if it would have to be split, and cannot be. */
  private @Nullable Vma clear(Vma vma, long start, long end) {
    if (vma.has(VmFlags.UFFD_WP)) {
      long prot = mm.prot(vma);
      if (!isPool(vma)) {
        mm.pages.uffd().resolve(start, end, prot);
      }
    }
    return change.uffd(vma, start, end, vma.flags & ~VmFlags.UFFD, null);
  }

  /** {@code userfaultfd_reset_ctx}: nobody watches it any more, where it is. */
  static void reset(Mm of, Vma vma) {
    if (vma.uffd != null) {
      vma.uffd = null;
      vma.flags &= ~VmFlags.UFFD;
      of.vmas.changed();
    }
  }

  /** The flags of VMAs that modes of UFFDIO_REGISTER stand for. */
  static long flags(long modes) {
    return ((modes & Uffd.REGISTER_MISSING) != 0 ? VmFlags.UFFD_MISSING : 0)
        | ((modes & Uffd.REGISTER_WP) != 0 ? VmFlags.UFFD_WP : 0)
        | ((modes & Uffd.REGISTER_MINOR) != 0 ? VmFlags.UFFD_MINOR : 0);
  }
}
