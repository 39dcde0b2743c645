// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.vmalloc.rules.VmBench.PAGE;

import io.mm4j.api.vmalloc.VmallocAllocator;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.vmalloc.rules.VmRule.Needs;
import java.util.ArrayList;
import java.util.List;

/** The rules of allocators of addresses. */
public final class VmRules {
  /** More pages than any pool takes. */
  private static final int LARGE = 300;

  private VmRules() {}

  private static VmRule rule(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      Needs needs,
      VmRule.Body body) {
    return new VmRule(new RuleInfo(id, name, statement, why, behind, failure), needs, body);
  }

  /** All of them. */
  public static List<Rule<VmallocAllocatorProvider>> all() {
    List<Rule<VmallocAllocatorProvider>> all = new ArrayList<>(placement());
    all.addAll(lazy());
    all.addAll(PoolRules.all());
    all.addAll(RecordingRules.all());
    all.add(new TwoMachinesRule());
    all.addAll(TestVmallocRules.all());
    return all;
  }

  private static List<VmRule> placement() {
    return List.of(
        rule(
            "VM-01",
            "any-row",
            "Any row of requests, frees, purges and shrinks gives what Linux gives: areas are whole"
                + " pages, aligned, inside their window, and on addresses that nobody has and that"
                + " no freed area waits for.",
            "Two owners of one address is the worst that can happen.",
            "test_vmalloc: full_fit, long_busy_list, random_size_alloc, random_size_align_alloc",
            "a hole is larger than it is",
            Needs.NOTHING,
            VmRules::anyRow),
        rule(
            "VM-02",
            "lowest-hole",
            "A request of page alignment gets the lowest hole that it fits in, at its beginning.",
            "Low addresses share page tables.",
            "find_vmap_lowest_match; recorded: 12620 of 12623",
            "the best, the largest or the next hole is taken",
            Needs.NOTHING,
            VmRules::lowestHole),
        rule(
            "VM-03",
            "aligned",
            "An aligned request gets an aligned address: in the lowest hole with room for any"
                + " alignment, or in a lower one that happens to fit.",
            "Huge pages and thread stacks ask for it.",
            "__alloc_vmap_area adjust_search_size; test_vmalloc align_shift_alloc_test; recorded:"
                + " 1863 of 1863",
            "alignment is rounded down, or counted from the hole",
            Needs.NOTHING,
            VmRules::aligned),
        rule(
            "VM-04",
            "window",
            "A request is served inside its window, whole or not at all.",
            "Modules must be near the kernel's text.",
            "__alloc_vmap_area vstart, vend",
            "the end is not looked at",
            Needs.NOTHING,
            VmRules::window),
        rule(
            "VM-05",
            "found",
            "bytes, find and the walks tell the areas that there are, their guard pages included.",
            "vfree and vmalloc_to_page begin with it.",
            "find_vmap_area",
            "an end is one page off",
            Needs.NOTHING,
            VmRules::found),
        rule(
            "VM-06",
            "no-room",
            "Where there is no room a request says so and changes nothing, and is served once room"
                + " was made.",
            "vmalloc fails, the kernel goes on.",
            "alloc_vmap_area overflow; test_vmalloc fix_size_alloc_test with failures",
            "a pool or a tree has lost something meanwhile",
            Needs.NOTHING,
            VmRules::noRoom),
        rule(
            "VM-07",
            "neighbours-join",
            "When everything is freed and purged one free range is left.",
            "A space that only falls apart ends.",
            "merge_or_add_vmap_area",
            "a neighbour on one side is forgotten, or a page is lost",
            Needs.NOTHING,
            VmRules::join),
        rule(
            "VM-08",
            "misuse",
            "Requests of no pages or of parts of one, odd alignments, empty windows, and frees of"
                + " what is no area are refused, and nothing changes.",
            "The mistake is named where it is made.",
            "BUG_ON and WARN_ON of alloc_vmap_area and vfree",
            "the second free frees somebody else's area",
            Needs.NOTHING,
            VmRules::misuse),
        rule(
            "VM-09",
            "restored",
            "A state of free ranges, pools and areas can be restored, an area be taken exactly, and"
                + " the last allocation be undone.",
            "Recordings begin in the middle.",
            "mm4j's contract of VmallocAllocator",
            "what was restored differs from what grew",
            Needs.EXACT,
            VmRules::restored),
        rule(
            "VM-13",
            "taken-exactly-anywhere",
            "After any row of requests, frees and purges a range is taken exactly that nobody has:"
                + " an area of a pool as a whole, else a range of which no part is in use, waits"
                + " for a purge or lies in a pool; it says how much of it was free, and all other"
                + " ranges are refused without a change.",
            "A recording tells where each area lies.",
            "mm4j's contract of VmallocAllocator.takeExactly",
            "one of the trees or pools is not looked at, or a border of one",
            Needs.EXACT,
            VmRules::takenAnywhere));
  }

