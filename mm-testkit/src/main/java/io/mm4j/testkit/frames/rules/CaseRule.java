// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.RuleViolation;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.frames.rules.FrameRule.Needs;
import io.mm4j.testkit.frames.rules.FrameSubject.Held;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A case written by hand, after one of another project's tests: one operation on a given zone. */
final class CaseRule extends Rule<FrameAllocatorProvider> {
  /** The case. */
  @FunctionalInterface
  interface Body {
    /** Runs it on a zone that has been booted, unless it says otherwise. */
    void run(FrameSubject subject, Seeded random);
  }

  /** The zone, by what the plugin can do. */
  @FunctionalInterface
  interface Place {
    /** The zone. */
    FrameZone zone(FrameAllocatorProvider.Capabilities can);
  }

  /** The size of the zone in frames, by the plugin's largest order. */
  @FunctionalInterface
  interface Size {
    /** Frames. */
    int frames(int maxOrder);
  }

  private final Needs needs;
  private final Place place;
  private final boolean boot;
  private final boolean seeded;
  private final Body body;

  private CaseRule(
      RuleInfo info, Needs needs, Place place, boolean boot, boolean seeded, Body body) {
    super(Spi.FRAME_ALLOCATOR, info);
    this.needs = needs;
    this.place = place;
    this.boot = boot;
    this.seeded = seeded;
    this.body = body;
  }

  private static Place plain(Size size) {
    return can -> FrameZone.plain(size.frames(can.maxOrder()));
  }

  /** A case on a zone of its own, of which nothing is free yet. */
  static CaseRule where(RuleInfo info, Needs needs, Place place, Body body) {
    return new CaseRule(info, needs, place, false, false, body);
  }

  static CaseRule of(RuleInfo info, Needs needs, Size size, Body body) {
    return new CaseRule(info, needs, plain(size), true, false, body);
  }

  static CaseRule seeded(RuleInfo info, Needs needs, Size size, Body body) {
    return new CaseRule(info, needs, plain(size), true, true, body);
  }

  static CaseRule unbooted(RuleInfo info, Needs needs, Size size, Body body) {
    return new CaseRule(info, needs, plain(size), false, false, body);
  }

  /** Allocates a Movable block that must be there. */
  static Held need(FrameSubject s, int order) {
    RuleViolation.check(
        s.allocate(order, 1),
        "a block of order " + order,
        "none; free frames " + s.free.cardinality());
    return s.held.getLast();
  }

  /** Allocates a Movable block that must not be there. */
  static void none(FrameSubject s, int order) {
    RuleViolation.check(!s.allocate(order, 1), "no block of order " + order, "one");
  }

  /** Frees a held block as Movable. */
  static void back(FrameSubject s, Held block) {
    s.drop(block);
    s.free(block.pfn(), block.order(), 1);
  }

  /** Frees the block that was given last to the lists of a type. */
  static void backAs(FrameSubject s, int type) {
    Held block = s.held.removeLast();
    s.free(block.pfn(), block.order(), type);
  }

  /** Frees all that is held, the last first. */
  static void allBack(FrameSubject s) {
    while (!s.held.isEmpty()) {
      back(s, s.held.getLast());
    }
  }

  @Override
  public boolean seeded() {
    return seeded;
  }

  @Override
  public @Nullable String missing(FrameAllocatorProvider provider, Options options) {
    return needs.missing(provider, options);
  }

  @Override
  public Trial<FrameSubject> trial(FrameAllocatorProvider provider, Options options, long seed) {
    FrameZone where = place.zone(provider.capabilities(options));
    Operation<FrameSubject> whole =
        new Operation<>() {
          @Override
          public void apply(FrameSubject s) {
            if (boot) {
              s.boot();
            }
            body.run(s, new Seeded(seed));
          }

          @Override
          public String toString() {
            return "the case " + info().name();
          }
        };
    return new Trial<>() {
      @Override
      public List<Operation<FrameSubject>> operations() {
        return List.of(whole);
      }

      @Override
      public FrameSubject open() {
        return new FrameSubject(provider, options, where);
      }

      @Override
      public String setup() {
        return where.toString();
      }
    };
  }
}
