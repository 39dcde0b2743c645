// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.A;
import static io.mm4j.testkit.process.rules.CaseRule.Rig.RW;

import io.mm4j.api.process.AddressSpace;
import io.mm4j.api.process.PagemapScan;
import io.mm4j.api.process.PagemapScan.Region;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.process.naive.Bits;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Any request of PAGEMAP_SCAN about processes as {@link ViewBench} makes them: what one request for
 * everything tells of each page decides what every other one finds, page by page.
 */
final class ScanBench extends ViewBench {
  private static final long PAGE = Bits.PAGE;
  private static final long END = A + (16L << 20);

  /** Where a process puts requests and vectors. */
  private static final long OWN = Act.SCRATCH;

  private Seeded requests;

  ScanBench(ProcessFloor floor, Seeded random) {
    super(floor, random);
    requests = random;
    AddressSpace first = processes.getFirst();
    checkEqual(OWN, first.mmap(OWN, PAGE, RW, 0x31, -1, 0), "mmap of the vector");
  }

  @Override
  void step(Seeded random) {
    super.step(random);
    requests = random;
  }

  @Override
  void holds() {
    AddressSpace mm = processes.get(requests.below(processes.size()));
    check(mm.write(OWN, 0).ok(), "a write to the vector", "a signal"); // and its tables are there
    TreeMap<Long, Long> pages = new TreeMap<>();
    for (Region region : mm.pagemapScan(PagemapScan.of(A, END, 0)).regions()) {
      for (long at = region.start(); at < region.end(); at += PAGE) {
        pages.put(at, region.categories());
      }
    }
    for (int i = 0; i < 6; i++) {
      PagemapScan asked = request();
      Naive wanted = new Naive(asked);
      wanted.walk(pages);
      PagemapScan.Found seen = mm.pagemapScan(asked);
      check(
          seen.regions().equals(wanted.regions),
          wanted.regions + " of " + asked,
          seen.regions().toString());
      checkEqual(wanted.regions.size(), seen.result(), "the answer to " + asked);
      checkEqual(wanted.end, seen.walkEnd(), "the end of the walk of " + asked);
    }
    inMemory(mm, pages);
  }

  private long bits() {
    long rare = requests.next(); // a quarter of all bits, with the next ones
    long bits = rare & requests.next() & PagemapScan.CATEGORIES;
    return requests.oneIn(2) ? 0 : bits & ~PagemapScan.WPALLOWED;
  }

  private PagemapScan request() {
    long start = A + (requests.oneIn(2) ? 0 : requests.below((END - A) / PAGE) * PAGE);
    long end = requests.oneIn(2) ? END : start + requests.below(END - start);
    long room = requests.oneIn(3) ? requests.below(4) : requests.oneIn(2) ? 600 : 1 << 20;
    long most = requests.oneIn(2) ? 0 : requests.oneIn(2) ? requests.below(9) : 700;
    return new PagemapScan(
        0,
        PagemapScan.SIZE,
        requests.oneIn(12) ? PagemapScan.WP_MATCHING : 0,
        start,
        end,
        1,
        room,
        most,
        bits(),
        bits(),
        bits(),
        requests.oneIn(2) ? PagemapScan.CATEGORIES : bits());
  }

  /** The same where the process itself asks: regions and the end are in its memory then. */
  private void inMemory(AddressSpace mm, NavigableMap<Long, Long> pages) {
    PagemapScan asked =
        new PagemapScan(
            OWN,
            PagemapScan.SIZE,
            0,
            A,
            END,
            OWN + PagemapScan.SIZE,
            3,
            0,
            0,
            0,
            0,
            PagemapScan.CATEGORIES);
    Naive wanted = new Naive(asked);
    wanted.walk(pages);
    PagemapScan.Found seen = mm.pagemapScan(asked);
    checkEqual(wanted.regions.size(), seen.result(), "the answer to a process about itself");
    checkEqual(wanted.end, number(mm, OWN + PagemapScan.WALK_END_OFFSET), "walk_end in memory");
    long at = OWN + PagemapScan.SIZE;
    for (Region region : wanted.regions) {
      checkEqual(region.start(), number(mm, at), "the start of a region in memory");
      checkEqual(region.end(), number(mm, at + 8), "the end of a region in memory");
      checkEqual(region.categories(), number(mm, at + 16), "categories in memory");
      at += 24;
    }
  }

  private static long number(AddressSpace mm, long at) {
    long value = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      value |= (long) mm.read(at + i).value() << (i * Byte.SIZE);
    }
    return value;
  }

  /** Goes from page to page. */
  private static final class Naive {
    private final PagemapScan asked;
    final List<Region> regions = new ArrayList<>();
    long end;
    private long found;

    Naive(PagemapScan asked) {
      this.asked = asked;
      this.end = (asked.end() + PAGE - 1) & -PAGE;
    }

    void walk(NavigableMap<Long, Long> pages) {
      if (asked.vecLen() == 0 || asked.flags() != 0) {
        return; // no room, or pages that nobody write-protects
      }
      for (Map.Entry<Long, Long> page : pages.subMap(asked.start(), end).entrySet()) {
        long at = page.getKey();
        if (isWanted(page.getValue()) && !add(at, page.getValue() & asked.returned())) {
          end = at;
          return;
        }
      }
    }

    private boolean isWanted(long has) {
      long seen = has ^ asked.inverted();
      return (seen & asked.mask()) == asked.mask()
          && (asked.anyof() == 0 || (seen & asked.anyof()) != 0);
    }

    /** False if there is no room for it. */
    private boolean add(long at, long categories) {
      if (asked.maxPages() != 0 && found == asked.maxPages()) {
        return false;
      }
      Region last = regions.isEmpty() ? null : regions.getLast();
      if (last != null && last.end() == at && last.categories() == categories) {
        regions.set(regions.size() - 1, new Region(last.start(), at + PAGE, categories));
      } else if (regions.size() == asked.vecLen()) {
        return false;
      } else {
        regions.add(new Region(at, at + PAGE, categories));
      }
      found++;
      return true;
    }
  }
}
