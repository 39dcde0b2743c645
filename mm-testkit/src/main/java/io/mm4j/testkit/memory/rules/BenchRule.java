// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.MemoryLayout;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** A rule that looks, time and again, at some place of a machine of any shape. */
class BenchRule extends Rule<PhysicalMemoryProvider> {
  private final int times;
  private final Function<Seeded, MachineShape.Size> sizes;
  private final BiConsumer<Bench, Seeded> look;

  /**
   * Creates the rule.
   *
   * @param times how often it looks in one try
   * @param look throws if the rule does not hold; leaves the frames as it found them, or released
   */
  BenchRule(RuleInfo info, int times, BiConsumer<Bench, Seeded> look) {
    this(
        info,
        times,
        random -> random.oneIn(2) ? MachineShape.Size.SMALL : MachineShape.Size.SECTIONS,
        look);
  }

  /** The same on machines of these sizes. */
  BenchRule(
      RuleInfo info,
      int times,
      Function<Seeded, MachineShape.Size> sizes,
      BiConsumer<Bench, Seeded> look) {
    super(Spi.PHYSICAL_MEMORY, info);
    this.times = times;
    this.sizes = sizes;
    this.look = look;
  }

  @Override
  public Trial<MachineSubject> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    MachineShape shape = MachineShape.any(random, sizes.apply(random));
    List<MemoryLayout> layouts = List.of(shape.layout());
    return new Trial<>() {
      @Override
      public List<Operation<MachineSubject>> operations() {
        return List.of();
      }

      @Override
      public MachineSubject open() {
        return new MachineSubject(provider, options, false, layouts);
      }

      @Override
      public String setup() {
        return shape.text();
      }

      @Override
      public void atEnd(MachineSubject s) {
        Seeded places = new Seeded(seed);
        for (Bench bench : s.benches()) {
          for (int i = 0; i < times; i++) {
            look.accept(bench, places);
          }
        }
      }
    };
  }
}
