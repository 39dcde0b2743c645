// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A thread on which a rule runs, so that somebody can notice when it no longer gets on: a plugin
 * may loop for ever, or wait for a lock that nobody gives up.
 *
 * <p>Steps: whoever runs trials says before each step what comes ({@link #step}); the caller waits
 * for the end, and as long as steps follow each other it waits on. When no step has begun for the
 * length of its patience it takes the thread's stack and leaves it behind: a thread cannot be
 * stopped from outside, only interrupted, and this is a daemon that keeps no process alive.
 *
 * @param <T> what the work comes to
 */
final class Watched<T> extends Thread {
  private static final long LOOK_EVERY_MS = 100;

  /** Who calls rules, below whom no stack tells anything. */
  private static final Set<String> RUNNERS =
      Set.of(TrialRun.class.getName(), RuleRunner.class.getName());

  private final Supplier<T> work;
  private @Nullable T result;
  private @Nullable Throwable thrown;

  /** Where the work is: the steps so far, the trial, and what is being done. */
  record Place(long number, long seed, String setup, int operations, String during) {}

  private long seed;
  private String setup = "";
  private int operations;
  private long steps;
  private volatile Place place;

  private Watched(Supplier<T> work, long seed) {
    super("rule");
    this.work = work;
    this.seed = seed;
    this.place = new Place(0, seed, "", 0, "preparation");
  }

  /** The thread that this runs on, if it is watched, is about to make the trial of a seed. */
  static void seed(long seed) {
    if (Thread.currentThread() instanceof Watched<?> watched) {
      watched.seed = seed;
      step("preparation");
    }
  }

  /** The thread that this runs on, if it is watched, is about to run this trial. */
  static void trial(Trial<?> trial) {
    if (Thread.currentThread() instanceof Watched<?> watched) {
      watched.setup = trial.setup();
      watched.operations = trial.operations().size();
    }
  }

  /** The thread that this runs on, if it is watched, is about to do this. */
  static void step(String what) {
    if (Thread.currentThread() instanceof Watched<?> watched) {
      watched.place =
          new Place(++watched.steps, watched.seed, watched.setup, watched.operations, what);
    }
  }

  /** Where the work is now. */
  Place place() {
    return place;
  }

  /** What it has on its stack, innermost first, without how the kit came to the rule. */
  List<String> stack() {
    return Arrays.stream(getStackTrace())
        .limit(30)
        .takeWhile(frame -> !RUNNERS.contains(frame.getClassName()))
        .map(StackTraceElement::toString)
        .toList();
  }

  @Override
  public void run() {
    try {
      result = work.get();
    } catch (Throwable e) {
      thrown = e;
    }
  }

  /**
   * Does the work on a thread of its own and returns its result, or throws what it threw.
   *
   * @param seed the first seed of the work
   * @param patience how long one step may take
   * @param stuck the result if it takes longer
   * @param full the result if the heap was full; what filled it is free again, as the work has
   *     ended
   */
  static <T> T run(
      Supplier<T> work,
      long seed,
      Duration patience,
      Function<Watched<T>, T> stuck,
      BiFunction<Watched<T>, OutOfMemoryError, T> full) {
    Watched<T> thread = new Watched<>(work, seed);
    thread.setDaemon(true);
    thread.start();
    boolean interrupted = false;
    Place last = thread.place;
    long since = System.nanoTime();
    while (true) {
      try {
        thread.join(LOOK_EVERY_MS);
      } catch (InterruptedException e) {
        interrupted = true;
        thread.interrupt();
      }
      if (!thread.isAlive()) {
        break;
      }
      Place now = thread.place;
      if (now.number != last.number) {
        last = now;
        since = System.nanoTime();
      } else if (System.nanoTime() - since > patience.toNanos()) {
        T verdict = stuck.apply(thread);
        thread.interrupt();
        return verdict;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return thread.thrown instanceof OutOfMemoryError e ? full.apply(thread, e) : thread.outcome();
  }

  @SuppressWarnings("NullAway") // the result is null only if T allows it: work.get() has returned
  private T outcome() {
    Throwable failure = thrown;
    if (failure instanceof RuntimeException e) {
      throw e;
    }
    if (failure instanceof Error e) {
      throw e;
    }
    return result;
  }
}
