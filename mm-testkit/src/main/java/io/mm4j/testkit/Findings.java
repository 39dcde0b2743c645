// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.testkit.RuleResult.Outcome;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Failures of one plugin, put together by what is probably one defect: one mistake can break forty
 * rules, and one of their reports says more than the others.
 *
 * <p><b>Which belong together.</b> Two failures are of one defect if the plugin threw at the same
 * place, or did not come to an end there; if the answer of the same call was wrong; if both fail
 * before anything was done, and say the same but for numbers; or if one of them fails on operations
 * of which those of the other are a part: whatever fails after allocate alone, fails after allocate
 * and free as well. That is a guess. A defect that hides behind another shows itself once that is
 * mended, and the list names every rule.
 *
 * <p><b>Which comes first.</b> A rule that says itself what is wrong, before one that was only
 * there when the plugin threw; then one that draws what it runs on, before a case about size, cost
 * or threads; then the one with the fewest operations left; then the order of the rules, which goes
 * from the simple to the composed.
 */
@API(status = API.Status.MAINTAINED)
public final class Findings {
  /**
   * What is probably one defect.
   *
   * @param first the failure to look at
   * @param others those that probably have the same cause, in the order of the rules
   */
  public record Finding(RuleResult first, List<RuleResult> others) {
    /** Copies the list. */
    public Finding {
      others = List.copyOf(others);
    }

    /** The report of the first failure, and a line for each of the others. */
    public String report() {
      StringBuilder out = new StringBuilder(first.report());
      if (!others.isEmpty()) {
        out.append("\n  probably the same:");
      }
      for (RuleResult other : others) {
        out.append(String.format("%n    --rule %s --seed %d", other.rule().id(), seed(other)));
        out.append("  ").append(other.rule().name());
      }
      return out.toString();
    }

    private static long seed(RuleResult result) {
      return result.failure() == null ? RuleRunner.DEFAULT_SEED : result.failure().seed();
    }
  }

  private static final Pattern NUMBER = Pattern.compile("\\b(0x[0-9a-f]+|[0-9]+)\\b");
  private static final Pattern CALL = Pattern.compile("\\b([a-z][A-Za-z]+)\\(");

  /** A failure with what is compared. */
  private record Clue(RuleResult result, RuleResult.Failure failure, int number) {
    /** Where the plugin threw or is at, or null if the rule itself says what is wrong. */
    @Nullable String place() {
      Throwable cause = failure.cause();
      if (cause != null) {
        return cause.getClass().getName() + " " + frame(cause.getStackTrace());
      }
      return result.stuck() ? "stuck " + stuckFrame() : null;
    }

    private String stuckFrame() {
      return failure.seen().lines().skip(1).findFirst().orElse("").strip();
    }

    /** The innermost place that is neither the kit's nor the JDK's nor a check of mm-api. */
    private static String frame(@Nullable StackTraceElement @Nullable [] stack) {
      if (stack == null) {
        return "";
      }
      for (StackTraceElement f : stack) {
        if (f != null
            && !f.getClassName().startsWith("io.mm4j.testkit.")
            && !f.getClassName().startsWith("io.mm4j.api.")
            && !f.getClassName().startsWith("java.")) {
          return f.getClassName() + "." + f.getMethodName() + ":" + f.getLineNumber();
        }
      }
      return "";
    }

    /** What was done, without the arguments: the first word of each operation. */
    List<String> kinds() {
      return failure.operations().stream().map(Clue::kind).toList();
    }

    private static String kind(String whole) {
      if (whole.startsWith("the case ")) {
        return whole.replaceFirst("  -> .*", "");
      }
      String operation = whole.replaceFirst("^[a-z]+: ", "");
      int end = 0;
      while (end < operation.length()
          && (Character.isLetter(operation.charAt(end)) || operation.charAt(end) == '_')) {
        end++;
      }
      return operation.substring(0, end);
    }

