// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.kernel.rules;

import io.mm4j.api.kernel.KernelSpaceSource;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.pagetable.PageTablesProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.kernel.rules.SpaceBench.Kind;
import io.mm4j.testkit.kernel.rules.SpaceBench.Shape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A rule of the kernel's own mappings: the same on a machine of each kind above each allocator of
 * addresses, one of them an operation. The plugins below take turns with the seed; a rule that
 * wants all of them has an operation for each, and the allocators of addresses take turns.
 */
final class KernelRule extends Rule<PageTablesProvider> {
  /** What is done on one machine. */
  @FunctionalInterface
  interface Body {
    /** Throws a RuleViolation if something is wrong. */
    void run(SpaceBench bench, Seeded random);
  }

  private static final class KernelSubject extends Subject {
    @Override
    public void validate() {
      // the operation did
    }
  }

  private final Body body;
  private final Shape shape;
  private final List<Kind> kinds;
  private final boolean everyCombination;

  KernelRule(RuleInfo info, Body body, Shape shape, boolean everyCombination, Kind... kinds) {
    super(Spi.PAGING, info);
    this.body = body;
    this.shape = shape;
    this.everyCombination = everyCombination;
    this.kinds = kinds.length == 0 ? List.of(Kind.values()) : List.of(kinds);
  }

  /** A seed is a machine of every kind. */
  @Override
  public int tries(int asked) {
    return Math.max(1, asked / kinds.size());
  }

  @Override
  public @Nullable String missing(PageTablesProvider provider, Options options) {
    return provider instanceof KernelSpaceSource
        ? null
        : "it brings no mappings of the kernel's own (KernelSpaceSource)";
  }

  @Override
  public Trial<?> trial(PageTablesProvider provider, Options options, long seed) {
    List<VmallocAllocatorProvider> areas = Combinations.allAreas();
    int turns = everyCombination ? Combinations.all().size() : areas.size();
    List<Operation<KernelSubject>> list = new ArrayList<>();
    for (int k = 0; k < kinds.size(); k++) {
      Kind kind = kinds.get(k);
      for (int i = 0; i < turns; i++) {
        int other = (int) Long.remainderUnsigned(seed + k + i, areas.size());
        var allocator = areas.get(everyCombination ? other : i);
        var below =
            everyCombination ? Combinations.all().get(i) : Combinations.turn(seed + 3L * k + i);
        list.add(operation(provider, options, seed, kind, below, allocator));
      }
    }
    return new Trial<KernelSubject>() {
      @Override
      public List<Operation<KernelSubject>> operations() {
        return list;
      }

      @Override
      public KernelSubject open() {
        return new KernelSubject();
      }
    };
  }

  private Operation<KernelSubject> operation(
      PageTablesProvider provider,
      Options options,
      long seed,
      Kind kind,
      Combinations.Below below,
      VmallocAllocatorProvider allocator) {
    return new Operation<>() {
      @Override
      public void apply(KernelSubject s) {
        try (SpaceBench bench = new SpaceBench(provider, options, kind, below, allocator, shape)) {
          body.run(bench, new Seeded(seed));
        }
      }

      @Override
      public String toString() {
        return info().name() + " on " + kind + ", " + below + ", vmalloc=" + allocator.name();
      }
    };
  }
}
