// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.process.Uffd;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.PageRanges;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.page.UffdEntries;
import io.mm4j.process.uffd.UffdMessage;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.stream.LongStream;

/** The advice that acts on pages and not on flags (mm/madvise.c, Linux 6.18). */
final class PageAdvice {
  private final Mm mm;
  private final FolioSplit folios;
  private final Collapse collapse;
  private final PageOut pageOut;

  PageAdvice(Mm mm) {
    this.mm = mm;
    this.folios = new FolioSplit(mm);
    this.collapse = new Collapse(mm);
    this.pageOut = new PageOut(mm);
  }

  /** Applies it to a part of a VMA: 0 or a negated errno. */
  long apply(Vma vma, long start, long end, int advice) {
    return switch (advice) {
      case Uapi.MADV_DONTNEED, Uapi.MADV_DONTNEED_LOCKED, Uapi.MADV_FREE ->
          discard(vma, start, end, advice);
      case Uapi.MADV_WILLNEED -> willNeed(vma, start, end);
      case Uapi.MADV_REMOVE -> remove(vma, start, end);
      case Uapi.MADV_COLD, Uapi.MADV_PAGEOUT -> cold(vma, start, end, advice == Uapi.MADV_COLD);
      case Uapi.MADV_GUARD_INSTALL -> installGuards(vma, start, end);
      case Uapi.MADV_GUARD_REMOVE -> removeGuards(vma, start, end);
      case Uapi.MADV_COLLAPSE ->
          vma.isAnonymous()
              ? collapse.apply(vma, start, end)
              : vma.backing != null && vma.backing.isShmem()
                  ? collapse.shared(vma, vma.backing, start, end)
                  : mm.error(Errno.EINVAL, "MADV_COLLAPSE of a file on a disk");
      default -> 0;
    };
  }

  /** {@code madvise_willneed}; there is no swap device to read from. */
  private long willNeed(Vma vma, long start, long end) {
    FileObject file = vma.backing;
    if (vma.file != null
        && file != null
        && !file.isShmem()
        && !file.isSecret()
        && !vma.has(VmFlags.HUGETLB)) {
      long pages = (end - start) >>> 12;
      mm.context.files.readAhead(vma.file).force(file, vma.pgoffAt(start), pages);
    }
    return 0;
  }

  private long cold(Vma vma, long start, long end, boolean stays) {
    if (vma.hasAny(VmFlags.LOCKED | VmFlags.PFNMAP | VmFlags.HUGETLB)) {
      return mm.error(Errno.EINVAL, "locked or special memory, or of the pool of huge pages");
    }
    folios.splitPartlyAdvised(vma, start, end, stays || pageOut.mayDropFilesOf(vma));
    if (stays) {
      mm.pages.marks().cool(start, end);
    } else {
      pageOut.apply(vma, start, end);
    }
    return 0;
  }

  private long discard(Vma vma, long start, long end, int advice) {
    if (vma.has(VmFlags.HUGETLB)) {
      return discardHuge(vma, start, end, advice);
    }
    boolean locked = advice != Uapi.MADV_DONTNEED_LOCKED && vma.has(VmFlags.LOCKED);
    if (locked || vma.has(VmFlags.PFNMAP)) {
      return mm.error(Errno.EINVAL, "locked or special memory");
    }
    tell(vma, start, end);
    if (advice == Uapi.MADV_FREE) {
      if (!vma.isAnonymous()) {
        return mm.error(Errno.EINVAL, "MADV_FREE of a file");
      }
      folios.splitPartlyAdvised(vma, start, end, true);
      mm.pages.marks().forgetUse(start, end);
      return 0;
    }
    PageRanges ranges = mm.pages.ranges();
    if (vma.hasAny(VmFlags.UFFD) && !vma.isAnonymous()) {
      zapKeepingMarks(vma, start, end);
    } else {
      ranges.zap(start, end, true, vma.hasRecency(), vma.isLocked());
    }
    long size = mm.pages.hugeBytes();
    for (long at = ranges.nextTable((start + size - 1) & -size, end);
        at + size <= end;
        at = ranges.nextTable(at + size, end)) {
      ranges.freeEmptyTable(at);
    }
    return 0;
  }

