// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.PluginProvider;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apiguardian.api.API;
import org.jspecify.annotations.Nullable;

/**
 * All that the kit has for one SPI.
 *
 * @param name what its rules are about: the SPI's name, or what is built above it
 * @param spi the SPI
 * @param correct the kit's own simplest correct plugin; every rule passes on it
 * @param rules the rules, by id
 * @param faults the plugins that are wrong on purpose
 * @param missing why no rule can be run here, in words, or null
 * @param <P> the provider type
 */
@API(status = API.Status.MAINTAINED)
public record Suite<P extends PluginProvider>(
    String name,
    Spi<P> spi,
    P correct,
    List<Rule<P>> rules,
    List<Fault<P>> faults,
    @Nullable String missing) {
  /** A suite that is named after its SPI and can always be run. */
  public Suite(Spi<P> spi, P correct, List<Rule<P>> rules, List<Fault<P>> faults) {
    this(spi.id(), spi, correct, rules, faults, null);
  }

  /** Copies the lists and refuses two rules of one id. */
  public Suite {
    rules = List.copyOf(rules);
    faults = List.copyOf(faults);
    Set<String> ids = new HashSet<>();
    for (Rule<P> rule : rules) {
      if (!ids.add(rule.info().id())) {
        throw new IllegalArgumentException("two rules have one id: id=" + rule.info().id());
      }
    }
  }
}
