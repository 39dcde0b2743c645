// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit;

import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.api.plugin.Spi;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * All that the kit has for one SPI.
 *
 * @param spi the SPI
 * @param correct the kit's own simplest correct plugin; every rule passes on it
 * @param rules the rules, by id
 * @param faults the plugins that are wrong on purpose
 * @param <P> the provider type
 */
public record Suite<P extends PluginProvider>(
    Spi<P> spi, P correct, List<Rule<P>> rules, List<Fault<P>> faults) {
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