  private static List<VmRule> lazy() {
    return List.of(
        rule(
            "VM-10",
            "lazy",
            "A freed area is nobody's until a purge, which frees all of them; a purge is due with"
                + " more than 32 MiB for each binary digit of the number of CPUs, not with as"
                + " many.",
            "A TLB may still have it.",
            "free_vmap_area_noflush, lazy_max_pages; recorded: 18397 of 18397",
            "freed addresses are used again, or the limit is one page off",
            Needs.LAZY,
            VmRules::lazyFrees),
        rule(
            "VM-11",
            "flush-first",
            "A purge has the range of all freed areas flushed, once, before any of them is free,"
                + " and nothing if there is none.",
            "A stale translation of a new area is silent corruption.",
            "__purge_vmap_area_lazy flush_tlb_kernel_range",
            "areas are free during the flush",
            Needs.LAZY,
            VmRules::flushFirst),
        rule(
            "VM-12",
            "lazy-told",
            "Every area that was freed and not purged is told with its bounds, and nothing else.",
            "/proc/vmallocinfo shows them as unpurged.",
            "show_purge_info",
            "a CPU's are forgotten, or purged ones stay in the list",
            Needs.LAZY,
            VmRules::lazyTold));
  }

  private static long size(Seeded random) {
    return switch (random.below(4)) {
      case 0 -> 1 + random.below(8);
      case 1 -> 250 + random.below(12);
      case 2 -> LARGE + random.below(200);
      default -> 2 + random.below(3);
    };
  }

  private static void anyRow(VmBench b, Seeded random) {
    for (int i = 0; i < 120; i++) {
      int cpu = random.below(8);
      switch (random.weighted(10, 7, 1, 1)) {
        case 0 -> {
          long align = random.oneIn(4) ? PAGE << random.below(7) : random.oneIn(2) ? PAGE : 1;
          long _ = b.alloc(cpu, size(random), align);
        }
        case 1 -> {
          if (!b.live.isEmpty()) {
            b.free(cpu, b.anyLive(random));
          }
        }
        case 2 -> b.purge();
        default -> {
          if (random.oneIn(4)) {
            b.shrink();
          }
        }
      }
      if (i % 30 == 29) {
        b.compare();
      }
    }
    b.end();
  }

