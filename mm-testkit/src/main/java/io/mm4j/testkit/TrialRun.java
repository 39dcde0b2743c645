// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.LockClass;
import io.mm4j.api.LockOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Runs a list of operations on a fresh subject, with the checks of the trial after each step and
 * {@code validate()} after every n-th and after the last.
 */
final class TrialRun {
  /**
   * How a run failed.
   *
   * @param step the index of the operation that failed; the number of operations if the end did
   * @param violation what broke
   */
  record Failed(int step, RuleViolation violation) {}

  private TrialRun() {}

  /**
   * Runs the operations.
   *
   * @param story receives a line for each operation that was begun; null if nobody reads it
   * @return null if all went well
   */
  static <S extends Subject> @Nullable Failed run(
      Trial<S> trial, List<? extends Operation<S>> operations, @Nullable List<String> story) {
    return run(trial, operations, story, new LongAdder());
  }

  /** No call keeps a lock that it took. */
  private static void nothingIsLocked() {
    if (LockOrder.held() != 0) {
      List<LockClass> kinds = new ArrayList<>();
      for (LockClass kind : LockClass.values()) {
        if ((LockOrder.held() & 1 << kind.code()) != 0) {
          kinds.add(kind);
        }
      }
      LockOrder.forget();
      throw new RuleViolation("no lock that is held after a call", "held: " + kinds);
    }
  }

  /** The same, and adds to a sum how many calls the plugin has answered. */
  static <S extends Subject> @Nullable Failed run(
      Trial<S> trial,
      List<? extends Operation<S>> operations,
      @Nullable List<String> story,
      LongAdder calls) {
    int step = -1;
    String during = "creation";
    Watched.step(during);
    LockOrder.forget();
    try (S subject = trial.open()) {
      if (story != null) {
        subject.startTelling();
      }
      int every = Math.max(1, trial.validateEvery());
      for (Operation<S> operation : operations) {
        step++;
        during = operation.toString();
        Watched.step(during);
        try {
          operation.apply(subject);
        } finally {
          if (story != null) {
            String told = subject.takeTold();
            story.add(told.isEmpty() ? during : during + "  -> " + told);
          }
        }
        nothingIsLocked();
        trial.afterStep(subject);
        if ((step + 1) % every == 0) {
          during = "validate() after " + operation;
          Watched.step(during);
          subject.validate();
        }
      }
      step = operations.size();
      during = "the end";
      Watched.step(during);
      trial.atEnd(subject);
      during = "validate() at the end";
      Watched.step(during);
      subject.validate();
      calls.add(Math.max(subject.calls(), operations.size()));
      during = "close()";
      return null;
    } catch (OutOfMemoryError e) {
      throw e;
    } catch (Throwable e) {
      return new Failed(Math.max(step, 0), RuleViolation.of(e, during));
    }
  }
}
