// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.area;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.process.call.Uapi;
import io.mm4j.process.mm.Mm;
import io.mm4j.process.vma.VmFlags;
import io.mm4j.process.vma.Vma;
import org.jspecify.annotations.Nullable;

/**
 * Where a mapping goes: {@code __get_unmapped_area} (mm/mmap.c), the two searches of
 * arch/x86/kernel/sys_x86_64.c, {@code vm_unmapped_area} (mm/vma.c) and the alignment for huge
 * pages (mm/huge_memory.c), all of Linux 6.18.
 *
 * <p>Steps: a fixed address is taken as it is. A hint is taken when nothing is there and no guard
 * gap is violated. Else the highest free range below {@code mmap_base} is taken (top-down), or the
 * lowest above a third of user space (bottom-up, and when top-down finds nothing); a range that
 * reaches into the guard gap of a stack behind it is passed over. Anonymous memory without hint
 * whose length is a multiple of 2 MiB, and files on a disk file system, are then moved to a border
 * of 2 MiB, for which a longer range is searched first.
 */
public final class UnmappedArea {
  private static final long LOW_BEGIN = 0x40000000L;
  private static final long LOW_END = 0x80000000L;

  private final Mm mm;

  /** Over one address space. */
  public UnmappedArea(Mm mm) {
    this.mm = mm;
  }

  /**
   * {@code __get_unmapped_area}.
   *
   * @param file what is mapped, null for anonymous memory
   * @param pgoff offset in pages
   * @param flags MAP_ flags of the call
   * @return an address, or what mmap returns instead
   */
  public long get(@Nullable MappedFile file, long addr, long len, long pgoff, long flags) {
    long taskSize = mm.taskSize();
    if (Long.compareUnsigned(len, taskSize) > 0) {
      return mm.error(Errno.ENOMEM, "longer than user space");
    }
    long found = search(file, addr, len, file == null ? 0 : pgoff, flags);
    if (Errno.isError(found)) {
      return found;
    }
    if (Long.compareUnsigned(found, taskSize - len) > 0) {
      return mm.error(Errno.ENOMEM, "ends above user space");
    }
    if ((found & Mm.PAGE - 1) != 0) {
      return mm.error(Errno.EINVAL, "address not page-aligned");
    }
    if (found < mm.sysctls().mmapMinAddr() && !mm.capable(Capability.SYS_RAWIO)) {
      return mm.error(Errno.EPERM, "below vm.mmap_min_addr without CAP_SYS_RAWIO");
    }
    return found;
  }

  private long search(@Nullable MappedFile file, long addr, long len, long pgoff, long flags) {
    boolean aligned;
    if (file != null) {
      aligned =
          file.kind() == MappedFile.Kind.EXT4
              || file.kind() == MappedFile.Kind.OTHER
              || (file.kind() == MappedFile.Kind.DEV_ZERO && (flags & Uapi.MAP_SHARED) == 0);
    } else {
      aligned = (flags & Uapi.MAP_SHARED) == 0 && addr == 0 && (len & Mm.HUGE_BYTES - 1) == 0;
    }
    if (aligned) {
      long found = hugeAligned(addr, len, pgoff, flags);
      if (found != 0) {
        return found;
      }
    }
    return byLayout(addr, len, flags);
  }

  /** {@code __thp_get_unmapped_area}: 0 when there is nothing to align or no room for it. */
  private long hugeAligned(long addr, long len, long pgoff, long flags) {
    if (mm.layout().compat32()) {
      return 0;
    }
    long off = pgoff << 12;
    long offEnd = off + len;
    long offAlign = off + Mm.HUGE_BYTES - 1 & -Mm.HUGE_BYTES;
    if (offEnd <= offAlign || offEnd - offAlign < Mm.HUGE_BYTES) {
      return 0;
    }
    long padded = len + Mm.HUGE_BYTES;
    if (Long.compareUnsigned(padded, len) < 0 || Long.compareUnsigned(off + padded, off) < 0) {
      return 0;
    }
    long found = byLayout(addr, padded, flags);
    if (Errno.isError(found)) {
      return 0;
    }
    if (found == addr) {
      return addr;
    }
    long sub = off - found & Mm.HUGE_BYTES - 1;
    if (mm.explaining()) {
      mm.because("placement", "aligned to 2 MiB inside a range searched 2 MiB longer");
    }
    if (mm.layout().topDown() && sub == 0) {
      return found + Mm.HUGE_BYTES;
    }
    return found + sub;
  }

