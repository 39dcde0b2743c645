// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.paging.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.paging.rules.PagingBench.Kind;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A rule of page tables: the same on a machine of each kind, one kind an operation. */
final class PagingRule extends Rule<PageTablesProvider> {
  /** What is done on one machine. */
  @FunctionalInterface
  interface Body {
    /** Throws a RuleViolation if something is wrong. */
    void run(PagingBench bench, Seeded random);
  }

  /** The plugin under test; a machine comes with each operation. */
  private static final class PagingSubject extends Subject {
    @Override
    public void validate() {
      // the operation did
    }
  }

  private final List<Kind> kinds;
  private final Body body;

  PagingRule(RuleInfo info, Body body, Kind... kinds) {
    super(Spi.PAGING, info);
    this.kinds = kinds.length == 0 ? List.of(Kind.values()) : List.of(kinds);
    this.body = body;
  }

  @Override
  public @Nullable String missing(PageTablesProvider provider, Options options) {
    return info().id().equals("PG-26") && !provider.capabilities().allocationFree()
        ? "it does not say that it allocates no objects"
        : null;
  }

  @Override
  public Trial<?> trial(PageTablesProvider provider, Options options, long seed) {
    List<Operation<PagingSubject>> list = new ArrayList<>();
    for (Kind kind : kinds) {
      list.add(
          new Operation<>() {
            @Override
            public void apply(PagingSubject s) {
              try (PagingBench bench = new PagingBench(provider, options, kind)) {
                body.run(bench, new Seeded(seed));
                bench.tables.validate();
              }
            }

            @Override
            public String toString() {
              return info().name() + " on " + kind.architecture.id() + ", " + kind.format;
            }
          });
    }
    return new Trial<PagingSubject>() {
      @Override
      public List<Operation<PagingSubject>> operations() {
        return list;
      }

      @Override
      public PagingSubject open() {
        return new PagingSubject();
      }
    };
  }
}
