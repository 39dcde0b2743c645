// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.vmalloc.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.plugin.Options;
import io.mm4j.api.vmalloc.VmallocAllocatorProvider;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Subject;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.vmalloc.rules.VmBench.Kind;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A rule of allocators of addresses: the same on a machine of each kind, one kind an operation. */
final class VmRule extends Rule<VmallocAllocatorProvider> {
  /** What a plugin must be able to do. */
  enum Needs {
    NOTHING,
    LAZY,
    POOLS,
    EXACT
  }

  /** What is done on one machine. */
  @FunctionalInterface
  interface Body {
    /** Throws a RuleViolation if something is wrong. */
    void run(VmBench bench, Seeded random);
  }

  private static final class VmSubject extends Subject {
    @Override
    public void validate() {
      // the operation did
    }
  }

  private final Needs needs;
  private final Body body;

  VmRule(RuleInfo info, Needs needs, Body body) {
    super(Spi.VMALLOC, info);
    this.needs = needs;
    this.body = body;
  }

  @Override
  public @Nullable String missing(VmallocAllocatorProvider provider, Options options) {
    var can = provider.capabilities();
    return switch (needs) {
      case NOTHING -> null;
      case LAZY -> can.lazy() ? null : "freed areas are free at once";
      case POOLS -> can.pools() ? null : "it has no pools";
      case EXACT -> can.takesExactly() ? null : "it cannot take exactly";
    };
  }

  @Override
  public Trial<?> trial(VmallocAllocatorProvider provider, Options options, long seed) {
    List<Operation<VmSubject>> list = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      if (needs == Needs.POOLS && (!kind.wide || kind.cpus == 1)) {
        continue;
      }
      list.add(
          new Operation<>() {
            @Override
            public void apply(VmSubject s) {
              VmBench bench = new VmBench(provider, options, kind);
              body.run(bench, new Seeded(seed));
              bench.it.close();
            }

            @Override
            public String toString() {
              return info().name() + " on " + kind;
            }
          });
    }
    return new Trial<VmSubject>() {
      @Override
      public List<Operation<VmSubject>> operations() {
        return list;
      }

      @Override
      public VmSubject open() {
        return new VmSubject();
      }
    };
  }
}
