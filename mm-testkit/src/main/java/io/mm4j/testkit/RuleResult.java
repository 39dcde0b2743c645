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
      out.append("\n  rule       ").append(rule.statement());
      if (!failure.setup.isEmpty()) {
        out.append("\n  on         ").append(failure.setup);
      }
      out.append("\n  seed       ").append(failure.seed);
      out.append("\n  operations ").append(failure.operations.size());
      out.append(" left of ").append(failure.generated).append(':');
      int number = 1;
      for (String operation : failure.operations) {
        out.append(String.format("%n    %3d  %s", number++, operation));
      }
      out.append("\n  expected   ").append(failure.expected);
      out.append("\n  seen       ").append(failure.seen);
      out.append("\n  usually    ").append(rule.failure());
      out.append("\n  again with ").append(failure.command);
    }
    return out.toString();
  }
}
