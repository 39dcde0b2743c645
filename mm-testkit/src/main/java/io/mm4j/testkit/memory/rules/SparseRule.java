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
import java.util.ArrayList;
import java.util.List;

/** A rule about the RAM of machines of which nearly all stays untouched. */
final class SparseRule extends Rule<PhysicalMemoryProvider> {
  private static final int OPERATIONS = 24;

  private final boolean contents;
  private final MachineShape.Size[] sizes;

  SparseRule(RuleInfo info, boolean contents, MachineShape.Size... sizes) {
    super(Spi.PHYSICAL_MEMORY, info);
    this.contents = contents;
    this.sizes = sizes.clone();
  }

  @Override
  public Trial<SparseSubject> trial(PhysicalMemoryProvider provider, Options options, long seed) {
    Seeded random = new Seeded(seed);
    List<MachineShape> shapes = new ArrayList<>();
    for (MachineShape.Size size : sizes) {
      shapes.add(MachineShape.any(random, size));
    }
    List<Operation<SparseSubject>> list = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      list.add(SparseStep.any(random, shapes.size()));
    }
    return new ShapesTrial<>(shapes, list) {
      @Override
      public SparseSubject open() {
        return new SparseSubject(provider, options, contents, layouts);
      }

      @Override
      public void atEnd(SparseSubject s) {
        s.compareAndReopen();
      }
    };
  }
}
