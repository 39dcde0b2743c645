// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.stress.AtOnce;
import java.util.ArrayList;
import java.util.List;

/**
 * Threads that allocate, free and drain at once ({@link AtOnce}); each frame is claimed. After
 * LLFree's tests parallel_alloc, parallel_free, multirand and stress.
 */
public final class StressRule {
  private static final int ROUNDS = 1500;

  private StressRule() {}

  public static PageRule rule() {
    return PageRule.of(
        new RuleInfo(
            "PA-25",
            "threads",
            "Threads that allocate, free and drain at once get different frames, and nothing is"
                + " lost.",
            "Every CPU does this all the time.",
            "LLFree tests parallel_alloc, parallel_free, multirand, stress",
            "a per-cpu list is touched by a CPU that does not own it, or a zone without its lock"),
        PageRule.Needs.NOTHING,
        StressRule::run);
  }

  private static void run(PageSubject s, Seeded random) {
    AtOnce threads = new AtOnce((int) PageSubject.FRAMES, "frame");
    threads.run(random, own -> work(s, own, threads));
    s.pages.drainAllPages(s.cpu(0));
    RuleViolation.checkEqual(s.total, s.pages.freePages(), "freePages() when all is back");
  }

  private static void work(PageSubject s, Seeded random, AtOnce threads) {
    List<PageSubject.Held> held = new ArrayList<>();
    for (int i = 0; (i < ROUNDS || !held.isEmpty()) && threads.goesOn(); i++) {
      Cpu cpu = s.machine.cpus().acquire();
      try {
        if (i < ROUNDS && held.size() < 64 && random.below(5) < 3) {
          int order = random.order(3);
          long pfn =
              (i & 1) == 0
                  ? s.pages.on(cpu).alloc(Gfp.GFP_KERNEL, order)
                  : s.pages.allocPages(cpu, Gfp.GFP_KERNEL, order);
          if (pfn != PageAllocator.NO_PAGE) {
            claim(threads, pfn, order, true);
            held.add(new PageSubject.Held(pfn, order));
          }
        } else if (!held.isEmpty()) {
          PageSubject.Held block = held.remove(random.below(held.size()));
          claim(threads, block.pfn(), block.order(), false);
          if ((i & 1) == 0) {
            s.pages.on(cpu).free(block.pfn(), block.order());
          } else {
            s.pages.freePages(cpu, block.pfn(), block.order());
          }
        }
        if (random.oneIn(300)) {
          s.pages.drainAllPages(cpu);
        }
      } finally {
        s.machine.cpus().release(cpu);
      }
    }
  }

  private static void claim(AtOnce threads, long pfn, int order, boolean take) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      threads.claim(p, take);
    }
  }
}
