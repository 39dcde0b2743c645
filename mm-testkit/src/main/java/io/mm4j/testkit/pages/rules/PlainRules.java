// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.NodeMask;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Rules about an allocator that claims neither per-cpu lists nor fallback: all that is left. */
public final class PlainRules {
  private PlainRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        rule(
            "PA-74",
            "own-type-first",
            "In each zone the wanted type's blocks are given first, then those of any other type,"
                + " reserved ones too, but never isolated ones; pageblocks keep their types.",
            "mm/page_alloc.c fallbacks",
            "isolated pageblocks are on the way, or the list of reserved ones is left out",
            PlainRules::types),
        rule(
            "PA-75",
            "back-to-its-pageblock",
            "A freed block is on the list of its pageblock's type, whatever the type that it was"
                + " asked for with.",
            "mm/page_alloc.c __free_one_page",
            "the list is always that of one type",
            PlainRules::back),
        rule(
            "PA-76",
            "reclaim-until-no-gain",
            "Reclaim is asked again as long as it gives something and the block cannot be had, up"
                + " to 16 times, and not once more when it gave nothing.",
            "mm/page_alloc.c __alloc_pages_slowpath",
            "one round only, or one after nothing came",
            PlainRules::rounds),
        rule(
            "PA-39",
            "last-resort-until-no-gain",
            "Where reclaim gives nothing the last resort is asked as long as it frees something and"
                + " the block cannot be had, up to 16 times, and not once more when it freed"
                + " nothing.",
            "mm/page_alloc.c __alloc_pages_may_oom",
            "it is asked once only, or for ever",
            PlainRules::lastResort),
        far(
            "PA-97",
            "reclaim-as-requested",
            "Reclaim is asked for what the request wants: its flags, order and pages, and its nodes"
                + " - the preferred one with __GFP_THISNODE, else those of the mask, else all. A"
                + " request that cannot wait asks nobody.",
            "mm/vmscan.c try_to_free_pages (nodemask, gfp_mask, order)",
            "memory is freed where it does not help",
            ZonelistRules::draw,
            PlainRules::asked),
        far(
            "PA-98",
            "lower-node-first",
            "Of nodes that are as near the one with the lower number is asked first.",
            "mm/page_alloc.c build_zonelists",
            "the order hangs on a list that was not sorted by number",
            ZonelistRules::alike,
            (s, random) ->
                ZonelistRules.empties(s, random, false, ZonelistRules.byNumber(s.drawn))));
  }

  private static Rule<PageAllocatorProvider> rule(
      String id,
      String name,
      String statement,
      String behind,
      String failure,
      DrawnRule.Body body) {
    return far(id, name, statement, behind, failure, PressureRules::one, body);
  }

  private static Rule<PageAllocatorProvider> far(
      String id,
      String name,
      String statement,
      String behind,
      String failure,
      Function<Seeded, Drawn> machines,
      DrawnRule.Body body) {
    String why = "The simplest allocator is what others are compared with.";
    return new DrawnRule(
        new RuleInfo(id, name, statement, why, behind, failure), Needs.PLAIN, true, machines, body);
  }

  private static void types(DrawnSubject s, Seeded random) {
    Cpu cpu = s.machine.cpus().get(0);
    Map<Integer, List<Long>> blocks = new HashMap<>();
    for (ManagedZone managed : s.pages.zones()) {
      Zone zone = managed.zone();
      long first = (zone.startPfn() + 511) & -512;
      for (long pfn = first; pfn + 512 <= zone.endPfn(); pfn += 512) {
        managed.frames().movePageblock(pfn, random.below(Migratetype.TYPES));
      }
      // A block of two pageblocks has taken both along.
      for (long pfn = first; pfn + 512 <= zone.endPfn(); pfn += 512) {
        int type = zone.pageblocks().get(pfn);
        blocks.computeIfAbsent(type, t -> new ArrayList<>()).add(pfn);
      }
    }
    int gfp =
        switch (random.below(3)) {
          case 0 -> Gfp.GFP_HIGHUSER;
          case 1 -> Gfp.GFP_HIGHUSER_MOVABLE;
          default -> Gfp.GFP_HIGHUSER | Gfp.__GFP_RECLAIMABLE;
        };
    int wanted = Gfp.migratetype(gfp);
    List<Zone> zonelist = ZonelistRules.order(s.drawn).zones(gfp, 0);
    Zone before = null;
    boolean others = false;
    long got = 0;
    for (long pfn; (pfn = s.pages.allocPages(cpu, gfp, 9)) != PageAllocator.NO_PAGE; got++) {
      Zone zone = ZonelistRules.zoneOf(s, pfn);
      int type = zone.pageblocks().get(pfn);
      check(type != Migratetype.ISOLATE, "no isolated block", "block " + pfn);
      others = zone == before && others;
      check(
          type != wanted || !others, "all blocks of the own type first", "one after another type");
      others |= type != wanted;
      before = zone;
    }
    long all = 0;
    for (var entry : blocks.entrySet()) {
      for (long pfn : entry.getValue()) {
        Zone zone = ZonelistRules.zoneOf(s, pfn);
        checkEqual(entry.getKey(), zone.pageblocks().get(pfn), "type of pageblock " + pfn);
        boolean counts = entry.getKey() != Migratetype.ISOLATE && zonelist.contains(zone);
        all += counts ? 1 : 0;
      }
    }
    checkEqual(all, got, "blocks that are not isolated");
  }

  private static void back(DrawnSubject s, Seeded random) {
    Cpu cpu = s.machine.cpus().get(0);
    for (ManagedZone managed : s.pages.zones()) {
      long first = (managed.zone().startPfn() + 511) & -512;
      for (long pfn = first; pfn + 512 <= managed.zone().endPfn(); pfn += 512) {
        managed.frames().movePageblock(pfn, random.below(Migratetype.PCPTYPES));
      }
    }
    List<Integer> gfps =
        List.of(Gfp.GFP_KERNEL, Gfp.GFP_HIGHUSER_MOVABLE, Gfp.GFP_KERNEL | Gfp.__GFP_RECLAIMABLE);
    List<long[]> held = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      int order = random.below(6);
      held.add(new long[] {s.pages.allocPages(cpu, gfps.get(random.below(3)), order), order});
    }
    Map<Long, Integer> types = new HashMap<>();
    for (Zone zone : s.drawn.layout().zones()) {
      for (long pfn = zone.startPfn(); pfn < zone.endPfn(); pfn = (pfn | 511) + 1) {
        types.put(pfn >> 9, zone.pageblocks().get(pfn));
      }
    }
    // The others stay, so that no whole pageblock comes together.
    for (int i = 0; i < held.size(); i += 2) {
      s.pages.freePages(cpu, held.get(i)[0], (int) held.get(i)[1]);
    }
    for (ManagedZone managed : s.pages.zones()) {
      managed
          .frames()
          .forEachFree(
              (pfn, order, type) ->
                  checkEqual(
                      order >= 9 ? type : types.getOrDefault(pfn >> 9, -1),
                      type,
                      "list of block " + pfn + " of order " + order));
    }
  }

  private static void rounds(DrawnSubject s, Seeded random) {
    Shortage shortage = new Shortage(s, random);
    int order = random.between(1, 5);
    int gains = random.below(30);
    // The last page makes a block of what came singly before.
    boolean served = random.oneIn(2) && gains + 1 <= 16 && (1 << order) <= gains + 1;
    Giver giver = new Giver(s.pages, 1, true);
    long first = 1024 + (random.below(900) & -(1L << order));
    int useless = served ? gains + 1 - (1 << order) : gains;
    shortage.held.stream()
        .filter(p -> p % 4 == 2 && (p < first || p >= first + (1L << order)))
        .limit(useless)
        .forEach(giver::hold);
    for (long pfn = first; served && pfn < first + (1L << order); pfn++) {
      giver.hold(pfn);
    }
    s.machine.pressure().register(giver);
    long pfn = s.pages.allocPages(shortage.cpu, Gfp.GFP_HIGHUSER_MOVABLE, order);
    checkEqual(served ? first : PageAllocator.NO_PAGE, pfn, "block of order " + order);
    int asked = served ? gains + 1 : Math.min(16, gains + 1);
    checkEqual(asked, giver.asked().size(), "calls of a reclaimer that gives " + gains + " times");
    giver.asked().forEach(r -> checkEqual(1L << order, r.pages(), "pages that are asked for"));
  }

  private static void lastResort(DrawnSubject s, Seeded random) {
    Shortage shortage = new Shortage(s, random);
    int order = random.between(1, 3);
    int frees = random.below(24);
    boolean served = frees > 0 && frees <= 16 && random.oneIn(2);
    long first = 1024 + (random.below(900) & -(1L << order));
    // No two of these are buddies.
    Iterator<Long> useless =
        shortage.held.stream()
            .filter(p -> p % 4 == 2 && (p < first || p >= first + (1L << order)))
            .iterator();
    int[] asked = {0};
    s.machine
        .pressure()
        .registerOom(
            request -> {
              asked[0]++;
              if (served && asked[0] == frees) {
                for (long pfn = first; pfn < first + (1L << order); pfn++) {
                  s.pages.freePages(request.cpu(), pfn, 0);
                }
              } else if (asked[0] <= frees) {
                s.pages.freePages(request.cpu(), useless.next(), 0);
              }
              return asked[0] <= frees;
            });
    long pfn = s.pages.allocPages(shortage.cpu, Gfp.GFP_HIGHUSER_MOVABLE, order);
    checkEqual(served ? first : PageAllocator.NO_PAGE, pfn, "block of order " + order);
    checkEqual(
        served ? frees : Math.min(16, frees + 1),
        asked[0],
        "questions to a last resort that frees " + frees + " times");
  }

  /** A machine without a block of the largest order. */
  private static void asked(DrawnSubject s, Seeded random) {
    Cpu cpu = s.machine.cpus().get(random.below(s.drawn.cpus()));
    int order = Pages.MAX_PAGE_ORDER;
    int all = Gfp.GFP_HIGHUSER_MOVABLE & ~Gfp.__GFP_RECLAIM;
    while (s.pages.allocPages(cpu, all, order) != PageAllocator.NO_PAGE) {
      // until there is none
    }
    Giver giver = new Giver(s.pages, 1, true);
    s.machine.pressure().register(giver);
    int nodes = s.drawn.layout().nodes().size();
    for (int i = 0; i < 40; i++) {
      int gfp = ZonelistRules.flags(s.drawn, random);
      int node = random.oneIn(2) ? -1 : random.below(nodes);
      NodeMask mask = random.oneIn(2) ? null : NodeMask.of(random.below(nodes));
      int before = giver.asked().size();
      long pfn = s.pages.allocPages(cpu, gfp, order, node, mask);
      checkEqual(PageAllocator.NO_PAGE, pfn, "block of order " + order);
      boolean waits = (gfp & Gfp.__GFP_DIRECT_RECLAIM) != 0;
      String what = " for " + Gfp.format(gfp) + " for node " + node + " of " + mask;
      checkEqual(waits ? 1 : 0, giver.asked().size() - before, "calls of a reclaimer" + what);
      if (waits) {
        ReclaimRequest request = giver.asked().getLast();
        checkEqual(gfp, request.gfp(), "flags" + what);
        checkEqual(order, request.order(), "order" + what);
        checkEqual(1L << order, request.pages(), "pages" + what);
        int own = node < 0 ? cpu.nodeId() : node;
        for (int n = 0; n < nodes; n++) {
          boolean wanted =
              (gfp & Gfp.__GFP_THISNODE) != 0 ? n == own : mask == null || mask.contains(n);
          check(
              wanted == request.wantsNode(n),
              "node " + n + (wanted ? " wanted" : " not wanted") + what,
              "" + request);
        }
      }
    }
  }
}
