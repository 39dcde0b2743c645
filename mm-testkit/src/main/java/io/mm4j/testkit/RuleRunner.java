// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginRegistry;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.api.plugin.Spi;
import io.mm4j.testkit.RuleResult.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Runs rules over a plugin. The first try of a rule uses exactly the seed that was given, the next
 * ones the numbers after it, so that a failure is repeated by giving its seed.
 *
 * <p>One thread; the same seed gives the same results.
 */
public final class RuleRunner {
  /** The seed when none is given. */
  public static final long DEFAULT_SEED = 1;

  /** How many seeds each rule tries when nothing is said. */
  public static final int DEFAULT_TRIES = 20;

  private final long seed;
  private final int tries;
  private final boolean shrinks;
  private final Reproduce reproduce;

  private RuleRunner(long seed, int tries, boolean shrinks, Reproduce reproduce) {
    this.seed = seed;
    this.tries = tries;
    this.shrinks = shrinks;
    this.reproduce = reproduce;
  }

  /** How a failure says what to type. */
  @FunctionalInterface
  public interface Reproduce {
    /**
     * One line for a shell.
     *
     * @param plugin the plugin as on the command line, e.g. {@code frame-allocator=buddy}
     * @param ruleId the rule
     * @param seed the seed that fails
     */
    String command(String plugin, String ruleId, long seed);
  }

  /** Runs with the default budget; failures are repeated by {@code ./mm check}. */
  public static RuleRunner create() {
    return new RuleRunner(
        DEFAULT_SEED,
        DEFAULT_TRIES,
        true,
        (plugin, id, seed) -> "./mm check " + plugin + " --rule " + id + " --seed " + seed);
  }

  /** The same with another first seed. */
  public RuleRunner seed(long firstSeed) {
    return new RuleRunner(firstSeed, tries, shrinks, reproduce);
  }

  /** The same with another number of seeds for each rule, 1 or more. */
  public RuleRunner tries(int count) {
    return new RuleRunner(seed, Math.max(1, count), shrinks, reproduce);
  }

  /** The same, and failures say that this is to be typed. */
  public RuleRunner reproduceBy(Reproduce how) {
    return new RuleRunner(seed, tries, shrinks, how);
  }

  /** The same, but failing lists stay as they were generated. */
  RuleRunner withoutShrinking() {
    return new RuleRunner(seed, tries, false, reproduce);
  }

  /**
   * Runs rules over a plugin that is found in a registry.
   *
   * @param rules rules of this SPI
   * @throws io.mm4j.api.InputException if there is no such plugin or it has no such option
   */
  public <P extends PluginProvider> List<RuleResult> run(
      List<Rule<P>> rules, PluginRegistry registry, Spi<P> spi, PluginSpec spec) {
    String where = spi.id() + "=" + spec.name();
    P provider = registry.provider(spi, spec.name(), where);
    List<RuleResult> results = new ArrayList<>();
    for (Rule<P> rule : rules) {
      results.add(run(rule, provider, spec.options()));
    }
    return results;
  }

  /**
   * Runs one rule over a plugin.
   *
   * @param given the plugin's options, unchecked
   * @throws io.mm4j.api.InputException if it has no such option
   */
  public <P extends PluginProvider> RuleResult run(
      Rule<P> rule, P provider, Map<String, String> given) {
    String plugin = describe(rule.spi(), provider, given);
    Options options = Options.of(provider, given, plugin);
    String missing = rule.missing(provider, options);
    if (missing != null) {
      return new RuleResult(rule.info(), plugin, Outcome.SKIPPED, 0, missing, null);
    }
    int count = rule.seeded() ? tries : 1;
    for (int i = 0; i < count; i++) {
      RuleResult.Failure failure = fail(rule, provider, options, plugin, seed + i);
      if (failure != null) {
        return new RuleResult(rule.info(), plugin, Outcome.FAILED, i + 1, null, failure);
      }
    }
    return new RuleResult(rule.info(), plugin, Outcome.PASSED, count, null, null);
  }

  private <P extends PluginProvider> RuleResult.@Nullable Failure fail(
      Rule<P> rule, P provider, Options options, String plugin, long trySeed) {
    return judge(rule, rule.trial(provider, options, trySeed), plugin, trySeed);
  }

  private <S extends Subject> RuleResult.@Nullable Failure judge(
      Rule<?> rule, Trial<S> trial, String plugin, long trySeed) {
    List<Operation<S>> operations = trial.operations();
    TrialRun.Failed failed = TrialRun.run(trial, operations, null);
    if (failed == null) {
      return null;
    }
    List<Operation<S>> small =
        new ArrayList<>(operations.subList(0, Math.min(failed.step() + 1, operations.size())));
    if (shrinks) {
      small = new Shrinker<>(trial).shrink(small);
    }
    List<String> story = new ArrayList<>();
    TrialRun.Failed last = TrialRun.run(trial, small, story);
    RuleViolation violation = last == null ? failed.violation() : last.violation();
    if (last == null) {
      story.add("(the last run of these operations did not fail: the plugin is not deterministic)");
    }
    return new RuleResult.Failure(
        trySeed,
        trial.setup(),
        story,
        operations.size(),
        violation.expected(),
        violation.seen(),
        reproduce.command(plugin, rule.info().id(), trySeed),
        violation.getCause());
  }

  private static String describe(Spi<?> spi, PluginProvider provider, Map<String, String> given) {
    StringBuilder text = new StringBuilder(spi.id()).append('=').append(provider.name());
    char separator = ':';
    for (Map.Entry<String, String> option : new TreeMap<>(given).entrySet()) {
      text.append(separator).append(option.getKey()).append('=').append(option.getValue());
      separator = ',';
    }
    return text.toString();
  }
}
