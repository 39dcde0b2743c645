// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.testkit.RuleResult.Outcome;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * The proof of a suite: each plugin that is wrong on purpose judged by the rules that must catch
 * it, and the kit's correct plugin by all.
 *
 * <p>The suite is proved if every rule catches a fault that names it, every fault is caught by
 * every rule that it names, and no rule fails on the correct plugin. What other rules say of a
 * fault proves nothing, so they are not run on it: that would cost rules times faults.
 *
 * @param spi what the suite is about: the SPI's name on the command line, or what is built on it
 * @param rules the rules, in order
 * @param rows one for each fault
 * @param problems what keeps the suite from being proved, in words; empty if it is
 */
@API(status = API.Status.MAINTAINED)
public record ProveMatrix(String spi, List<RuleInfo> rules, List<Row> rows, List<String> problems) {

  /**
   * One fault.
   *
   * @param fault its name
   * @param what its defect
   * @param meantFor the rules that must catch it
   * @param results of the rules that it is meant for, by id
   */
  public record Row(
      String fault, String what, List<String> meantFor, Map<String, RuleResult> results) {
    /** Whether the rule failed on this fault, as it should. */
    public boolean caughtBy(String ruleId) {
      RuleResult result = results.get(ruleId);
      return result != null && result.outcome() == Outcome.FAILED;
    }
  }

  /** Copies the lists. */
  public ProveMatrix {
    rules = List.copyOf(rules);
    rows = List.copyOf(rows);
    problems = List.copyOf(problems);
  }

  /** Whether every rule is known to catch something, and only what is wrong. */
  public boolean proved() {
    return problems.isEmpty();
  }

  /** Runs the proof. */
  public static <P extends PluginProvider> ProveMatrix prove(Suite<P> suite, RuleRunner runner) {
    return prove(suite, runner, id -> true);
  }

  /**
   * Runs the proof of some rules of a suite.
   *
   * @param chosen says of a rule's id whether it is to be proved
   */
  public static <P extends PluginProvider> ProveMatrix prove(
      Suite<P> suite, RuleRunner runner, Predicate<String> chosen) {
    List<Rule<P>> rules =
        suite.rules().stream().filter(rule -> chosen.test(rule.info().id())).toList();
    RuleRunner quick = runner.withoutShrinking();
    List<String> problems = new ArrayList<>();
    if (suite.missing() != null) {
      problems.add("no rule of " + suite.name() + " can be run: " + suite.missing());
      return new ProveMatrix(
          suite.name(), rules.stream().map(Rule::info).toList(), List.of(), problems);
    }
    for (Rule<P> rule : rules) {
      RuleResult result = quick.run(rule, suite.correct(), Map.of());
      if (result.outcome() == Outcome.FAILED) {
        problems.add("the correct plugin does not pass " + result.report());
      }
    }
    List<Row> rows = new ArrayList<>();
    for (Fault<P> fault : suite.faults()) {
      List<String> meantFor = fault.meantFor().stream().filter(chosen).toList();
      if (meantFor.isEmpty()) {
        continue;
      }
      Row row = row(rules, fault, meantFor, quick);
      rows.add(row);
      for (String id : meantFor) {
        if (!row.caughtBy(id)) {
          problems.add(
              "rule "
                  + id
                  + " does not catch the fault "
                  + fault.name()
                  + why(row.results.get(id)));
        }
      }
    }
    for (Rule<P> rule : rules) {
      String id = rule.info().id();
      if (rows.stream().noneMatch(r -> r.meantFor.contains(id))) {
        problems.add("rule " + id + " has no fault that it is meant to catch");
      }
    }
    return new ProveMatrix(suite.name(), rules.stream().map(Rule::info).toList(), rows, problems);
  }

  private static String why(@Nullable RuleResult result) {
    if (result == null) {
      return ": there is no such rule";
    }
    return result.reason() == null ? "" : ": " + result.reason();
  }

  private static <P extends PluginProvider> Row row(
      List<Rule<P>> rules, Fault<P> fault, List<String> meantFor, RuleRunner runner) {
    Map<String, RuleResult> results = new LinkedHashMap<>();
    for (Rule<P> rule : rules) {
      String id = rule.info().id();
      if (meantFor.contains(id)) {
        results.put(id, runner.run(rule, fault.provider(), Map.of()));
      }
    }
    return new Row(fault.name(), fault.what(), meantFor, results);
  }
}
