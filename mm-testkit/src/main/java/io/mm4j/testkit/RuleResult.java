// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import java.util.List;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * What came out of one rule on one plugin.
 *
 * @param rule the rule
 * @param plugin the plugin with its options, as on the command line: {@code
 *     frame-allocator=buddy:max-order=9}
 * @param outcome how it ended
 * @param tries how many seeds were run
 * @param calls how many calls the plugin has answered in all tries that were good; operations of a
 *     rule that does not count its calls are one each
 * @param reason why it was skipped, or that it did not come to an end, or null
 * @param failure what failed, or null
 */
@API(status = API.Status.MAINTAINED)
public record RuleResult(
    RuleInfo rule,
    String plugin,
    Outcome outcome,
    int tries,
    long calls,
    @Nullable String reason,
    @Nullable Failure failure) {
  /** So many operations are printed, and so many of them from the beginning. */
  private static final int MOST_SHOWN = 40;

  private static final int FIRST_SHOWN = 10;

  /** How a rule ended. */
  public enum Outcome {
    /** Every try was good. */
    PASSED,
    /** A try broke the rule. */
    FAILED,
    /** The plugin does not claim what the rule judges. */
    SKIPPED
  }

  /**
   * The first try that broke the rule, made as small as possible.
   *
   * @param seed the seed of that try
   * @param setup one line about what the operations ran on, perhaps empty
   * @param operations the operations that still fail, with what they resolved to
   * @param generated how many operations there were before shrinking
   * @param expected what the rule demands
   * @param seen what the plugin did
   * @param command one line for a shell that runs it again
   * @param cause what the plugin threw, or null
   */
  public record Failure(
      long seed,
      String setup,
      List<String> operations,
      int generated,
      String expected,
      String seen,
      String command,
      @Nullable Throwable cause) {
    /** Copies the list. */
    public Failure {
      operations = List.copyOf(operations);
    }
  }

  /** Whether the plugin did not come to an end: its thread may still be running. */
  public boolean stuck() {
    return outcome == Outcome.FAILED && RuleRunner.STUCK.equals(reason);
  }

  /** The same under another name of the plugin, such as what it stood on. */
  public RuleResult named(String name) {
    return new RuleResult(rule, name, outcome, tries, calls, reason, failure);
  }

  /** The result of a rule that was not run at all. */
  public static RuleResult skipped(RuleInfo rule, String plugin, String reason) {
    return new RuleResult(rule, plugin, Outcome.SKIPPED, 0, 0, reason, null);
  }

  /** Several lines for a person: rule, plugin, seed, operations, expected, seen, command. */
  public String report() {
    StringBuilder out = new StringBuilder();
    out.append(rule.id()).append(' ').append(rule.name()).append("  ").append(plugin);
    out.append("  ").append(outcome.name());
    if (reason != null) {
      out.append(": ").append(reason);
    }
    if (failure != null) {
      line(out, "rule", rule.statement());
      if (!failure.setup.isEmpty()) {
        line(out, "on", failure.setup);
      }
      line(out, "seed", Long.toString(failure.seed));
      out.append("\n  operations ").append(failure.operations.size());
      out.append(" left of ").append(failure.generated).append(':');
      operations(out, failure.operations);
      line(out, "expected", failure.expected);
      line(out, "seen", failure.seen);
      line(out, "usually", usually(failure));
      // Never broken: it is there to be copied.
      out.append("\n  again with ").append(failure.command);
    }
    return out.toString();
  }

  private static void line(StringBuilder out, String name, String value) {
    out.append(String.format("%n  %-10s ", name)).append(Lines.fit(value, 13));
  }

  private static void operations(StringBuilder out, List<String> operations) {
    int number = 0;
    for (String operation : operations) {
      number++;
      if (operations.size() > MOST_SHOWN
          && number > FIRST_SHOWN
          && number <= operations.size() - (MOST_SHOWN - FIRST_SHOWN)) {
        if (number == FIRST_SHOWN + 1) {
          out.append("\n         ... ").append(operations.size() - MOST_SHOWN);
          out.append(" more; `mm check --json` has all");
        }
        continue;
      }
      out.append(String.format("%n    %3d  ", number)).append(Lines.fit(operation, 11));
    }
  }

  /** What the rule knows of its failures; of no use where the plugin threw, whatever the rule. */
  private String usually(Failure failed) {
    if (stuck()) {
      return "the plugin loops, or waits for what never comes: look at where it is";
    }
    if (failed.cause == null) {
      return rule.failure();
    }
    return failed.expected.contains("validate()")
        ? "the plugin's own validate() found it first: its message says more than this rule"
        : "the plugin threw before the rule could judge: look at where it did";
  }
}
