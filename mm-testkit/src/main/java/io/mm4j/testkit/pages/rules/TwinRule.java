// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.pages.model.ModelProvider;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A rule that runs a plugin and the model side by side and compares everything. */
final class TwinRule extends Rule<PageAllocatorProvider> {
  /** Everything is compared after so many operations. */
  private static final int ALL = 50;

  private final Function<Seeded, Ground> grounds;
  private final Mix mix;
  private final boolean realFloors;

  /** Makes the operations for a machine. */
  @FunctionalInterface
  interface Mix {
    /** A list of them. */
    List<Operation<Twins>> operations(Seeded random, Ground ground);
  }

  TwinRule(RuleInfo info, Function<Seeded, Ground> grounds, Mix mix) {
    this(info, grounds, mix, false);
  }

  private TwinRule(RuleInfo info, Function<Seeded, Ground> grounds, Mix mix, boolean realFloors) {
    super(Spi.PAGE_ALLOCATOR, info);
    this.grounds = grounds;
    this.mix = mix;
    this.realFloors = realFloors;
  }

  /** The same with the plugin over the reference floors, which keep their lists as Linux does. */
  static TwinRule together(RuleInfo info, Function<Seeded, Ground> grounds, Mix mix) {
    return new TwinRule(info, grounds, mix, true);
  }

  @Override
  public @Nullable String missing(PageAllocatorProvider provider, Options options) {
    String missing = notClaimed(provider);
    if (missing == null && realFloors) {
      PluginRegistry found = PluginRegistry.discover();
      for (Spi<?> floor : List.of(Spi.PHYSICAL_MEMORY, Spi.FRAME_ALLOCATOR)) {
        if (found.plugins(floor).stream().noneMatch(p -> p.name().equals(floor.reference()))) {
          return "there is no " + floor.id() + "=" + floor.reference() + " on the module path";
        }
      }
    }
    return missing;
  }

  /** Why a plugin is not judged by the model: it does not promise what Linux decides. */
  static @Nullable String notClaimed(PageAllocatorProvider provider) {
    var can = provider.capabilities();
    return can.perCpuLists() && can.watermarks() && can.fallback()
        ? null
        : "the plugin does not claim per-cpu-lists, watermarks and fallback, which together"
            + " promise what Linux decides";
  }

  @Override
  public Trial<Twins> trial(PageAllocatorProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    Ground ground = grounds.apply(random);
    List<Operation<Twins>> operations = mix.operations(random, ground);
    return new Trial<>() {
      private int steps;

      @Override
      public List<Operation<Twins>> operations() {
        return operations;
      }

      @Override
      public Twins open() {
        steps = 0;
        ModelProvider model = new ModelProvider();
        return new Twins(
            ground.boot(provider, options, realFloors),
            ground.boot(model, Options.defaults(model), false));
      }

      @Override
      public String setup() {
        return ground.toString();
      }

      @Override
      public int validateEvery() {
        return ALL;
      }

      @Override
      public void afterStep(Twins s) {
        s.compare();
        if (++steps % ALL == 0) {
          s.compareEverything();
        }
      }

      @Override
      public void atEnd(Twins s) {
        s.compareEverything();
      }
    };
  }
}
