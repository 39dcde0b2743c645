// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.call;

import io.mm4j.api.process.Errno;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.page.FileObject;
import io.mm4j.process.page.Frames;
import io.mm4j.process.page.HugeMap;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * Brings pages of the pool of huge pages ({@code mfill_atomic_hugetlb}, mm/userfaultfd.c, and
 * {@code hugetlb_mfill_atomic_pte}, mm/hugetlb.c of Linux 6.18).
 *
 * <p>Differs: they are not poisoned, which is -EINVAL.
 */
final class UffdPoolFill {
  private final Mm mm;
  private final LongUnaryOperator readable;
  private final LongBinaryOperator copy;

  /**
   * Over one address space.
   *
   * @param readable gives 0 if the page of bytes at an address can be read, else a negated errno
   * @param copy fills a frame with the bytes at an address: 0 or a negated errno
   */
  UffdPoolFill(Mm mm, LongUnaryOperator readable, LongBinaryOperator copy) {
    this.mm = mm;
    this.readable = readable;
    this.copy = copy;
  }

  /** As {@link UffdFill#fill}, of a part of a VMA that has pages of the pool. */
  long fill(UffdFill.What what, Vma vma, long dst, long src, long len) {
    if (what == UffdFill.What.ZERO || what == UffdFill.What.POISON) {
      return mm.error(Errno.EINVAL, "no zeroes, and no poison, in the pool of huge pages");
    }
    long size = vma.hugeBytes();
    if (((dst | len) & size - 1) != 0) {
      return mm.error(Errno.EINVAL, "not of whole huge pages");
    }
    long done = 0;
    long error = 0;
    while (done < len && error == 0) {
      error =
          what == UffdFill.What.COPY
              ? brought(vma, dst + done, src + done, size)
              : known(vma, dst + done);
      done += error == 0 ? size : 0;
    }
    return done > 0 ? done : error;
  }

  private boolean isShared(Vma vma) {
    return vma.has(VmFlags.SHARED);
  }

  private boolean isCached(Vma vma, long addr) {
    FileObject file = vma.backing;
    return file != null
        && mm.context.hugePools().of(file).cached(file, vma.hugeIndexAt(addr)) != Frames.NONE;
  }

  private boolean isBehindEnd(Vma vma, long addr) {
    return vma.backing != null && vma.pgoffAt(addr) << 12 >= vma.backing.sizeBytes();
  }

  private long brought(Vma vma, long addr, long src, long size) {
    HugeMap map = mm.huge(vma);
    if (map.head(addr) != Frames.NONE || (isShared(vma) && isCached(vma, addr))) {
      return mm.error(Errno.EEXIST, "a page is there, or the file has it");
    }
    for (long at = 0; at < size; at += Mm.PAGE) {
      long error = readable.applyAsLong(src + at);
      if (error != 0) {
        return error;
      }
    }
    if (isShared(vma) && isBehindEnd(vma, addr)) {
      return mm.error(Errno.EFAULT, "behind the end of the file");
    }
    if (!present(vma, map, addr)) {
      return mm.error(Errno.ENOMEM, "no page is left in the pool");
    }
    long head = map.head(addr);
    long error = 0;
    for (long at = 0; at < size && error == 0; at += Mm.PAGE) {
      error = copy.applyAsLong(head + (at >>> 12), src + at);
    }
    return error;
  }

  private long known(Vma vma, long addr) {
    HugeMap map = mm.huge(vma);
    if (isBehindEnd(vma, addr) || !isCached(vma, addr)) {
      return mm.error(Errno.EFAULT, "the file does not have the page");
    }
    if (map.head(addr) != Frames.NONE) {
      return mm.error(Errno.EEXIST, "a page is there");
    }
    return present(vma, map, addr) ? 0 : -Errno.ENOMEM;
  }

  private boolean present(Vma vma, HugeMap map, long addr) {
    FileObject file = vma.backing;
    long huge = vma.hugeIndexAt(addr);
    if (!map.makeDirectory(addr)) {
      return false;
    }
    if (isShared(vma) && file != null) {
      return map.mapFile(file, huge, addr, mm.prot(vma), vma.has(VmFlags.WRITE));
    }
    return map.map(file, huge, addr, mm.prot(vma))
        && map.write(file, addr, head -> mm.context.mappings.unmapHuge(head, vma.hugeLevel(), mm));
  }
}
