// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Growth;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.stress.OtherThread;
import io.mm4j.testkit.stress.Steps;
import java.util.ArrayList;
import java.util.List;

/** Rules about two threads, each with the lock of a zone of its own. */
public final class ThreadRules {
  private static final int CALLS_IN_TURN = 500;

  /** Calls of which each access is interrupted, and as many accesses are. */
  private static final int CALLS_BY_STEP = 60;

  private static final int MOST_STEPS = 20_000;

  /** Calls at once: at least so many, and as many more as take one thread this long. */
  private static final int CALLS = 4000;

  private static final int MOST_CALLS = 2_000_000;
  private static final double TIME_NS = 200e6;

  private ThreadRules() {}

  public static List<Rule<FrameAllocatorProvider>> all() {
    return List.of(
        new PlainRule(
            new RuleInfo(
                "FA-62",
                "zones-of-two-threads",
                "Two threads that work on two zones get the answers that each gets alone: one with"
                    + " a call before every access of the other's to a field or an array, in turn,"
                    + " call by call and block by block of a walk, and at once.",
                "The zone's lock guards a zone, not what zones share.",
                "include/linux/mmzone.h struct zone, spinlock_t lock",
                "a static field is used as scratch during a call, or from one call to the next"),
            (provider, options) -> null,
            (provider, options) -> {
              stepped(provider, options);
              twoThreads(provider, options, CALLS, false);
              twoThreads(provider, options, CALLS_IN_TURN, true);
              twoThreads(provider, options, calls(provider, options), false);
            }));
  }

  /** A race needs time to be lost: quick plugins make more calls in it. */
  private static int calls(FrameAllocatorProvider provider, Options options) {
    double ns = Growth.costNs(new ZoneLife(provider, options, 0, CALLS, null));
    return (int) Math.clamp(CALLS * (TIME_NS / ns), CALLS, MOST_CALLS);
  }

  private static void twoThreads(
      FrameAllocatorProvider provider, Options options, int calls, boolean inTurn) {
    for (int round = 0; round < 2; round++) {
      ZoneLife[] together = new ZoneLife[2];
      Turns turns = inTurn ? new Turns() : null;
      for (int i = 0; i < 2; i++) {
        Turns.Of mine = turns == null ? null : turns.of(i);
        together[i] = new ZoneLife(provider, options, 2L * round + i, calls, mine);
      }
      run(together);
      for (int i = 0; i < 2; i++) {
        ZoneLife alone = new ZoneLife(provider, options, 2L * round + i, calls, null);
        alone.run();
        alone.compare(together[i]);
      }
    }
  }

  /** One thread makes a call before each access of the other's calls. */
  private static void stepped(FrameAllocatorProvider provider, Options options) {
    FrameAllocatorProvider copy = Steps.copyOf(FrameAllocatorProvider.class, provider);
    if (copy == null) {
      return;
    }
    ZoneLife[] together = {
      new ZoneLife(copy, options, 0, CALLS_BY_STEP, null),
      new ZoneLife(copy, options, 1, Integer.MAX_VALUE, null)
    };
    ZoneLife first = together[0];
    ZoneLife second = together[1];
    int[] left = {MOST_STEPS};
    try (OtherThread other = new OtherThread()) {
      Steps.during(
          first,
          () -> {
            if (first.hasBegun() && left[0]-- > 0) {
              other.run(second::call);
            }
          });
      other.await();
      second.end();
    }
    for (ZoneLife life : together) {
      life.alone(copy, options).compare(life);
    }
  }

  private static void run(ZoneLife[] lives) {
    List<Thread> threads = new ArrayList<>();
    for (ZoneLife life : lives) {
      Thread thread = new Thread(life, "zone");
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
