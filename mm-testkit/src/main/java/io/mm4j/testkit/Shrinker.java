// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import java.util.ArrayList;
import java.util.List;

/**
 * Makes a failing list of operations smaller while it still fails: cuts what comes after the
 * failure, deletes chunks (halves, quarters, ... single operations, as in Zeller's delta
 * debugging), then replaces operations by {@link Operation#simpler} ones, until nothing helps.
 *
 * <p>Deterministic: the same list gives the same result. It stops after {@value #MAX_STEPS} applied
 * operations with the smallest list so far.
 */
final class Shrinker<S extends Subject> {
  private static final int MAX_STEPS = 400_000;

  private final Trial<S> trial;
  private int steps;

  Shrinker(Trial<S> trial) {
    this.trial = trial;
  }

  /** The smallest failing list that was found; the given one fails. */
  List<Operation<S>> shrink(List<Operation<S>> failing) {
    List<Operation<S>> best = new ArrayList<>(failing);
    boolean again = true;
    while (again && steps < MAX_STEPS) {
      int before = best.size();
      best = deleteChunks(best);
      int simplified = simplify(best);
      again = best.size() < before || simplified > 0;
    }
    return best;
  }

  private List<Operation<S>> deleteChunks(List<Operation<S>> from) {
    List<Operation<S>> best = from;
    for (int chunk = Math.max(1, best.size() / 2); chunk >= 1; chunk /= 2) {
      int at = best.size();
      while (at > 0 && steps < MAX_STEPS) {
        int start = Math.max(0, at - chunk);
        List<Operation<S>> shorter = new ArrayList<>(best.subList(0, start));
        shorter.addAll(best.subList(Math.min(at, best.size()), best.size()));
        int step = failsAt(shorter);
        if (step >= 0) {
          best = new ArrayList<>(shorter.subList(0, Math.min(step + 1, shorter.size())));
          at = Math.min(start, best.size());
        } else {
          at = start;
        }
      }
    }
    return best;
  }

  private int simplify(List<Operation<S>> list) {
    int replaced = 0;
    for (int i = 0; i < list.size(); i++) {
      boolean again = true;
      while (again && steps < MAX_STEPS) {
        again = false;
        Operation<S> old = list.get(i);
        for (Operation<S> simpler : old.simpler()) {
          list.set(i, simpler);
          if (failsAt(list) >= 0) {
            replaced++;
            again = true;
            break;
          }
          list.set(i, old);
        }
      }
    }
    return replaced;
  }

  /** The step at which the list fails, or -1. */
  private int failsAt(List<Operation<S>> list) {
    steps += list.size() + 1;
    TrialRun.Failed failed = TrialRun.run(trial, list, null);
    return failed == null ? -1 : failed.step();
  }
}
