// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.ProcessFloorProvider;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.process.rules.Floors;
import io.mm4j.testkit.vma.VmaIndexSuite;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The rules of address spaces for plugins of the SPI {@code process}: those of {@link
 * AddressSpaceSuite}, which run on the reference floor above the index that is judged, here run on
 * the floor that is judged above the kit's own index. Ids and faults are the same.
 */
public final class ProcessFloorSuite {
  private ProcessFloorSuite() {}

  /** The rules, by id. */
  public static List<Rule<ProcessFloorProvider>> rules() {
    return AddressSpaceSuite.suite().rules().stream()
        .<Rule<ProcessFloorProvider>>map(OnFloor::new)
        .toList();
  }

  private static final class OnFloor extends Rule<ProcessFloorProvider> {
    private final Rule<VmaIndexProvider> rule;

    OnFloor(Rule<VmaIndexProvider> rule) {
      super(Spi.PROCESS, rule.info());
      this.rule = rule;
    }

    @Override
    public @Nullable String missing(ProcessFloorProvider provider, Options options) {
      VmaIndexProvider index = VmaIndexSuite.correct();
      return rule.missing(index, Options.defaults(index));
    }

    @Override
    public boolean seeded() {
      return rule.seeded();
    }

    @Override
    public Trial<?> trial(ProcessFloorProvider provider, Options options, long seed) {
      VmaIndexProvider index = VmaIndexSuite.correct();
      return rule.trial(new Floors.Under(provider, options, index), Options.defaults(index), seed);
    }
  }
}
