// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.api.page.PageEvents;
import io.mm4j.api.page.ReclaimRequest;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;

/**
 * Somebody who, when asked to reclaim, frees all of memory, lets kswapd find that there is enough
 * and go to sleep, and takes everything again.
 */
final class Sleeper {
  private final Shortage shortage;
  private final PageAllocator pages;
  private final List<Integer> gfps =
      List.of(Gfp.GFP_KERNEL, Gfp.GFP_KERNEL | Gfp.__GFP_RETRY_MAYFAIL, Gfp.GFP_NOIO);
  private final int gfp;
  private final Cpu other;
  private int wakes;
  private int rounds;
  private boolean busy;

  Sleeper(DrawnSubject s, Seeded random) {
    shortage = new Shortage(s, random);
    pages = s.pages;
    gfp = gfps.get(random.below(gfps.size()));
    other = s.machine.cpus().get(random.below(s.drawn.cpus()));
    pages.watch(
        new PageEvents() {
          @Override
          public void wakeupKswapd(Cpu cpu, Zone zone, int order, int flags) {
            wakes++;
          }
        });
    sleep();
    s.machine.pressure().register(this::reclaim);
  }

  /** A request that reclaims until it gives up. */
  void askInVain() {
    wakes = 0;
    long pfn = pages.allocPages(shortage.cpu, gfp, 0);
    check(pfn == PageAllocator.NO_PAGE, "no page, as all are taken again", "frame " + pfn);
    checkEqual(17, rounds, "rounds of reclaim");
    checkEqual(rounds, wakes, "wake-ups, one before each round");
  }

  private long reclaim(ReclaimRequest request) {
    if (!busy) {
      busy = true;
      rounds++;
      checkEqual(rounds, wakes, "wake-ups before round " + rounds);
      sleep();
      busy = false;
    }
    return 0;
  }

  /** Kswapd finds enough; nobody is told that it is short again. */
  private void sleep() {
    List<Long> held = new ArrayList<>(shortage.held);
    held.forEach(pfn -> pages.freePages(other, pfn, 0));
    pages.drainAllPages(other);
    long freed = pages.runKswapd(other);
    checkEqual(0, freed, "pages that kswapd got where all are free");
    shortage.held.clear();
    int saved = shortage.cpu.exchangeFlags(Cpu.PF_MEMALLOC);
    int quiet = Gfp.__GFP_HIGHMEM | Gfp.__GFP_MOVABLE;
    for (long pfn; (pfn = pages.allocPages(shortage.cpu, quiet, 0)) >= 0; ) {
      shortage.held.add(pfn);
    }
    shortage.cpu.exchangeFlags(saved);
  }
}
