// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.pagetable.EntryBits;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.TouchOutcome;
import io.mm4j.process.fault.Touch;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.PageTable;
import io.mm4j.process.vma.AnonVmas;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.Objects;

/**
 * Brings pages to where they are missing ({@code mfill_atomic}, mm/userfaultfd.c, and {@code
 * shmem_mfill_atomic_pte}, mm/shmem.c of Linux 6.18), one after the other: what was brought before
 * one that cannot be is the answer.
 */
final class UffdFill {
  /** What is brought. */
  enum What {
    /** Pages with bytes of the caller. */
    COPY,
    /** Zeroes. */
    ZERO,
    /** What the file has. */
    CONTINUE,
    /** Nothing but failure. */
    POISON
  }

  /** No address of bytes: zeroes. */
  private static final long NOTHING = -1;

  /** Whose bytes they are. */
  private final Mm caller;

  private final Touch touch;

  /** Whose memory it is. */
  private final Mm mm;

  private final Frames frames;
  private final EntryBits bits;

  /**
   * From one process to one.
   *
   * @param touch accesses of the caller's memory by the kernel
   */
  UffdFill(Mm caller, Touch touch, Mm owner) {
    this.caller = caller;
    this.touch = touch;
    this.mm = owner;
    this.frames = owner.context.frames();
    this.bits = frames.format().bits();
  }

  /**
   * Brings pages to a checked range.
   *
   * @param src where the bytes are, for {@link What#COPY}
   * @param protect whether writes to them are told
   * @return bytes that were brought, or a negated errno if none was
   */
  long fill(What what, long dst, long src, long len, boolean protect) {
    Vma vma = mm.vmas.lookup(dst);
    if (vma == null) {
      return mm.error(Errno.ENOENT, "nothing is mapped there");
    }
    // find_vma_and_prepare_anon() does not look yet whether anybody watches it.
    if (!vma.has(VmFlags.SHARED) && !AnonVmas.prepare(mm.vmas, vma)) {
      return -Errno.ENOMEM;
    }
    if (dst + len > vma.end || vma.uffd == null) {
      return mm.error(Errno.ENOENT, "not all in one VMA that a userfaultfd watches");
    }
    if (protect && !vma.has(VmFlags.UFFD_WP)) {
      return mm.error(Errno.EINVAL, "protected pages, and the range is not watched for writes");
    }
    if (vma.has(VmFlags.HUGETLB)) {
      return new UffdPoolFill(mm, this::read, this::copy).fill(what, vma, dst, src, len);
    }
    boolean shmem = vma.backing != null && vma.backing.isShmem();
    if ((!vma.isAnonymous() && !shmem) || (what == What.CONTINUE && !shmem)) {
      return mm.error(Errno.EINVAL, "no memory of the kind for which this is");
    }
    long done = 0;
    long error = 0;
    while (done < len && error == 0) {
      error = page(what, vma, dst + done, src + done, protect);
      done += error == 0 ? Mm.PAGE : 0;
    }
    return done > 0 ? done : error;
  }

  private long page(What what, Vma vma, long addr, long src, boolean protect) {
    if (mm.pages.huge().isAt(addr)) {
      return mm.error(Errno.EEXIST, "a huge page is there");
    }
    if (!mm.pages.makeTable(addr)) {
      return -Errno.ENOMEM;
    }
    return switch (what) {
      case POISON -> poison(vma, addr);
      case CONTINUE -> known(vma, addr, protect);
      case COPY, ZERO -> {
        long from = what == What.COPY ? src : NOTHING;
        if (vma.has(VmFlags.SHARED)) {
          yield shared(vma, addr, from, protect);
        }
        boolean zeroPage = from == NOTHING && !mm.context.forbidsZeroPage;
        yield zeroPage ? zero(vma, addr) : own(vma, addr, from, protect);
      }
    };
  }

  private boolean isBehindEnd(Vma vma, long addr) {
    return vma.backing != null && vma.backing.beyondEnd(vma.pgoffAt(addr));
  }

  private long poison(Vma vma, long addr) {
    if (isBehindEnd(vma, addr)) {
      return mm.error(Errno.EFAULT, "behind the end of the file");
    }
    if (mm.pages.look(addr) != PageTable.NOTHING || mm.pages.isUffdWp()) {
      return mm.error(Errno.EEXIST, "something is there, if only a marker");
    }
    return mm.pages.uffd().poison(addr) ? 0 : -Errno.ENOMEM;
  }

  /** {@code mfill_atomic_pte_zeropage}. */
  private long zero(Vma vma, long addr) {
    if (isBehindEnd(vma, addr)) {
      return mm.error(Errno.EFAULT, "behind the end of the file");
    }
    if (mm.pages.look(addr) != PageTable.NOTHING || mm.pages.isUffdWp()) {
      return mm.error(Errno.EEXIST, "something is there, if only a marker");
    }
    long zero = frames.zeroPage();
    if (zero == Frames.NONE) {
      return -Errno.ENOMEM;
    }
    mm.pages.mapZero(addr, mm.pages.zeroEntry(zero, mm.prot(vma)));
    return 0;
  }