  private static List<Long> row(VmBench b, Seeded random, int count) {
    List<Long> row = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      row.add(b.alloc(0, LARGE + random.below(100), 1));
    }
    return row;
  }

  private static void lowestHole(VmBench b, Seeded random) {
    List<Long> row = row(b, random, 24);
    long[] pages = new long[row.size()];
    for (int i = 1; i < row.size(); i += 2) {
      pages[i] = b.it.bytes(row.get(i)) / PAGE;
      b.free(0, row.get(i));
    }
    b.purge();
    // Holes of exactly the size.
    for (int i = 1; i < row.size(); i += 8) {
      long _ = b.alloc(0, pages[i], 1);
    }
    for (int i = 0; i < 20; i++) {
      long _ = b.alloc(0, LARGE - 40 + random.below(120), PAGE);
    }
    b.compare();
  }

  private static void aligned(VmBench b, Seeded random) {
    List<Long> row = row(b, random, 16);
    for (int i = 0; i < row.size(); i += 1 + random.below(2)) {
      if (b.live.contains(row.get(i))) {
        b.free(0, row.get(i));
      }
    }
    b.purge();
    for (int i = 0; i < 16; i++) {
      long _ = b.alloc(0, LARGE - 60 + random.below(100), PAGE << (1 + random.below(9)));
    }
    b.compare();
    b.end();
  }

  private static void window(VmBench b, Seeded random) {
    long from = b.kind.start + (64 + random.below(64)) * PAGE;
    long pages = 40L + random.below(40);
    long to = from + pages * PAGE;
    List<Long> got = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      long address = b.alloc(0, 1 + pages / 6, PAGE, from, to);
      if (address != VmallocAllocator.NO_ADDRESS) {
        got.add(address);
      }
    }
    check(got.size() >= 3 && got.size() <= 6, b.kind + ": areas in a window", "" + got.size());
    long exact = b.alloc(0, 8, PAGE * 8, to, to + 8 * PAGE);
    check(
        exact == VmallocAllocator.NO_ADDRESS || exact == to,
        b.kind + ": a window of exactly the size",
        VmBench.hex(exact));
    if (b.kind.top != b.kind.end) {
      long _ = b.alloc(0, LARGE, PAGE, b.kind.end + (16L << 30), b.kind.end + (17L << 30));
    }
    b.compare();
    b.end();
  }

  private static void found(VmBench b, Seeded random) {
    for (int i = 0; i < 30; i++) {
      long _ = b.alloc(i, size(random) + 1, 1);
    }
    for (int i = 0; i < 12; i++) {
      b.free(i, b.anyLive(random));
    }
    b.compare();
    checkEqual(0, b.it.find(b.kind.end - PAGE), b.kind + ": nobody has the last page");
    checkEqual(b.live.size(), b.it.stats().areas(), b.kind + ": areas of stats()");
  }

  private static void noRoom(VmBench b, Seeded random) {
    long room = (b.kind.end - b.kind.start) / PAGE;
    long half = b.alloc(0, room / 2, 1);
    long rest = b.alloc(0, room - room / 2 - 10, 1);
    long small = b.alloc(1, 7 + random.below(3), 1);
    long none = b.alloc(0, 11, 1);
    checkEqual(VmallocAllocator.NO_ADDRESS, none, b.kind + ": no room");
    b.compare();
    b.free(0, half);
    if (b.can.lazy()) {
      long lazy = b.alloc(0, LARGE, 1);
      checkEqual(VmallocAllocator.NO_ADDRESS, lazy, b.kind + ": freed and not purged");
      b.purge();
    }
    long again = b.alloc(0, LARGE, 1);
    check(again != VmallocAllocator.NO_ADDRESS, b.kind + ": there is room again", "there is not");
    b.free(0, rest);
    b.free(0, small);
    b.end();
  }

  private static void join(VmBench b, Seeded random) {
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 25; i++) {
        long _ = b.alloc(i, size(random), 1);
      }
      while (b.live.size() > 5 * round) {
        b.free(0, b.anyLive(random));
      }
      b.purge();
    }
    b.end();
  }

  private static void misuse(VmBench b, Seeded random) {
    long area = b.alloc(0, 5, 1);
    long other = b.alloc(0, LARGE, 1);
    long s = b.kind.start;
    long e = b.kind.end;
    b.refused("no pages", () -> b.it.alloc(b.cpu(0), 0, 1, s, e));
    b.refused("a negative size", () -> b.it.alloc(b.cpu(0), -PAGE, 1, s, e));
    b.refused("a part of a page", () -> b.it.alloc(b.cpu(0), PAGE + 1, 1, s, e));
    b.refused("an odd alignment", () -> b.it.alloc(b.cpu(0), PAGE, 3 * PAGE, s, e));
    b.refused("no alignment", () -> b.it.alloc(b.cpu(0), PAGE, 0, s, e));
    b.refused("an empty window", () -> b.it.alloc(b.cpu(0), PAGE, 1, s, s));
    b.refused("a window the wrong way round", () -> b.it.alloc(b.cpu(0), PAGE, 1, e, s));
    b.refused("an address inside an area", () -> b.it.free(b.cpu(0), area + PAGE));
    b.refused("an address that nobody has", () -> b.it.free(b.cpu(0), e - PAGE));
    b.free(0, other);
    b.refused("a second free", () -> b.it.free(b.cpu(0), other));
    b.end();
  }

  private static void restored(VmBench b, Seeded random) {
    long base = b.kind.start + (1 + random.below(1000)) * PAGE;
    b.it.clear();
    b.model.clear();
    for (VmallocAllocator a : List.of(b.it, b.model)) {
      a.addFree(base, base + 64 * PAGE);
      a.addFree(base + 128 * PAGE, base + 4096 * PAGE);
      if (b.hasPools()) {
        a.addPooled(1, base + 64 * PAGE, 5 * PAGE);
        a.addPooled(1, base + 72 * PAGE, 5 * PAGE);
        a.addPooled(1, base + 80 * PAGE, 5 * PAGE);
      }
      checkEqual(20, a.takeExactly(0, base + 200 * PAGE, 20 * PAGE), b.kind + ": pages taken");
      checkEqual(
          4, a.takeExactly(-1, base + 124 * PAGE, 8 * PAGE), b.kind + ": half of it known as free");
      checkEqual(
          -1,
          a.takeExactly(0, base + 219 * PAGE, 2 * PAGE),
          b.kind + ": somebody has a page of it");
      if (b.hasPools()) {
        checkEqual(
            -1, a.takeExactly(0, base + 64 * PAGE, 4 * PAGE), b.kind + ": a pool has a part of it");
        checkEqual(5, a.takeExactly(0, base + 80 * PAGE, 5 * PAGE), b.kind + ": an area of a pool");
      }
    }
    b.compare();
    if (b.hasPools()) {
      checkEqual(base + 64 * PAGE, b.alloc(1, 5, 1), b.kind + ": what a restored pool gives");
      checkEqual(base + 72 * PAGE, b.alloc(1, 5, 1), b.kind + ": and then");
    }
    checkEqual(base + 128 * PAGE + 4 * PAGE, b.alloc(0, 65, 1), b.kind + ": what is free");
    long undone = b.it.alloc(b.cpu(0), 3 * PAGE, 1, b.kind.start, b.kind.end);
    b.it.undo(undone);
    b.compare();
    b.refused("undo of something else", () -> b.it.undo(undone));
  }

  private static void takenAnywhere(VmBench b, Seeded random) {
    List<long[]> known = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      int cpu = random.below(8);
      switch (random.weighted(6, 4, 1, 5)) {
        case 0 -> {
          long pages = size(random);
          long address = b.alloc(cpu, pages, 1);
          if (address != VmallocAllocator.NO_ADDRESS) {
            known.add(new long[] {address, pages});
          }
        }
        case 1 -> {
          if (!b.live.isEmpty()) {
            b.free(cpu, b.anyLive(random));
          }
        }
        case 2 -> b.purge();
        default -> {
          if (!known.isEmpty()) {
            long[] area = known.get(random.below(known.size()));
            boolean whole = random.oneIn(2);
            long from = area[0] + (whole ? 0 : random.between(-3, 3) * PAGE);
            long pages = whole ? area[1] : Math.max(1, area[1] + random.between(-4, 4));
            b.takeExactly(cpu, Math.max(b.kind.start, from), pages * PAGE);
          }
        }
      }
      if (i % 30 == 29) {
        b.compare();
      }
    }
    b.end();
  }

  private static void lazyFrees(VmBench b, Seeded random) {
    long max = 8192L * (b.kind.cpus >= 4 ? 3 : b.kind.cpus >= 2 ? 2 : 1);
    checkEqual(max, b.it.lazyMax(), b.kind + ": freed pages that may be");
    long first = b.alloc(0, max - LARGE, 1);
    long second = b.alloc(0, LARGE, 1);
    long third = b.alloc(0, LARGE + 1, 1);
    b.free(0, first);
    b.free(1, second);
    check(!b.it.isPurgeDue(), b.kind + ": as many as may be: no purge is due", "one is");
    long behind = b.alloc(0, LARGE, 1);
    check(behind > third, b.kind + ": nothing freed is used again", VmBench.hex(behind));
    b.free(0, third);
    check(b.it.isPurgeDue(), b.kind + ": one more: a purge is due", "none is");
    b.purge();
    checkEqual(0, b.it.lazyPages(), b.kind + ": freed pages after a purge");
    checkEqual(first, b.alloc(random.below(4), LARGE, 1), b.kind + ": it is free now");
    b.end();
  }

  private static void lazyTold(VmBench b, Seeded random) {
    b.compareLazy();
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 15; i++) {
        long _ = b.alloc(i, size(random), 1);
      }
      for (int i = 0; i < 8; i++) {
        b.free(i, b.anyLive(random));
        b.compareLazy();
      }
      b.purge();
      b.compareLazy();
    }
    b.end();
  }

  private static void flushFirst(VmBench b, Seeded random) {
    b.purge();
    for (int i = 0; i < 20; i++) {
      long _ = b.alloc(i, size(random), 1);
    }
    for (int i = 0; i < 10; i++) {
      b.free(i, b.anyLive(random));
    }
    b.purge();
    b.purge();
    b.end();
  }
}
