// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.MemMap;
import io.mm4j.api.memory.PageFlags;
import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.process.ProcessFloor.HugePages;
import io.mm4j.api.process.Uapi;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import java.util.List;
import java.util.Objects;

/** Pools of huge pages that the command line fills before the page allocator has any memory. */
public final class BootPoolCases {
  private static final long GIGA = 1L << 30;
  private static final long HUGE = 1L << 21;
  private static final long FRAMES = GIGA >> 12;
  private static final long AT = 1L << 40;
  private static final long ANON =
      0x32 | Uapi.MAP_HUGETLB | 30L << Uapi.MAP_HUGE_SHIFT; // private, at a place

  private BootPoolCases() {}

  /** All of them. */
  public static List<Rule<VmaIndexProvider>> all() {
    return List.of(
        new CaseRule(
            new RuleInfo(
                "AS-103",
                "gigantic-pages-of-the-command-line",
                "Pages of 1 GiB that the command line asks for are taken before anybody else has"
                    + " memory, from the nodes in turn, as many as there are, are full of zeroes,"
                    + " and can be used, copied, given back to the page allocator and taken again;"
                    + " nothing of them is left when the machine ends.",
                "After boot there is seldom such a range.",
                "alloc_bootmem_huge_page, gather_bootmem_prealloc, prep_and_add_bootmem_folios",
                "a page is made of frames that somebody has, or of another size than was asked"),
            () -> {
              CaseSetup setup = new CaseSetup();
              setup.machine = Ground.LARGE;
              return setup;
            },
            rig -> boots()));
  }

  private static void boots() {
    long free;
    long most;
    try (Floors.Booted plain = Floors.boot("")) {
      free = plain.freeFrames();
      most = whole(plain.machine().memory().memMap());
    }
    check(most > 2, "room for more than 2 pages", most + " in a machine of gigabytes");
    boots("hugepagesz=1G hugepages=2", 2, 0, 1, free);
    boots("default_hugepagesz=1G hugepages=1", 1, 0, 1, free);
    boots("hugepagesz=2M hugepages=3 hugepagesz=1G hugepages=1", 1, 3, 1, free);
    boots("hugepagesz=1G hugepages=99", most, 0, 1, free);
    boots("numa=fake=2 hugepagesz=1G hugepages=2", 2, 0, 2, free);
  }

  /** Ranges of 1 GiB of which every frame is free. */
  private static long whole(MemMap map) {
    long found = 0;
    for (long from = 0; from + FRAMES <= map.endPfn(); from += FRAMES) {
      long pfn = from;
      while (pfn < from + FRAMES
          && (map.owner(pfn) == FrameOwner.FREE || map.owner(pfn) == FrameOwner.PCP)) {
        pfn = Math.max(pfn + 1, map.sameUntil(pfn));
      }
      found += pfn >= from + FRAMES ? 1 : 0;
    }
    return found;
  }

  private static void boots(String words, long pages, long small, int nodes, long freeWithout) {
    Floors.Booted booted = Floors.boot(words);
    try (booted) {
      ProcessFloor floor = booted.floor();
      long taken = pages * FRAMES + small * (HUGE >> 12);
      checkEqual(freeWithout - taken, booted.freeFrames(), "free frames with " + words);
      has(floor, pages, pages, words);
      checkEqual(small, pool(floor.hugePools(), HUGE).total(), "pages of 2 MiB with " + words);
      for (int node = 0; node < nodes; node++) {
        HugePages here = pool(floor.hugePoolsOf(node), GIGA);
        checkEqual(pages / nodes, here.total(), "pages on node " + node + " with " + words);
        checkEqual(pages / nodes, here.free(), "free pages on node " + node + " with " + words);
      }
      marks(booted.machine().memory().memMap(), pages + small, words);
      uses(floor, pages, words);
      long free = booted.freeFrames(); // the first process has made the kernel's page tables
      checkEqual(0, floor.resizeHugePool(GIGA, pages - 1), "nr_hugepages");
      checkEqual(free + FRAMES, booted.freeFrames(), "free frames with one less");
      checkEqual(0, floor.resizeHugePool(GIGA, pages), "nr_hugepages");
      has(floor, pages, pages, words + ", taken again");
      checkEqual(0, floor.resizeHugePool(GIGA, 0), "nr_hugepages");
      checkEqual(0, floor.resizeHugePool(HUGE, 0), "nr_hugepages of 2 MiB");
      checkEqual(free + taken, booted.freeFrames(), "free frames without pages");
    }
    check(booted.leaks().isEmpty(), "no leak with " + words, booted.leaks().toString());
  }

  /** Pages that nobody has used are up to date, heads of blocks, and nothing else. */
  private static void marks(MemMap map, long pages, String words) {
    long found = 0;
    for (long pfn = map.startPfn();
        pfn < map.endPfn();
        pfn = Math.max(pfn + 1, map.sameUntil(pfn))) {
      if (map.owner(pfn) == FrameOwner.HUGETLB && map.head(pfn) == pfn) {
        found++;
        int marks = PageFlags.PG_UPTODATE | PageFlags.PG_HEAD;
        checkEqual(marks, map.flags(pfn), "marks of a page that was taken with " + words);
        checkEqual(1, map.refcount(pfn), "references to it, the pool's,");
      }
    }
    checkEqual(pages, found, "heads of huge pages with " + words);
  }

  /** One process has all of the pages, and its child a copy if one is left. */
  private static void uses(ProcessFloor floor, long pages, String words) {
    AddressSpace mm = new CaseSetup().create(floor);
    for (long i = 0; i < pages; i++) {
      long at = AT + i * GIGA;
      checkEqual(at, mm.mmap(at, GIGA, RW, ANON, -1, 0), "mmap with " + words);
      for (long place : new long[] {at, at + GIGA / 2, at + GIGA - 1}) {
        checkEqual(0, mm.read(place).value(), "a byte that nobody wrote");
        check(mm.write(place, 7).ok(), "a write", "a signal");
      }
      has(floor, pages, pages - i - 1, words);
    }
    checkEqual(0, mm.munmap(AT, GIGA), "munmap");
    if (pages > 1) {
      AddressSpace child = Objects.requireNonNull(mm.fork());
      check(child.write(AT + GIGA, 9).ok(), "a write of a child", "a signal");
      checkEqual(7, mm.read(AT + GIGA).value(), "the byte of the parent");
      has(floor, pages, 0, words);
      child.exit();
    }
    mm.validate();
    mm.exit();
    has(floor, pages, pages, words);
  }

  private static void has(ProcessFloor floor, long total, long free, String words) {
    HugePages pool = pool(floor.hugePools(), GIGA);
    checkEqual(total, pool.total(), "nr_hugepages of 1 GiB with " + words);
    checkEqual(free, pool.free(), "free_hugepages of 1 GiB with " + words);
    checkEqual(0, pool.surplus(), "surplus_hugepages of 1 GiB with " + words);
    boolean standard = words.startsWith("default");
    checkEqual(standard ? GIGA : HUGE, floor.hugePages().pageBytes(), "Hugepagesize");
    check(
        !standard || floor.hugePages().total() == total,
        total + " pages in the default pool",
        words);
  }

  private static HugePages pool(List<HugePages> pools, long bytes) {
    return pools.stream().filter(pool -> pool.pageBytes() == bytes).findFirst().orElseThrow();
  }
}
