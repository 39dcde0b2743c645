// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.stress;

import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Threads that work at once. Which thread does what follows from the seed; how they interleave does
 * not, so that a failure need not come again at once.
 *
 * <p>What they hold is claimed by compare-and-set: a claim that fails is an overlap.
 */
public final class AtOnce {
  private static final int THREADS = 4;
  private static final long PATIENCE_MS = 60_000;

  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final AtomicIntegerArray claimed;
  private final String claim;

  /**
   * With nothing claimed.
   *
   * @param things how many can be claimed
   * @param claim what each of them is, for a message: {@code frame}
   */
  public AtOnce(int things, String claim) {
    this.claimed = new AtomicIntegerArray(things);
    this.claim = claim;
  }

  /** What one thread does. */
  @FunctionalInterface
  public interface Work {
    /** Works, with random numbers of its own. */
    void run(Seeded random);
  }

  /** Runs four threads to their end; throws what the first of them has thrown. */
  public void run(Seeded random, Work work) {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      Seeded own = new Seeded(random.next());
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .start(
                  () -> {
                    try {
                      work.run(own);
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
  }

  /** Whether no thread has failed yet: all others stop when one does. */
  public boolean goesOn() {
    return failure.get() == null;
  }

  /** Claims one of the things, or gives it up; each has one holder at a time. */
  public void claim(long thing, boolean take) {
    if (!claimed.compareAndSet((int) thing, take ? 0 : 1, take ? 1 : 0)) {
      throw new RuleViolation(
          "each " + claim + " with one holder at a time", "two have " + claim + " " + thing);
    }
  }

  private static void join(List<Thread> threads) {
    boolean interrupted = false;
    for (Thread thread : threads) {
      try {
        thread.join(PATIENCE_MS);
      } catch (InterruptedException e) {
        interrupted = true;
      }
      RuleViolation.check(!thread.isAlive(), "threads that come to an end", "one that hangs");
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
