// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.machine.Machine;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.pagetable.Mmu;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTables;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.VmaInfo;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What the page tables in RAM, the rows of the frames and the TLB of a CPU say of some processes,
 * counted anew: who maps each frame, how many references it has, and which tables there are.
 */
final class FrameAudit {
  /** How the huge zero page, with or without reclaim, secret memory and a pipe's are asked for. */
  private static final Set<Integer> STAY =
      Set.of(
          (Gfp.GFP_TRANSHUGE | Gfp.__GFP_ZERO) & ~Gfp.__GFP_MOVABLE,
          Gfp.GFP_HIGHUSER | Gfp.__GFP_COMP | Gfp.__GFP_ZERO,
          Gfp.GFP_HIGHUSER | Gfp.__GFP_ACCOUNT);

  private static final int HUGE_LEVEL = 2;

  /** Flags that every anonymous frame has. */
  private final int marks;

  private final Machine machine;
  private final MemMap map;
  private final PageTables tables;
  private final PageTableFormat format;
  private final Mmu mmu;

  /** Tables before the first process. */
  private final long tablesBefore;

  /** Of each frame how many entries map it alone, and of each head how many map all at once. */
  private final Map<Long, Integer> single = new HashMap<>();

  private final Map<Long, Integer> whole = new HashMap<>();

  /** Of the machine of this trial, which has no process yet. */
  FrameAudit() {
    this(PageFlags.PG_UPTODATE | PageFlags.PG_SWAPBACKED);
  }

  /** The same where MADV_FREE may have given pages up. */
  static FrameAudit ofAnyAdvice() {
    return new FrameAudit(PageFlags.PG_UPTODATE);
  }

  private FrameAudit(int marks) {
    this.marks = marks;
    machine = Floors.machine();
    map = machine.memory().memMap();
    tables = machine.pageTables();
    format = tables.format();
    mmu = tables.mmu(machine.cpus().get(0));
    long _ = tables.kernelRoot(machine.cpus().get(0)); // which stays
    tablesBefore = tables.tableFrames();
  }

  /**
   * Frames that can be moved are asked for from the highest zone that there is, those of tables are
   * not moved, and nobody wants one from a zone of devices. The huge zero page ({@code
   * get_huge_zero_folio}, mm/huge_memory.c), secret memory ({@code secretmem_fault}) and the pages
   * of a pipe ({@code anon_pipe_get_page}) can lie anywhere and are not moved.
   */
  private static void asked() {
    for (int gfp : Floors.hook().asked()) {
      boolean movable = (gfp & Gfp.__GFP_MOVABLE) != 0;
      boolean high = (gfp & Gfp.__GFP_HIGHMEM) != 0;
      boolean low = (gfp & (Gfp.__GFP_DMA | Gfp.__GFP_DMA32)) != 0;
      check(
          (movable == high && !low) || STAY.contains(gfp | Gfp.__GFP_DIRECT_RECLAIM),
          "a request of a movable frame of any zone, or of one of the kernel's",
          "gfp 0x" + Integer.toHexString(gfp));
    }
  }

  private static long root(AddressSpace mm) {
    return mm.fields().pgd() >>> Pages.PAGE_SHIFT;
  }

  /** Compares all. O(frames, and pages of the processes). */
  void holds(List<AddressSpace> processes) {
    asked();
    single.clear();
    whole.clear();
    long inTables = 0;
    for (AddressSpace mm : processes) {
      count(mm);
      for (int level = 1; level < format.levels(); level++) {
        inTables += tables.tables(root(mm), level);
      }
      inTables++;
    }
    checkEqual(tablesBefore + inTables, tables.tableFrames(), "frames with page tables");
    for (long pfn = map.startPfn();
        pfn < map.endPfn();
        pfn = Math.max(pfn + 1, map.sameUntil(pfn))) {
      FrameOwner owner = map.owner(pfn);
      if (owner == FrameOwner.ANON || owner == FrameOwner.FILE) {
        frame(pfn, owner);
      }
    }
  }

