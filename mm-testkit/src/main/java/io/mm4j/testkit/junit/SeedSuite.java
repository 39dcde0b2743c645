// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.junit;

import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.PluginSpec;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleResult;
import io.mm4j.testkit.RuleRunner;
import io.mm4j.testkit.suites.TestKit;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import org.apiguardian.api.API;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Runs every seeded rule of one SPI over every plugin that is found, with seeds that nobody has
 * chosen: a few in each build, and as many as fit into some minutes with the tag {@code soak}. The
 * first seed is printed, the next ones are the numbers after it; a failure prints the one command
 * that repeats it. A plugin that keeps the rules passes whatever the seeds are.
 *
 * <p>{@code -Dmm.seeds=N} is how many a build tries (2), {@code -Dmm.minutes=M} how long the long
 * runs of all suites take together (60).
 *
 * @param <P> the provider type of the SPI
 */
@API(status = API.Status.MAINTAINED)
public abstract class SeedSuite<P extends PluginProvider> {
  private final Spi<P> spi;
  private final double share;

  /**
   * A suite for this SPI.
   *
   * @param share its part of the minutes
   */
  protected SeedSuite(Spi<P> spi, double share) {
    this.spi = spi;
    this.share = share;
  }

  @Test
  void everyRuleHoldsForNewSeeds() {
    int seeds = Integer.getInteger("mm.seeds", 2);
    judge(seeds + " seeds", seeds, nth -> nth < seeds);
  }

  @Test
  @Tag("soak")
  void everyRuleHoldsForNewSeedsForLong() {
    double minutes = share * Double.parseDouble(System.getProperty("mm.minutes", "60"));
    long end = System.nanoTime() + (long) (minutes * 60e9);
    judge(minutes + " minutes", Integer.MAX_VALUE, nth -> System.nanoTime() < end);
  }

  /** A rule whose seed is much work tries as many of {@code most} as it says itself. */
  private void judge(String howMany, int most, IntPredicate more) {
    PluginRegistry registry = PluginRegistry.discover();
    long first = 1 + (new SecureRandom().nextLong() & 0x3fff_ffff);
    System.out.println(spi.id() + ": new seeds from " + first + " on, " + howMany);
    Set<String> found = new HashSet<>();
    List<String> reports = new ArrayList<>();
    for (int nth = 0; more.test(nth); nth++) {
      RuleRunner runner = RuleRunner.create().seed(first + nth).tries(1);
      for (PluginInfo plugin : registry.plugins(spi)) {
        for (Rule<P> rule : TestKit.rules(spi)) {
          String name = plugin.name() + ' ' + rule.info().id();
          if (!rule.seeded() || nth >= rule.tries(most) || found.contains(name)) {
            continue;
          }
          RuleResult result =
              runner.run(List.of(rule), registry, spi, PluginSpec.of(plugin.name())).getFirst();
          if (result.failure() != null) {
            found.add(name);
            reports.add(result.report());
            System.out.println(result.report());
          }
        }
      }
    }
    Assertions.assertTrue(reports.isEmpty(), () -> String.join("\n\n", reports));
  }
}
