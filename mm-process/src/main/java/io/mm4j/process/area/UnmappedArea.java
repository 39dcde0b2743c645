// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.area;

import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.MmEvents;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndex;
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
 * of 2 MiB, for which a longer range is searched first. With five levels of page tables all of this
 * is below 47 bits, unless the hint lies above them.
 */
public final class UnmappedArea {
  private static final long LOW_BEGIN = 0x40000000L;
  private static final long LOW_END = 0x80000000L;

  private final Mm mm;

  /** {@code align_mask} of the search. */
  private long align;

  /** {@code align_offset}: which byte of the file is to be there, 0 for a file of huge pages. */
  private long offset;

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
    if ((flags & Uapi.MAP_FIXED) != 0) {
      if (mm.explaining()) {
        mm.because("placement", "a fixed address is taken as it is: " + hex(addr));
      }
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

  /**
   * {@code hugetlb_get_unmapped_area}: whole huge pages; searched with room to begin on a border of
   * such pages.
   *
   * @param size of a page
   */
  private long poolPages(long size, long addr, long len, long flags) {
    if ((len & size - 1) != 0) {
      return mm.error(Errno.EINVAL, "the length is no multiple of a huge page");
    }
    boolean fixed = (flags & Uapi.MAP_FIXED) != 0;
    if (fixed && (addr & size - 1) != 0) {
      return mm.error(Errno.EINVAL, "MAP_FIXED of huge pages away from a border of their size");
    }
    long hint = addr + size - 1 & -size;
    if (mm.explaining()) {
      mm.because("placement", "huge pages of the pool begin on a border of " + hex(size));
    }
    align = size - Mm.PAGE;
    try {
      return byLayout(hint, len, flags);
    } finally {
      align = 0;
    }
  }

  private long search(@Nullable MappedFile file, long addr, long len, long pgoff, long flags) {
    offset = 0;
    if (file != null && file.kind().isHugetlb()) {
      return poolPages(mm.pages.bytes(file.kind().leafLevel()), addr, len, flags);
    }
    offset = pgoff << 12;
    boolean aligned;
    if (file != null) {
      aligned =
          file.kind() == MappedFile.Kind.EXT4
              || file.kind() == MappedFile.Kind.OTHER
              || (file.kind() == MappedFile.Kind.DEV_ZERO && (flags & Uapi.MAP_SHARED) == 0);
    } else {
      aligned = (flags & Uapi.MAP_SHARED) == 0 && addr == 0 && (len & mm.hugeBytes - 1) == 0;
    }
    if (mm.explaining() && len >= mm.hugeBytes && (flags & Uapi.MAP_FIXED) == 0) {
      explainAlignment(file, addr, len, flags, aligned);
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
    long offAlign = off + mm.hugeBytes - 1 & -mm.hugeBytes;
    // Near the largest offset rounding up overflows, and Linux compares as if it had not.
    if (offEnd <= offAlign || Long.compareUnsigned(offEnd - offAlign, mm.hugeBytes) < 0) {
      return 0;
    }
    long padded = len + mm.hugeBytes;
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
    long sub = off - found & mm.hugeBytes - 1;
    boolean aligned = mm.layout().topDown() && sub == 0;
    if (mm.explaining()) {
      mm.because(
          "placement",
          hex(found)
              + (aligned
                  ? " is on a 2 MiB border already: top-down the next one is taken, "
                  : " goes up to the next 2 MiB border, ")
              + hex(aligned ? found + mm.hugeBytes : found + sub));
    }
    return aligned ? found + mm.hugeBytes : found + sub;
  }

  /** Says why a large mapping is put on a border of 2 MiB, or why not. */
  private void explainAlignment(
      @Nullable MappedFile file, long addr, long len, long flags, boolean aligned) {
    String reason;
    if (mm.layout().compat32()) {
      reason = "no 2 MiB alignment in a 32-bit process";
    } else if (aligned) {
      reason =
          (file == null
                  ? "anonymous, private, without a hint, and a multiple of 2 MiB long"
                  : "a file of this kind, long enough for a huge page")
              + ": a range 2 MiB longer is searched, to begin on a 2 MiB border in it";
    } else if (file != null) {
      reason = "no 2 MiB alignment for this kind of file";
    } else if ((flags & Uapi.MAP_SHARED) != 0) {
      reason = "no 2 MiB alignment: shared anonymous memory is never aligned";
    } else if (addr != 0) {
      reason = "no 2 MiB alignment: a hint switches it off, even one that is not taken";
    } else {
      reason = "no 2 MiB alignment: the length " + hex(len) + " is no multiple of 2 MiB";
    }
    mm.because("placement", reason);
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** A range in words, and what lies around it. */
  private String place(long at, long len) {
    Vma behind = mm.vmas.find(at);
    Vma before = mm.vmas.before(at);
    return hex(at)
        + "-"
        + hex(at + len)
        + " ("
        + (before == null ? "" : "above " + before + ", ")
        + (behind == null ? "nothing above" : "below " + behind)
        + ")";
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
      mm.because("placement", "MAP_32BIT: searched bottom-up from 0x40000000 to 0x80000000");
      return bottomUp(hint, len, flags);
    }
    if (hint != 0) {
      long addr = hint & Mm.PAGE_MASK;
      if (hintValid(addr, len)) {
        Vma vma = mm.vmas.find(addr);
        if (vma == null || addr + len <= mm.startGap(vma)) {
          if (mm.explaining()) {
            mm.because("placement", "the hint " + hex(addr) + " is free and is taken");
          }
          return addr;
        }
        if (mm.explaining()) {
          mm.because("placement", "the hint " + hex(addr) + " is not possible: " + near(vma, addr));
        }
      } else if (mm.explaining()) {
        mm.because(
            "placement",
            "the hint "
                + hex(addr)
                + " is ignored: it ends above user space, or begins below and ends above "
                + hex(mm.mapWindow()));
      }
    }
    long low = wide && (flags & Uapi.MAP_ABOVE4G) != 0 ? 1L << 32 : Mm.PAGE;
    long high = mm.layout().mmapBase();
    if (wide && isAboveWindow(hint)) {
      mm.because("placement", "the hint lies above 47 bits: all of user space is searched");
      high += mm.taskSize() - mm.mapWindow();
    }
    long found = highest(low, high, len);
    if (!Errno.isError(found)) {
      return found;
    }
    if (mm.explaining()) {
      mm.because(
          "placement",
          "no free range of "
              + hex(len)
              + " bytes below mmap_base "
              + hex(mm.layout().mmapBase())
              + ": searched again bottom-up");
    }
    return bottomUp(hint, len, flags);
  }

  /** Why a range from {@code addr} on does not go with the mapping at or behind it. */
  private String near(Vma vma, long addr) {
    if (vma.start <= addr) {
      return vma + " is there";
    }
    if (vma.start > mm.startGap(vma)) {
      return "it reaches into the guard gap from "
          + hex(mm.startGap(vma))
          + " on below "
          + vma
          + ", which grows down";
    }
    return "it reaches into " + vma;
  }

  private boolean hintValid(long addr, long len) {
    return Long.compareUnsigned(mm.taskSize() - len, addr) >= 0
        && isAboveWindow(addr) == isAboveWindow(addr + len);
  }

  private boolean isAboveWindow(long addr) {
    return Long.compareUnsigned(addr, mm.mapWindow()) > 0;
  }

  private long bottomUp(long hint, long len, long flags) {
    if ((flags & Uapi.MAP_FIXED) != 0) {
      return hint;
    }
    boolean low = !mm.layout().compat32() && (flags & Uapi.MAP_32BIT) != 0;
    long begin = low ? LOW_BEGIN : legacyBase();
    long end = low ? LOW_END : isAboveWindow(hint) ? mm.taskSize() : mm.mapWindow();
    if (Long.compareUnsigned(len, end) > 0) {
      return -Errno.ENOMEM;
    }
    if (hint != 0) {
      long addr = Mm.pageAlign(hint);
      Vma vma = mm.vmas.find(addr);
      if (Long.compareUnsigned(end - len, addr) >= 0
          && (vma == null || addr + len <= mm.startGap(vma))) {
        if (mm.explaining()) {
          mm.because("placement", "the hint " + hex(addr) + " is free and is taken");
        }
        return addr;
      }
      if (mm.explaining()) {
        mm.because(
            "placement",
            "the hint "
                + hex(addr)
                + " is not possible: "
                + (vma == null ? "it ends above " + hex(end) : near(vma, addr)));
      }
    }
    return lowest(begin, end, len);
  }

  /**
   * Where bottom-up searches start ({@code mmap_legacy_base}): a third of user space; in a legacy
   * layout that is randomized ({@code mmap_base()}, arch/x86/mm/mmap.c) its {@code mmap_base},
   * which lies less than 2^28 pages above, or 2^16 in a 32-bit process.
   */
  private long legacyBase() {
    long third = Mm.pageAlign(mm.mapWindow() / 3);
    long base = mm.layout().mmapBase();
    long most = mm.layout().compat32() ? 1L << 28 : 1L << 40;
    boolean drawn = !mm.layout().topDown() && base > third && base - third < most;
    return drawn ? base : third;
  }

  /**
   * {@code unmapped_area_topdown}. Below a mapping that grows down and whose guard gap reaches
   * address 0, Linux goes on searching up to the end of all addresses and takes its last pages,
   * which no check lets pass: the request fails, and there is no second search bottom-up.
   */
  private long highest(long low, long high, long len) {
    return told(true, low, high, len, highestGap(low, high, len));
  }

  private long highestGap(long low, long high, long lenIn) {
    long len = lenIn + align;
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
              "searched top-down from "
                  + hex(ceiling)
                  + ": the highest free range of "
                  + hex(len)
                  + " bytes is "
                  + place(gap, len));
        }
        long top = gap + len - lenIn;
        return top - (top & align);
      }
      explainGap(behind, gap);
      ceiling = mm.startGap(behind);
      if (ceiling == 0) {
        return -len;
      }
    }
    return -Errno.ENOMEM;
  }

  private void explainGap(Vma behind, long gap) {
    if (mm.explaining()) {
      mm.because(
          "placement",
          hex(gap)
              + " is passed over: it reaches into the guard gap of "
              + mm.guardGapBytes() / Mm.PAGE
              + " pages below "
              + behind
              + ", which grows down");
    }
  }

  /** {@code unmapped_area}. */
  private long lowest(long low, long high, long len) {
    return told(false, low, high, len, lowestGap(low, high, len));
  }

  /** {@code trace_vm_unmapped_area}. */
  private long told(boolean topDown, long low, long high, long len, long found) {
    MmEvents events = mm.events;
    if (events != null) {
      events.vmUnmappedArea(
          new MmEvents.AreaSearch(mm.accounting.totalVm, topDown, len, low, high, align, offset),
          found);
    }
    return found;
  }

  private long lowestGap(long low, long high, long lenIn) {
    long len = lenIn + align;
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
              "searched bottom-up from "
                  + hex(floor)
                  + ": the lowest free range of "
                  + hex(len)
                  + " bytes is "
                  + place(gap, len));
        }
        return gap + (-gap & align);
      }
      explainGap(behind, gap);
      floor = behind.end;
    }
    return mm.error(Errno.ENOMEM, "no free range is long enough");
  }
}
