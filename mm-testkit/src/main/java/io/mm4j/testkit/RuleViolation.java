// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import java.util.function.Supplier;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/** A plugin broke a rule: what was expected and what was seen. */
@API(status = API.Status.MAINTAINED)
public final class RuleViolation extends AssertionError {
  private static final long serialVersionUID = 1L;

  private final String expected;
  private final String seen;

  /** Creates the violation. */
  public RuleViolation(String expected, String seen) {
    super("expected " + expected + ", seen " + seen);
    this.expected = expected;
    this.seen = seen;
  }

  /** Throws unless the two are equal; {@code what} says what was asked. */
  public static void checkEqual(long expected, long seen, String what) {
    if (expected != seen) {
      throw new RuleViolation(what + " = " + expected, Long.toString(seen));
    }
  }

  /** Throws unless the condition holds. */
  public static void check(boolean good, String expected, String seen) {
    if (!good) {
      throw new RuleViolation(expected, seen);
    }
  }

  /** The same where it costs more to make the words than to check. */
  public static void check(boolean good, Supplier<String> expected, Supplier<String> seen) {
    if (!good) {
      throw new RuleViolation(expected.get(), seen.get());
    }
  }

  /**
   * A call was to be refused and was, but by an exception that callers do not know.
   *
   * @param expected what should have been thrown, and by which call
   * @param thrown what was
   */
  public static RuleViolation wrongException(String expected, Throwable thrown) {
    return new RuleViolation(expected, describe(thrown));
  }

  /** What the rule demands. */
  public String expected() {
    return expected;
  }

  /** What the plugin did. */
  public String seen() {
    return seen;
  }

  /** Any failure of a trial as a violation: what a plugin throws is seen, too. */
  static RuleViolation of(Throwable failure, String during) {
    if (failure instanceof RuleViolation violation) {
      return violation;
    }
    RuleViolation violation = new RuleViolation("no exception from " + during, describe(failure));
    violation.initCause(failure);
    return violation;
  }

  private static String describe(Throwable failure) {
    @Nullable StackTraceElement @Nullable [] stack = failure.getStackTrace();
    String at = stack == null || stack.length == 0 ? "" : " at " + stack[0];
    return failure + at;
  }
}
