// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.ManagedZone;
import io.mm4j.api.page.Migratetype;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/** What twins do with a reserve of which no page is free. */
final class ReserveMixes {
  private static final int[] PATIENT = {
    Gfp.GFP_KERNEL,
    Gfp.GFP_KERNEL | Gfp.__GFP_NORETRY,
    Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL,
    Gfp.GFP_HIGHUSER_MOVABLE
  };

  private final Seeded random;
  private final int cpus;
  private final List<Operation<Twins>> list = new ArrayList<>();

  private ReserveMixes(Seeded random, Ground ground) {
    this.random = random;
    this.cpus = ground.cpus();
  }

  /**
   * A pageblock or more is reserved and handed out to the last page, while single pages elsewhere
   * keep the marks met; then others ask, and some of it comes back.
   */
  static List<Operation<Twins>> usedUp(Seeded random, Ground ground) {
    ReserveMixes mix = new ReserveMixes(random, ground);
    mix.allocate(Gfp.GFP_NOWAIT, 10, 200);
    // Down to the mark, so that the next one takes the slow path, which alone reserves.
    mix.allocate(Gfp.GFP_NOWAIT, 0, 9_000);
    mix.allocate(Gfp.GFP_ATOMIC, random.between(1, 3), random.between(1, 4));
    mix.allocate(Gfp.GFP_NOWAIT | Gfp.__GFP_MEMALLOC, 0, 9_000);
    for (int i = 0; i < 3; i++) {
      int cpu = random.below(mix.cpus);
      mix.list.add(new FreeApart(cpu, random.between(300, 600) >> i));
      mix.list.add(new TwinOp.Drain(cpu));
      mix.allocate(Gfp.GFP_ATOMIC, random.oneIn(3) ? 2 : 1, 1_200);
      mix.list.add(new TwinOp.CachePages(random.below(3), 0));
      mix.allocate(PATIENT[random.below(PATIENT.length)], random.between(1, 3), 2);
      mix.list.add(new TwinOp.Turns(cpu, 1, 0, random.below(4), 1));
      mix.allocate(PATIENT[random.below(PATIENT.length)], random.between(1, 4), 2);
    }
    return mix.list;
  }

  private void allocate(int gfp, int order, int count) {
    list.add(new TwinOp.Allocate(random.below(cpus), gfp, order, -1, count));
  }

  /** Frees single pages outside the reserve, no two of which are buddies. */
  private record FreeApart(int cpu, int count) implements Operation<Twins> {
    @Override
    public void apply(Twins s) {
      int left = count;
      for (int at = 0; at < s.held.size() && left > 0; at++) {
        Twins.Held page = s.held.get(at);
        if (page.order() == 0 && page.pfn() % 4 == 2 && !isReserved(s, page.pfn())) {
          s.free(cpu, at--);
          left--;
        }
      }
    }

    private static boolean isReserved(Twins s, long pfn) {
      return s.model.pages.zones().stream()
          .map(ManagedZone::zone)
          .filter(zone -> zone.contains(pfn))
          .anyMatch(zone -> zone.pageblocks().get(pfn) == Migratetype.HIGHATOMIC);
    }

    @Override
    public String toString() {
      return "cpu" + cpu + ": free_pages of " + count + " single pages, no two of them buddies";
    }
  }
}
