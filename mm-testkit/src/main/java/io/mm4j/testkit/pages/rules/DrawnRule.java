// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A rule that is judged on a drawn machine: one look at it, or one case. */
final class DrawnRule extends Rule<PageAllocatorProvider> {
  /** What a plugin must have to be judged. */
  enum Needs {
    /** Nothing. */
    NOTHING,
    /** Marks, and statistics that show them. */
    STATISTICS,
    /** That it claims nothing. */
    PLAIN
  }

  /** The case. */
  @FunctionalInterface
  interface Body {
    /** Throws a RuleViolation if something is not as it must be. */
    void run(DrawnSubject subject, Seeded random);
  }

  private final Needs needs;
  private final boolean withMemory;
  private final Function<Seeded, Drawn> machines;
  private final Body body;

  DrawnRule(
      RuleInfo info, Needs needs, boolean withMemory, Function<Seeded, Drawn> machines, Body body) {
    super(Spi.PAGE_ALLOCATOR, info);
    this.needs = needs;
    this.withMemory = withMemory;
    this.machines = machines;
    this.body = body;
  }

  private record Case(String name, long seed, Body body) implements Operation<DrawnSubject> {
    @Override
    public void apply(DrawnSubject s) {
      body.run(s, new Seeded(seed));
    }

    @Override
    public String toString() {
      return "the case " + name;
    }
  }

  @Override
  public @Nullable String missing(PageAllocatorProvider provider, Options options) {
    if (needs == Needs.NOTHING) {
      return null;
    }
    if (needs == Needs.PLAIN) {
      var can = provider.capabilities();
      return can.fallback() || can.perCpuLists() || can.watermarks()
          ? "the plugin claims more than the free blocks of the zones"
          : null;
    }
    if (!provider.capabilities().watermarks()) {
      return "the plugin does not claim watermarks";
    }
    Drawn smallest = Drawn.small(new Seeded(0), List.of(List.of(10)));
    try (DrawnSubject subject = new DrawnSubject(smallest, provider, options, true)) {
      return subject.pages.stats().isPresent() ? null : "the plugin keeps no statistics";
    }
  }

  @Override
  public Trial<DrawnSubject> trial(PageAllocatorProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    Drawn drawn = machines.apply(random);
    List<Operation<DrawnSubject>> operations =
        List.of(new Case(info().name(), random.next(), body));
    return new Trial<>() {
      @Override
      public List<Operation<DrawnSubject>> operations() {
        return operations;
      }

      @Override
      public DrawnSubject open() {
        return new DrawnSubject(drawn.again(), provider, options, withMemory);
      }

      @Override
      public String setup() {
        return drawn.toString();
      }
    };
  }
}
