// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTableFormat;
import io.mm4j.api.pagetable.PageTableFormatProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A rule about a format: data, so one look at it is the whole operation. */
final class FormatRule extends Rule<PageTableFormatProvider> {
  /** What is looked at. */
  @FunctionalInterface
  interface Body {
    /** Throws a RuleViolation if something is wrong. */
    void look(PageTableFormat format, Seeded random);
  }

  /** The format under test. */
  private static final class FormatSubject extends Subject {
    final PageTableFormat format;

    FormatSubject(PageTableFormat format) {
      this.format = format;
    }

    @Override
    public void validate() {
      // data has nothing to walk
    }
  }

  private final Function<PageTableFormat, @Nullable String> missing;
  private final Body body;

  FormatRule(RuleInfo info, Function<PageTableFormat, @Nullable String> missing, Body body) {
    super(Spi.PAGE_TABLE, info);
    this.missing = missing;
    this.body = body;
  }

  @Override
  public @Nullable String missing(PageTableFormatProvider provider, Options options) {
    return missing.apply(provider.create(options));
  }

  @Override
  public Trial<?> trial(PageTableFormatProvider provider, Options options, long seed) {
    Operation<FormatSubject> whole =
        new Operation<>() {
          @Override
          public void apply(FormatSubject s) {
            body.look(s.format, new Seeded(seed));
          }

          @Override
          public String toString() {
            return "looks at " + info().name();
          }
        };
    return new Trial<FormatSubject>() {
      @Override
      public List<Operation<FormatSubject>> operations() {
        return List.of(whole);
      }

      @Override
      public FormatSubject open() {
        return new FormatSubject(provider.create(options));
      }
    };
  }
}
