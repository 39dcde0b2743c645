// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.Cpu;
import io.mm4j.api.page.Gfp;
import io.mm4j.api.page.PageAllocator;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Threads that allocate, free and drain at once. Which thread does what follows from the seed; how
 * they interleave does not, so that a failure need not come again at once.
 *
 * <p>After LLFree's tests parallel_alloc, parallel_free, multirand and stress: each frame has a
 * word that its holder claims by compare-and-set; a claim that fails is an overlap.
 */
public final class StressRule {
  private static final int THREADS = 4;
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
    AtomicIntegerArray claimed = new AtomicIntegerArray((int) PageSubject.FRAMES);
    AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Seeded own = new Seeded(random.next());
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .start(
                  () -> {
                    try {
                      work(s, own, claimed, failure);
                    } catch (RuntimeException | Error e) {
                      failure.compareAndSet(null, e);
                    }
                  }));
    }
    join(threads);
    Throwable thrown = failure.get();
    if (thrown != null) {
      RuleViolation violation =
          thrown instanceof RuleViolation v
              ? v
              : new RuleViolation("no exception from four threads", thrown.toString());
      throw violation;
    }
    s.pages.drainAllPages(s.cpu(0));
    RuleViolation.checkEqual(s.total, s.pages.freePages(), "freePages() when all is back");
  }

  private static void join(List<Thread> threads) {
    boolean interrupted = false;
    for (Thread thread : threads) {
      try {
        thread.join(60_000);
      } catch (InterruptedException e) {
        interrupted = true;
      }
      RuleViolation.check(!thread.isAlive(), "threads that come to an end", "one that hangs");
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void work(
      PageSubject s,
      Seeded random,
      AtomicIntegerArray claimed,
      AtomicReference<@Nullable Throwable> failure) {
    List<PageSubject.Held> held = new ArrayList<>();
    for (int i = 0; (i < ROUNDS || !held.isEmpty()) && failure.get() == null; i++) {
      Cpu cpu = s.machine.cpus().acquire();
      try {
        if (i < ROUNDS && held.size() < 64 && random.below(5) < 3) {
          int order = random.order(3);
          long pfn =
              (i & 1) == 0
                  ? s.pages.on(cpu).alloc(Gfp.GFP_KERNEL, order)
                  : s.pages.allocPages(cpu, Gfp.GFP_KERNEL, order);
          if (pfn != PageAllocator.NO_PAGE) {
            claim(claimed, pfn, order, 0, 1);
            held.add(new PageSubject.Held(pfn, order));
          }
        } else if (!held.isEmpty()) {
          PageSubject.Held block = held.remove(random.below(held.size()));
          claim(claimed, block.pfn(), block.order(), 1, 0);
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

  private static void claim(AtomicIntegerArray claimed, long pfn, int order, int from, int to) {
    for (long p = pfn; p < pfn + (1L << order); p++) {
      if (!claimed.compareAndSet((int) p, from, to)) {
        throw new RuleViolation("each frame with one holder at a time", "two have frame " + p);
      }
    }
  }
}