  private long byLayout(long addr, long len, long flags) {
    return mm.layout().topDown() ? topDown(addr, len, flags) : bottomUp(addr, len, flags);
  }

  private long topDown(long hint, long len, long flags) {
    if (Long.compareUnsigned(len, mm.taskSize()) > 0) {
      return -Errno.ENOMEM;
    }
    if ((flags & Uapi.MAP_FIXED) != 0) {
      return hint;
    }
    boolean wide = !mm.layout().compat32();
    if (wide && (flags & Uapi.MAP_32BIT) != 0) {
      return bottomUp(hint, len, flags);
    }
    if (hint != 0) {
      long addr = hint & Mm.PAGE_MASK;
      if (hintValid(addr, len)) {
        Vma vma = mm.vmas.find(addr);
        if (vma == null || addr + len <= mm.startGap(vma)) {
          if (mm.explaining()) {
            mm.because("placement", "the hint " + Long.toHexString(addr) + " is free");
          }
          return addr;
        }
        if (mm.explaining()) {
          mm.because(
              "placement", "the hint " + Long.toHexString(addr) + " is taken or too near " + vma);
        }
      }
    }
    long low = wide && (flags & Uapi.MAP_ABOVE4G) != 0 ? 1L << 32 : Mm.PAGE;
    long found = highest(low, mm.layout().mmapBase(), len);
    return found >= 0 ? found : bottomUp(hint, len, flags);
  }

  private boolean hintValid(long addr, long len) {
    return Long.compareUnsigned(mm.taskSize() - len, addr) >= 0;
  }

  private long bottomUp(long hint, long len, long flags) {
    if ((flags & Uapi.MAP_FIXED) != 0) {
      return hint;
    }
    boolean low = !mm.layout().compat32() && (flags & Uapi.MAP_32BIT) != 0;
    long begin = low ? LOW_BEGIN : legacyBase();
    long end = low ? LOW_END : mm.taskSize();
    if (Long.compareUnsigned(len, end) > 0) {
      return -Errno.ENOMEM;
    }
    if (hint != 0) {
      long addr = Mm.pageAlign(hint);
      Vma vma = mm.vmas.find(addr);
      if (Long.compareUnsigned(end - len, addr) >= 0
          && (vma == null || addr + len <= mm.startGap(vma))) {
        return addr;
      }
    }
    return lowest(begin, end, len);
  }

  /** Where bottom-up searches start ({@code mmap_legacy_base}): a third of user space. */
  private long legacyBase() {
    return Mm.pageAlign(mm.taskSize() / 3);
  }

  /** {@code unmapped_area_topdown}. */
  private long highest(long low, long high, long len) {
    long floor = Math.max(low, mm.mmapMinAddr());
    long ceiling = high;
    while (ceiling > floor && len <= ceiling - floor) {
      long gap = mm.vmas.index().gapBelow(floor, ceiling, len);
      if (gap == VmaIndex.NONE_ADDR) {
        break;
      }
      Vma behind = mm.vmas.find(gap);
      if (behind == null || !behind.has(VmFlags.GROWSDOWN) || mm.startGap(behind) >= gap + len) {
        if (mm.explaining()) {
          mm.because(
              "placement",
              "highest free range below " + Long.toHexString(ceiling) + " that is long enough");
        }
        return gap;
      }
      ceiling = mm.startGap(behind);
    }
    return -Errno.ENOMEM;
  }

  /** {@code unmapped_area}. */
  private long lowest(long low, long high, long len) {
    long floor = Math.max(low, mm.mmapMinAddr());
    while (high > floor && len <= high - floor) {
      long gap = mm.vmas.index().gapAbove(floor, high, len);
      if (gap == VmaIndex.NONE_ADDR) {
        break;
      }
      Vma behind = mm.vmas.find(gap);
      if (behind == null
          || !behind.has(VmFlags.GROWSDOWN)
          || mm.startGap(behind) >= gap + len - 1) {
        if (mm.explaining()) {
          mm.because(
              "placement",
              "lowest free range from " + Long.toHexString(floor) + " on that is long enough");
        }
        return gap;
      }
      floor = behind.end;
    }
    return mm.error(Errno.ENOMEM, "no free range is long enough");
  }
}
