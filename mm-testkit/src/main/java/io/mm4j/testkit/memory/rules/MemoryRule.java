// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.Contents;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.memory.rules.MemoryOp.Kind;
import java.util.ArrayList;
import java.util.List;

/** A rule of physical memory: random writes of some kinds, then the whole is compared. */
final class MemoryRule extends Rule<PhysicalMemoryProvider> {
  /** What must be true at the end, beside equality with the model. */
  @FunctionalInterface
  interface Check {
    /** Throws a RuleViolation if it is not. */
    void on(MemorySubject subject);
  }

  private static final int OPERATIONS = 80;

  private final Contents contents;
  private final Kind[] kinds;
  private final Check end;

  MemoryRule(RuleInfo info, Contents contents, Check end, Kind... kinds) {
    super(Spi.PHYSICAL_MEMORY, info);
    this.contents = contents;
    this.end = end;
    this.kinds = kinds.clone();
  }

  @Override
  public boolean seeded() {
    return kinds.length > 0;
  }

  @Override
  public Trial<MemorySubject> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    List<Operation<MemorySubject>> list = new ArrayList<>();
    for (int i = 0; i < OPERATIONS && kinds.length > 0; i++) {
      list.add(MemoryOp.any(random, kinds));
    }
    return new Trial<>() {
      @Override
      public List<Operation<MemorySubject>> operations() {
        return list;
      }

      @Override
      public MemorySubject open() {
        return new MemorySubject(provider, options, contents);
      }

      @Override
      public String setup() {
        return "2 MiB of RAM with a hole, contents=" + contents.id();
      }

      @Override
      public int validateEvery() {
        return 16;
      }

      @Override
      public void atEnd(MemorySubject s) {
        for (int pfn = 0; pfn < MemorySubject.FRAMES; pfn++) {
          s.compareBytes(pfn);
          s.compareFrame(pfn);
        }
        end.on(s);
      }
    };
  }
}
