// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.slab.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.slab.SlabAllocatorProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.slab.rules.SlabSubject.Aspect;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A rule of slab allocators: operations on a small machine, and what must be true after each. */
final class SlabRule extends Rule<SlabAllocatorProvider> {
  /** What a plugin must claim to be judged. */
  enum Needs {
    NOTHING,
    LINUX_GEOMETRY,
    MERGES,
    DEBUG
  }

  /** Which requests for pages are refused. */
  private enum Failing {
    NONE,
    ONE,
    AS_THE_CASE_SAYS
  }

  /** A case written by hand. */
  @FunctionalInterface
  interface Body {
    /** Runs it. */
    void run(SlabSubject subject, Seeded random);
  }

  private final Needs needs;
  private final Set<Aspect> aspects;
  private final Function<Seeded, Shape> shape;
  private final String commandLine;
  private final Failing failing;
  private final boolean seeded;
  private final Function<Seeded, List<Operation<SlabSubject>>> generator;

  private SlabRule(
      RuleInfo info,
      Needs needs,
      Set<Aspect> aspects,
      Function<Seeded, Shape> shape,
      String commandLine,
      Failing failing,
      boolean seeded,
      Function<Seeded, List<Operation<SlabSubject>>> generator) {
    super(Spi.SLAB, info);
    this.needs = needs;
    this.aspects = aspects;
    this.shape = shape;
    this.commandLine = commandLine;
    this.failing = failing;
    this.seeded = seeded;
    this.generator = generator;
  }

  /** The same machine for all seeds. */
  static Shape usual(Seeded seed) {
    return Shape.USUAL;
  }

  /** A rule about one aspect of everyday operations; at the end all is freed. */
  static SlabRule each(RuleInfo info, Aspect aspect) {
    return new SlabRule(
        info,
        Needs.NOTHING,
        Set.of(aspect),
        SlabRule::usual,
        "",
        Failing.NONE,
        true,
        random -> withEnd(SlabOp.everyday(random, 70)));
  }

  /** The same, and then slabs of some sizes that are full. */
  static SlabRule eachAndFull(RuleInfo info, Aspect aspect) {
    return new SlabRule(
        info,
        Needs.NOTHING,
        Set.of(aspect),
        SlabRule::usual,
        "",
        Failing.NONE,
        true,
        random -> {
          List<Operation<SlabSubject>> list = SlabOp.everyday(random, 70);
          list.add(new Case("full slabs", 0, EverydayRules::fill));
          return withEnd(list);
        });
  }

  /** The same about contents and overlaps, with one allocation of the floor below failing. */
  static SlabRule failingOnce(RuleInfo info) {
    return new SlabRule(
        info,
        Needs.NOTHING,
        Set.of(Aspect.CONTENTS, Aspect.OVERLAP),
        SlabRule::usual,
        "",
        Failing.ONE,
        true,
        random -> withEnd(SlabOp.everyday(random, 50)));
  }

  private static List<Operation<SlabSubject>> withEnd(List<Operation<SlabSubject>> list) {
    list.add(new Case("the end", 0, (s, random) -> s.empty()));
    return list;
  }

  /** One case. */
  private static SlabRule single(
      RuleInfo info,
      Needs needs,
      Set<Aspect> aspects,
      Function<Seeded, Shape> shape,
      String commandLine,
      Failing failing,
      boolean seeded,
      Body body) {
    return new SlabRule(
        info,
        needs,
        aspects,
        shape,
        commandLine,
        failing,
        seeded,
        random -> List.of(new Case(info.name(), 0, body)));
  }

  /** A case that the seed varies. */
  static SlabRule of(RuleInfo info, Needs needs, Set<Aspect> aspects, Body body) {
    return single(info, needs, aspects, SlabRule::usual, "", Failing.NONE, true, body);
  }

  /** A case that the seed varies, on a machine that it varies, too. */
  static SlabRule anywhere(RuleInfo info, Needs needs, Set<Aspect> aspects, Body body) {
    return single(info, needs, aspects, Shape::any, "", Failing.NONE, true, body);
  }

  /** A case that takes long and is the same each time. */
  static SlabRule once(RuleInfo info, Set<Aspect> aspects, Body body) {
    return single(info, Needs.NOTHING, aspects, SlabRule::usual, "", Failing.NONE, false, body);
  }

  /** A case that the seed varies and that says itself which requests for pages fail. */
  static SlabRule armed(RuleInfo info, Set<Aspect> aspects, Body body) {
    return single(
        info, Needs.NOTHING, aspects, SlabRule::usual, "", Failing.AS_THE_CASE_SAYS, true, body);
  }

  /** The same on a machine that the seed varies, too. */
  static SlabRule asked(RuleInfo info, Needs needs, Body body) {
    return single(info, needs, Set.of(), Shape::any, "", Failing.AS_THE_CASE_SAYS, true, body);
  }

  /** The same on a machine of several nodes, near and far. */
  static SlabRule far(RuleInfo info, Body body) {
    return single(
        info, Needs.NOTHING, Set.of(), Shape::far, "", Failing.AS_THE_CASE_SAYS, true, body);
  }

  /** A case that the seed varies, on a machine with boot parameters. */
  static SlabRule booted(RuleInfo info, Needs needs, String commandLine, Body body) {
    return single(info, needs, Set.of(), SlabRule::usual, commandLine, Failing.NONE, true, body);
  }

  /** A case in debug mode. */
  static SlabRule debug(RuleInfo info, String flags, Body body) {
    return single(
        info,
        Needs.DEBUG,
        Set.of(),
        SlabRule::usual,
        flags.isEmpty() ? "" : "slub_debug=" + flags,
        Failing.NONE,
        false,
        body);
  }

  private record Case(String name, long seed, Body body) implements Operation<SlabSubject> {
    @Override
    public void apply(SlabSubject s) {
      body.run(s, new Seeded(seed));
    }

    @Override
    public String toString() {
      return "the case " + name;
    }
  }

  @Override
  public boolean seeded() {
    return seeded;
  }

  @Override
  public @Nullable String missing(SlabAllocatorProvider provider, Options options) {
    var can = provider.capabilities();
    return switch (needs) {
      case NOTHING -> null;
      case LINUX_GEOMETRY ->
          can.linuxGeometry() ? null : "the plugin does not claim linux-geometry";
      case MERGES -> can.merges() ? null : "the plugin does not claim merges";
      case DEBUG -> can.debug() ? null : "the plugin does not claim debug";
    };
  }

  @Override
  public Trial<SlabSubject> trial(SlabAllocatorProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    Shape machine = shape.apply(random);
    long failNth =
        switch (failing) {
          case NONE -> 0;
          case ONE -> 1 + random.below(25);
          case AS_THE_CASE_SAYS -> FailingPages.LATER;
        };
    List<Operation<SlabSubject>> operations =
        generator.apply(random).stream()
            .map(op -> op instanceof Case c ? new Case(c.name, seed, c.body) : op)
            .toList();
    return new Trial<>() {
      @Override
      public List<Operation<SlabSubject>> operations() {
        return operations;
      }

      @Override
      public SlabSubject open() {
        return new SlabSubject(provider, options, aspects, machine, commandLine, failNth);
      }

      @Override
      public String setup() {
        return machine
            + (commandLine.isEmpty() ? "" : ", " + commandLine)
            + (failNth > 0 ? ", requests " + failNth + " and the next one for pages fail" : "");
      }

      @Override
      public int validateEvery() {
        return 8;
      }

      @Override
      public void afterStep(SlabSubject subject) {
        subject.stats();
      }
    };
  }
}
