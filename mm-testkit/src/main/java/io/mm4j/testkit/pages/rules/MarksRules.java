// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.memory.ZoneType;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.ZoneStats;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.pages.model.Marks;
import io.mm4j.testkit.pages.rules.DrawnRule.Needs;
import java.util.Collections;
import java.util.List;
import java.util.function.ToLongFunction;

/** Rules that compare what a plugin shows of an idle machine with {@link Marks}. */
public final class MarksRules {
  private MarksRules() {}

  public static List<Rule<PageAllocatorProvider>> all() {
    return List.of(
        look(
            "PA-46",
            "min-free-kbytes",
            "min_free_kbytes follows from lowmem and huge pages, unless it is set.",
            "Too small a reserve deadlocks reclaim, too large a one wastes memory.",
            "mm/page_alloc.c calculate_min_free_kbytes; mm/khugepaged.c",
            "a limit, the square root, or what huge pages raise it to",
            s ->
                checkEqual(
                    new Marks(s.drawn.plan()).minFreeKbytes(),
                    s.stats().minFreeKbytes(),
                    "min_free_kbytes")),
        look(
            "PA-47",
            "watermarks",
            "min, low, high and promo of every zone are those of a kernel with as many managed"
                + " pages and these settings.",
            "kswapd wakes too late, or never sleeps.",
            "mm/page_alloc.c __setup_per_zone_wmarks",
            "the share of lowmem, the step between the marks, or HighMem's own rule",
            s -> {
              each(s, "min", Marks.Numbers::min, ZoneStats::min);
              each(s, "low", Marks.Numbers::low, ZoneStats::low);
              each(s, "high", Marks.Numbers::high, ZoneStats::high);
              each(s, "promo", Marks.Numbers::promo, ZoneStats::promo);
            }),
        look(
            "PA-48",
            "protection",
            "What requests for higher zones leave alone follows from the managed pages above and"
                + " lowmem_reserve_ratio.",
            "User pages eat the memory that only devices can use.",
            "mm/page_alloc.c setup_per_zone_lowmem_reserve",
            "a default ratio, a ratio of 0, or zones of another node are counted",
            MarksRules::protections),
        look(
            "PA-49",
            "per-cpu-limits",
            "batch, high_min, high_max and the threshold of counters of every CPU follow from the"
                + " zone's size, its low mark and the CPUs of its node.",
            "Pages idle on lists while others reclaim, or every page takes the lock.",
            "mm/page_alloc.c zone_batchsize, zone_highsize; mm/vmstat.c",
            "rounding, a node without CPUs, or a set fraction",
            s -> {
              each(s, "threshold", Marks.Numbers::statThreshold, ZoneStats::statThreshold);
              perCpu(s);
            }),
        look(
            "PA-50",
            "zones-shown",
            "Every kind of zone of every node is shown, those without memory too, node by node"
                + " and lowest first, with its sizes.",
            "Programs find a zone by its place.",
            "mm/vmstat.c zoneinfo_show_print",
            "a zone is left out, or one without memory has CPUs",
            MarksRules::shown),
        new RecordedMarksRule());
  }

  private static Rule<PageAllocatorProvider> look(
      String id,
      String name,
      String statement,
      String why,
      String behind,
      String failure,
      java.util.function.Consumer<DrawnSubject> look) {
    return new DrawnRule(
        new RuleInfo(id, name, statement, why, behind, failure),
        Needs.STATISTICS,
        false,
        Drawn::anySize,
        (s, random) -> look.accept(s));
  }

  private static void each(
      DrawnSubject s,
      String name,
      ToLongFunction<Marks.Numbers> model,
      ToLongFunction<ZoneStats> plugin) {
    Marks marks = new Marks(s.drawn.plan());
    for (ZoneStats zone : s.stats().zones()) {
      long expected = model.applyAsLong(marks.of(size(zone)));
      if (zone.spanned() == 0) {
        // Only what is shown of a zone without memory.
        boolean least = zone.type() == ZoneType.HIGHMEM || zone.type() == ZoneType.MOVABLE;
        expected = least ? 32 : 0;
        if (name.equals("threshold")) {
          continue;
        }
      }
      checkEqual(expected, plugin.applyAsLong(zone), name + " of " + title(zone));
    }
  }

  private static void protections(DrawnSubject s) {
    Marks marks = new Marks(s.drawn.plan());
    for (ZoneStats zone : s.stats().zones()) {
      List<Long> expected =
          zone.spanned() == 0
              ? Collections.nCopies(s.drawn.plan().kinds().size(), 0L)
              : marks.of(size(zone)).protection();
      check(
          expected.equals(zone.protection()),
          "protection of " + title(zone) + " = " + expected,
          "" + zone.protection());
    }
  }

  private static void perCpu(DrawnSubject s) {
    Marks marks = new Marks(s.drawn.plan());
    for (ZoneStats zone : s.stats().zones()) {
      if (zone.spanned() == 0) {
        continue;
      }
      Marks.Numbers expected = marks.of(size(zone));
      for (ZoneStats.PcpStats cpu : zone.cpus()) {
        String what = " of cpu " + cpu.cpu() + " in " + title(zone);
        checkEqual(expected.batch(), cpu.batch(), "batch" + what);
        checkEqual(expected.highMin(), cpu.highMin(), "high_min" + what);
        checkEqual(expected.highMax(), cpu.highMax(), "high_max" + what);
        checkEqual(0, cpu.count(), "count" + what);
      }
    }
  }

  private static void shown(DrawnSubject s) {
    int at = 0;
    List<ZoneStats> zones = s.stats().zones();
    for (var node : s.drawn.layout().nodes()) {
      for (ZoneType kind : s.drawn.plan().kinds()) {
        check(at < zones.size(), "zone " + kind + " of node " + node.id(), "the end");
        ZoneStats seen = zones.get(at++);
        checkEqual(node.id(), seen.nodeId(), "node of zone " + at);
        check(kind == seen.type(), kind + " as zone " + at, "" + seen.type());
        Zone zone = node.zones().stream().filter(z -> z.type() == kind).findFirst().orElse(null);
        checkEqual(zone == null ? 0 : zone.spannedPages(), seen.spanned(), "spanned");
        checkEqual(zone == null ? 0 : zone.presentPages(), seen.present(), "present");
        checkEqual(zone == null ? 0 : zone.managedPages(), seen.managed(), "managed");
        checkEqual(zone == null ? 0 : zone.startPfn(), zone == null ? 0 : seen.startPfn(), "start");
        checkEqual(zone == null ? 0 : s.drawn.cpus(), seen.cpus().size(), "CPUs");
        for (int cpu = 0; cpu < seen.cpus().size(); cpu++) {
          checkEqual(cpu, seen.cpus().get(cpu).cpu(), "CPU");
        }
      }
    }
    checkEqual(at, zones.size(), "zones");
  }

  private static Marks.Size size(ZoneStats zone) {
    return new Marks.Size(zone.nodeId(), zone.type(), zone.managed());
  }

  private static String title(ZoneStats zone) {
    return "node " + zone.nodeId() + " zone " + zone.type().procName();
  }
}
