// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.Uapi;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/** Small calls on a range: msync, mincore, mseal (mm/msync.c, mm/mincore.c, mm/mseal.c of 6.18). */
final class RangeCalls {
  private static final int GROUP_WRITES = 020;
  private static final int OTHERS_WRITE = 02;

  private final Mm mm;
  private final FlagChange change;
  private final Touch touch;

  RangeCalls(Mm mm, FlagChange change, Touch touch) {
    this.mm = mm;
    this.change = change;
    this.touch = touch;
  }

  /** msync: 0, or an error; MS_SYNC makes the folios of shared file mappings clean. */
  long msync(long addr, long lenIn, long flagBits) {
    int flags = (int) flagBits;
    boolean both = (flags & Uapi.MS_ASYNC) != 0 && (flags & Uapi.MS_SYNC) != 0;
    if ((flags & ~(Uapi.MS_ASYNC | Uapi.MS_INVALIDATE | Uapi.MS_SYNC)) != 0
        || (addr & Mm.PAGE - 1) != 0
        || both) {
      return mm.error(Errno.EINVAL, "wrong flags or unaligned");
    }
    long end = addr + Mm.pageAlign(lenIn);
    if (Long.compareUnsigned(end, addr) < 0) {
      return mm.error(Errno.ENOMEM, "the range wraps");
    }
    long unmapped = 0;
    long at = addr;
    while (Long.compareUnsigned(at, end) < 0) {
      Vma vma = mm.vmas.find(at);
      if (vma == null) {
        return mm.error(Errno.ENOMEM, "not everything in the range is mapped");
      }
      if (Long.compareUnsigned(at, vma.start) < 0) {
        if (flags == Uapi.MS_ASYNC || Long.compareUnsigned(vma.start, end) >= 0) {
          return mm.error(Errno.ENOMEM, "not everything in the range is mapped");
        }
        unmapped = -Errno.ENOMEM;
      }
      if ((flags & Uapi.MS_INVALIDATE) != 0 && vma.has(VmFlags.LOCKED)) {
        return mm.error(Errno.EBUSY, "MS_INVALIDATE of locked memory");
      }
      if ((flags & Uapi.MS_SYNC) != 0 && vma.has(VmFlags.SHARED) && vma.backing != null) {
        if (vma.isSecret()) {
          return mm.error(Errno.EINVAL, "secret memory has no fsync");
        }
        long from = Math.max(at, vma.start);
        long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
        vma.backing.dirty().writeBack(vma.pgoffAt(from), vma.pgoffAt(to));
      }
      at = vma.end;
    }
    return unmapped;
  }

  /** mseal. */
  long mseal(long addr, long lenIn, long flags) {
    long len = Mm.pageAlign(lenIn);
    long end = addr + len;
    if (flags != 0
        || (addr & Mm.PAGE - 1) != 0
        || (lenIn != 0 && len == 0)
        || Long.compareUnsigned(end, addr) < 0) {
      return mm.error(Errno.EINVAL, "wrong flags, unaligned, or the range wraps");
    }
    for (long at = addr; Long.compareUnsigned(at, end) < 0; ) {
      Vma vma = mm.vmas.lookup(at);
      if (vma == null) {
        return mm.error(Errno.ENOMEM, "not everything in the range is mapped");
      }
      at = vma.end;
    }
    for (long at = addr; Long.compareUnsigned(at, end) < 0; ) {
      Vma vma = java.util.Objects.requireNonNull(mm.vmas.lookup(at));
      long to = Long.compareUnsigned(end, vma.end) < 0 ? end : vma.end;
      if (!vma.has(VmFlags.SEALED)
          && change.apply(vma, at, to, vma.flags | VmFlags.SEALED) == null) {
        return change.error;
      }
      at = to;
    }
    return 0;
  }

  /** mincore. */
  long mincore(long addr, long len, long vec, AddressSpace.ByteSink sink) {
    if ((addr & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned");
    }
    if (!mm.userRange(addr, len)) {
      return mm.error(Errno.ENOMEM, "not in user space");
    }
    long pages = (len >>> 12) + ((len & Mm.PAGE - 1) != 0 ? 1 : 0);
    if (!mm.userRange(vec, pages)) {
      return mm.error(Errno.EFAULT, "vector not in user space");
    }
    Runs answers = new Runs();
    // The kernel works in pieces of one page of answers, none longer than a VMA.
    for (long i = 0; i < pages; ) {
      long at = addr + (i << 12);
      Vma vma = mm.vmas.lookup(at);
      if (vma == null) {
        return mm.error(Errno.ENOMEM, "a hole in the range");
      }
      long piece = Math.min(Math.min(pages - i, Mm.PAGE), (vma.end - at) >>> 12);
      Runs found = new Runs();
      residency(vma, at, at + (piece << 12), found);
      found.tell(answers);
      if (!copyOut(vec + i, piece, found)) {
        return mm.error(Errno.EFAULT, "vector not writable");
      }
      i += piece;
    }
    answers.tell(sink);
    return 0;
  }

  /** {@code copy_to_user}: false where memory cannot be written; what lies before it is. */
  private boolean copyOut(long to, long bytes, Runs found) {
    long end = to;
    while (end < to + bytes && touch.kernelWrite(end, 1)) {
      end = Math.min(to + bytes, (end | Mm.PAGE - 1) + 1);
    }
    UserBytes out = new UserBytes(mm, to);
    long writable = end - to;
    found.tell(
        new AddressSpace.ByteSink() {
          private long left = writable;

          @Override
          public void accept(int value) {
            accept(value, 1);
          }

          @Override
          public void accept(int value, long count) {
            long now = Math.min(count, left);
            out.fill(value, now);
            left -= now;
          }
        });
    return writable == bytes;
  }

  /** What is mapped is resident, else what the page cache has; in runs, for ranges can be long. */
  private void residency(Vma vma, long start, long end, AddressSpace.ByteSink sink) {
    if (vma.special != Vma.Special.NONE || !mayKnow(vma)) {
      sink.accept(1, (end - start) >>> 12);
      return;
    }
    for (long at = start; at < end; ) {
      if (mm.pages.isPresent(at)) {
        sink.accept(1, 1);
        at += Mm.PAGE;
        continue;
      }
      long to =
          vma.has(VmFlags.HUGETLB)
              ? Math.min(end, (at & -vma.hugeBytes()) + vma.hugeBytes())
              : mm.pages.ranges().nextEntry(at + Mm.PAGE, end);
      cached(vma, at, to, sink);
      at = to;
    }
  }

  /**
   * {@code can_do_mincore}: of a file, who owns it or could open it for writing; to others all is
   * resident.
   */
  private boolean mayKnow(Vma vma) {
    MappedFile.Owner owner = vma.file == null ? null : vma.file.file().owner();
    if (owner == null || mm.uid == 0 || mm.uid == owner.uid()) {
      return true;
    }
    return (owner.mode() & (mm.gid == owner.gid() ? GROUP_WRITES : OTHERS_WRITE)) != 0;
  }

  private static void cached(Vma vma, long start, long end, AddressSpace.ByteSink sink) {
    FileObject file = vma.backing;
    if (file == null
        || vma.has(VmFlags.HUGETLB)
        || file.mapped().kind() == MappedFile.Kind.DEV_ZERO) {
      sink.accept(0, (end - start) >>> 12);
      return;
    }
    long past = vma.pgoffAt(start) + ((end - start) >>> 12);
    for (long i = vma.pgoffAt(start); i < past; ) {
      long to = file.sameResidency(i, past);
      sink.accept(file.isCached(i) ? 1 : 0, to - i);
      i = to;
    }
  }
}
