// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.B;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.C;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.FAR;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.READ;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.InputException;
import io.mm4j.api.process.Capability;
import io.mm4j.api.process.Errno;
import io.mm4j.api.process.Pagemap;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.Syscall;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.process.naive.Bits;
import io.mm4j.testkit.process.rules.CaseRule.Rig;
import java.util.List;
import java.util.Set;
import java.util.StringJoiner;

/** Cases of who watches a process: PAGEMAP_SCAN, soft-dirty, and PR_SET_MM of who restores one. */
public final class WatchCases {
  private static final CaseGroup GROUP =
      new CaseGroup(
          "Checkpoints and collectors of garbage trust it.",
          "a limit, a border or a mark is forgotten");

  private static final long PAGE = Bits.PAGE;
  private static final int SHARED_ANON = 0x31;
  private static final int SET_BRK = 7;
  private static final int SET_MAP = 14;
  private static final int SET_MAP_SIZE = 15;
  private static final long MAP_BYTES = 104;

  private WatchCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        GROUP.rule(
            "AS-F18",
            "categories-of-pages",
            "PAGEMAP_SCAN tells runs of pages with equal categories, as many as the vector and the"
                + " number of pages allow, and how far it came; where no page table is a page has"
                + " none, and within one even an empty entry counts as written.",
            "do_pagemap_scan, pagemap_scan_output, pagemap_scan_push_range",
            WatchCases::categories),
        GROUP.rule(
            "AS-F19",
            "soft-dirty",
            "Where the kernel tracks it, new mappings are soft-dirty as a whole, clear_refs 4"
                + " forgets it, and the next write to a page, of shared memory too, or its move"
                + " says so of the page; a merge keeps the mark of its parts.",
            "clear_refs_write, clear_soft_dirty, move_soft_dirty_pte, vma_soft_dirty_enabled",
            WatchCases::softDirty),
        GROUP.rule(
            "AS-F20",
            "places-anew",
            "PR_SET_MM_MAP takes all places of a program at once, from anybody, if they are"
                + " addresses and in order; heap and break follow. One place alone needs"
                + " CAP_SYS_RESOURCE.",
            "prctl_set_mm_map, validate_prctl_map_addr",
            WatchCases::placesAnew),
        GROUP.rule(
            "AS-F21",
            "one-place-anew",
            "With CAP_SYS_RESOURCE PR_SET_MM changes one place, if all are then in order.",
            "prctl_set_mm",
            setup -> setup.capabilities = Set.of(Capability.SYS_RESOURCE),
            WatchCases::onePlaceAnew));
  }

  // ---------------------------------------------------------------- PAGEMAP_SCAN

  private static PagemapScan.Found scan(Rig rig, PagemapScan scan, String expected) {
    PagemapScan.Found found = rig.mm.pagemapScan(scan);
    StringJoiner seen = new StringJoiner(", ");
    for (PagemapScan.Region region : found.regions()) {
      seen.add(
          (region.start() - scan.start()) / PAGE
              + "-"
              + (region.end() - scan.start()) / PAGE
              + " "
              + Long.toHexString(region.categories()));
    }
    RuleViolation.check(seen.toString().equals(expected), expected, seen.toString());
    return found;
  }

  private static PagemapScan limited(long vecLen, long maxPages) {
    long end = A + 8 * PAGE;
    return new PagemapScan(
        0,
        PagemapScan.SIZE,
        0,
        A,
        end,
        1,
        vecLen,
        maxPages,
        0,
        PagemapScan.WRITTEN,
        0,
        PagemapScan.CATEGORIES);
  }

  private static void categories(Rig rig) {
    rig.map(A, 8 * PAGE, RW);
    rig.map(FAR, 4 * PAGE, RW);
    rig.touch(A);
    rig.touch(A + 3 * PAGE);
    rig.gives("madvise", 0, rig.mm.madvise(A + 5 * PAGE, PAGE, Uapi.MADV_GUARD_INSTALL));
    PagemapScan all = PagemapScan.of(A, A + 8 * PAGE, 0);
    scan(rig, all, "0-1 a, 1-3 2, 3-4 a, 4-5 2, 5-6 112, 6-8 2");
    scan(rig, PagemapScan.of(A, A + 8 * PAGE, PagemapScan.PRESENT), "0-1 a, 3-4 a");
    scan(rig, PagemapScan.of(FAR, FAR + 4 * PAGE, 0), "0-4 0");
    scan(rig, PagemapScan.of(FAR, FAR + 4 * PAGE, PagemapScan.WRITTEN), "");
    long came = scan(rig, limited(9, 2), "0-1 a, 1-2 2").walkEnd();
    rig.gives("the end of a walk of two pages", A + 2 * PAGE, came);
    came = scan(rig, limited(1, 0), "0-1 a").walkEnd();
    rig.gives("the end of a walk of one region", A + PAGE, came);
    scan(rig, all.withFlags(PagemapScan.WP_MATCHING), "");
    refused(rig, Errno.EPERM, all.withFlags(PagemapScan.CHECK_WPASYNC));
    refused(rig, Errno.EINVAL, all.withFlags(4));
    refused(rig, Errno.EINVAL, PagemapScan.of(A + 1, A + PAGE, 0));
    refused(rig, Errno.EFAULT, PagemapScan.of(A + PAGE, A, 0));
    refused(rig, Errno.EINVAL, PagemapScan.of(A, A + PAGE, PagemapScan.CATEGORIES + 1));
    written(rig);
  }

  private static void refused(Rig rig, int errno, PagemapScan scan) {
    Looks.fails(rig, scan.toString(), errno, rig.mm.pagemapScan(scan).result());
  }

  /** A request that lies in the memory of the process, and so does the vector. */
  private static void written(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    long vec = Act.SCRATCH + PAGE / 2;
    rig.gives("a scan", 1, rig.mm.pagemapScan(inMemory(vec)).result());
    rig.has(vec + 3, (int) (A >>> 24));
    rig.has(vec + 16, (int) (PagemapScan.PRESENT | PagemapScan.WRITTEN));
    rig.has(Act.SCRATCH + PagemapScan.WALK_END_OFFSET + 1, (int) (PAGE >>> 8));
    refused(rig, Errno.EFAULT, inMemory(Act.SCRATCH + PAGE));
  }

  private static PagemapScan inMemory(long vec) {
    return new PagemapScan(
        Act.SCRATCH, PagemapScan.SIZE, 0, A, A + PAGE, vec, 3, 0, 0, 0, 0, PagemapScan.CATEGORIES);
  }

  // ---------------------------------------------------------------- soft-dirty

  private static void softDirty(Rig rig) {
    Looks.fails(rig, "clear_refs 0", Errno.EINVAL, rig.mm.clearRefs(0));
    Looks.fails(rig, "clear_refs 6", Errno.EINVAL, rig.mm.clearRefs(6));
    try {
      rig.floor.kernelOption("soft-dirty", "true");
    } catch (InputException e) {
      return; // a floor without that option tracks nothing
    }
    rig.map(A, 4 * PAGE, RW);
    rig.touch(A);
    Looks.flags(rig, A, "ac sd");
    soft(rig, A, 4, "####");
    rig.gives("clear_refs 4", 0, rig.mm.clearRefs(4));
    Looks.flags(rig, A, "ac");
    soft(rig, A, 4, "....");
    rig.touch(A);
    rig.touch(A + 2 * PAGE);
    soft(rig, A, 4, "#.#.");
    rig.map(A + 4 * PAGE, PAGE, RW);
    Looks.flags(rig, A, "ac sd");
    rig.gives("clear_refs 4", 0, rig.mm.clearRefs(4));
    rig.move(A, FAR, PAGE);
    soft(rig, FAR, 1, "#");
    rig.gives("mmap", C, rig.mm.mmap(C, PAGE, RW, SHARED_ANON, -1, 0));
    rig.touch(C);
    rig.gives("clear_refs 4", 0, rig.mm.clearRefs(4));
    soft(rig, C, 1, ".");
    rig.touch(C);
    soft(rig, C, 1, "#");
    movedGuard(rig);
  }

  /** A guard that was moved says so, too, to both who may ask. */
  private static void movedGuard(Rig rig) {
    long to = FAR + 8 * PAGE;
    rig.map(B, 4 * PAGE, RW);
    rig.gives("a guard", 0, rig.mm.madvise(B + PAGE, PAGE, Uapi.MADV_GUARD_INSTALL));
    rig.gives("clear_refs 4", 0, rig.mm.clearRefs(4));
    soft(rig, B, 4, "....");
    rig.move(B + PAGE, to, PAGE);
    soft(rig, to, 1, "#");
    scan(rig, PagemapScan.of(to, to + PAGE, 0), "0-1 192");
    rig.gives("clear_refs 4", 0, rig.mm.clearRefs(4));
    soft(rig, to, 1, ".");
    scan(rig, PagemapScan.of(to, to + PAGE, 0), "0-1 112");
  }

  /** Which pages are soft-dirty. */
  private static void soft(Rig rig, long start, int pages, String expected) {
    StringBuilder seen = new StringBuilder(".".repeat(pages));
    rig.mm.pagemap(
        start,
        start + pages * PAGE,
        (addr, value) ->
            seen.setCharAt(
                (int) ((addr - start) / PAGE), (value & Pagemap.SOFT_DIRTY) != 0 ? '#' : '.'));
    RuleViolation.check(seen.toString().equals(expected), expected, seen.toString());
  }

  // ---------------------------------------------------------------- PR_SET_MM

  private static long prctl(Rig rig, long field, long addr, long size) {
    return rig.mm.syscall(Syscall.PRCTL, Uapi.PR_SET_MM, field, addr, size, 0);
  }

  /** Puts a struct prctl_mm_map into memory and gives it to the kernel. */
  private static long map(Rig rig, long startBrk, long brk, long startArgs) {
    long[] fields = {
      0x401000, 0x402000, A, A, startBrk, brk, FAR, startArgs, A + PAGE, A, A, 0, 0xffffffffL << 32
    };
    for (int i = 0; i < MAP_BYTES; i++) {
      rig.put(Act.SCRATCH + i, (int) (fields[i / 8] >>> (i % 8 * 8)) & 255);
    }
    return prctl(rig, SET_MAP, Act.SCRATCH, MAP_BYTES);
  }

  private static void prepare(Rig rig) {
    rig.map(Act.SCRATCH, PAGE, RW);
    rig.map(A, 4 * PAGE, RW);
  }

  private static void placesAnew(Rig rig) {
    prepare(rig);
    rig.gives("PR_SET_MM_MAP_SIZE", 0, prctl(rig, SET_MAP_SIZE, Act.SCRATCH, 0));
    rig.has(Act.SCRATCH, (int) MAP_BYTES);
    Looks.fails(rig, "PR_SET_MM_BRK", Errno.EPERM, prctl(rig, SET_BRK, A, 0));
    Looks.fails(rig, "a size", Errno.EINVAL, prctl(rig, SET_BRK, A, 1));
    Looks.fails(rig, "another size", Errno.EINVAL, prctl(rig, SET_MAP, Act.SCRATCH, 8));
    Looks.fails(rig, "no struct", Errno.EFAULT, prctl(rig, SET_MAP, C, MAP_BYTES));
    Looks.fails(rig, "brk first", Errno.EINVAL, map(rig, A + 2 * PAGE, A + PAGE, A));
    Looks.fails(rig, "arguments at 0", Errno.EINVAL, map(rig, A, A + PAGE, 0));
    Looks.fails(rig, "arguments above", Errno.EINVAL, map(rig, A, A + PAGE, A + 2 * PAGE));
    rig.gives("PR_SET_MM_MAP", 0, map(rig, A + PAGE, A + 4 * PAGE, A));
    rig.gives("brk", A + 4 * PAGE, rig.mm.brk(0));
    String name = Looks.vmas(rig, A, A + PAGE).getFirst().name();
    RuleViolation.check(name.equals("[heap]"), "[heap]", name);
    rig.gives("brk", A + 5 * PAGE, rig.mm.brk(A + 5 * PAGE));
    rig.shows("0-5 rw-p");
    rig.gives("brk", A + 2 * PAGE, rig.mm.brk(A + 2 * PAGE));
    rig.shows("0-2 rw-p");
    rig.gives("a brk before the heap", A + 2 * PAGE, rig.mm.brk(A));
  }

  private static void onePlaceAnew(Rig rig) {
    prepare(rig);
    Looks.fails(rig, "arguments at 0", Errno.EINVAL, prctl(rig, SET_BRK, A, 0));
    rig.gives("PR_SET_MM_MAP", 0, map(rig, A, A + PAGE, A));
    rig.gives("PR_SET_MM_BRK", 0, prctl(rig, SET_BRK, A + 2 * PAGE, 0));
    rig.gives("brk", A + 2 * PAGE, rig.mm.brk(0));
    Looks.fails(rig, "no such field", Errno.EINVAL, prctl(rig, 16, A, 0));
    Looks.fails(rig, "a break before the heap", Errno.EINVAL, prctl(rig, SET_BRK, A - PAGE, 0));
    Looks.fails(rig, "a low address", Errno.EINVAL, prctl(rig, SET_BRK, PAGE, 0));
    Looks.fails(rig, "no file", Errno.EBADF, prctl(rig, 13, 99, 0));
    Looks.fails(rig, "no program", Errno.EACCES, prctl(rig, 13, CaseSetup.DISK, 0));
    long program = Looks.works("memfd_create", rig.mm.memfdCreate("program", Uapi.MFD_EXEC));
    Looks.fails(rig, "an open one", Errno.EACCES, prctl(rig, 13, program, 0));
    rig.gives("mmap", 0x401000, rig.mm.mmap(0x401000, PAGE, READ, 0x12, CaseSetup.DISK, 0));
    Looks.fails(rig, "another one runs", Errno.EBUSY, prctl(rig, 13, program, 0));
    rig.unmap(0x401000, PAGE);
    rig.map(0x401000, PAGE, READ);
    Looks.fails(rig, "none is mapped", Errno.EACCES, prctl(rig, 13, program, 0));
  }
}
