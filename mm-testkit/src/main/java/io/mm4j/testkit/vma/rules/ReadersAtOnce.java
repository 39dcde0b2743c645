// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vma.rules;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndex;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Growth;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.stress.OtherThread;
import io.mm4j.testkit.stress.Steps;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Threads that look up at once, each of which must get its own answers. */
final class ReadersAtOnce {
  private static final int READERS = 3;
  private static final int VMAS = 200;

  /** Rounds of each reader, and afterwards as many as take one of them this long. */
  private static final int ROUNDS = 200;

  private static final int MOST_ROUNDS = 20_000;
  private static final double TIME_NS = 300e6;

  /** Where one reader is interrupted, and what the other one asks about then. */
  private static final int[][] PLACES = {{3, 150}, {120, 7}, {64, 65}};

  /** As many accesses of one lookup are interrupted. */
  private static final int MOST_STEPS = 2000;

  private ReadersAtOnce() {}

  /** One reader makes all its lookups before each access of the other's, in turn. */
  static void stepped(VmaIndexProvider provider, Options options) {
    VmaIndexProvider copy = Steps.copyOf(VmaIndexProvider.class, provider);
    if (copy == null || copy.capabilities().maxVmas() < VMAS) {
      return;
    }
    Readings readings = new Readings(copy.create(VMAS, options), VMAS);
    if (!readings.areRightAlone()) {
      return;
    }
    try (OtherThread other = new OtherThread()) {
      for (int[] place : PLACES) {
        for (int kind = 0; kind < Readings.KINDS; kind++) {
          int now = kind;
          Runnable lookup = () -> readings.check(now, place[0]);
          int steps = Math.min(MOST_STEPS, Steps.count(lookup));
          for (int step = 0; step < steps; step++) {
            interrupt(lookup, step, other, () -> readings.checkAll(place[1]));
          }
        }
      }
    }
  }

  /**
   * The lookup has just been made, so that what is remembered of it is used; then it is asked
   * again.
   */
  private static void interrupt(Runnable lookup, int step, OtherThread other, Runnable others) {
    int[] left = {step};
    lookup.run();
    Steps.during(
        lookup,
        () -> {
          if (left[0]-- == 0) {
            other.run(others);
          }
        });
    other.await();
    lookup.run();
  }

  /** Readers go over the VMAs from different ones, in different orders. */
  static void race(VmaIndex index) {
    Readings readings = new Readings(index, VMAS);
    if (!readings.areRightAlone()) {
      return;
    }
    race(readings, ROUNDS);
    AtomicReference<@Nullable RuleViolation> none = new AtomicReference<>();
    double ns = Growth.costNs(() -> read(readings, 0, ROUNDS, none));
    race(readings, (int) Math.clamp(ROUNDS * (TIME_NS / ns), ROUNDS, MOST_ROUNDS));
  }

  private static void race(Readings readings, int rounds) {
    AtomicReference<@Nullable RuleViolation> failure = new AtomicReference<>();
    CountDownLatch start = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < READERS; t++) {
      int reader = t;
      Thread thread =
          new Thread(
              () -> {
                try {
                  start.await();
                  read(readings, reader, rounds, failure);
                } catch (RuleViolation e) {
                  failure.compareAndSet(null, e);
                } catch (RuntimeException e) {
                  failure.compareAndSet(null, new RuleViolation("no exception", e.toString()));
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              },
              "reader");
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    start.countDown();
    for (Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
    RuleViolation found = failure.get();
    if (found != null) {
      throw found;
    }
  }

  private static void read(
      Readings readings, int reader, int rounds, AtomicReference<@Nullable RuleViolation> failure) {
    for (int round = 0; round < rounds && failure.get() == null; round++) {
      for (int i = 0; i < VMAS; i++) {
        readings.checkAll((reader * VMAS / READERS + i * (2 * reader + 1) + round) % VMAS);
      }
    }
  }
}
