// SPDX-License-Identifier: Apache-2.0

package io.mm4j.api.machine;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** How the floors of a machine are closed: the highest first, each whatever another throws. */
final class FloorClosers {
  private final Deque<Runnable> closers = new ArrayDeque<>();

  /** Adds a floor above those that are there. */
  void push(Runnable closer) {
    closers.push(closer);
  }

  /**
   * Closes all of them; the next time there are none.
   *
   * @param beforeLowest runs when only the lowest floor is left
   * @return the first failure, with the others suppressed in it; or null
   */
  @Nullable RuntimeException close(Runnable beforeLowest) {
    RuntimeException failure = null;
    while (!closers.isEmpty()) {
      if (closers.size() == 1) {
        failure = run(beforeLowest, failure);
      }
      failure = run(closers.pop(), failure);
    }
    return failure;
  }

  private static @Nullable RuntimeException run(Runnable step, @Nullable RuntimeException first) {
    try {
      step.run();
      return first;
    } catch (RuntimeException e) {
      if (first == null) {
        return e;
      }
      first.addSuppressed(e);
      return first;
    }
  }
}
