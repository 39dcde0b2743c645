// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.process.Errno;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.uffd.Userfaultfd;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;

/**
 * UFFDIO_MOVE ({@code move_pages}, mm/userfaultfd.c, Linux 6.18): pages of anonymous memory that
 * are one process's alone leave their place and come to another. A huge page that is moved whole
 * stays one; of another the mapping, and then the folio, is split.
 */
final class UffdMove {
  private final Mm mm;
  private final Frames frames;

  UffdMove(Mm mm) {
    this.mm = mm;
    this.frames = mm.context.frames();
  }

  /**
   * Moves pages between checked ranges.
   *
   * @param holes whether pages that are not there are passed over
   * @return bytes that were moved or passed over, or a negated errno if none were
   */
  long move(Userfaultfd watch, long dst, long src, long len, boolean holes) {
    Vma to = mm.vmas.lookup(dst);
    if (to == null) {
      return mm.error(Errno.ENOENT, "nothing is mapped where pages are to go");
    }
    if (!to.has(VmFlags.SHARED) && !AnonVmas.prepare(mm.vmas, to)) {
      return -Errno.ENOMEM;
    }
    Vma from = mm.vmas.lookup(src);
    if (from == null) {
      return mm.error(Errno.ENOENT, "nothing is mapped where pages are to come from");
    }
    if (from.has(VmFlags.SHARED)
        || to.has(VmFlags.SHARED)
        || src + len > from.end
        || dst + len > to.end) {
      return mm.error(Errno.EINVAL, "shared memory, or not all in one VMA each");
    }
    long error = alike(watch, from, to);
    long done = 0;
    while (done < len && error == 0) {
      boolean whole = isWhole(src + done, dst + done, len - done);
      error =
          whole ? hugePage(src + done, to, dst + done) : page(src + done, to, dst + done, holes);
      done += error != 0 ? 0 : whole ? mm.hugeBytes : Mm.PAGE;
    }
    return done > 0 ? done : error;
  }

  /** {@code move_splits_huge_pmd}, and that nothing is where the huge page is to go. */
  private boolean isWhole(long src, long dst, long len) {
    boolean fits = ((src | dst) & mm.hugeBytes - 1) == 0 && len >= mm.hugeBytes;
    return fits
        && mm.pages.huge().isAt(src)
        && mm.pages.makeDirectory(dst)
        && mm.pages.huge().fits(dst);
  }

  /** {@code move_pages_huge_pmd}. */
  private long hugePage(long src, Vma to, long dst) {
    PageTable pages = mm.pages;
    boolean zero = pages.look(src) == PageTable.ZERO;
    long head = pages.pfn();
    if (!zero && !frames.lru().isExclusive(head)) {
      return shared();
    }
    long prot = mm.prot(to);
    if (zero) {
      pages.huge().move(src, dst, pages.huge().zeroEntry(head, prot));
      return 0;
    }
    long entry = pages.written(pages.huge().entry(head, prot));
    pages.huge().move(src, dst, frames.format().bits().mksoftDirty(entry));
    frames.moveAnon(head, to, to.pgoffAt(dst));
    return 0;
  }

  /** {@code validate_move_areas}. */
  private long alike(Userfaultfd watch, Vma from, Vma to) {
    long both = VmFlags.ACCESS | VmFlags.LOCKED;
    long moves = VmFlags.PFNMAP | VmFlags.IO | VmFlags.HUGETLB | VmFlags.MIXEDMAP;
    if (((from.flags ^ to.flags) & both) != 0
        || !from.has(VmFlags.WRITE)
        || from.hasAny(moves)
        || to.hasAny(moves)) {
      return mm.error(Errno.EINVAL, "rights or locks differ, or not writable, or special memory");
    }
    if (to.uffd != watch) {
      return mm.error(Errno.EINVAL, "this userfaultfd does not watch where pages are to go");
    }
    return from.isAnonymous() && to.isAnonymous()
        ? 0
        : mm.error(Errno.EINVAL, "not anonymous memory");
  }

  private long page(long src, Vma to, long dst, boolean holes) {
    PageTable pages = mm.pages;
    if (pages.huge().isAt(dst)) {
      return mm.error(Errno.EEXIST, "a huge page is there");
    }
    if (!pages.hasTable(src)) {
      if (!holes) {
        return missing();
      }
      if (!pages.makeTable(src)) { // what is at the other place counts all the same
        return -Errno.ENOMEM;
      }
    }
    if (pages.huge().isAt(src)
        && pages.look(src) == PageTable.PAGE
        && !frames.lru().isExclusive(pages.pfn())) {
      return shared();
    }
    pages.huge().split(src);
    if (!pages.makeTable(dst)) {
      return -Errno.ENOMEM;
    }
    if (pages.look(dst) != PageTable.NOTHING || pages.isUffdWp()) {
      return mm.error(Errno.EEXIST, "something is there, if only a marker");
    }
    int kind = pages.look(src);
    if (kind == PageTable.NOTHING && !pages.isUffdWp()) {
      return holes ? 0 : missing();
    }
    if (kind < PageTable.ZERO) {
      return mm.error(Errno.EFAULT, "a marker is where the page is to come from");
    }
    if (kind == PageTable.PAGE && !frames.lru().isExclusive(pages.pfn())) {
      return shared();
    }
    if (kind == PageTable.PAGE && frames.order(pages.pfn()) > 0) {
      if (!frames.deferred().split(frames.head(pages.pfn()), pages)) {
        return mm.error(Errno.EBUSY, "the folio of the page cannot be split");
      }
      kind = pages.look(src); // a page of zeroes is the zero page now
    }
    long prot = mm.prot(to);
    if (kind == PageTable.ZERO) {
      long zero = pages.pfn();
      pages.unmap(src);
      pages.mapZero(dst, pages.zeroEntry(zero, prot));
      return 0;
    }
    long pfn = pages.pfn();
    EntryBits bits = frames.format().bits();
    boolean dirty = pages.isDirtyHere();
    long _ = pages.takeOut(src);
    frames.moveAnon(pfn, to, to.pgoffAt(dst));
    long entry = bits.mksoftDirty(pages.entry(pfn, prot));
    pages.map(dst, pfn, bits.mkwrite(dirty ? bits.mkdirty(entry) : entry));
    return 0;
  }

  private long shared() {
    return mm.error(Errno.EBUSY, "another process may have the page, too");
  }

  private long missing() {
    return mm.error(Errno.ENOENT, "nothing is where the page is to come from");
  }
}
