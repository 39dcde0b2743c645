// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.process.ProcessFloor;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** A rule whose steps are drawn from a seed, each for itself, and made on a bench of its own. */
final class StepRule extends Rule<VmaIndexProvider> {
  private final int steps;
  private final List<Ground> grounds;
  private final BiFunction<ProcessFloor, Seeded, Bench> make;

  /**
   * A rule.
   *
   * @param steps how many there are
   * @param make what they are made on, whose shape may hang on the seed
   */
  StepRule(RuleInfo info, int steps, BiFunction<ProcessFloor, Seeded, Bench> make) {
    this(info, steps, List.of(Ground.USUAL), make);
  }

  /** The same on one of some machines, by the seed. */
  StepRule(
      RuleInfo info,
      int steps,
      List<Ground> grounds,
      BiFunction<ProcessFloor, Seeded, Bench> make) {
    super(Spi.VMA_INDEX, info);
    this.steps = steps;
    this.grounds = grounds;
    this.make = make;
  }

  /** What is under test, and what it is compared with. */
  abstract static class Bench extends Subject {
    final ProcessFloor floor;

    Bench(ProcessFloor floor) {
      this.floor = floor;
    }

    /** Draws a step and makes it. */
    abstract void step(Seeded random);

    /** What must be true after each step. */
    abstract void holds();
  }

  private record Step(long seed) implements Operation<Bench> {
    @Override
    public void apply(Bench bench) {
      bench.step(new Seeded(seed));
    }

    @Override
    public String toString() {
      return "step " + Long.toHexString(seed);
    }
  }

  @Override
  public @Nullable String missing(VmaIndexProvider provider, Options options) {
    return Floors.missing();
  }

  @Override
  public Trial<Bench> trial(VmaIndexProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    Ground ground = grounds.get((int) Math.floorMod(seed, (long) grounds.size()));
    List<Operation<Bench>> all = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      all.add(new Step(random.next()));
    }
    return new Trial<>() {
      private long free;

      @Override
      public List<Operation<Bench>> operations() {
        return all;
      }

      @Override
      public Bench open() {
        Floors.beginTrial(ground);
        // The first process of a machine makes what stays: the kernel's half of page tables.
        try (ProcessFloor first = Floors.create(provider, options)) {
          new CaseSetup().fitting(Floors.ground()).create(first).exit();
        }
        free = Floors.freeFrames();
        return make.apply(Floors.create(provider, options), new Seeded(~seed));
      }

      @Override
      public void atEnd(Bench bench) {
        Floors.unload();
        bench.floor.close();
        RuleViolation.checkEqual(free, Floors.freeFrames(), "free frames without the floor");
      }

      @Override
      public void afterStep(Bench bench) {
        bench.holds();
      }

      @Override
      public int validateEvery() {
        return 8;
      }
    };
  }
}
