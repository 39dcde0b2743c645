// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.process.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vma.VmaIndexProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.process.rules.Act.Kind;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A rule of address spaces: what must be true after each call of a random script. */
public final class SpaceRule extends Rule<VmaIndexProvider> {
  private final int operations;
  private final boolean manyVmas;
  private final Consumer<SpaceSubject> check;
  private final List<Kind> about;

  public SpaceRule(RuleInfo info, int operations, boolean manyVmas, Consumer<SpaceSubject> check) {
    this(info, operations, manyVmas, check, List.of());
  }

  private SpaceRule(
      RuleInfo info,
      int operations,
      boolean manyVmas,
      Consumer<SpaceSubject> check,
      List<Kind> about) {
    super(Spi.VMA_INDEX, info);
    this.about = about;
    this.manyVmas = manyVmas;
    this.operations = operations;
    this.check = check;
  }

  /** The same with scripts that make much of these calls. */
  public SpaceRule about(Kind... kinds) {
    return new SpaceRule(info(), operations, manyVmas, check, List.of(kinds));
  }

  @Override
  public @Nullable String missing(VmaIndexProvider provider, Options options) {
    return Floors.missing();
  }

  @Override
  public Trial<SpaceSubject> trial(VmaIndexProvider provider, Options options, long seed) {
    SpaceSetup random = SpaceSetup.random(seed);
    SpaceSetup setup = manyVmas ? random.withManyVmas() : random;
    return new Trial<>() {
      @Override
      public List<Operation<SpaceSubject>> operations() {
        return SpaceMix.random(seed, operations, about);
      }

      @Override
      public SpaceSubject open() {
        Floors.beginTrial();
        return new SpaceSubject(setup, () -> Floors.create(provider, options));
      }

      @Override
      public String setup() {
        return "a process: " + setup;
      }

      @Override
      public void afterStep(SpaceSubject subject) {
        check.accept(subject);
      }

      @Override
      public int validateEvery() {
        return 8;
      }
    };
  }
}
