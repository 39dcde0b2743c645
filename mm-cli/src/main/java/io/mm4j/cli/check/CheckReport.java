// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.check;

import io.mm4j.cli.text.Table;
import io.mm4j.cli.text.Terminal;
import io.mm4j.testkit.Findings;
import io.mm4j.testkit.RuleResult;
import io.mm4j.testkit.RuleResult.Outcome;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Results of rules on plugins. */
public final class CheckReport {
  private CheckReport() {}

  /** A line for a rule. */
  public static void line(PrintStream out, RuleResult result, Terminal terminal) {
    String outcome = String.format("%-7s", result.outcome().name().toLowerCase(Locale.ROOT));
    String shown =
        switch (result.outcome()) {
          case PASSED -> terminal.good(outcome);
          case FAILED -> terminal.bad(outcome);
          case SKIPPED -> terminal.dim(outcome);
        };
    String reason = result.reason() == null ? "" : "  (" + result.reason() + ")";
    out.println(
        shown
            + "  "
            + result.plugin()
            + "  "
            + result.rule().id()
            + " "
            + result.rule().name()
            + reason);
  }

  /** The report of each finding; the first one is where to begin. */
  public static void findings(PrintStream out, List<Findings.Finding> findings, Terminal terminal) {
    int number = 1;
    for (Findings.Finding finding : findings) {
      out.println();
      String which = findings.size() == 1 ? "" : number++ + " of " + findings.size() + ": ";
      List<String> lines = finding.report().lines().toList();
      out.println(terminal.bad(which + lines.getFirst()));
      lines.subList(1, lines.size()).forEach(out::println);
    }
  }

  /** Why rules were not run: each reason once. */
  public static void skipped(PrintStream out, List<RuleResult> results) {
    Map<String, Long> reasons = new LinkedHashMap<>();
    for (RuleResult r : results) {
      if (r.outcome() == Outcome.SKIPPED) {
        reasons.merge(r.plugin() + ": " + r.reason(), 1L, Long::sum);
      }
    }
    reasons.forEach((reason, count) -> out.println("  " + count + " skipped, " + reason));
  }

  /** {@code 20 passed, 1 failed, 2 skipped; 123456 calls}. */
  public static String summary(List<RuleResult> results) {
    return count(results, Outcome.PASSED)
        + " passed, "
        + count(results, Outcome.FAILED)
        + " failed, "
        + count(results, Outcome.SKIPPED)
        + " skipped; "
        + results.stream().mapToLong(RuleResult::calls).sum()
        + " calls";
  }

  private static long count(List<RuleResult> results, Outcome outcome) {
    return results.stream().filter(r -> r.outcome() == outcome).count();
  }

  /** A row for each result. */
  public static Table table(List<RuleResult> results) {
    Table table =
        new Table(
            List.of(
                Table.column("plugin", "PLUGIN"),
                Table.column("rule", "RULE"),
                Table.column("name", "NAME"),
                Table.column("outcome", "OUTCOME"),
                Table.column("tries", "TRIES"),
                Table.column("calls", "CALLS"),
                Table.column("reason", "REASON"),
                Table.column("command", "COMMAND")));
    for (RuleResult r : results) {
      RuleResult.Failure failure = r.failure();
      table.add(
          r.plugin(),
          r.rule().id(),
          r.rule().name(),
          r.outcome().name().toLowerCase(Locale.ROOT),
          r.tries(),
          r.calls(),
          r.reason(),
          failure == null ? null : failure.command());
    }
    return table;
  }

  /** {@code results} and their numbers. */
  public static Map<String, Object> json(List<RuleResult> results) {
    List<Map<String, @Nullable Object>> list = new ArrayList<>();
    for (RuleResult r : results) {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      map.put("plugin", r.plugin());
      map.put("rule", r.rule().id());
      map.put("name", r.rule().name());
      map.put("statement", r.rule().statement());
      map.put("outcome", r.outcome().name().toLowerCase(Locale.ROOT));
      map.put("tries", r.tries());
      map.put("calls", r.calls());
      map.put("reason", r.reason());
      RuleResult.Failure failure = r.failure();
      map.put("failure", failure == null ? null : json(failure));
      list.add(map);
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("results", list);
    List<Map<String, Object>> findings = new ArrayList<>();
    for (Findings.Finding finding : Findings.of(results)) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("plugin", finding.first().plugin());
      map.put("rule", finding.first().rule().id());
      map.put("others", finding.others().stream().map(r -> r.rule().id()).toList());
      findings.add(map);
    }
    object.put("findings", findings);
    for (Outcome outcome : Outcome.values()) {
      object.put(outcome.name().toLowerCase(Locale.ROOT), count(results, outcome));
    }
    return object;
  }

  private static Map<String, Object> json(RuleResult.Failure failure) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("seed", failure.seed());
    map.put("setup", failure.setup());
    map.put("operations", failure.operations());
    map.put("expected", failure.expected());
    map.put("seen", failure.seen());
    map.put("command", failure.command());
    return map;
  }
}