    /** Whether what fails here is a part of what fails there, in the same order. */
    boolean isPartOf(Clue other) {
      if (result.stuck() || other.result.stuck()) {
        return false;
      }
      List<String> mine = kinds();
      List<String> theirs = other.kinds();
      int at = 0;
      for (String kind : theirs) {
        if (at < mine.size() && mine.get(at).equals(kind)) {
          at++;
        }
      }
      return !mine.isEmpty() && at == mine.size();
    }

    /**
     * The call whose answer was wrong, as far as the rule names one: the first word before a
     * bracket of what was expected.
     */
    @Nullable String call() {
      Matcher matcher = CALL.matcher(failure.expected());
      return failure.cause() == null && !result.stuck() && matcher.find() ? matcher.group(1) : null;
    }

    boolean sameCause(Clue other) {
      String place = place();
      String call = call();
      return (place != null && place.equals(other.place()))
          || (call != null && call.equals(other.call()))
          || isPartOf(other)
          || startsAs(other);
    }

    /** Whether both fail before anything is done, and say the same but for numbers. */
    private boolean startsAs(Clue other) {
      return failure.cause() == null
          && other.failure.cause() == null
          && kinds().isEmpty()
          && other.kinds().isEmpty()
          && withoutNumbers(failure.expected()).equals(withoutNumbers(other.failure.expected()))
          && withoutNumbers(failure.seen()).equals(withoutNumbers(other.failure.seen()));
    }

    private static String withoutNumbers(String text) {
      return NUMBER.matcher(text).replaceAll("N");
    }
  }

  private static final Comparator<Clue> SPECIFIC =
      Comparator.comparing((Clue c) -> c.place() != null)
          .thenComparing(c -> c.failure.setup().isEmpty())
          .thenComparingInt(c -> c.failure.operations().size())
          .thenComparingInt(Clue::number);

  private Findings() {}

  /**
   * The failures among some results, put together; those of different plugins stay apart.
   *
   * @param results of rules in the order of the suite
   */
  public static List<Finding> of(List<RuleResult> results) {
    List<Clue> clues = new ArrayList<>();
    for (RuleResult result : results) {
      RuleResult.Failure failure = result.failure();
      if (result.outcome() == Outcome.FAILED && failure != null) {
        clues.add(new Clue(result, failure, clues.size()));
      }
    }
    List<Finding> findings = new ArrayList<>();
    List<String> plugins = clues.stream().map(c -> c.result.plugin()).distinct().toList();
    for (String plugin : plugins) {
      List<Clue> left = new ArrayList<>(clues);
      left.removeIf(c -> !c.result.plugin().equals(plugin));
      left.sort(SPECIFIC);
      while (!left.isEmpty()) {
        findings.add(takeFirst(left));
      }
    }
    return findings;
  }

  private static Finding takeFirst(List<Clue> left) {
    List<Clue> group = new ArrayList<>(List.of(left.removeFirst()));
    for (int i = 0; i < group.size(); i++) {
      Clue member = group.get(i);
      List<Clue> same = left.stream().filter(member::sameCause).toList();
      group.addAll(same);
      left.removeAll(same);
    }
    Clue first = group.removeFirst();
    group.sort(Comparator.comparingInt(Clue::number));
    return new Finding(
        Objects.requireNonNull(first).result(), group.stream().map(Clue::result).toList());
  }

  /** {@code 40 rules failed, probably of 2 defects: begin with FA-07}; empty if none failed. */
  public static String summary(List<Finding> findings) {
    if (findings.isEmpty()) {
      return "";
    }
    int rules = findings.stream().mapToInt(f -> 1 + f.others().size()).sum();
    int defects = findings.size();
    return rules
        + (rules == 1 ? " rule" : " rules")
        + " failed, probably of "
        + (defects == 1 ? "one defect" : defects + " defects")
        + ": begin with "
        + findings.getFirst().first().rule().id();
  }
}
