// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.memory.rules;

import io.mm4j.api.machine.Spi;
import io.mm4j.api.memory.PhysicalMemoryProvider;
import io.mm4j.api.plugin.Options;
import io.mm4j.testkit.Operation;
import io.mm4j.testkit.Rule;
import io.mm4j.testkit.RuleInfo;
import io.mm4j.testkit.Seeded;
import io.mm4j.testkit.Trial;
import io.mm4j.testkit.memory.rules.ByteStep.Kind;
import java.util.ArrayList;
import java.util.List;

/** A rule about all bytes of a machine of some MiB. */
final class ByteRule extends Rule<PhysicalMemoryProvider> {
  private static final int OPERATIONS = 12;

  private final Kind[] kinds;

  ByteRule(RuleInfo info, Kind... kinds) {
    super(Spi.PHYSICAL_MEMORY, info);
    this.kinds = kinds.clone();
  }

  @Override
  public Trial<ByteSubject> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    MachineShape shape = MachineShape.any(random, MachineShape.Size.SMALL);
    List<Operation<ByteSubject>> list = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      list.add(ByteStep.any(random, kinds));
    }
    return new Trial<>() {
      @Override
      public List<Operation<ByteSubject>> operations() {
        return list;
      }

      @Override
      public ByteSubject open() {
        return new ByteSubject(provider, options, shape.layout());
      }

      @Override
      public String setup() {
        return shape.text();
      }

      @Override
      public int validateEvery() {
        return 8;
      }

      @Override
      public void atEnd(ByteSubject s) {
        s.compareAll();
      }
    };
  }
}
