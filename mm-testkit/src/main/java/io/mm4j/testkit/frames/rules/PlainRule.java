// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.frames.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A case that makes its allocators itself and has no model beside them. */
final class PlainRule extends Rule<FrameAllocatorProvider> {
  /** The case. */
  @FunctionalInterface
  interface Body {
    /** Runs it. */
    void run(FrameAllocatorProvider provider, Options options);
  }

  /** What keeps a plugin from being judged. */
  @FunctionalInterface
  interface Missing {
    /** The reason in words, or null. */
    @Nullable String of(FrameAllocatorProvider provider, Options options);
  }

  /** Nothing: the case holds what it needs. */
  private static final class None extends Subject {
    @Override
    public void validate() {
      // the case did
    }
  }

  private final Missing missing;
  private final Body body;

  PlainRule(RuleInfo info, Missing missing, Body body) {
    super(Spi.FRAME_ALLOCATOR, info);
    this.missing = missing;
    this.body = body;
  }

  @Override
  public boolean seeded() {
    return false;
  }

  @Override
  public @Nullable String missing(FrameAllocatorProvider provider, Options options) {
    return missing.of(provider, options);
  }

  @Override
  public Trial<?> trial(FrameAllocatorProvider provider, Options options, long seed) {
    Operation<None> whole =
        new Operation<>() {
          @Override
          public void apply(None s) {
            body.run(provider, options);
          }

          @Override
          public String toString() {
            return "the case " + info().name();
          }
        };
    return new Trial<None>() {
      @Override
      public List<Operation<None>> operations() {
        return List.of(whole);
      }

      @Override
      public None open() {
        return new None();
      }
    };
  }
}
