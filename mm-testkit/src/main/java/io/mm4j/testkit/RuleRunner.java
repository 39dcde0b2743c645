// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.InputException;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.RuleResult.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * Runs rules over a plugin. The first try of a rule uses exactly the seed that was given, the next
 * ones the numbers after it, so that a failure is repeated by giving its seed.
 *
 * <p>Each rule runs on a thread of its own, one after the other; the same seed gives the same
 * results. A rule of which no step comes to an end for a minute ({@link #patience}) has failed; its
 * thread is left behind.
 */
@API(status = API.Status.MAINTAINED)
public final class RuleRunner {
  /** The seed when none is given. */
  public static final long DEFAULT_SEED = 1;

  /** The reason of a failure where the plugin did not come to an end. */
  static final String STUCK = "does not come to an end";

  /** How many seeds each rule tries when nothing is said. */
  public static final int DEFAULT_TRIES = 20;

  /** How long one step of a rule may take when nothing is said. */
  public static final Duration DEFAULT_PATIENCE = Duration.ofSeconds(60);

  private final long seed;
  private final int tries;
  private final boolean shrinks;
  private final Duration patience;
  private final Reproduce reproduce;
  private final GivenFloors floors;

  private RuleRunner(
      long seed,
      int tries,
      boolean shrinks,
      Duration patience,
      Reproduce reproduce,
      GivenFloors floors) {
    this.floors = floors;
    this.seed = seed;
    this.tries = tries;
    this.shrinks = shrinks;
    this.patience = patience;
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
        DEFAULT_PATIENCE,
        (plugin, id, seed) -> "./mm check " + plugin + " --rule " + id + " --seed " + seed,
        GivenFloors.NONE);
  }

  /** The same with another first seed. */
  public RuleRunner seed(long firstSeed) {
    return new RuleRunner(firstSeed, tries, shrinks, patience, reproduce, floors);
  }

  /** The same with another number of seeds for each rule, 1 or more. */
  public RuleRunner tries(int count) {
    return new RuleRunner(seed, Math.max(1, count), shrinks, patience, reproduce, floors);
  }

  /** The same, and failures say that this is to be typed. */
  public RuleRunner reproduceBy(Reproduce how) {
    return new RuleRunner(seed, tries, shrinks, patience, how, floors);
  }

  /** The same, and a step that takes longer than this has failed. */
  public RuleRunner patience(Duration longest) {
    return new RuleRunner(seed, tries, shrinks, longest, reproduce, floors);
  }

  /**
   * The same on machines whose lower floor is this plugin, as far as rules take one: the others are
   * skipped.
   */
  public <P extends PluginProvider> RuleRunner over(Spi<P> spi, P provider, PluginSpec spec) {
    GivenFloors more = floors.with(spi, provider, spec);
    return new RuleRunner(seed, tries, shrinks, patience, reproduce, more);
  }

  /** The same, but failing lists stay as they were generated. */
  public RuleRunner withoutShrinking() {
    return new RuleRunner(seed, tries, false, patience, reproduce, floors);
  }

  /**
   * Runs rules over a plugin that is found in a registry.
   *
   * @param rules rules of this SPI
   * @throws InputException if there is no such plugin or it has no such option
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
   * @throws InputException if it has no such option, or refuses the value of one
   */
  public <P extends PluginProvider> RuleResult run(
      Rule<P> rule, P provider, Map<String, String> given) {
    String plugin = describe(rule.spi(), provider, given);
    return Watched.run(
        () -> floors.during(() -> runHere(rule, provider, given, plugin)),
        seed,
        patience,
        thread -> stuck(rule.info(), plugin, thread),
        (thread, error) -> full(rule.info(), plugin, thread, error));
  }

  /** What is known of a rule that did not come to an end. */
  private RuleResult stuck(RuleInfo rule, String plugin, Watched<RuleResult> thread) {
    Watched.Place place = thread.place();
    List<String> stack = thread.stack();
    RuleResult.Failure failure =
        new RuleResult.Failure(
            place.seed(),
            place.setup(),
            List.of(place.during() + "  (did not come to an end)"),
            place.operations(),
            "an end within " + patience.toSeconds() + " s",
            "none; the thread is at" + String.join("\n    ", prepend("", stack)),
            reproduce.command(plugin, rule.id(), place.seed()),
            null);
    return new RuleResult(
        rule, plugin, Outcome.FAILED, (int) (place.seed() - seed + 1), 0, STUCK, failure);
  }

  /** What is known of a rule for which the heap was too small. */
  private RuleResult full(
      RuleInfo rule, String plugin, Watched<RuleResult> thread, OutOfMemoryError error) {
    Watched.Place place = thread.place();
    RuleResult.Failure failure =
        new RuleResult.Failure(
            place.seed(),
            place.setup(),
            List.of(place.during()),
            place.operations(),
            "a heap of " + (Runtime.getRuntime().maxMemory() >>> 20) + " MiB is enough (-Xmx)",
            error.toString(),
            reproduce.command(plugin, rule.id(), place.seed()),
            error);
    return new RuleResult(
        rule, plugin, Outcome.FAILED, (int) (place.seed() - seed + 1), 0, null, failure);
  }

  private static List<String> prepend(String first, List<String> rest) {
    List<String> all = new ArrayList<>(rest);
    all.addFirst(first);
    return all;
  }

  private <P extends PluginProvider> RuleResult runHere(
      Rule<P> rule, P provider, Map<String, String> given, String plugin) {
    Options options = Options.of(provider, given, plugin);
    String missing = rule.missing(provider, options);
    if (missing == null && !floors.isEmpty() && !rule.takesFloors()) {
      missing = "its machines have lower floors of their own, not " + floors;
    }
    if (missing != null) {
      return new RuleResult(rule.info(), plugin, Outcome.SKIPPED, 0, 0, missing, null);
    }
    int count = rule.tries(tries);
    LongAdder calls = new LongAdder();
    for (int i = 0; i < count; i++) {
      RuleResult.Failure failure = fail(rule, provider, options, plugin, seed + i, calls);
      if (failure != null) {
        if (!given.isEmpty() && failure.cause() instanceof InputException refused) {
          throw refused; // an option's value, which no rule can judge
        }
        return new RuleResult(
            rule.info(), plugin, Outcome.FAILED, i + 1, calls.sum(), null, failure);
      }
    }
    return new RuleResult(rule.info(), plugin, Outcome.PASSED, count, calls.sum(), null, null);
  }

  private <P extends PluginProvider> RuleResult.@Nullable Failure fail(
      Rule<P> rule, P provider, Options options, String plugin, long trySeed, LongAdder calls) {
    Watched.seed(trySeed);
    return judge(rule, rule.trial(provider, options, trySeed), plugin, trySeed, calls);
  }

  private <S extends Subject> RuleResult.@Nullable Failure judge(
      Rule<?> rule, Trial<S> trial, String plugin, long trySeed, LongAdder calls) {
    List<Operation<S>> operations = trial.operations();
    Watched.trial(trial);
    TrialRun.Failed failed = TrialRun.run(trial, operations, null, calls);
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
        trial.setup() + (floors.isEmpty() ? "" : ", over " + floors),
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
