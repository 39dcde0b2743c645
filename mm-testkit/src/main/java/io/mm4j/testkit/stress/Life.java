// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.stress;

import io.mm4j.testkit.RuleViolation;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A seeded life of one instance of a plugin, whose answers are kept call by call, so that it can be
 * compared with the same life of an instance that has nobody beside it.
 */
public abstract class Life implements Runnable {
  private final int calls;
  private final List<Long> answers = new ArrayList<>();
  private @Nullable Throwable thrown;
  private int made;

  /** Makes so many calls. */
  protected Life(int calls) {
    this.calls = calls;
  }

  /** Makes the next call and keeps what it answers. */
  protected abstract void makeCall();

  /** The same life from its beginning, of so many calls, by an instance of its own. */
  protected abstract Life again(int length);

  /** Keeps an answer. */
  protected final void answer(long value) {
    answers.add(value);
  }

  /** The whole life. */
  @Override
  public final void run() {
    while (made < calls && thrown == null) {
      call();
    }
  }

  /** The next call, unless one has failed. */
  public final void call() {
    if (thrown == null) {
      try {
        makeCall();
        made++;
      } catch (RuntimeException | Error e) {
        thrown = e;
      }
    }
  }

  /** Throws if the same life, as far as this one has come, answers otherwise with nobody beside. */
  public final void compareWithAlone() {
    Life alone = again(made);
    alone.run();
    compareWith(alone, "with another at work");
  }

  /** Throws if a life that was to be the same answers otherwise, or threw nothing. */
  public final void compareWith(Life alone, String when) {
    for (int i = 0; i < Math.min(answers.size(), alone.answers.size()); i++) {
      RuleViolation.checkEqual(
          alone.answers.get(i), answers.get(i), "answer " + i + ", " + when + ",");
    }
    if (thrown != null && alone.thrown == null) {
      RuleViolation violation =
          new RuleViolation("no exception, as alone, after " + made + " calls", "" + thrown);
      violation.initCause(thrown);
      throw violation;
    }
  }

  /**
   * Has one thread make a call of the second before each access that the first one's calls make,
   * and compares both with what they answer alone. Both are of classes that {@link Steps#copyOf}
   * has made.
   *
   * @param mostSteps as many accesses are interrupted
   */
  public static void stepped(Life first, Life second, int mostSteps) {
    int[] left = {mostSteps};
    try (OtherThread other = new OtherThread()) {
      Steps.during(
          first,
          () -> {
            if (left[0]-- > 0) {
              other.run(second::call);
            }
          });
      other.await();
    }
    first.compareWithAlone();
    second.compareWithAlone();
  }

  /** Has two threads live at once, and compares both with what they answer alone. */
  public static void atOnce(Life first, Life second) {
    Thread thread = new Thread(second, "second");
    thread.setDaemon(true);
    thread.start();
    first.run();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    first.compareWithAlone();
    second.compareWithAlone();
  }
}