  /** {@code zap_install_uffd_wp_if_needed}: what is protected of a file stays so, by a marker. */
  private void zapKeepingMarks(Vma vma, long start, long end) {
    LongStream.Builder kept = LongStream.builder();
    UffdEntries uffd = mm.pages.uffd();
    uffd.protectedPages(start, end, vma.has(VmFlags.UFFD_WP), kept);
    mm.pages.ranges().zap(start, end, true, vma.hasRecency(), vma.isLocked());
    kept.build().forEach(uffd::mark);
  }

  /** {@code userfaultfd_remove}: a userfaultfd is told, if it wants to be. */
  private static void tell(Vma vma, long start, long end) {
    if (vma.uffd != null && vma.uffd.has(Uffd.EVENT_REMOVE)) {
      vma.uffd.event(UffdMessage.remove(start, end));
    }
  }

  /** {@code madvise_dontneed_free_valid_vma}: huge pages of the pool, as many as are whole. */
  private long discardHuge(Vma vma, long start, long end, int advice) {
    if (advice == Uapi.MADV_FREE || (start & vma.hugeBytes() - 1) != 0) {
      return mm.error(Errno.EINVAL, "MADV_FREE of huge pages, or not from a border of them on");
    }
    long past = end & -vma.hugeBytes();
    if (start < past) {
      tell(vma, start, past);
      mm.huge(vma).zap(start, past, false);
    }
    return 0;
  }

  private long remove(Vma vma, long start, long end) {
    FileObject file = vma.backing;
    if (vma.has(VmFlags.LOCKED) || vma.file == null) {
      return mm.error(Errno.EINVAL, "MADV_REMOVE of locked or anonymous memory");
    }
    if (!vma.has(VmFlags.SHARED | VmFlags.MAYWRITE) || file == null) {
      return mm.error(Errno.EACCES, "MADV_REMOVE needs a shared writable mapping");
    }
    tell(vma, start, end);
    long offset = vma.pgoffAt(start) << 12;
    long offsetPast = offset + (end - start);
    if (vma.has(VmFlags.HUGETLB)) {
      return HugeFiles.punch(mm, file, offset, offsetPast);
    }
    if (offset < 0) {
      return mm.error(Errno.EINVAL, "negative offset in the file");
    }
    if (offsetPast < 0 || offsetPast > FileSizes.mostBytes(file.mapped().kind())) {
      return mm.error(Errno.EFBIG, "behind what the file system can hold");
    }
    int seals = file.change().seals();
    if ((seals & (Uapi.F_SEAL_WRITE | Uapi.F_SEAL_FUTURE_WRITE)) != 0) {
      return mm.error(Errno.EPERM, "the file is sealed against writing");
    }
    file.holes()
        .punch(
            vma.pgoffAt(start),
            vma.pgoffAt(end),
            (first, past) -> mm.context.mappings.unmap(file, first, past));
    return 0;
  }

  private long installGuards(Vma vma, long start, long end) {
    if (vma.hasAny(VmFlags.SPECIAL | VmFlags.LOCKED)) {
      return mm.error(Errno.EINVAL, "guard pages in locked or special memory");
    }
    // Since VM_MAYBE_GUARD tells fork to copy them, guards need no anon_vma in mappings of files.
    if (vma.isAnonymous() && !AnonVmas.prepare(mm.vmas, vma)) {
      return -Errno.ENOMEM;
    }
    vma.flags |= VmFlags.MAYBE_GUARD;
    for (long at = start; at < end; at += Mm.PAGE) {
      if (!mm.pages.makeTable(at)) {
        return mm.error(Errno.ENOMEM, "no memory for page tables");
      }
      if (mm.pages.look(at) != PageTable.GUARD || mm.pages.isPoison()) {
        mm.pages.mapGuard(at); // one that is there already stays as it is
      }
    }
    return 0;
  }

  private long removeGuards(Vma vma, long start, long end) {
    if (vma.hasAny(VmFlags.SPECIAL)) {
      return mm.error(Errno.EINVAL, "guard pages in special memory");
    }
    mm.pages
        .ranges()
        .visit(
            start,
            end,
            (addr, kind, pfn, huge) -> {
              if (kind == PageTable.GUARD && !mm.pages.isPoisonAt(addr)) {
                mm.pages.unmap(addr);
              }
            });
    return 0;
  }
}