  /** {@code mfill_atomic_pte_copy}: a page of the process' own. */
  private long own(Vma vma, long addr, long src, boolean protect) {
    long index = vma.pgoffAt(addr);
    long pfn = src == NOTHING ? frames.newAnon(vma, index) : frames.newUncleared(vma, index);
    if (pfn == Frames.NONE) {
      return mm.error(Errno.ENOMEM, "no memory for the page");
    }
    long error = src == NOTHING ? 0 : copy(pfn, src);
    error = error == 0 ? free(vma, addr) : error;
    if (error != 0) {
      frames.put(pfn);
      return error;
    }
    mm.pages.mapNew(addr, pfn, entry(vma, pfn, vma.has(VmFlags.WRITE), protect));
    return 0;
  }

  /** {@code shmem_mfill_atomic_pte}: a page of the file. */
  private long shared(Vma vma, long addr, long src, boolean protect) {
    FileObject file = Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(addr);
    long error = src == NOTHING ? 0 : read(src);
    if (error == 0 && !file.beyondEnd(index) && file.isCached(index)) {
      error = mm.error(Errno.EEXIST, "the file has the page");
    }
    error = error == 0 ? free(vma, addr) : error;
    if (error != 0) {
      return error;
    }
    long pfn = file.page(index);
    if (pfn == Frames.NONE) {
      return mm.error(Errno.ENOMEM, "no memory for the page");
    }
    error = src == NOTHING ? 0 : copy(pfn, src);
    if (error == 0) {
      map(vma, addr, pfn, protect);
    }
    return error;
  }

  /** {@code mfill_atomic_pte_continue}. */
  private long known(Vma vma, long addr, boolean protect) {
    FileObject file = Objects.requireNonNull(vma.backing);
    long index = vma.pgoffAt(addr);
    if (file.beyondEnd(index)) {
      return mm.error(Errno.EINVAL, "behind the end of the file");
    }
    if (!file.isCached(index)) {
      return mm.error(Errno.EFAULT, "the file does not have the page");
    }
    long pfn = file.page(index);
    if (pfn == Frames.NONE) {
      return -Errno.ENOMEM;
    }
    long error = free(vma, addr);
    if (error == 0) {
      map(vma, addr, pfn, protect);
    }
    return error;
  }

  private void map(Vma vma, long addr, long pfn, boolean protect) {
    boolean writable = vma.has(VmFlags.WRITE | VmFlags.SHARED);
    mm.pages.mapCached(addr, pfn, entry(vma, pfn, writable, protect));
    Objects.requireNonNull(vma.backing).dirty().mark(vma.pgoffAt(addr));
  }

  /** {@code mfill_atomic_install_pte}: only a marker may be there, of whatever kind. */
  private long free(Vma vma, long addr) {
    if (isBehindEnd(vma, addr)) {
      return mm.error(Errno.EFAULT, "behind the end of the file");
    }
    return mm.pages.look(addr) < PageTable.ZERO ? 0 : mm.error(Errno.EEXIST, "something is there");
  }

  private long entry(Vma vma, long pfn, boolean writable, boolean protect) {
    long entry = bits.mkdirty(mm.pages.entry(pfn, mm.prot(vma)));
    entry = writable ? bits.mkwrite(entry) : entry;
    return protect ? bits.mkuffdWp(entry) : entry;
  }

  /** The caller's bytes are read, and not needed: 0 or -EFAULT. */
  private long read(long src) {
    return touch.kernelRead(src, Mm.PAGE) ? 0 : mm.error(Errno.EFAULT, "the bytes cannot be read");
  }

  private long copy(long pfn, long src) {
    for (int done = 0; done < Mm.PAGE; ) {
      long from = src + done;
      int offset = (int) (from & Mm.PAGE - 1);
      int n = (int) Math.min(Mm.PAGE - offset, Mm.PAGE - done);
      if (!touch.access(from, Touch.Access.READ, TouchOutcome.UNKNOWN).ok()) {
        return mm.error(Errno.EFAULT, "the bytes cannot be read");
      }
      long source = caller.userFrame(from);
      if (source != Frames.NONE) {
        frames.bytes().copy(pfn, done, source, offset, n);
      } else {
        zeroes(pfn, done, n);
      }
      done += n;
    }
    return 0;
  }

  /** From the zero page. */
  private void zeroes(long pfn, int at, int bytes) {
    for (int i = 0; i < bytes; i++) {
      frames.bytes().write(pfn, at + i, 0);
    }
  }
}
