// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.pages.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.PageAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.GivenFloors;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.frames.naive.NaiveFrames;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A rule of page allocators: operations on a small machine, and what must be true after each. */
final class PageRule extends Rule<PageAllocatorProvider> {
  /** What a plugin must claim to be judged. */
  enum Needs {
    NOTHING,
    PER_CPU,
    WATERMARKS,

    /** Of the floor below: types, by which a range is kept from whoever looks for a page. */
    ISOLATION
  }

  /** What must be true. */
  @FunctionalInterface
  interface Check {
    /** Throws a RuleViolation if it is not. */
    void on(PageSubject subject);
  }

  /** A case written by hand. */
  @FunctionalInterface
  interface Body {
    /** Runs it. */
    void run(PageSubject subject, Seeded random);
  }

  private final Needs needs;
  private final boolean contents;
  private final boolean failing;
  private final Function<Seeded, List<Operation<PageSubject>>> generator;
  private final Check step;

  private PageRule(
      RuleInfo info,
      Needs needs,
      boolean contents,
      boolean failing,
      Function<Seeded, List<Operation<PageSubject>>> generator,
      Check step) {
    super(Spi.PAGE_ALLOCATOR, info);
    this.needs = needs;
    this.contents = contents;
    this.failing = failing;
    this.generator = generator;
    this.step = step;
  }

  /** A rule that is checked after every everyday operation. */
  static PageRule each(RuleInfo info, Check step) {
    return new PageRule(
        info, Needs.NOTHING, false, false, random -> PageOp.everyday(random, 80, 6), step);
  }

  /** The same on a machine whose RAM has bytes. */
  static PageRule withContents(RuleInfo info, Check step) {
    return new PageRule(
        info, Needs.NOTHING, true, false, random -> PageOp.everyday(random, 80, 3), step);
  }

  /** The same with one allocation of the floor below failing. */
  static PageRule failingOnce(RuleInfo info, Check step) {
    return new PageRule(
        info, Needs.NOTHING, false, true, random -> PageOp.everyday(random, 40, 6), step);
  }

  /** A case. */
  static PageRule of(RuleInfo info, Needs needs, Body body) {
    return new PageRule(
        info,
        needs,
        false,
        false,
        random -> {
          long seed = random.next();
          return List.of(new Case(info.name(), seed, body));
        },
        s -> {});
  }

  private record Case(String name, long seed, Body body) implements Operation<PageSubject> {
    @Override
    public void apply(PageSubject s) {
      body.run(s, new Seeded(seed));
    }

    @Override
    public String toString() {
      return "the case " + name;
    }
  }

  @Override
  public boolean takesFloors() {
    return true;
  }

  @Override
  public @Nullable String missing(PageAllocatorProvider provider, Options options) {
    var can = provider.capabilities();
    var below = framesBelow();
    return switch (needs) {
      case NOTHING -> null;
      case PER_CPU ->
          !can.perCpuLists()
              ? "the plugin does not claim per-cpu-lists"
              : below.ownReservations()
                  ? "the frame allocator has reservations in their place"
                  : null;
      case WATERMARKS -> can.watermarks() ? null : "the plugin does not claim watermarks";
      case ISOLATION ->
          below.migratetypes() ? null : "the frame allocator has no types to isolate a range by";
    };
  }

  private static FrameAllocatorProvider.Capabilities framesBelow() {
    GivenFloors.Floor<FrameAllocatorProvider> frames =
        GivenFloors.of(Spi.FRAME_ALLOCATOR, NaiveFrames::new);
    FrameAllocatorProvider provider = frames.provider();
    return provider.capabilities(Options.of(provider, frames.spec().options(), "" + frames.spec()));
  }

  @Override
  public Trial<PageSubject> trial(PageAllocatorProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    long failNth = failing ? 1 + random.below(25) : 0;
    List<Operation<PageSubject>> operations = generator.apply(random);
    return new Trial<>() {
      @Override
      public List<Operation<PageSubject>> operations() {
        return operations;
      }

      @Override
      public PageSubject open() {
        return new PageSubject(provider, options, contents, failNth);
      }

      @Override
      public String setup() {
        return "20 MiB on two nodes, two CPUs, zones DMA and Normal"
            + (failNth > 0 ? ", allocation " + failNth + " of the frame allocators fails" : "");
      }

      @Override
      public int validateEvery() {
        return 16;
      }

      @Override
      public void afterStep(PageSubject subject) {
        step.on(subject);
      }

      @Override
      public void atEnd(PageSubject subject) {
        step.on(subject);
      }
    };
  }
}
