// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames;

import io.mm4j.api.memory.Zone;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.Migratetype;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/** Rules about two threads, each with the lock of a zone of its own. */
final class ThreadRules {
  private static final int CALLS = 4000;

  private ThreadRules() {}

  static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        new PlainRule(
            new RuleInfo(
                "FA-62",
                "zones-of-two-threads",
                "Two threads that work on two zones at once get the answers that each gets alone.",
                "The zone's lock guards a zone, not what zones share.",
                "include/linux/mmzone.h struct zone, spinlock_t lock",
                "a static field is used as scratch during a call"),
            (provider, options) -> null,
            ThreadRules::twoAtOnce));
  }

  private static void twoAtOnce(FrameAllocatorProvider provider, Options options) {
    for (int round = 0; round < 4; round++) {
      Worker[] alone = {
        new Worker(provider, options, 2L * round), new Worker(provider, options, 2L * round + 1)
      };
      Worker[] together = {
        new Worker(provider, options, 2L * round), new Worker(provider, options, 2L * round + 1)
      };
      for (Worker worker : alone) {
        worker.run();
      }
      together(together);
      for (int i = 0; i < 2; i++) {
        Throwable thrown = together[i].thrown;
        if (thrown != null && alone[i].thrown == null) {
          RuleViolation violation = new RuleViolation("the answers of one thread", "" + thrown);
          violation.initCause(thrown);
          throw violation;
        }
        if (alone[i].answers != together[i].answers) {
          throw new RuleViolation("the answers of one thread", "others, while another works");
        }
      }
    }
  }

  private static void together(Worker[] workers) {
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (Worker worker : workers) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  start.await();
                  worker.run();
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              },
              "zone");
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    start.countDown();
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A seeded life of one zone; what it answers comes to one number. */
  private static final class Worker {
    private final FrameAllocatorProvider provider;
    private final Options options;
    private final long seed;
    private @Nullable Throwable thrown;
    private long answers;

    Worker(FrameAllocatorProvider provider, Options options, long seed) {
      this.provider = provider;
      this.options = options;
      this.seed = seed;
    }

    void run() {
      try {
        work();
      } catch (RuntimeException | Error e) {
        thrown = e;
      }
    }

    private void work() {
      Seeded random = new Seeded(seed);
      var can = provider.capabilities(options);
      FrameZone where = FrameZone.plain(2048 + random.below(1024));
      Zone zone = where.create();
      FrameAllocator frames = provider.create(zone, options);
      frames.freeRange(zone.startPfn(), zone.endPfn(), Migratetype.MOVABLE, can.maxOrder());
      List<FrameSubject.Held> held = new ArrayList<>();
      for (int i = 0; i < CALLS; i++) {
        int order = Math.min(can.maxOrder(), random.order(6));
        if (random.oneIn(2) && !held.isEmpty()) {
          FrameSubject.Held block = held.remove(random.below(held.size()));
          frames.free(block.pfn(), block.order(), Migratetype.MOVABLE);
        } else {
          long pfn = frames.allocate(order, Migratetype.MOVABLE);
          if (pfn != FrameAllocator.NONE) {
            held.add(new FrameSubject.Held(pfn, order));
          }
          answers = answers * 31 + pfn;
        }
        long any = zone.startPfn() + random.below(where.frames());
        answers = answers * 31 + frames.freeOrderAt(any) + frames.freePagesIn(any, 0);
      }
      frames.validate();
      answers = answers * 31 + frames.freePages();
    }
  }
}
