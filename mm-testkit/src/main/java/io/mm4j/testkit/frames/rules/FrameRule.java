// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Pages;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.page.FrameAllocatorProvider.Choice;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A rule of frame allocators: a mix of operations, and what must be true after each. */
final class FrameRule extends Rule<FrameAllocatorProvider> {
  /** What a plugin must claim to be judged. */
  enum Needs {
    NOTHING(""),
    MIGRATETYPES("the plugin does not claim migratetypes"),
    NO_MIGRATETYPES("the plugin keeps migratetypes apart"),
    TAKES("the plugin does not claim takes-exactly"),
    MERGES("the plugin does not claim merges-always"),
    MERGES_PAGES("the plugin does not claim merges-always with blocks larger than a page"),
    MERGES_TYPES("the plugin does not claim both migratetypes and merges-always"),
    SMALLEST("the plugin does not claim smallest-first"),
    KERNEL_LISTS("the plugin does not choose by the kernel's lists"),
    FIRST_FIT("the plugin does not choose the first fit"),
    RESERVED_TREES("the plugin does not choose by reserved trees"),
    JOINS_PAGEBLOCKS(
        "the plugin does not claim migratetypes and merges-always with blocks above a pageblock"),
    TAKES_PAGEBLOCKS(
        "the plugin does not claim migratetypes, merges-always and takes-exactly with blocks above"
            + " a pageblock");

    private final String reason;

    Needs(String reason) {
      this.reason = reason;
    }

    private boolean met(FrameAllocatorProvider.Capabilities can) {
      return switch (this) {
        case NOTHING -> true;
        case MIGRATETYPES -> can.migratetypes();
        case NO_MIGRATETYPES -> !can.migratetypes();
        case TAKES -> can.takesExactly();
        case MERGES -> can.mergesAlways();
        case MERGES_PAGES -> can.mergesAlways() && can.maxOrder() > 0;
        case MERGES_TYPES -> can.mergesAlways() && can.migratetypes();
        case SMALLEST -> can.smallestFirst();
        case KERNEL_LISTS -> can.choice() == Choice.KERNEL_LISTS;
        case FIRST_FIT -> can.choice() == Choice.FIRST_FIT;
        case RESERVED_TREES -> can.choice() == Choice.RESERVED_TREES;
        case JOINS_PAGEBLOCKS -> joins(can);
        case TAKES_PAGEBLOCKS -> joins(can) && can.takesExactly();
      };
    }

    private static boolean joins(FrameAllocatorProvider.Capabilities can) {
      return can.mergesAlways() && can.migratetypes() && can.maxOrder() > Pages.PAGEBLOCK_ORDER;
    }

    @Nullable String missing(FrameAllocatorProvider provider, Options options) {
      return met(provider.capabilities(options)) ? null : reason;
    }
  }

  /** What must be true. */
  @FunctionalInterface
  interface Check {
    /** Throws a RuleViolation if it is not. */
    void on(FrameSubject subject);
  }

  /** Makes the operations of one trial. */
  @FunctionalInterface
  interface Generator {
    /** The list for this seed. */
    List<Operation<FrameSubject>> operations(
        Seeded random, FrameAllocatorProvider.Capabilities can);
  }

  private static final int OPERATIONS = 100;

  private final Needs needs;
  private final Generator generator;
  private final @Nullable FrameZone zone;
  private final Check step;
  private final Check end;
  private final int validateEvery;

  FrameRule(
      RuleInfo info,
      Needs needs,
      @Nullable FrameZone zone,
      Generator generator,
      Check step,
      Check end,
      int validateEvery) {
    super(Spi.FRAME_ALLOCATOR, info);
    this.needs = needs;
    this.zone = zone;
    this.generator = generator;
    this.step = step;
    this.end = end;
    this.validateEvery = validateEvery;
  }

  /** A rule that is checked after each operation of a mix. */
  static FrameRule each(RuleInfo info, Needs needs, FrameMix mix, Check step) {
    return new FrameRule(
        info,
        needs,
        null,
        (random, can) -> mix.generate(random, OPERATIONS, can.maxOrder(), can.takesExactly()),
        step,
        s -> {},
        1);
  }

  /** The same on a given zone, and another check at the end. */
  static FrameRule each(
      RuleInfo info, Needs needs, @Nullable FrameZone zone, FrameMix mix, Check step, Check end) {
    return new FrameRule(
        info,
        needs,
        zone,
        (random, can) -> mix.generate(random, OPERATIONS, can.maxOrder(), can.takesExactly()),
        step,
        end,
        1);
  }

  /** A rule with operations of its own. */
  static FrameRule of(RuleInfo info, Needs needs, Generator generator, Check step) {
    return new FrameRule(info, needs, null, generator, step, s -> {}, 1);
  }

  @Override
  public @Nullable String missing(FrameAllocatorProvider provider, Options options) {
    return needs.missing(provider, options);
  }

  @Override
  public Trial<FrameSubject> trial(FrameAllocatorProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    FrameZone where = zone == null ? FrameZone.of(random.next()) : zone;
    List<Operation<FrameSubject>> operations =
        generator.operations(random, provider.capabilities(options));
    return new Trial<>() {
      @Override
      public List<Operation<FrameSubject>> operations() {
        return operations;
      }

      @Override
      public FrameSubject open() {
        return new FrameSubject(provider, options, where);
      }

      @Override
      public String setup() {
        return where.toString();
      }

      @Override
      public int validateEvery() {
        return validateEvery;
      }

      @Override
      public void afterStep(FrameSubject subject) {
        step.on(subject);
      }

      @Override
      public void atEnd(FrameSubject subject) {
        end.on(subject);
      }
    };
  }
}
