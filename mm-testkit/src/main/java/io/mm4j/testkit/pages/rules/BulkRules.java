// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.FrameOwner;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageEvents;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.model.NodeOrder;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Rules about {@code allocPagesBulk}. */
public final class BulkRules {
  private BulkRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        new DrawnRule(
            new RuleInfo(
                "PA-62",
                "bulk-fills-what-is-empty",
                "A bulk request fills the empty places and no others, with pages that nobody has,"
                    + " in the state of single pages; with plenty, all of them.",
                "A frame that is overwritten in the array is lost.",
                "mm/page_alloc.c alloc_pages_bulk_noprof",
                "places that hold a frame are overwritten, or counted twice"),
            Needs.NOTHING,
            true,
            PressureRules::one,
            BulkRules::fills),
        new DrawnRule(
            new RuleInfo(
                "PA-63",
                "bulk-zeroes",
                "With __GFP_ZERO every page of a bulk request is zero.",
                "Old contents would leak to a new owner.",
                "mm/page_alloc.c prep_new_page",
                "bulk pages are prepared in a way of their own, and not cleared"),
            Needs.NOTHING,
            true,
            PressureRules::one,
            BulkRules::zeroes),
        new DrawnRule(
            new RuleInfo(
                "PA-64",
                "bulk-looks-once",
                "All pages of a bulk request come from one zone of the nearest allowed node that is"
                    + " above low by so many; if there is none, a single page is asked for. Bulk"
                    + " pages are counted, but no event says so.",
                "Bulk requests would drain the reserve, or go to far nodes.",
                "mm/page_alloc.c alloc_pages_bulk_noprof",
                "the number is not added to the mark, other nodes are asked, the mask is"
                    + " forgotten, or nothing is counted"),
            Needs.STATISTICS,
            true,
            ZonelistRules::draw,
            BulkRules::looks));
  }

  private static void fills(DrawnSubject s, Seeded random) {
    Cpu cpu = s.machine.cpus().get(random.below(s.drawn.cpus()));
    Set<Long> mine = new HashSet<>();
    for (int round = 0; round < 6; round++) {
      int size = random.between(1, 40);
      long[] pfns = new long[size];
      for (int i = 0; i < size; i++) {
        pfns[i] = PageAllocator.NO_PAGE;
        if (random.oneIn(3)) {
          pfns[i] = s.pages.allocPages(cpu, Gfp.GFP_KERNEL, 0);
          mine.add(pfns[i]);
        }
      }
      long[] before = pfns.clone();
      int wanted = random.between(1, size);
      int filled = s.pages.allocPagesBulk(cpu, Gfp.GFP_HIGHUSER_MOVABLE, -1, pfns, wanted);
      checkEqual(wanted, filled, "places of " + Arrays.toString(before) + " that hold a frame");
      for (int i = 0; i < size; i++) {
        boolean was = before[i] != PageAllocator.NO_PAGE;
        if (was || i >= wanted) {
          checkEqual(before[i], pfns[i], "place " + i + ", which was not to be filled");
        } else {
          check(mine.add(pfns[i]), "a frame that nobody has at place " + i, "frame " + pfns[i]);
          var map = s.machine.memory().memMap();
          boolean good =
              map.owner(pfns[i]) == FrameOwner.KERNEL
                  && map.refcount(pfns[i]) == 1
                  && map.order(pfns[i]) == 0;
          check(good, "a page for KERNEL with one reference", "frame " + pfns[i]);
        }
      }
    }
    mine.forEach(pfn -> s.pages.freePages(cpu, pfn, 0));
  }

  private static void zeroes(DrawnSubject s, Seeded random) {
    try (DrawnSubject other = s.withContents()) {
      Cpu cpu = other.machine.cpus().get(0);
      var memory = other.machine.memory();
      for (int round = 0; round < 3; round++) {
        long[] pfns = new long[random.between(2, 30)];
        Arrays.fill(pfns, PageAllocator.NO_PAGE);
        int gfp = Gfp.GFP_KERNEL | Gfp.__GFP_ZERO;
        int filled = other.pages.allocPagesBulk(cpu, gfp, -1, pfns, pfns.length);
        checkEqual(pfns.length, filled, "pages of a bulk request");
        for (long pfn : pfns) {
          for (long at = pfn << Pages.PAGE_SHIFT; at < (pfn + 1) << Pages.PAGE_SHIFT; at += 8) {
            checkEqual(0, memory.getLong(at), "what stands at " + at);
          }
          memory.putLong((pfn << Pages.PAGE_SHIFT) + 8L * random.below(512), -1L);
        }
        for (long pfn : pfns) {
          other.pages.freePages(cpu, pfn, 0);
        }
      }
    }
  }

  private static void looks(DrawnSubject s, Seeded random) {
    KswapdCase c = new KswapdCase(s, random);
    Cpu cpu = c.cpu();
    int gfp = Gfp.__GFP_MOVABLE | Gfp.__GFP_NORETRY;
    int[] announced = new int[1];
    s.pages.watch(
        new PageEvents() {
          @Override
          public void alloc(Cpu who, long pfn, int order, int flags, int type) {
            announced[0]++;
          }
        });
    List<Zone> zonelist = c.nodes.zones(gfp, cpu.nodeId());
    ZoneType highest = NodeOrder.highest(gfp, s.drawn.plan().kinds());
    for (int i = 0; i < 60; i++) {
      int wanted = 1 + random.below(random.oneIn(3) ? 400 : 40);
      long[] pfns = new long[wanted];
      Arrays.fill(pfns, PageAllocator.NO_PAGE);
      NodeMask mask = random.oneIn(2) ? null : mask(s, random);
      List<Zone> allowed =
          mask == null
              ? zonelist
              : zonelist.stream().filter(z -> mask.contains(z.nodeId())).toList();
      Zone from = null;
      for (Zone zone : allowed) {
        long mark = c.numbers(zone).low() + wanted + c.protection(zone, highest);
        boolean near = zone.nodeId() == allowed.getFirst().nodeId();
        if (from == null && near && c.managed(zone).frames().freePages() > mark) {
          from = zone;
        }
      }
      announced[0] = 0;
      long counted = counted(s);
      int filled = s.pages.allocPagesBulk(cpu, gfp, -1, mask, pfns, wanted);
      checkEqual(counted + filled, counted(s), "pgalloc after " + filled + " pages");
      if (from == null || wanted == 1) {
        check(filled <= 1, "one page at most, for no zone has " + wanted, "" + filled);
        checkEqual(1, announced[0], "events of a single request");
        if (filled == 0 && mask == null) {
          break;
        }
      } else {
        checkEqual(wanted, filled, "pages from " + from);
        checkEqual(0, announced[0], "events of a bulk request");
        for (long pfn : pfns) {
          check(from.contains(pfn), "a page of " + from, "frame " + pfn);
        }
      }
    }
  }

  /** Some of the machine's nodes, at least one. */
  private static NodeMask mask(DrawnSubject s, Seeded random) {
    int nodes = s.machine.layout().nodes().size();
    int first = random.below(nodes);
    return random.oneIn(2) ? NodeMask.of(first) : NodeMask.of(first, random.below(nodes));
  }

  private static long counted(DrawnSubject s) {
    return s.stats().vmEvents().entrySet().stream()
        .filter(e -> e.getKey().startsWith("pgalloc_"))
        .mapToLong(e -> e.getValue())
        .sum();
  }
}