  /** What a process maps, by its pagemap, and how, by its tables in RAM. */
  private void count(AddressSpace mm) {
    long root = root(mm);
    long pageBytes = Pages.PAGE_SIZE;
    mm.forEachVma(
        vma -> {
          long[] huge = new long[1];
          mm.pagemap(
              vma.start(),
              vma.end(),
              (addr, entry) -> {
                long pfn = Pagemap.pfn(entry);
                if (pfn < 0) {
                  return;
                }
                int[] level = new int[1];
                long[] last = new long[1];
                long _ =
                    tables.walk(
                        root,
                        addr,
                        (at, table, index, value) -> {
                          level[0] = at;
                          last[0] = value;
                        });
                long within = (addr & format.bytes(level[0]) - 1) >>> Pages.PAGE_SHIFT;
                checkEqual(pfn, format.pfn(level[0], last[0]) + within, "frame at " + hex(addr));
                if (level[0] != HUGE_LEVEL) {
                  int _ = single.merge(pfn, 1, Integer::sum);
                } else if ((addr & format.bytes(HUGE_LEVEL) - 1) == 0) {
                  int _ = whole.merge(pfn, 1, Integer::sum);
                  huge[0] += isAnon(pfn) ? format.bytes(HUGE_LEVEL) : 0;
                }
              });
          huge(mm, vma, huge[0], pageBytes);
        });
  }

  private boolean isAnon(long pfn) {
    return map.owner(pfn) == FrameOwner.ANON;
  }

  private static void huge(AddressSpace mm, VmaInfo vma, long bytes, long pageBytes) {
    check(
        bytes == 0 || Floors.ground() != Ground.NARROW,
        "no huge page where a page directory maps 4 MiB",
        "one in what is mapped at " + hex(vma.start()));
    if (vma.start() >= 0 && vma.bytes() >= pageBytes) {
      checkEqual(
          bytes >> 10, mm.usage(vma.start()).anonHugeKb(), "AnonHugePages at " + hex(vma.start()));
    }
  }

  private void frame(long pfn, FrameOwner owner) {
    long head = map.head(pfn);
    int order = map.order(head);
    String what = owner + " frame 0x" + Long.toHexString(pfn) + " of order " + order;
    checkEqual(single.getOrDefault(pfn, 0), map.mapcount(pfn), "entries that map " + what);
    if (pfn != head) {
      return;
    }
    int all = whole.getOrDefault(head, 0);
    checkEqual(all, order == 0 ? all : map.entireMapcount(head), "huge entries that map " + what);
    for (long each = head; each < head + (1L << order); each++) {
      all += single.getOrDefault(each, 0);
    }
    boolean cached = owner == FrameOwner.FILE;
    check(cached || all > 0, "somebody who maps " + what, "nobody");
    checkEqual(all + (cached ? 1 << order : 0), map.refcount(head), "references to " + what);
    int flags = map.flags(head);
    checkEqual(order > 0 ? 1 : 0, (flags & PageFlags.PG_HEAD) != 0 ? 1 : 0, "PG_head of " + what);
    if (!cached) {
      checkEqual(marks, flags & marks, "PG_uptodate and PG_swapbacked of " + what);
    }
  }

  /** What the CPU knows is what the tables say; then it learns some of a process. */
  void translates(AddressSpace mm, Seeded random, List<Long> places) {
    fresh();
    mmu.switchTo(root(mm));
    for (long place : places) {
      long _ = mmu.access(place, Mmu.USER | (random.oneIn(2) ? Mmu.WRITE : 0));
    }
  }

  /** The same of some pages of a range. */
  void translates(AddressSpace mm, Seeded random, long from, long bytes) {
    List<Long> places = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      places.add(from + (random.next() & Long.MAX_VALUE) % bytes);
    }
    translates(mm, random, places);
  }

  /** No CPU has a translation that the tables do not have any more. */
  void fresh() {
    int stale = mmu.stale();
    check(stale == 0, "no stale translation", stale + ", one of " + hex(mmu.firstStale()));
  }

  /** No folio waits to be split: each has only pages that somebody maps. */
  void nothingWaits() {
    for (long pfn = map.startPfn();
        pfn < map.endPfn();
        pfn = Math.max(pfn + 1, map.sameUntil(pfn))) {
      if (map.owner(pfn) == FrameOwner.ANON) {
        long head = map.head(pfn);
        check(
            map.mapcount(pfn) > 0 || (map.order(head) > 0 && map.entireMapcount(head) > 0),
            "no frame that nobody maps when memory was short",
            "frame 0x" + Long.toHexString(pfn));
      }
    }
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }
}
