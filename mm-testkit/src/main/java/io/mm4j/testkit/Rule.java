// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.plugin.PluginProvider;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * A numbered rule of one SPI. It holds no state; a {@link RuleRunner} runs it.
 *
 * @param <P> the provider type of the SPI
 */
@API(status = API.Status.MAINTAINED)
public abstract class Rule<P extends PluginProvider> {
  private final Spi<P> spi;
  private final RuleInfo info;

  /** Creates the rule. */
  protected Rule(Spi<P> spi, RuleInfo info) {
    this.spi = spi;
    this.info = info;
  }

  /** Whose rule it is. */
  public final Spi<P> spi() {
    return spi;
  }

  /** What it says. */
  public final RuleInfo info() {
    return info;
  }

  /**
   * Why this plugin cannot be judged by the rule, in words - the capability that it does not claim
   * - or null if it can.
   */
  public @Nullable String missing(P provider, Options options) {
    return null;
  }

  /** Whether the seed makes a difference; a case that was written by hand is run once. */
  public boolean seeded() {
    return true;
  }

  /** How many seeds are tried where so many are asked for: fewer if one is several machines. */
  public int tries(int asked) {
    return seeded() ? asked : 1;
  }

  /**
   * Prepares one run.
   *
   * @param options the plugin's options
   * @param seed decides everything that is random
   */
  public abstract Trial<?> trial(P provider, Options options, long seed);

  @Override
  public final String toString() {
    return info.id() + " " + info.name();
  }
}
