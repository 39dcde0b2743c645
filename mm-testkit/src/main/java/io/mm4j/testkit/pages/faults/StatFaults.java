// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.faults;

import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.page.PageStats;
import io.mm4j.api.page.ZoneStats;
import io.mm4j.api.page.ZoneStats.PcpStats;
import io.mm4j.testkit.Fault;
import io.mm4j.testkit.pages.model.Choices;
import io.mm4j.testkit.pages.model.Hooks;
import io.mm4j.testkit.pages.model.ModelPages;
import io.mm4j.testkit.pages.model.ModelProvider;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Models that show one number wrong. */
public final class StatFaults {
  private StatFaults() {}

  public static List<Fault<PageAllocatorProvider>> all() {
    return List.of(
        new Fault<>(
            "marks-unread",
            "Recorded marks are not looked at.",
            List.of("PA-40"),
            new UnreadMarks()),
        fault(
            "min-free-of-one-more",
            "min_free_kbytes is one more.",
            "PA-46",
            right ->
                new WrongStats(right) {
                  @Override
                  public long minFreeKbytes() {
                    return super.minFreeKbytes() + 1;
                  }
                }),
        fault(
            "low-is-min",
            "The low mark is shown as min.",
            "PA-47",
            right ->
                new WrongStats(right) {
                  @Override
                  ZoneStats zone(ZoneStats z) {
                    return with(z, z.min(), z.protection(), z.cpus());
                  }
                }),
        fault(
            "protects-nothing",
            "No zone shows a protection.",
            "PA-48",
            right ->
                new WrongStats(right) {
                  @Override
                  ZoneStats zone(ZoneStats z) {
                    List<Long> none = z.protection().stream().map(p -> 0L).toList();
                    return with(z, z.low(), none, z.cpus());
                  }
                }),
        fault(
            "batch-of-one-more",
            "The batch of every CPU is one more.",
            "PA-49",
            right ->
                new WrongStats(right) {
                  @Override
                  ZoneStats zone(ZoneStats z) {
                    return with(
                        z, z.low(), z.protection(), z.cpus().stream().map(c -> more(c)).toList());
                  }
                }),
        fault(
            "hides-empty-zones",
            "Zones without memory are not shown.",
            "PA-50",
            right ->
                new WrongStats(right) {
                  @Override
                  public List<ZoneStats> zones() {
                    return super.zones().stream().filter(z -> z.spanned() > 0).toList();
                  }
                }),
        new Fault<>(
            "isolated-counts-as-free",
            "What lies in isolated pageblocks is counted as free.",
            List.of("PA-36"),
            new ModelProvider(
                "isolated-counts-as-free",
                floors ->
                    new ModelPages(floors, new Choices(), new Hooks()) {
                      @Override
                      public Optional<PageStats> stats() {
                        return super.stats().map(right -> withIsolated(right, zones()));
                      }
                    })));
  }

  private static PageStats withIsolated(PageStats right, List<ManagedZone> zones) {
    return new WrongStats(right) {
      @Override
      ZoneStats zone(ZoneStats z) {
        long isolated = 0;
        for (ManagedZone managed : zones) {
          boolean same = managed.zone().nodeId() == z.nodeId() && managed.zone().type() == z.type();
          for (int order = 0; same && order <= Pages.MAX_PAGE_ORDER; order++) {
            isolated += managed.frames().freeBlocks(order, Migratetype.ISOLATE) << order;
          }
        }
        return withFree(z, z.free() + isolated);
      }
    };
  }

  private static PcpStats more(PcpStats c) {
    return new PcpStats(c.cpu(), c.count(), c.high(), c.batch() + 1, c.highMin(), c.highMax());
  }

  private static Fault<PageAllocatorProvider> fault(
      String name, String what, String meantFor, Function<PageStats, PageStats> wrong) {
    return new Fault<>(
        name,
        what,
        List.of(meantFor),
        new ModelProvider(
            name,
            floors ->
                new ModelPages(floors, new Choices(), new Hooks()) {
                  @Override
                  public Optional<PageStats> stats() {
                    return super.stats().map(wrong);
                  }
                }));
  }
}
