// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.proc;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.Machine;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.process.ProcessFloor;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Who has which frame, as {@code /proc/kpageflags} and {@code /proc/kpagecount} show it:
 * fs/proc/page.c of Linux 6.18. A hole in a section that has memory is reserved, one between
 * sections is 0.
 *
 * <p>Differs: folios are on their LRU lists at once ({@link ProcessFloor#lruFlags}); no file system
 * keeps anything in {@code private} or {@code owner_2}, which for anonymous memory is {@code
 * PG_anon_exclusive}; memory that a machine has is never offline.
 *
 * @param map of the frames
 * @param zeroPage whether a frame is the zero page or belongs to the huge one
 * @param sections whether the map is by section, so that it ends where one does
 * @param floor who has processes on it, if somebody can
 * @param kernelRoot gives the frame of the kernel's top table, once there are page tables
 */
public record FramesView(
    MemMap map,
    LongPredicate zeroPage,
    boolean sections,
    @Nullable ProcessFloor floor,
    LongSupplier kernelRoot) {
  private static final long SECTION = 1L << (Pages.SECTION_SIZE_BITS - Pages.PAGE_SHIFT);

  /** Receives runs of frames that have the same value. */
  @FunctionalInterface
  public interface Runs {
    /** Frames from {@code pfn} on, {@code end} excluded. */
    void run(long pfn, long end, long value);
  }

  /** Of a machine that is open. */
  static FramesView of(Machine machine) {
    ProcessFloor floor = null;
    try {
      floor = machine.processes();
    } catch (InputException e) {
      floor = null; // a machine without processes has frames, too
    }
    ProcessFloor asked = floor;
    var physical = machine.plugins().get(Spi.PHYSICAL_MEMORY);
    return new FramesView(
        machine.memory().memMap(),
        pfn -> asked != null && asked.isZeroPage(pfn),
        physical == null || !physical.name().equals("flatmem"),
        floor,
        () -> machine.pageTables().kernelRoot(machine.cpus().get(0)));
  }

  /** {@code get_max_dump_pfn()}. */
  long endPfn() {
    return sections ? map.endPfn() + SECTION - 1 & -SECTION : map.endPfn();
  }

  /** {@code stable_page_flags()}: bits of {@link KernelPageFlag}. */
  long flags(long pfn) {
    FrameOwner owner = owner(pfn);
    if (owner == FrameOwner.NONE) {
      return sectionIsThere(pfn) ? KernelPageFlag.RESERVED.bit() : 0;
    }
    if (owner == FrameOwner.RESERVED) {
      return KernelPageFlag.RESERVED.bit();
    }
    if (owner == FrameOwner.FREE) {
      return KernelPageFlag.BUDDY.bit();
    }
    if (owner == FrameOwner.PCP || owner == FrameOwner.ISOLATED) {
      return 0;
    }
    long head = map.head(pfn);
    int known = map.flags(head) | (floor == null ? 0 : floor.lruFlags(head));
    boolean large = map.order(head) > 0 && (known & PageFlags.PG_HEAD) != 0;
    boolean cachedOrAnon = owner == FrameOwner.FILE || isAnon(owner);
    long flags = 0;
    if (large) {
      flags |=
          pfn == head ? KernelPageFlag.COMPOUND_HEAD.bit() : KernelPageFlag.COMPOUND_TAIL.bit();
    }
    if (owner == FrameOwner.HUGETLB) {
      flags |= KernelPageFlag.HUGE.bit();
    } else if (large && cachedOrAnon) {
      flags |= KernelPageFlag.THP.bit();
    } else if (owner == FrameOwner.KERNEL && zeroPage.test(pfn)) {
      flags |= KernelPageFlag.ZERO_PAGE.bit();
      // The small one lies in the kernel's image.
      flags |= (map.order(pfn) > 0 ? KernelPageFlag.THP : KernelPageFlag.RESERVED).bit();
    }
    boolean ofPool = owner == FrameOwner.HUGETLB; // and mapped as a whole, if at all
    if (ofPool ? map.entireMapcount(head) > 0 : cachedOrAnon && isMapped(head)) {
      flags |= KernelPageFlag.MMAP.bit();
    }
    boolean poolAnon = owner == FrameOwner.HUGETLB && (map.mapping(head) & 1) != 0;
    flags |= poolAnon || isAnon(owner) ? KernelPageFlag.ANON.bit() : 0;
    flags |= owner == FrameOwner.SWAP_CACHE ? KernelPageFlag.SWAPCACHE.bit() : 0;
    flags |= owner == FrameOwner.SLAB ? KernelPageFlag.SLAB.bit() : 0;
    flags |= owner == FrameOwner.PAGE_TABLE ? KernelPageFlag.PGTABLE.bit() : 0;
    for (KernelPageFlag flag : KernelPageFlag.values()) {
      flags |= (known & flag.kept()) != 0 ? flag.bit() : 0;
    }
    return flags;
  }

  private static boolean isAnon(FrameOwner owner) {
    return owner == FrameOwner.ANON || owner == FrameOwner.SWAP_CACHE;
  }

  private FrameOwner owner(long pfn) {
    return pfn >= map.startPfn() && pfn < map.endPfn() ? map.owner(pfn) : FrameOwner.NONE;
  }

  private boolean sectionIsThere(long pfn) {
    if (!sections) {
      return true; // mem_map[] has a place for every frame
    }
    long from = Math.max(pfn & -SECTION, map.startPfn());
    long end = Math.min((pfn & -SECTION) + SECTION, map.endPfn());
    for (long at = from; at < end; at = map.sameUntil(at)) {
      if (map.owner(at) != FrameOwner.NONE) {
        return true;
      }
    }
    return false;
  }

  private boolean isMapped(long head) {
    if (map.entireMapcount(head) > 0) {
      return true;
    }
    for (long pfn = head; pfn < head + (1L << map.order(head)); pfn++) {
      if (map.mapcount(pfn) > 0) {
        return true;
      }
    }
    return false;
  }

  /** {@code folio_precise_page_mapcount()}: how many entries map the frame. */
  long count(long pfn) {
    FrameOwner owner = owner(pfn);
    if (!owner.isUser()) {
      return 0;
    }
    return (long) map.mapcount(pfn) + (map.order(pfn) == 0 ? 0 : map.entireMapcount(map.head(pfn)));
  }

  /** Tells the values of a range in runs. */
  void runs(boolean counts, long from, long end, Runs runs) {
    long begin = from;
    long value = 0;
    for (long pfn = from; pfn < end; ) {
      long now = counts ? count(pfn) : flags(pfn);
      if (pfn == from) {
        value = now;
      } else if (now != value) {
        runs.run(begin, pfn, value);
        begin = pfn;
        value = now;
      }
      pfn = sameUntil(pfn, end);
    }
    if (begin < end) {
      runs.run(begin, end, value);
    }
  }

  private long sameUntil(long pfn, long end) {
    if (pfn < map.startPfn() || pfn >= map.endPfn()) {
      return pfn + 1;
    }
    FrameOwner owner = map.owner(pfn);
    // What boot left alone reads the same up to there; a hole depends on its section, too.
    boolean plain = owner == FrameOwner.FREE || owner == FrameOwner.RESERVED;
    return plain ? Math.min(end, Math.max(pfn + 1, map.sameUntil(pfn))) : pfn + 1;
  }

  /**
   * Frames of processes and of their page tables, in pages: what {@code /proc/meminfo} and vmstat
   * count.
   *
   * @param anon anonymous memory that is mapped ({@code NR_ANON_MAPPED})
   * @param anonHuge of it in folios that are mapped by huge entries
   * @param file the page cache, shared memory included ({@code NR_FILE_PAGES})
   * @param mapped of it mapped ({@code NR_FILE_MAPPED})
   * @param shmem of it shared memory
   * @param dirty pages of files that wait for being written
   * @param tables page tables of processes
   */
  record Counts(
      long anon, long anonHuge, long file, long mapped, long shmem, long dirty, long tables) {}

  /** Counts them. */
  Counts counts() {
    long[] sums = new long[7];
    long kernel = -1;
    for (long pfn = map.startPfn();
        pfn < map.endPfn();
        pfn = Math.max(pfn + 1, map.sameUntil(pfn))) {
      FrameOwner owner = map.owner(pfn);
      if (owner == FrameOwner.ANON) {
        boolean mapped = count(pfn) > 0;
        sums[0] += mapped ? 1 : 0;
        sums[1] += map.order(pfn) > 0 && map.entireMapcount(map.head(pfn)) > 0 ? 1 : 0;
      } else if (owner == FrameOwner.FILE) {
        int flags = map.flags(map.head(pfn));
        boolean shmem = (flags & PageFlags.PG_SWAPBACKED) != 0;
        sums[2]++;
        sums[3] += count(pfn) > 0 ? 1 : 0;
        sums[4] += shmem ? 1 : 0;
        sums[5] += !shmem && (flags & PageFlags.PG_DIRTY) != 0 ? 1 : 0;
      } else if (owner == FrameOwner.PAGE_TABLE) {
        kernel = kernel < 0 ? kernelRoot.getAsLong() : kernel;
        sums[6] += pfn == kernel || map.mapping(pfn) == kernel || map.mapping(pfn) == 0 ? 0 : 1;
      }
    }
    return new Counts(sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6]);
  }
}
