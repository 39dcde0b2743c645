// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import static io.mm4j.testkit.RuleViolation.check;
import static io.mm4j.testkit.RuleViolation.checkEqual;

import io.mm4j.api.Cpu;
import io.mm4j.api.MemoryDeadlockException;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.pages.model.NodeOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A machine without a free page, and what requests do there. */
final class Shortage {
  final DrawnSubject s;
  final PageAllocator pages;
  final Cpu cpu;
  final List<Long> held = new ArrayList<>();

  /** Takes every page of a machine, singly, and in no order that would help anybody. */
  Shortage(DrawnSubject s, Seeded random) {
    this.s = s;
    this.pages = s.pages;
    this.cpu = s.machine.cpus().get(random.below(s.drawn.cpus()));
    int saved = cpu.exchangeFlags(Cpu.PF_MEMALLOC);
    for (long pfn; (pfn = pages.allocPages(cpu, Gfp.GFP_HIGHUSER_MOVABLE, 0)) >= 0; ) {
      held.add(pfn);
    }
    cpu.exchangeFlags(saved);
  }

  /**
   * How often a request asks for reclaim when that gives nothing useful.
   *
   * @param gains how many times reclaim gives something, before it gives nothing
   */
  static int rounds(int gfp, int order, boolean memalloc, int gains) {
    boolean costly = order > 3;
    boolean noRetry = has(gfp, Gfp.__GFP_NORETRY);
    boolean reserves =
        !has(gfp, Gfp.__GFP_NOMEMALLOC) && (memalloc || has(gfp, Gfp.__GFP_MEMALLOC));
    boolean compacts = has(gfp, Gfp.__GFP_IO);
    boolean early = costly && noRetry && compacts && !reserves;
    if (!has(gfp, Gfp.__GFP_DIRECT_RECLAIM) || memalloc || early) {
      return 0;
    }
    if (noRetry || (costly && !(compacts && has(gfp, Gfp.__GFP_RETRY_MAYFAIL)))) {
      return 1;
    }
    // Progress starts the count anew, but not for large blocks.
    return 17 + (costly ? 0 : gains);
  }

  static boolean has(int gfp, int flag) {
    return (gfp & flag) != 0;
  }

  /** A counter of /proc/vmstat. */
  long event(String name) {
    return s.stats().vmEvents().getOrDefault(name, -1L);
  }

  /** A request that cannot be served: how often it reclaims, and what it counts. */
  void fails(int gfp, int order, boolean memalloc, Giver giver, int gains) {
    String zone =
        NodeOrder.highest(gfp, s.drawn.plan().kinds()).procName().toLowerCase(Locale.ROOT);
    int before = giver.asked().size();
    long given = giver.given();
    long stalls = event("allocstall_" + zone);
    long stolen = event("pgsteal_direct");
    int saved = cpu.exchangeFlags(memalloc ? Cpu.PF_MEMALLOC : 0);
    long pfn;
    try {
      pfn = pages.allocPages(cpu, gfp, order);
    } catch (MemoryDeadlockException e) {
      pfn = PageAllocator.NO_PAGE;
    } finally {
      cpu.exchangeFlags(saved);
    }
    String what = Gfp.format(gfp) + " of order " + order;
    check(pfn == PageAllocator.NO_PAGE, "no page for " + what, "frame " + pfn);
    int rounds = giver.asked().size() - before;
    checkEqual(rounds(gfp, order, memalloc, gains), rounds, "calls of a reclaimer for " + what);
    checkEqual(stalls + rounds, event("allocstall_" + zone), "allocstall_" + zone);
    checkEqual(stolen + giver.given() - given, event("pgsteal_direct"), "pgsteal_direct");
    for (int i = before; i < giver.asked().size(); i++) {
      var request = giver.asked().get(i);
      boolean good =
          request.cpu() == cpu
              && request.gfp() == gfp
              && request.order() == order
              && request.highestZone() == NodeOrder.highest(gfp, s.drawn.plan().kinds())
              && request.migratetype() == Gfp.migratetype(gfp)
              && request.pages() >= Math.max(32, 1L << order);
      if (!good || (giver.flags().get(i) & Cpu.PF_MEMALLOC) == 0) {
        throw new RuleViolation(
            "reclaim for " + what + " by a CPU with PF_MEMALLOC, of 32 pages or the block",
            request + " with flags " + giver.flags().get(i));
      }
    }
  }
}
